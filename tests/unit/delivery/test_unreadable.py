"""What cannot be read, here or there, stays, is told, and keeps no other photo."""

from __future__ import annotations

import errno
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from hotshoe_delivery import fetching, retention
from hotshoe_delivery.configuration import Fetcher, Push, Retention
from hotshoe_delivery.ledger import Ledger
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.pushing import IN_A_ROW, Destination
from hotshoe_delivery.words import TroubleError
from tests.unit.delivery.conftest import needs_rclone, random_content, until
from tests.unit.delivery.test_last_copy import LOSES, contents, mirrored
from tests.unit.delivery.test_retention import AT_ONCE, delivered

GONE = TroubleError("it does not answer")
CUT = TroubleError("it hung up in the middle")


class Desk(Destination):
    """Another side that has every photo, and shows what it likes; it is its own connection."""

    def __init__(self, photos: Photos, folder: Path) -> None:
        empty = dict.fromkeys(
            ("username", "folder", "url", "host_key", "share", "bucket", "region"), ""
        )
        push = Push(
            name="there", by="sftp", host="it", port=22, order="oldest", bytes_per_second=0, **empty
        )
        super().__init__(push, {}, photos.ledger, photos, folder)
        self.photos = photos
        # Whether it answers, and which photos it does not show; whether it mirrors the library, so
        # that what loses its name there is not shown until that has been asked for so often.
        self.answers, self.hidden, self.mirrors = True, set[str](), False
        self.late: dict[str, int] = {}
        # What was asked, and whether the connection has broken.
        self.asked: list[str] = []
        self.broken = False

    def store(self, lane):
        return self

    def close(self):
        self.broken = False

    def size(self, name):
        if not self.answers:
            raise GONE
        assert not self.broken, "it is used further after it has broken"
        known = self.photos.ledger.present().get(name)
        return known and known.size

    def same(self, name, photo, digests):
        self.asked.append(name)
        if self.mirrors and name in self.photos._aside:
            # The two looks while it has no name, and the one right after that.
            self.late.setdefault(name, 3)
        if self.late.get(name):
            self.late[name] -= 1
        else:
            self.late.pop(name, None)
        if name in self.hidden or name in self.late:
            self.broken = True
            raise CUT
        return True

    def begins(self, name, source):
        return self.same(name, source.photo, source.digests)


@pytest.fixture
def library(tmp_path):
    root, photos = delivered(tmp_path, *(f"IMG_{number}.JPG" for number in range(8)))
    desk = Desk(photos, tmp_path)
    nobody = SimpleNamespace(names=())
    keeper = retention.Keeper(Retention(0, None, 0), photos, nobody, [desk])
    yield SimpleNamespace(root=root, photos=photos, desk=desk, keeper=keeper)
    photos.ledger.close()
    os.close(photos.root)


def told(library) -> str:
    return library.photos.ledger.remarks().get("retention", "")


def names(library) -> list[str]:
    return sorted(each.name for each in library.root.iterdir())


def look(library, times: int) -> list[float]:
    return [library.keeper.look() for _ in range(times)]


@pytest.mark.parametrize("number", [0, 3])
def test_one_photo_that_is_not_shown_keeps_no_other(library, number):
    hidden = f"IMG_{number}.JPG"
    library.desk.hidden = {hidden}
    look(library, 4)
    assert names(library) == [hidden]
    assert told(library) == f"{hidden} cannot be removed, since there does not show it: {CUT}"
    # It is still one that the destination has, and goes as soon as it is shown.
    assert library.photos.ledger.at(library.photos.ledger.present()[hidden].id)
    library.desk.hidden = set()
    library.keeper._stuck.clear()
    look(library, 2)
    assert names(library) == []
    assert not told(library)


def test_one_that_is_gone_is_asked_once_and_no_photo_is_passed_over(library):
    library.desk.answers = False
    look(library, 2)
    assert told(library) == f"there cannot be looked at: {GONE}"
    assert len(names(library)) == 8
    library.desk.answers = True
    look(library, 1)
    assert not (library.root / "IMG_0.JPG").exists()
    assert not told(library)


def test_one_that_answers_and_shows_nothing_is_not_asked_for_every_photo(library):
    library.desk.hidden = set(names(library))
    assert look(library, 1) == [retention.PAUSE]
    assert len(library.desk.asked) == IN_A_ROW
    assert f"cannot be removed, since there does not show it: {CUT}" in told(library)


