"""A photo is removed only if every other side has it at that moment; in doubt it stays."""

from __future__ import annotations

import ctypes
import errno
import getpass
import hashlib
import os
import socket
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe_delivery import fetching, folders, library, retention
from hotshoe_delivery.configuration import Fetcher, Retention
from hotshoe_delivery.exchange import Client
from hotshoe_delivery.ledger import Ledger
from hotshoe_delivery.photos import Photos
from tests.unit.delivery.conftest import needs_rclone, random_content, until

# Whatever is delivered may go at once, or as soon as there is less room than any disk has.
AT_ONCE = {"after_days": 0, "keep_free": None, "settle": 0}
FOR_ROOM = {"after_days": None, "keep_free": 1 << 60, "settle": 0}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def aside(photo: Path) -> Path:
    return photo.with_name(f"{library.ASIDE}{photo.name}")


def gone(home) -> list[str]:
    return [each["why_gone"] for each in home.status()["photos"]]


@needs_rclone
@pytest.mark.parametrize("retention", [AT_ONCE, FOR_ROOM])
@pytest.mark.parametrize("by", ["webdav", "sftp"])
def test_what_all_have_goes(home, peers, by, retention):
    one, other = peers(by), peers("webdav")
    content = random_content(10_000)
    photo = home.put("r5/day/IMG_1.JPG", content, tell=False)
    home.pushes = [one.push("one"), other.push("other")]
    home.retention = retention
    home.begin()
    until(lambda: not photo.exists())
    until(lambda: gone(home) == ["retention"])
    for peer in (one, other):
        peer.wait_until_it_has({"r5/day/IMG_1.JPG": digest(content)})
    # The folder is in use, and a camera's own stays in any case.
    assert photo.parent.is_dir()


@needs_rclone
@pytest.mark.parametrize("retention", [AT_ONCE, FOR_ROOM, None])
def test_what_one_of_them_lacks_stays(home, peers, retention):
    one, other = peers("webdav"), peers("webdav")
    other.end()
    photo = home.put("IMG_1.JPG", random_content(10_000), tell=False)
    home.pushes = [one.push("one"), other.push("other")]
    home.retention = retention
    home.begin()
    home.wait_until_delivered("one", 1)
    until(lambda: home.destination("other")["error"])
    assert photo.exists()
    if retention:
        other.begin()
        until(lambda: not photo.exists())


@needs_rclone
@pytest.mark.parametrize("retention", [{"after_days": 1, "keep_free": None}, None])
def test_what_is_too_young_stays(home, peers, retention):
    peer = peers("webdav")
    # It is the library that counts, not when the photo was taken.
    photo = home.put("IMG_1.JPG", random_content(10_000), tell=False, age=30 * 86400)
    home.pushes = [peer.push("there")]
    home.retention = retention
    home.begin()
    home.wait_until_delivered("there", 1)
    home.put("IMG_2.JPG", random_content(10_000))
    home.wait_until_delivered("there", 2)
    assert photo.exists()


@needs_rclone
@pytest.mark.parametrize("how", ["vanished", "changed", "shorter"])
@pytest.mark.parametrize("by", ["webdav", "openssh"])
def test_what_vanishes_or_changes_there_is_noticed_and_delivered_again(home, peers, by, how):
    peer, late = peers(by), peers("webdav")
    if by == "openssh":
        home.secrets = {"there": {"key": peer.key.read_text()}}
    late.end()
    content = random_content(10_000)
    photo = home.put("IMG_1.JPG", content, tell=False)
    home.pushes = [peer.push("there"), late.push("late")]
    home.retention = AT_ONCE
    home.begin()
    home.wait_until_delivered("there", 1)
    there = peer.folder / "IMG_1.JPG"
    until(there.exists)
    peer.end()
    wrong = {"changed": bytes(len(content)), "shorter": content[:-1]}.get(how)
    there.unlink()
    if wrong is not None:
        there.write_bytes(wrong)
    peer.begin()
    late.begin()
    home.wait_until_told("and delivered again")
    name = "IMG_1.JPG" if how == "vanished" else f"IMG_1-{digest(content)[:8]}.JPG"
    # It goes once it is there again.
    until(lambda: not photo.exists())
    assert peer.files()[name] == digest(content)
    if wrong is not None:
        assert there.read_bytes() == wrong


