"""Retention never removes the only copy: not where the other side is the library, or mirrors it."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.unit.delivery.conftest import needs_rclone, random_content, until
from tests.unit.delivery.test_retention import AT_ONCE, aside, digest, gone

SLOWLY = AT_ONCE | {"settle": 2}
LOSES = "there loses what the library loses"


def contents(folder: Path) -> dict[str, str]:
    """What is in a folder, hidden or not."""
    return {
        str(path.relative_to(folder)): digest(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def mirrored(source: Path, target: Path, seconds: float = 0.05) -> Iterator[None]:
    """A program that makes one folder as the other is, and goes on; every so many seconds."""
    ends = threading.Event()

    def follow() -> None:
        while not ends.wait(seconds):
            with suppress(FileNotFoundError):
                for path in list(target.rglob("*")):
                    if path.is_file() and not (source / path.relative_to(target)).exists():
                        path.unlink()
                shutil.copytree(source, target, dirs_exist_ok=True, copy_function=copy)

    def copy(one: str, other: str) -> None:
        if not Path(other).exists():
            shutil.copy2(one, f"{other}.new")
            Path(f"{other}.new").rename(other)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


@pytest.mark.parametrize("by", ["openssh", pytest.param("webdav", marks=needs_rclone)])
def test_where_the_other_side_is_the_library_everything_stays(home, peers, by):
    peer = peers(by)
    peer.folder.rmdir()
    peer.folder.symlink_to(home.library)
    home.secrets = {"there": {"key": peer.key.read_text()}} if by == "openssh" else {}
    for number in range(5):
        home.put(f"r5/day/IMG_{number}.JPG", random_content(100_000), tell=False)
    before = contents(home.library)
    home.pushes = [peer.push("there")]
    home.retention = AT_ONCE
    home.begin()
    home.wait_until_told(LOSES)
    until(lambda: contents(home.library) == before)
    assert LOSES in home.status()["retention"]["error"]
    # One was tried for all.
    assert home.log.read_text().count("it is back here") == 1
    assert gone(home) == [None] * 5
    assert home.destination("there")["delivered"] == 5
    assert home.process.poll() is None


@needs_rclone
def test_where_the_other_side_mirrors_the_library_everything_stays(home, peers):
    # It shows at once what is gone; else it would list it, and break off when it is read.
    peer = peers("webdav", options=("--dir-cache-time", "0s"))
    for number in range(3):
        home.put(f"r5/IMG_{number}.JPG", random_content(10_000), tell=False)
    before = contents(home.library)
    home.pushes = [peer.push("there")]
    home.retention = SLOWLY
    with mirrored(home.library, peer.folder):
        home.begin()
        home.wait_until_told(LOSES)
        until(lambda: contents(home.library) == before)
    assert gone(home) == [None] * 3


@needs_rclone
def test_one_that_is_the_library_keeps_all_others_from_losing_theirs(home, peers):
    """A side that has a copy of its own is no reason to take it from the one that has none."""
    good, bad = peers("webdav"), peers("webdav")
    bad.folder.rmdir()
    bad.folder.symlink_to(home.library)
    photo = home.put("IMG_1.JPG", random_content(10_000), tell=False)
    home.pushes = [good.push("good"), bad.push("there")]
    home.retention = AT_ONCE
    home.begin()
    home.wait_until_told(LOSES)
    until(photo.exists)
    assert contents(good.folder) == contents(home.library)


def test_where_its_name_is_taken_by_then_it_is_beside_that(home, peers):
    peer = peers("openssh")
    peer.folder.rmdir()
    peer.folder.symlink_to(home.library)
    home.secrets = {"there": {"key": peer.key.read_text()}}
    content = random_content(10_000)
    photo = home.put("r5/IMG_1.JPG", content, tell=False)
    home.pushes = [peer.push("there")]
    home.retention = SLOWLY
    home.begin()
    until(aside(photo).exists)
    other = home.put("r5/IMG_1.JPG", b"another")
    home.wait_until_told(LOSES)
    until((photo.parent / "IMG_1-2.JPG").exists)
    assert contents(home.library) == {
        "r5/IMG_1.JPG": digest(b"another"),
        "r5/IMG_1-2.JPG": digest(content),
    }
    assert other.read_bytes() == b"another"
    until(lambda: home.destination("there")["delivered"] == 2)


@needs_rclone
def test_what_ends_in_an_orderly_way_gives_photos_their_names_back(home, peers):
    peer = peers("webdav")
    photo = home.put("r5/IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there")]
    home.retention = AT_ONCE | {"settle": 600}
    home.begin()
    until(aside(photo).exists)
    # It is one of the library meanwhile.
    (told,) = home.status()["photos"]
    assert (told["gone"], told["deliveries"][0]["state"]) == (None, "delivered")
    home.process.send_signal(signal.SIGTERM)
    assert home.process.wait(30) == 0
    assert contents(home.library) == {"r5/IMG_1.JPG": digest(b"photo")}


LOOKS_FOR_LONG = """
import sys, time
from hotshoe_delivery import __main__, library, service

really, looks = library.scan, []