def test_some_that_are_not_shown_are_no_reason_to_stop(library):
    library.desk.hidden = {"IMG_0.JPG", "IMG_2.JPG", "IMG_4.JPG"}
    library.keeper._kept = {"there"}
    look(library, 1)
    assert set(library.desk.asked) == {f"IMG_{number}.JPG" for number in range(8)}


@pytest.mark.parametrize("number", [2 * IN_A_ROW, 8])
def test_many_in_a_row_that_are_not_shown_keep_none_behind_them(library, monkeypatch, number):
    monkeypatch.setattr(retention, "PAUSE", 0.01)
    monkeypatch.setattr(retention, "LEAST_PAUSE", 0)
    hidden = {f"IMG_{n}.JPG" for n in range(number)}
    library.desk.hidden = hidden
    library.keeper.begin()
    until(lambda: hidden <= set(library.desk.asked) and set(names(library)) == hidden)
    # And they are tried again, however often they were not shown.
    library.desk.hidden = set()
    until(lambda: not names(library))
    library.keeper.end()


def test_one_here_that_cannot_be_read_keeps_no_other(library, monkeypatch):
    """Such as for a disk that is about to fail."""
    really = retention.library.digest

    def refuse(handle):
        if os.path.samestat(os.fstat(handle), (library.root / "IMG_0.JPG").stat()):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return really(handle)

    monkeypatch.setattr(retention.library, "digest", refuse)
    look(library, 4)
    assert names(library) == ["IMG_0.JPG"]
    assert told(library) == f"IMG_0.JPG cannot be removed: {os.strerror(errno.EIO)}"


class TestAMirrorThatListsWhatIsGone:
    """And breaks off when that is read."""

    def test_is_told_as_what_it_is_the_second_time(self, library):
        library.desk.mirrors = True
        look(library, 2)
        assert told(library) == f"there cannot be looked at: {CUT}"
        look(library, 2)
        assert LOSES in told(library)
        assert names(library) == [f"IMG_{number}.JPG" for number in range(8)]
        before = list(library.desk.asked)
        look(library, 2)
        assert library.desk.asked == before

    def test_is_not_one_that_is_gone_at_that_moment(self, library):
        for _ in range(2 * retention.BREAKS):
            look(library, 1)
            library.desk.answers = False
            look(library, 1)
            assert told(library) == f"there cannot be looked at: {GONE}"
            library.desk.answers = True
        assert len(names(library)) == 8

    def test_is_not_one_that_has_kept_another_meanwhile(self, library):
        for _ in range(2 * retention.BREAKS):
            library.desk.mirrors = True
            look(library, 2)
            assert LOSES not in told(library)
            library.desk.mirrors = False
            look(library, 2)
            library.keeper._put_back()
            # As after a start: one is tried.
            library.keeper._kept.clear()
        assert len(names(library)) == 8 - 2 * retention.BREAKS

    @needs_rclone
    def test_as_rclone_s_server_does(self, home, peers):
        """It lists for five minutes what was there."""
        peer = peers("webdav")
        for number in range(3):
            home.put(f"r5/IMG_{number}.JPG", random_content(10_000), tell=False)
        before = contents(home.library)
        home.pushes = [peer.push("there")]
        home.retention = AT_ONCE | {"settle": 2}
        home.program = (
            "-c",
            "import sys; from hotshoe_delivery import __main__, retention; retention.PAUSE = 2; "
            "sys.exit(__main__.main(sys.argv[1:]))",
        )
        with mirrored(home.library, peer.folder, 1):
            home.begin()
            home.wait_until_told(LOSES)
            until(lambda: contents(home.library) == before)


