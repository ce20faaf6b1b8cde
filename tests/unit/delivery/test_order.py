"""Which photo goes next: of those that waited and of those that come meanwhile."""

from __future__ import annotations

import getpass
import os
import queue
import time

import pytest

from hotshoe_delivery.configuration import Push
from hotshoe_delivery.ledger import Ledger
from hotshoe_delivery.photos import Photos
from hotshoe_delivery.pushing import LANES, Destination
from tests.unit.delivery.conftest import until

SECONDS = 30


class Gate:
    """Another side that is told when a photo may be there.

    One for all lanes: what each is sent is put into a queue, and waits for a word.
    """

    def __init__(self):
        self.begun = queue.Queue()
        self._word = queue.Queue()

    def size(self, name):
        return None

    def send(self, name, source):
        self.begun.put(name)
        self._word.get(timeout=SECONDS)

    def close(self):
        pass

    def next(self):
        """Let one of those that are under way be there; which one begins then."""
        self._word.put(None)
        return self.begun.get(timeout=SECONDS)


class Event:
    """A library, and a destination that photos wait for."""

    def __init__(self, folder, order):
        self.library = folder / "library"
        self.library.mkdir()
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.ledger.configure({"desk": "sftp://desk"})
        self.photos = Photos(str(self.library), getpass.getuser(), self.ledger)
        empty = dict.fromkeys(("folder", "url", "host_key", "share", "bucket", "region"), "")
        push = Push(
            name="desk",
            by="sftp",
            host="desk",
            port=22,
            username="ann",
            order=order,
            bytes_per_second=0,
            **empty,
        )
        self.gate = Gate()
        self.destination = Destination(push, {}, self.ledger, self.photos, folder)
        self.destination.store = lambda lane: self.gate
        self.photos.news = self.destination.wake

    def come(self, *names):
        for name in names:
            (self.library / name).write_text(name)
            self.photos.came(f"{self.library}/{name}", time.time())

    def begin(self):
        """Begin; what is under way first."""
        self.destination.begin()
        return [self.gate.begun.get(timeout=SECONDS) for _ in range(LANES)]


@pytest.fixture(params=["oldest", "newest"])
def event(request, tmp_path):
    event = Event(tmp_path, request.param)
    event.order = request.param
    yield event
    event.destination.end()
    for _ in range(LANES):
        event.gate._word.put(None)
    for lane in event.destination._lanes:
        lane.join(SECONDS)
    event.ledger.close()
    os.close(event.photos.root)


def test_what_comes_meanwhile_is_the_newest_and_the_last(event):
    event.come(*"123456")
    begun = sorted(event.begin())
    went = []
    for new in "789":
        event.come(new)
        went.append(event.gate.next())
    rest = [event.gate.next() for _ in range(3)]
    if event.order == "oldest":
        assert (begun, went, rest) == (["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"])
    else:
        # As long as newer ones come, the older ones wait; then they go.
        assert (begun, went, rest) == (["4", "5", "6"], ["7", "8", "9"], ["3", "2", "1"])


def test_what_comes_while_the_library_is_looked_at_counts_as_newer_than_what_is_there(home):
    old = [f"r5/IMG_{n:03}.JPG" for n in range(200)]
    for path in old:
        home.put(path, b"photo", tell=False)
    new = home.put("r5/NEW.JPG", b"photo", tell=False)
    journal = os.open(home.folder / "journal", os.O_RDWR)
    os.write(journal, f"{new}\n".encode())
    home.begin()
    until(lambda: len(home.status()["photos"]) == len(old) + 1)
    os.close(journal)
    ledger = Ledger(home.folder / "state" / "ledger.sqlite", read_only=True)
    known = sorted(ledger.present().values(), key=lambda photo: photo.id)
    ledger.close()
    assert [photo.path for photo in known] == [*old, "r5/NEW.JPG"]