@needs_rclone
def test_while_one_cannot_be_looked_at_nothing_goes(home, peers):
    one, late = peers("webdav"), peers("webdav")
    late.end()
    photo = home.put("IMG_1.JPG", random_content(10_000), tell=False)
    home.pushes = [one.push("one"), late.push("late")]
    home.retention = AT_ONCE
    home.begin()
    home.wait_until_delivered("one", 1)
    one.end()
    late.begin()
    home.wait_until_told("one cannot be looked at")
    assert "nothing answers" in home.status()["retention"]["error"]
    assert photo.exists()
    assert gone(home) == [None]


@needs_rclone
def test_a_photo_that_changed_here_is_another_one_and_delivered_first(home, peers):
    one, late = peers("webdav"), peers("webdav")
    late.end()
    photo = home.put("IMG_1.JPG", b"before", tell=False)
    home.pushes = [one.push("one"), late.push("late")]
    home.retention = AT_ONCE
    home.begin()
    home.wait_until_delivered("one", 1)
    # As large as before, and as old.
    state = photo.stat()
    photo.chmod(0o600)
    photo.write_bytes(b"after!")
    os.utime(photo, ns=(state.st_mtime_ns, state.st_mtime_ns))
    late.begin()
    until(lambda: not photo.exists())
    names = {"IMG_1.JPG", f"IMG_1-{digest(b'after!')[:8]}.JPG"}
    assert digest(b"after!") in one.files().values()
    assert set(one.files()) == names
    assert digest(b"after!") in late.files().values()