def scan(*where):
    looks.append(where)
    if len(looks) > 1:
        print("it looks for long", flush=True)
        time.sleep(600)
    return really(*where)

library.scan, service.SCAN = scan, 3
sys.exit(__main__.main(sys.argv[1:]))
"""


@needs_rclone
def test_it_has_its_name_back_at_once_while_all_of_a_large_library_is_looked_at(home, peers):
    """Systemd waits for ten seconds, and then ends it in the middle."""
    peer = peers("webdav")
    photo = home.put("r5/IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there")]
    home.retention = AT_ONCE | {"settle": 600}
    home.program = ("-c", LOOKS_FOR_LONG)
    home.begin()
    until(aside(photo).exists)
    home.wait_until_told("it looks for long")
    home.process.send_signal(signal.SIGTERM)
    until(photo.exists, 10)
    assert contents(home.library) == {"r5/IMG_1.JPG": digest(b"photo")}


@needs_rclone
@pytest.mark.parametrize("loses", ["nothing", "its ledger"])
def test_what_is_found_without_its_name_gets_it_back(home, peers, loses):
    """Also where nothing is removed any more."""
    peer = peers("webdav")
    photo = home.put("r5/IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there")]
    home.retention = AT_ONCE | {"settle": 600}
    home.begin()
    until(aside(photo).exists)
    home.kill()
    assert contents(home.library) == {f"r5/{aside(photo).name}": digest(b"photo")}
    if loses == "its ledger":
        for path in (home.folder / "state").iterdir():
            path.unlink()
    home.retention = None
    home.begin()
    until(photo.exists)
    assert contents(home.library) == {"r5/IMG_1.JPG": digest(b"photo")}
    home.wait_until_delivered("there", 1)
    assert contents(peer.folder) == {"r5/IMG_1.JPG": digest(b"photo")}


@needs_rclone
def test_a_look_at_the_library_meanwhile_misses_nothing(home, peers):
    """Its name is gone, and it is not: neither for the ledger nor for whoever fetches."""
    peer = peers("webdav")
    photo = home.put("r5/IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there")]
    home.retention = SLOWLY
    home.begin()
    until(aside(photo).exists)
    until(lambda: not aside(photo).exists())
    until(lambda: gone(home) == ["retention"])
    assert not photo.exists()
    assert contents(peer.folder) == {"r5/IMG_1.JPG": digest(b"photo")}


# Kills itself before or after a function is called for the first time.
DIES = """
import importlib, os, signal, sys
from hotshoe_delivery import __main__
where, when = sys.argv[1:3]
module, *names, last = where.split(".")
owner = importlib.import_module("hotshoe_delivery." + module)
for name in names:
    owner = getattr(owner, name)
really = getattr(owner, last)
def dying(*arguments):
    if last == "gone" and arguments[-1] != "retention":
        return really(*arguments)
    if when == "before":
        os.kill(0, signal.SIGKILL)
    really(*arguments)
    os.kill(0, signal.SIGKILL)
setattr(owner, last, dying)
sys.exit(__main__.main(sys.argv[3:]))
"""
STEPS = ("library.set_aside", "ledger.Ledger.gone", "library.remove")


def die(home, where: str, when: str) -> None:
    home.program = ("-c", DIES, where, when)
    home.begin()
    assert home.process.wait(60) == -signal.SIGKILL
    home.program = ("-m", "hotshoe_delivery")


@needs_rclone
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", STEPS)
def test_one_that_is_killed_at_any_step_is_healed(home, peers, where, when):
    peer = peers("webdav")
    photo = home.put("r5/day/IMG_1.JPG", b"photo", tell=False)
    right = digest(b"photo")
    home.pushes = [peer.push("there")]
    home.retention = AT_ONCE
    die(home, where, when)
    removed = (where, when) == ("library.remove", "after")
    assert list(contents(home.library).values()) == ([] if removed else [right])
    home.retention = None
    home.begin()
    if not removed:
        until(photo.exists)
    until(lambda: gone(home) == (["retention"] if removed else [None]))
    assert list(contents(home.library).values()) == ([] if removed else [right])
    home.kill()
    # What is removed then has been proved anew.
    verified = home.status()["photos"][0]["deliveries"][0]["verified"]
    home.retention = AT_ONCE
    home.begin()
    until(lambda: gone(home) == ["retention"])
    assert contents(home.library) == {}
    assert contents(peer.folder) == {"r5/day/IMG_1.JPG": right}
    again = home.status()["photos"][0]["deliveries"][0]["verified"]
    assert removed or again > verified


@needs_rclone
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [*STEPS[:1], "library.put_back"])
def test_one_that_is_killed_where_the_other_side_is_the_library(home, peers, step, when):
    peer = peers("webdav")
    peer.folder.rmdir()
    peer.folder.symlink_to(home.library)
    photo = home.put("r5/day/IMG_1.JPG", b"photo", tell=False)
    home.pushes = [peer.push("there")]
    home.retention = AT_ONCE
    die(home, step, when)
    assert list(contents(home.library).values()) == [digest(b"photo")]
    home.begin()
    home.wait_until_told(LOSES)
    until(photo.exists)
    assert contents(home.library) == {"r5/day/IMG_1.JPG": digest(b"photo")}