def test_what_is_missing_here_is_told_and_tried_again_after_a_pause(library, monkeypatch):
    """Such as OpenSSH's client; the photo is there, and would be tried again at once."""
    missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "ssh")
    monkeypatch.setattr(library.desk, "size", Mock(side_effect=missing))
    [photo, *_] = library.photos.ledger.present().values()
    with pytest.raises(TroubleError, match=r"cannot be read or sent from here.*'ssh'") as told:
        library.desk._deliver(library.desk, photo)
    assert told.value.photo
    # One that is gone is none that fails.
    (library.root / photo.path).unlink()
    library.desk._deliver(library.desk, photo)
    assert photo.path not in library.photos.ledger.present()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Work as somebody to whom folders can be closed; whoever runs the tests may be root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def known(tmp_path):
    """A library of three photos, two of them in a folder of somebody's own."""
    root = tmp_path / "library"
    for name in ("mine/a.jpg", "mine/inner/b.jpg", "r5/c.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"photo")
    ledger = Ledger(tmp_path / "ledger")
    ledger.configure({"nas": "here"})
    photos = Photos(str(root), getpass.getuser(), ledger)
    photos.scan()
    yield SimpleNamespace(root=root, photos=photos, ledger=ledger)
    (root / "mine").chmod(0o755)
    ledger.close()
    os.close(photos.root)


@pytest.mark.parametrize("mode", [0o444, 0o311, 0o000])
def test_a_folder_that_is_closed_hides_no_other_and_what_is_in_it_is_not_gone(known, mode, capsys):
    (known.root / "mine").chmod(mode)
    (known.root / "r5" / "d.jpg").write_bytes(b"photo")
    with unprivileged():
        for _ in range(2):
            known.photos.scan()
            # As whoever delivers does, when it cannot open one.
            known.photos.changed(known.ledger.present()["mine/a.jpg"])
    assert set(known.ledger.present()) == {"mine/a.jpg", "mine/inner/b.jpg", "r5/c.jpg", "r5/d.jpg"}
    said = capsys.readouterr().out
    assert said.count("the library's folder mine cannot be looked into: Permission denied") == 1
    assert said.count("cannot be looked into") == 1


@pytest.mark.parametrize("number", [errno.EIO, errno.ETIMEDOUT, errno.ESTALE])
def test_a_place_that_fails_hides_no_other_and_what_is_in_it_is_not_gone(
    known, monkeypatch, number, capsys
):
    """Such as a bad sector, or another disk that is mounted there and has gone."""
    really = os.open, os.stat

    def refusing(call):
        def refuse(path, *others, **options):
            if path in ("mine", "c.jpg") and "dir_fd" in options:
                raise OSError(number, os.strerror(number), path)
            return call(path, *others, **options)

        return refuse

    monkeypatch.setattr(os, "open", refusing(really[0]))
    monkeypatch.setattr(os, "stat", refusing(really[1]))
    (known.root / "r5" / "d.jpg").write_bytes(b"photo")
    known.photos.scan()
    assert set(known.ledger.present()) == {"mine/a.jpg", "mine/inner/b.jpg", "r5/c.jpg", "r5/d.jpg"}
    said = capsys.readouterr().out
    for folder in (".", "r5"):
        assert f"the library's folder {folder} cannot be looked into" in said


@pytest.mark.parametrize("closed", [False, True])
def test_what_a_fetcher_cannot_open_is_given_again_after_a_pause(known, monkeypatch, closed):
    """Neither the fetcher nor the service spins."""
    told = Fetcher("nas", "192.168.1.20", "oldest")
    nas = fetching.Fetching((told,), known.photos, "hotshoe-fetch")
    photo = known.ledger.present()["mine/a.jpg"]
    if closed:
        (known.root / "mine").chmod(0o000)
    with unprivileged():
        nas._answer(told, {"ask": "gone", "id": photo.id}, None)
    waiting = {each.path for each in known.ledger.waiting("nas", "oldest", 10)}
    assert waiting == {"mine/inner/b.jpg", "r5/c.jpg"}
    # It waits, is not gone, and why is told.
    assert set(known.ledger.present()) > waiting
    [delivery] = known.ledger.under(["mine/a.jpg"])[0]["deliveries"]
    assert delivery["state"] == "waiting"
    assert "on the server" in delivery["error"]
    assert known.ledger.tries(photo.id, "nas") == 1


def test_what_the_service_cannot_read_is_not_fetched_over_and_over(known):
    told = Fetcher("nas", "192.168.1.20", "oldest")
    nas = fetching.Fetching((told,), known.photos, "hotshoe-fetch")
    photo = known.ledger.present()["mine/a.jpg"]
    (known.root / "mine").chmod(0o000)
    with unprivileged():
        asked = {"ask": "fetched", "id": photo.id, "sha256": "0" * 64, "name": "a.jpg"}
        assert nas._answer(told, asked, None) == {"answer": False}
    waiting = {each.path for each in known.ledger.waiting("nas", "oldest", 10)}
    assert waiting == {"mine/inner/b.jpg", "r5/c.jpg"}
    assert "mine/a.jpg" in known.ledger.present()