def test_a_change_that_leaves_size_and_time_is_found_by_its_digest_alone(tmp_path):
    """A look at the library reads no photo, so that it costs the same however large they are."""
    root = tmp_path / "library"
    root.mkdir()
    file = root / "IMG_1.JPG"
    file.write_bytes(b"before")
    ledger = Ledger(tmp_path / "ledger")
    ledger.configure({"there": "here"})
    photos = Photos(str(root), getpass.getuser(), ledger)
    photos.scan()
    (photo,) = ledger.present().values()
    with file.open("rb") as handle:
        photos.digests(photo, handle.fileno())
    ledger.delivered(photo.id, "there", photo.path)
    before = file.stat()
    file.write_bytes(b"after!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    photos.scan()
    assert ledger.waiting("there", "oldest") == []
    with file.open("rb") as handle:
        assert not photos.is_same(ledger.present()["IMG_1.JPG"], handle.fileno())
    assert [each.id for each in ledger.waiting("there", "oldest")] == [photo.id]
    ledger.close()


def test_without_a_delivery_nothing_ever_goes(home):
    photo = home.put("IMG_1.JPG", b"photo", tell=False)
    home.retention = AT_ONCE
    home.begin()
    until(lambda: home.status()["photos"])
    home.put("IMG_2.JPG", b"photo 2")
    until(lambda: len(home.status()["photos"]) == 2)
    assert photo.exists()


class _Everything:
    """A destination that has everything."""

    push = SimpleNamespace(name="there")

    def store(self, _lane):
        return SimpleNamespace(close=lambda: None)

    def verify(self, *_):
        return True

    still = verify


def delivered(folder: Path, *names: str) -> tuple[Path, Photos]:
    """A library whose photos are delivered; the first one is the oldest."""
    root = folder / "library"
    root.mkdir()
    ledger = Ledger(folder / "ledger")
    ledger.configure({"there": "here"})
    photos = Photos(str(root), getpass.getuser(), ledger)
    for name in names:
        (root / name).write_bytes(b"photo")
        photos.scan()
    for photo in ledger.present().values():
        with (root / photo.path).open("rb") as file:
            photos.digests(photo, file.fileno())
        ledger.delivered(photo.id, "there", photo.path)
    return root, photos


def test_a_fetcher_that_says_nothing_any_more(tmp_path, monkeypatch):
    """Its photos do not lack their names for ever."""
    root, photos = delivered(tmp_path, "IMG_1.JPG")
    proved = iter([True, False, False])
    nas = SimpleNamespace(
        names=("there",), is_proved=lambda *_: next(proved), want_anew=lambda *_: None
    )
    monkeypatch.setattr(retention, "PROVING", 0.5)
    keeper = retention.Keeper(Retention(0, None, 0), photos, nas, [])
    keeper.look()
    assert [each.name for each in root.iterdir()] == [f"{library.ASIDE}IMG_1.JPG"]
    until(lambda: 0 < keeper.look() < 1)
    assert aside(root / "IMG_1.JPG").exists()
    proved = iter([False])
    until(lambda: keeper._until(*keeper._leaving.values()) < time.monotonic())
    assert keeper.look() == retention.PAUSE
    assert [each.name for each in root.iterdir()] == ["IMG_1.JPG"]
    assert "there does not say any more" in photos.ledger.remarks()["retention"]
    photos.ledger.close()


def test_a_fetcher_has_its_time_however_long_others_take(tmp_path, monkeypatch):
    """Between two looks, other sides may have been read back for hours."""
    root, photos = delivered(tmp_path, "IMG_1.JPG")
    [photo] = photos.ledger.present().values()
    clock = SimpleNamespace(monotonic=lambda: now, time=time.time, sleep=time.sleep)
    for module in (retention, fetching):
        monkeypatch.setattr(module, "time", clock)
    nas = fetching.Fetching((Fetcher("there", "192.168.1.20", "oldest"),), photos, "nobody")

    def prove():
        nonce = nas._nonces["there"][photo.id]
        said = hashlib.sha256(bytes.fromhex(nonce) + b"photo").hexdigest()
        assert nas._proved("there", photo.id, nonce, said)

    keeper = retention.Keeper(Retention(0, None, 90), photos, nas, [])
    now = 1000.0
    keeper.look()
    prove()
    keeper.look()
    assert aside(root / "IMG_1.JPG").exists()
    now += 5000
    keeper.look()
    assert aside(root / "IMG_1.JPG").exists()
    prove()
    now += 5000
    keeper.look()
    assert list(root.iterdir()) == []
    photos.ledger.close()


def test_one_that_is_removed_while_all_is_looked_at_is_not_missed(tmp_path, monkeypatch, capsys):
    root, photos = delivered(tmp_path, "IMG_1.JPG")
    [photo] = photos.ledger.present().values()
    really = library.scan

    def scan(*where):
        with library.opened(photos.root, photo) as handle:
            photos.set_aside(photo, handle)
            seen = really(*where)
            photos.remove(photo, handle)
        assert seen.aside == ("IMG_1.JPG",)
        return seen

    monkeypatch.setattr(library, "scan", scan)
    photos.scan()
    assert "does not get its name back" not in capsys.readouterr().out
    [(why,)] = photos.ledger._rows("SELECT why_gone FROM photos")
    assert why == "retention"
    assert list(root.iterdir()) == []
    photos.ledger.close()


def test_one_whose_name_another_gets_meanwhile_is_beside_it_and_keeps_no_other(tmp_path):
    """Nobody can be asked for it any more: to the ledger, the other one is in its place."""
    root, photos = delivered(tmp_path, "IMG_1.JPG", "IMG_2.JPG")
    nas = SimpleNamespace(
        names=("there",), is_proved=lambda _, it, *__: it.id in proved, want_anew=lambda *_: None
    )
    proved = {photo.id for photo in photos.ledger.present().values()}
    keeper = retention.Keeper(Retention(0, None, 600), photos, nas, [])
    keeper._kept = {"there"}
    keeper.look()
    proved.clear()
    (root / "IMG_1.JPG").write_bytes(b"another")
    photos.came(str(root / "IMG_1.JPG"), time.time())
    keeper.look()
    found = {each.name: each.read_bytes() for each in root.iterdir()}
    assert found == {
        "IMG_1.JPG": b"another",
        "IMG_1-2.JPG": b"photo",
        f"{library.ASIDE}IMG_2.JPG": b"photo",
    }
    assert not photos.ledger.remarks()
    photos.ledger.close()


def test_new_photos_do_not_wait_until_all_others_are_proved(tmp_path):
    root, photos = delivered(tmp_path, *(f"IMG_{n}.JPG" for n in range(10)))
    told = Fetcher("there", "192.168.1.20", "oldest")
    nas = fetching.Fetching((told,), photos, "nobody")
    for photo in photos.ledger.present().values():
        nas.want("there", photo)
    for name in ("NEW_1.JPG", "NEW_2.JPG"):
        (root / name).write_bytes(b"another")
        photos.came(str(root / name), time.time())
    one, other = socket.socketpair()
    with one, other:
        tasks = nas._tasks(told, 8, 0, one)
        assert [each["path"] for each in tasks] == ["IMG_0.JPG", "NEW_1.JPG", "NEW_2.JPG"]
        for photo in photos.ledger.present().values():
            photos.ledger.delivered(photo.id, "there", photo.path)
        assert [each["nonce"] is None for each in nas._tasks(told, 8, 0, one)] == [False] * 8
    photos.ledger.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EEXIST])
