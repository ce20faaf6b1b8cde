"""Photos are pushed: each once, whole, in order, and whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Photo
from hotshoe_delivery.library import Digests
from hotshoe_delivery.library import digest as digests_of
from hotshoe_delivery.rclone import Rclone, Remote
from hotshoe_delivery.store import Source, deliver, part
from hotshoe_delivery.words import TroubleError
from tests.unit.delivery.conftest import (
    PASSWORD,
    needs_rclone,
    new_key,
    random_content,
    until,
)

pytestmark = needs_rclone
MEGABYTE = 1 << 20


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digests(photos: dict[str, bytes]) -> dict[str, str]:
    return {path: digest(content) for path, content in sorted(photos.items())}


@pytest.fixture(params=["webdav", "sftp"])
def peer(request, peers):
    return peers(request.param)


@pytest.fixture
def openssh(home, peers):
    """An SFTP server by OpenSSH, which knows the key of a delivery that is called ``there``."""
    peer = peers("openssh")
    home.secrets = {"there": {"key": peer.key.read_text()}}
    return peer


def test_what_is_there_and_what_comes_is_delivered(home, peer):
    old = {f"r5/2026-05-3{n}/IMG_{n}.JPG": random_content(100_000 + n) for n in range(2)}
    for path, content in old.items():
        home.put(path, content, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 2)
    new = {"a7/2026-06-01/ä b'\"$(x)#%;.ARW": random_content(3_000_000), "a7/empty.JPG": b""}
    for path, content in new.items():
        home.put(path, content)
    home.wait_until_delivered("there", 4)
    peer.wait_until_it_has(digests(old | new))
    found = home.destination("there")
    assert (found["waiting"], found["error"], found["by"]) == (0, None, peer.by)


def test_wherever_it_is_killed_each_photo_is_there_once_and_whole(home, peer):
    photos = {f"r5/day/IMG_{n}.JPG": random_content(2 * MEGABYTE) for n in range(12)}
    for path, content in photos.items():
        home.put(path, content, tell=False)
    home.pushes = [peer.push("there", bytes_per_second=4 * MEGABYTE)]
    right = digests(photos)
    done = 0
    while done < len(photos) - 3:
        home.begin()
        before = done
        while done == before:
            done = home.destination("there").get("delivered", 0)
        home.kill()
        # What has its name is whole.
        for name, seen in peer.files().items():
            assert name.endswith(".part") or seen == right[name]
    home.begin()
    home.wait_until_delivered("there", len(photos))
    peer.wait_until_it_has(right)


def test_what_was_cut_goes_on_where_it_was(home, openssh):
    peer = openssh
    content = random_content(8 * MEGABYTE)
    half = peer.folder / "r5" / part("IMG_1.JPG", Digests(digest(content), ""))
    half.parent.mkdir()
    half.write_bytes(content[: 5 * MEGABYTE])
    home.put("r5/IMG_1.JPG", content, tell=False)
    # The rest takes three seconds, and all of it eight.
    home.pushes = [peer.push("there", bytes_per_second=MEGABYTE)]
    home.begin()
    began = time.monotonic()
    until(half.exists)
    home.wait_until_delivered("there", 1)
    assert time.monotonic() - began < 7
    peer.wait_until_it_has({"r5/IMG_1.JPG": digest(content)})


def test_a_part_with_another_content_is_thrown_away(home, openssh):
    peer = openssh
    content = random_content(MEGABYTE)
    wrong = peer.folder / part("IMG_1.JPG", Digests(digest(content), ""))
    wrong.write_bytes(b"something else")
    home.put("IMG_1.JPG", content, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 1)
    peer.wait_until_it_has({"IMG_1.JPG": digest(content)})


def test_one_content_under_many_names_is_there_under_each(home, peer):
    content = random_content(MEGABYTE)
    photos = {f"r5/IMG_{n}.JPG": content for n in range(9)}
    for path in photos:
        home.put(path, content, tell=False)
    home.pushes = [peer.push("there", bytes_per_second=8 * MEGABYTE)]
    home.begin()
    home.wait_until_delivered("there", 9)
    peer.wait_until_it_has(digests(photos))


def test_another_content_of_that_name_stays_there(home, peer):
    first, second = random_content(50_000), random_content(50_000)
    (peer.folder / "r5").mkdir()
    (peer.folder / "r5" / "IMG_1.JPG").write_bytes(first)
    home.put("r5/IMG_1.JPG", second, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 1)
    beside = f"r5/IMG_1-{digest(second)[:8]}.JPG"
    peer.wait_until_it_has(digests({"r5/IMG_1.JPG": first, beside: second}))


def test_what_is_there_already_is_not_sent_again(home, peer):
    content = random_content(50_000)
    there = peer.folder / "IMG_1.JPG"
    there.write_bytes(content)
    before = there.stat()
    home.put("IMG_1.JPG", content, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 1)
    after = there.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_ledger_that_cannot_be_read_is_begun_anew_and_nothing_sent_twice(home, peer):
    photos = {f"IMG_{n}.JPG": random_content(10_000) for n in range(3)}
    for path, content in photos.items():
        home.put(path, content, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 3)
    peer.wait_until_it_has(digests(photos))
    before = {path.name: path.stat().st_ino for path in peer.folder.iterdir()}
    home.kill()
    for each in (home.folder / "state").iterdir():
        each.write_bytes(b"nonsense" * 1000)
    home.begin()
    home.wait_until_told("begun anew")
    home.wait_until_delivered("there", 3)
    assert {path.name: path.stat().st_ino for path in peer.folder.iterdir()} == before


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_they_go_in_the_order_of_the_site(home, peers, order):
    peer = peers("sftp")
    for n in range(9):
        # A name for each moment; what counts is when they came.
        home.put(f"IMG_{n}.JPG", random_content(100_000), tell=False)
    home.pushes = [peer.push("there", order=order)]
    home.begin()
    home.wait_until_delivered("there", 9)
    photos = home.status()["photos"]
    came = [each["path"] for each in photos]
    went = sorted(photos, key=lambda each: each["deliveries"][0]["delivered"])
    places = [came.index(each["path"]) for each in went]
    if order == "newest":
        places = [8 - place for place in places]
    # Three are under way at once; the next one begins when one of them is there.
    assert all(place < n + 3 for n, place in enumerate(places)), places


def test_it_is_no_faster_than_the_site_says_either_way(home, peer):
    """Neither side can digest what it has, so all of it comes back."""
    rate, seconds = 2 * MEGABYTE, 2
    # What was idle may begin with a quarter of a second's worth each way; rclone with 4 MiB.
    least = 2 * (seconds - 0.25)
    if peer.by != "sftp":
        seconds = 3
        least = 2 * seconds - 4 * MEGABYTE / rate
    home.put("IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there", bytes_per_second=rate)]
    home.begin()
    home.wait_until_delivered("there", 1)
    began = time.monotonic()
    home.put("IMG_2.JPG", random_content(rate * seconds))
    home.wait_until_delivered("there", 2)
    assert time.monotonic() - began > least


def test_what_vanishes_from_the_library_does_not_wait_any_more(home, peers):
    peer = peers("webdav")
    peer.end()
    photo = home.put("IMG_1.JPG", random_content(1000), tell=False)
    other = random_content(1000)
    home.pushes = [peer.push("there")]
    home.begin()
    until(lambda: home.destination("there").get("error"))
    photo.unlink()
    home.put("IMG_2.JPG", other)
    peer.begin()
    home.wait_until_delivered("there", 1)
    until(lambda: home.destination("there")["waiting"] == 0)
    assert peer.files() == {"IMG_2.JPG": digest(other)}
    assert [each["why_gone"] for each in home.status()["photos"]] == ["moved", None]


def test_the_same_path_with_another_content_is_another_photo(home, peer):
    first, second = random_content(1000), random_content(2000)
    home.put("IMG_1.JPG", first, tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 1)
    home.put("IMG_1.JPG", second)
    until(lambda: len(home.status()["photos"]) == 2)
    until(lambda: home.destination("there")["waiting"] == 0)
    there = {"IMG_1.JPG": first, f"IMG_1-{digest(second)[:8]}.JPG": second}
    peer.wait_until_it_has(digests(there))


def test_a_link_in_the_library_leads_nowhere(home, peers):
    peer = peers("webdav")
    secret = home.folder / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    (home.library / "link").symlink_to(secret)
    (home.library / "key").symlink_to(secret / "key")
    home.put("IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    with (home.folder / "journal").open("w") as journal:
        for path in ("link/key", "key", "../secret/key", "/etc/passwd"):
            journal.write(f"{home.library}/{path}\n")
    home.put("IMG_2.JPG", b"photo 2")
    home.wait_until_delivered("there", 2)
    assert set(peer.files()) == {"IMG_1.JPG", "IMG_2.JPG"}


def test_a_name_that_is_no_utf_8_holds_up_no_other(home, peers):
    peer = peers("webdav")
    name = os.fsdecode(b"IMG_\xff.JPG")
    home.put(name, b"one", tell=False)
    home.put("IMG_1.JPG", b"two", tell=False)
    home.pushes = [peer.push("there")]
    home.begin()
    home.wait_until_delivered("there", 1)
    assert set(peer.files()) == {"IMG_1.JPG"}
    [waiting] = [each for each in home.status()["photos"] if each["path"].endswith(name)]
    assert "UTF-8" in waiting["deliveries"][0]["error"]


def test_the_host_key_of_the_site_is_the_one_that_is_asked_for(home, openssh):
    """A server has several, and would rather show another."""
    openssh.end()
    for kind in ("ecdsa", "rsa"):
        other = openssh.key.with_suffix(f".{kind}")
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(other)], check=True)
        openssh.more_keys.append(other)
    openssh.begin()
    content = random_content(10_000)
    home.put("IMG_1.JPG", content, tell=False)
    home.pushes = [openssh.push("there")]
    home.begin()
    home.wait_until_delivered("there", 1)
    openssh.wait_until_it_has({"IMG_1.JPG": digest(content)})


class TestTroubles:
    """What is wrong is told in plain words, and it goes on by itself."""

    def goes_on(self, home, peer, content):
        home.wait_until_delivered("there", 1)
        peer.wait_until_it_has({"IMG_1.JPG": digest(content)})
        until(lambda: home.destination("there")["error"] is None)
        home.wait_until_told("photos are delivered again")

    @pytest.fixture
    def content(self, home):
        content = random_content(100_000)
        home.put("IMG_1.JPG", content, tell=False)
        return content

    def test_a_peer_that_is_gone(self, home, peer, content):
        peer.end()
        home.pushes = [peer.push("there")]
        home.begin()
        found = until(lambda: (it := home.destination("there")).get("error") and it)
        assert "nothing answers at its port" in found["error"]
        assert found["waiting"] == 1
        assert found["next_try"] > found["failing_since"]
        peer.begin()
        self.goes_on(home, peer, content)

    def test_a_wrong_password(self, home, peer, content):
        home.pushes = [peer.push("there")]
        home.secrets = {"there": {"password": "wrong"}}
        home.begin()
        error = until(lambda: home.destination("there").get("error"))
        assert "does not take the username or the password" in error
        assert "wrong" not in home.log.read_text().replace("what is wrong", "")
        peer.end()
        peer.password = "wrong"
        peer.begin()
        self.goes_on(home, peer, content)

    def test_another_host_key(self, home, peers, content):
        peer = peers("sftp")
        home.pushes = [peer.push("there")]
        peer.end()
        kept = peer.key.read_bytes()
        new_key(peer)
        peer.begin()
        home.begin()
        error = until(lambda: home.destination("there").get("error"))
        assert "its host key is not the one of the Site" in error
        assert peer.files() == {}
        peer.end()
        peer.key.write_bytes(kept)
        peer.begin()
        self.goes_on(home, peer, content)

    def test_a_folder_that_is_missing(self, home, openssh, content):
        missing = openssh.folder / "in"
        home.pushes = [openssh.push("there", folder=str(missing))]
        home.begin()
        error = until(lambda: home.destination("there").get("error"))
        assert f"there is no folder {missing}" in error
        missing.mkdir()
        home.wait_until_delivered("there", 1)
        openssh.wait_until_it_has({"in/IMG_1.JPG": digest(content)})

    def test_a_shell_that_says_something_else(self, home, openssh, content):
        """As nologin does, and whose ``.bashrc`` greets."""
        openssh.end()
        openssh.options = ("ForceCommand echo This account is currently not available.",)
        openssh.begin()
        home.pushes = [openssh.push("there")]
        home.begin()
        error = until(lambda: home.destination("there").get("error"))
        assert "what it answers is not SFTP" in error
        openssh.end()
        openssh.options = ()
        openssh.begin()
        home.wait_until_delivered("there", 1)
        openssh.wait_until_it_has({"IMG_1.JPG": digest(content)})

    def test_a_certificate_that_nobody_vouches_for(self, home, peers, content, certificate):
        peer = peers("webdav", options=("--cert", certificate[0], "--key", certificate[1]))
        home.pushes = [peer.push("there", url=f"https://127.0.0.1:{peer.port}")]
        home.begin()
        error = until(lambda: home.destination("there").get("error"))
        assert "does not trust" in error
        assert "update-ca-certificates" in error

    def test_one_that_is_cut_in_the_middle(self, home, peer):
        content = random_content(6 * MEGABYTE)
        home.put("IMG_1.JPG", content, tell=False)
        home.pushes = [peer.push("there", bytes_per_second=2 * MEGABYTE)]
        home.begin()
        until(lambda: list(peer.folder.glob(".hotshoe-*.part")))
        peer.end()
        until(lambda: home.destination("there").get("error"))
        assert not (peer.folder / "IMG_1.JPG").exists()
        peer.begin()
        self.goes_on(home, peer, content)

    def test_one_destination_that_fails_holds_up_no_other(self, home, peers, content):
        good, bad = peers("webdav"), peers("sftp")
        bad.end()
        home.pushes = [bad.push("bad"), good.push("there")]
        home.begin()
        home.wait_until_delivered("there", 1)
        until(lambda: home.destination("bad").get("error"))


@pytest.fixture
def certificate(tmp_path):
    certificate, key = tmp_path / "it.pem", tmp_path / "it.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=it", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


def test_a_password_is_in_no_command_line_no_environment_and_no_file_of_others(home, peer):
    home.put("IMG_1.JPG", random_content(3 * MEGABYTE), tell=False)
    home.pushes = [peer.push("there", bytes_per_second=MEGABYTE)]
    home.begin()
    until(lambda: list(peer.folder.glob(".hotshoe-*.part")))
    ours = {os.getpid(), peer.process.pid}
    for process in Path("/proc").glob("[0-9]*"):
        for what in ("cmdline", "environ"):
            with suppress(OSError):
                said = (process / what).read_bytes()
                assert int(process.name) in ours or PASSWORD.encode() not in said, process
    for path in (*home.folder.rglob("*"), *(home.folder / "run").resolve().rglob("*")):
        if path.is_file() and "credentials" not in path.parts:
            assert PASSWORD.encode() not in path.read_bytes()
            if "private" in path.parts:
                assert path.stat().st_mode & 0o077 == 0


def test_what_gets_the_name_while_a_photo_is_sent_is_not_replaced(peers, tmp_path, monkeypatch):
    """Which may be as long as a film takes."""
    peer = peers("webdav", options=("--dir-cache-time", "0s"))
    theirs, same = peer.folder / "IMG_1.JPG", Remote.same

    def meanwhile(self, name, photo, digests):
        theirs.write_bytes(b"their own")
        return same(self, name, photo, digests)

    monkeypatch.setattr(Remote, "same", meanwhile)
    push = Push(**peer.push("there"))
    rclone = Rclone(push, {"password": peer.password}, tmp_path)
    photo = tmp_path / "IMG_1.JPG"
    photo.write_bytes(b"photo")
    with photo.open("rb") as opened:
        handle = opened.fileno()
        source = Source(Photo(1, "IMG_1.JPG", 5, 0, 0), digests_of(handle), handle)
        remote = Remote(rclone, push)
        try:
            with pytest.raises(TroubleError, match="another file got that name") as raised:
                deliver(remote, source)
            assert raised.value.photo
            assert {path.name for path in peer.folder.iterdir()} == {"IMG_1.JPG"}
            beside = deliver(remote, source)
        finally:
            rclone.close()
    assert theirs.read_bytes() == b"their own"
    assert (peer.folder / beside).read_bytes() == b"photo"


def test_a_link_that_takes_the_place_of_a_photo_is_not_followed(peers, tmp_path):
    """Between the look at a photo and rclone's, whoever may change the library has a moment."""
    peer = peers("webdav")
    library = tmp_path / "library"
    library.mkdir()
    photo, secret = library / "IMG_1.JPG", tmp_path / "secret"
    photo.write_bytes(b"photo")
    secret.write_bytes(b"a secret")
    push = Push(**peer.push("there"))
    rclone = Rclone(push, {"password": peer.password}, tmp_path)
    known = Photo(1, "IMG_1.JPG", 5, 0, 0)
    with photo.open("rb") as opened:
        source = Source(known, digests_of(opened.fileno()), opened.fileno())
        photo.unlink()
        photo.symlink_to(secret)
        try:
            assert deliver(Remote(rclone, push), source) == "IMG_1.JPG"
        finally:
            rclone.close()
    peer.wait_until_it_has({"IMG_1.JPG": digest(b"photo")})