def test_one_that_gets_no_other_name_is_told_and_keeps_no_other(tmp_path, monkeypatch, number):
    root, photos = delivered(tmp_path, "full.jpg", "other.jpg")
    really = library.set_aside

    def refuse(handle, photo, file):
        if photo.path == "full.jpg":
            raise OSError(number, os.strerror(number))
        really(handle, photo, file)

    monkeypatch.setattr(library, "set_aside", refuse)
    nobody = SimpleNamespace(names=())
    keeper = retention.Keeper(Retention(0, None, 0), photos, nobody, [_Everything()])
    for _ in range(2):
        keeper.look()
    assert [each.name for each in root.iterdir()] == ["full.jpg"]
    told = f"full.jpg cannot be removed: {os.strerror(number)}"
    assert photos.ledger.remarks()["retention"] == told
    photos.ledger.close()


def test_where_renaming_takes_a_link_that_the_kernel_refuses(tmp_path, monkeypatch):
    """As on NFS: photos are not the service's own, and it may only read them."""
    root, photos = delivered(tmp_path, "IMG_1.JPG")
    [photo] = photos.ledger.present().values()

    def refuse(*_, **__):
        ctypes.set_errno(errno.EINVAL)
        return -1

    def refuse_link(*_, **__):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(folders, "_renameat2", refuse)
    monkeypatch.setattr(os, "link", refuse_link)
    for other in (None, b"another"):
        with library.opened(photos.root, photo) as handle:
            photos.set_aside(photo, handle)
            assert [each.name for each in root.iterdir()] == [f"{library.ASIDE}IMG_1.JPG"]
            if other:
                (root / "IMG_1.JPG").write_bytes(other)
            photos.put_back(photo)
    found = {each.name: each.read_bytes() for each in root.iterdir()}
    assert found == {"IMG_1.JPG": b"another", "IMG_1-2.JPG": b"photo"}
    photos.ledger.close()


def test_one_that_cannot_be_read_keeps_no_other(tmp_path, monkeypatch):
    root, photos = delivered(tmp_path, "mine.jpg", "other.jpg")
    ledger = photos.ledger
    really = retention.opened

    def refuse(handle, photo):
        if photo.path == "mine.jpg":
            raise PermissionError(errno.EACCES, "Permission denied")
        return really(handle, photo)

    monkeypatch.setattr(retention, "opened", refuse)
    nobody = SimpleNamespace(names=())
    keeper = retention.Keeper(Retention(0, None, 0), photos, nobody, [_Everything()])
    for _ in range(2):
        keeper.look()
    assert [each.name for each in root.iterdir()] == ["mine.jpg"]
    assert "mine.jpg cannot be removed" in ledger.remarks()["retention"]
    ledger.close()


def test_while_the_ledger_cannot_be_written_photos_have_their_names(tmp_path, monkeypatch, capsys):
    """As on a full disk; and it goes on once there is room again."""
    root, photos = delivered(tmp_path, "IMG_1.JPG", "IMG_2.JPG")
    names = {"IMG_1.JPG", "IMG_2.JPG"}
    monkeypatch.setattr(retention, "PAUSE", 0.1)
    monkeypatch.setattr(retention, "LEAST_PAUSE", 0)
    nobody = SimpleNamespace(names=())
    keeper = retention.Keeper(Retention(0, None, 600), photos, nobody, [_Everything()])
    keeper._kept = {"there"}
    keeper.look()
    assert not names & {each.name for each in root.iterdir()}

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as during:
        for name in ("removable", "see", "gone", "remark"):
            during.setattr(photos.ledger, name, full)
        keeper.begin()
        until(lambda: names == {each.name for each in root.iterdir()}, 5)
        until(lambda: "disk is full" in capsys.readouterr().out, 5)
    until(lambda: not names & {each.name for each in root.iterdir()}, 5)
    keeper.end()
    assert names == {each.name for each in root.iterdir()}
    photos.ledger.close()


class TestAFetcher:
    """It has to prove that it has a photo at that moment."""

    @pytest.fixture
    def service(self, home):
        self.photo = home.put("r5/IMG_1.JPG", b"the photo", tell=False)
        home.fetchers = [{"name": "nas", "to": "192.168.1.20:/srv/photos", "order": "oldest"}]
        home.retention = AT_ONCE
        home.begin()
        exchange = (home.folder / "run").resolve() / "exchange"
        until(exchange.exists)
        service = Client(str(exchange), "nas 192.168.1.20:/srv/photos")
        yield service
        service.close()

    def fetch(self, service):
        [task] = service.tasks(10, 30)
        assert (task.path, task.size, task.nonce) == ("r5/IMG_1.JPG", 9, None)
        assert not service.fetched(task.id, digest(b"a lie"), "r5/IMG_1.JPG")
        assert service.fetched(task.id, digest(b"the photo"), "r5/IMG_1.JPG")
        [proof] = service.tasks(10, 30)
        assert (proof.id, proof.name) == (task.id, "r5/IMG_1.JPG")
        assert len(bytes.fromhex(proof.nonce)) == 32
        return proof

    def test_that_proves_it(self, home, service):
        task = self.fetch(service)
        proof = digest(bytes.fromhex(task.nonce) + b"the photo")
        assert self.photo.exists()
        assert service.proved(task.id, task.nonce, proof)
        # Once more, without its name in the library.
        [again] = service.tasks(10, 30)
        assert (again.id, again.name) == (task.id, "r5/IMG_1.JPG")
        assert again.nonce != task.nonce
        assert not self.photo.exists()
        assert aside(self.photo).read_bytes() == b"the photo"
        assert gone(home) == [None]
        proof = digest(bytes.fromhex(again.nonce) + b"the photo")
        assert service.proved(again.id, again.nonce, proof)
        until(lambda: not aside(self.photo).exists())
        until(lambda: gone(home) == ["retention"])

    def test_that_loses_it_with_the_library(self, home, service):
        task = self.fetch(service)
        proof = digest(bytes.fromhex(task.nonce) + b"the photo")
        assert service.proved(task.id, task.nonce, proof)
        [again] = service.tasks(10, 30)
        assert not service.proved(again.id, again.nonce, None)
        until(self.photo.exists)
        home.wait_until_told("nas loses what the library loses")
        # It is to be fetched again.
        [task] = service.tasks(10, 30)
        assert task.nonce is None

    def test_that_only_remembers_the_digest(self, home, service):
        task = self.fetch(service)
        assert not service.proved(task.id, task.nonce, digest(b"the photo"))
        assert self.photo.exists()
        # It counts as lost, and is to be fetched again.
        [again] = service.tasks(10, 30)
        assert (again.id, again.nonce) == (task.id, None)
        assert not service.proved(task.id, task.nonce, None)
        assert self.photo.exists()

    def test_that_has_lost_it(self, home, service):
        task = self.fetch(service)
        assert not service.proved(task.id, task.nonce, None)
        home.wait_until_told("is not there any more; it is kept here and fetched again")
        [again] = service.tasks(10, 30)
        assert again.nonce is None
        assert self.photo.exists()

    def test_that_answers_with_a_nonce_of_its_own(self, service):
        task = self.fetch(service)
        other = "00" * 32
        assert not service.proved(task.id, other, digest(bytes(32) + b"the photo"))
        assert self.photo.exists()
