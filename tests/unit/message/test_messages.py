"""Which message is told when, by a clock that the tests set."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from hotshoe_message.messages import MOST_RUNS, PAUSES, Messages
from hotshoe_message.photos import UNSEEN, Photo
from hotshoe_message.reports import Reports, journal
from hotshoe_message.runs import Outcome
from hotshoe_message.state import State
from tests.unit.asynchronous import runs

NOW = 1_780_000_000.0
GOOD, BAD = Outcome("", "", 0.1), Outcome("failed with exit status 1", "no such topic", 0.1)


class Server:
    """A server with a library, a journal and a program, whose clock stands still."""

    def __init__(self, root: Path) -> None:
        self.root, self.library = root, root / "library"
        self.library.mkdir()
        self.now = NOW
        self.told: list[str] = []
        self.entries: list[tuple[str, Photo]] = []
        # What the program has been told, and what it answers: at once, or when a test says so.
        self.runs: list[list[str]] = []
        self.answers: dict[str, Outcome | asyncio.Future[Outcome]] = {}
        self.files = [str(root / "program")]
        self.quiet: float | None = None
        self.reads, self.writes = os.pipe()
        os.set_blocking(self.reads, False)

    # -- as the journal

    @property
    def fd(self) -> int:
        return self.reads

    def read(self) -> Iterator[tuple[str, Photo | None]]:
        with suppress(BlockingIOError):
            os.read(self.reads, 100)
        for entry in self.entries[self.at :]:
            self.at += 1
            yield entry

    def open(self, cursor: str | None, since: float) -> Server:
        """From a cursor or a time on."""
        self.at = int(cursor) + 1 if cursor else 0
        self.since = since
        return self

    def photo(self, name: str, *, told: bool = True) -> None:
        """A photo comes into the library.

        :param told: whether the journal keeps that
        """
        path, new = self.library / name, self.root / name
        new.write_bytes(b"x" * len(name))
        written = int(self.now) * 10**9 + len([*self.library.iterdir()])
        os.utime(new, ns=(0, written))
        new.rename(path)
        state = path.stat()
        photo = Photo("r5", str(path), state.st_size, state.st_mtime_ns, self.now)
        if told:
            self.entries.append((str(len(self.entries)), photo))
            os.write(self.writes, b"x")

    # -- as the program

    async def run(self, photos: bytes) -> Outcome:
        names = [Path(each["path"]).name for each in json.loads(photos)]
        self.runs.append(names)
        answer = self.answers.get(names[0], GOOD)
        return await answer if isinstance(answer, asyncio.Future) else answer

    # -- as systemd

    def messages(self, state: State) -> Messages:
        configuration = {
            "library": str(self.library),
            "tree": "{name}",
            "owner": getpass.getuser(),
            "intake": getpass.getuser(),
            "quiet_seconds": self.quiet,
            "files": self.files,
        }
        return Messages(
            configuration, state, self.run, Reports("ntfy"), self.open, lambda: self.now
        )


@pytest.fixture
def server(tmp_path, monkeypatch):
    made = Server(tmp_path)
    monkeypatch.setattr(
        journal, "send", lambda text, **fields: made.told.append(text), raising=False
    )
    return made


class Life:
    """The program, from a start to an end."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __aenter__(self) -> Life:
        self.state = State(self.server.root / "state.sqlite")
        self.messages = self.server.messages(self.state)
        ready = asyncio.Event()
        self.task = asyncio.create_task(self.messages.run(ready.set))
        await asyncio.wait(
            {self.task, asyncio.create_task(ready.wait())}, return_when="FIRST_COMPLETED"
        )
        # It has looked through the library once more.
        await self.until(lambda: self.state.fact("looked") is not None)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        for run in [*self.messages._under_way.values()]:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
        self.state.close()

    async def until(self, holds) -> None:
        async with asyncio.timeout(5):
            while not holds():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.001)

    async def pass_time(self, seconds: float) -> None:
        """The clock goes on, and the program notices it."""
        self.server.now += seconds
        self.messages._happened.set()
        await self.settled()

    async def settled(self) -> None:
        """Nothing more happens by itself."""
        for _ in range(20):
            await asyncio.sleep(0.001)


@runs
async def test_each_photo_is_told_once(server):
    async with Life(server) as life:
        server.photo("A.JPG")
        await life.until(lambda: server.runs)
        server.photo("B.JPG")
        await life.until(lambda: len(server.runs) == 2)
        await life.pass_time(10**6)
    assert server.runs == [["A.JPG"], ["B.JPG"]]
    assert server.told == [
        "ntfy was told of r5/A.JPG (0.1 s)",
        "ntfy was told of r5/B.JPG (0.1 s)",
    ]


@runs
async def test_what_was_there_before_messages_were_wanted_is_not_told(server):
    server.photo("old.JPG", told=False)
    async with Life(server) as life:
        server.photo("new.JPG")
        await life.until(lambda: server.runs)
    async with Life(server) as life:
        await life.settled()
    assert server.runs == [["new.JPG"]]
    assert server.since == NOW


@runs
async def test_what_comes_while_it_is_down_is_told(server):
    async with Life(server):
        pass
    server.photo("A.JPG")
    async with Life(server) as life:
        await life.until(lambda: server.runs)
    assert server.runs == [["A.JPG"]]


@runs
async def test_what_the_journal_has_lost_is_told(server):
    """As after a power cut. A photo that somebody has moved meanwhile is no new one."""
    async with Life(server) as life:
        server.photo("A.JPG")
        await life.until(lambda: server.runs)
    server.photo("lost.JPG", told=False)
    (server.library / "A.JPG").rename(server.library / "moved.JPG")
    async with Life(server) as life:
        await life.until(lambda: len(server.runs) == 2)
    assert server.runs == [["A.JPG"], ["lost.JPG"]]
    assert "the journal has not told of 1 photos in the library; ntfy will be" in server.told


@runs
async def test_what_was_moved_before_it_was_looked_at_is_told_once(server):
    """As by a program that empties the folder; what the journal has lost is told all the same."""
    async with Life(server):
        pass
    for name in ("A.JPG", "BB.JPG"):
        server.photo(name)
        (server.library / name).rename(server.library / f"moved {name}")
    server.entries = [(cursor, replace(photo, mtime_ns=UNSEEN)) for cursor, photo in server.entries]
    server.now += 100
    # As large as the first.
    server.photo("C.JPG", told=False)
    for _ in range(2):
        async with Life(server) as life:
            await life.until(lambda: len(server.runs) == 3)
            await life.settled()
    assert sorted(server.runs) == [["A.JPG"], ["BB.JPG"], ["C.JPG"]]
    assert "the journal has not told of 1 photos in the library; ntfy will be" in server.told


@runs
async def test_what_is_under_way_when_it_ends_is_told_again(server):
    """At least once: nobody knows how far the program came."""
    async with Life(server) as life:
        server.answers["A.JPG"] = asyncio.get_running_loop().create_future()
        server.photo("A.JPG")
        await life.until(lambda: server.runs)
    del server.answers["A.JPG"]
    async with Life(server) as life:
        await life.until(lambda: len(server.runs) == 2)
    assert server.runs == [["A.JPG"], ["A.JPG"]]


@runs
async def test_two_photos_of_one_size_and_time_are_both_told(server):
    async with Life(server) as life:
        server.photo("A.JPG")
        state = (server.library / "A.JPG").stat()
        (server.root / "B.JPG").write_bytes(b"other")
        os.utime(server.root / "B.JPG", ns=(0, state.st_mtime_ns))
        (server.root / "B.JPG").rename(server.library / "B.JPG")
        twin = Photo("a7", str(server.library / "B.JPG"), 5, state.st_mtime_ns, NOW)
        server.entries.append(("1", twin))
        os.write(server.writes, b"x")
        await life.until(lambda: len(server.runs) == 2)
    assert sorted(server.runs) == [["A.JPG"], ["B.JPG"]]


class TestAQuietMinute:
    @runs
    async def test_is_told_of_all_photos_at_once(self, server):
        server.quiet = 60
        async with Life(server) as life:
            for name in ("A.JPG", "B.JPG"):
                server.photo(name)
                await life.settled()
                await life.pass_time(59)
                assert server.runs == []
            await life.pass_time(1)
            await life.until(lambda: server.runs)
            server.photo("C.JPG")
            await life.settled()
            await life.pass_time(60)
            await life.until(lambda: len(server.runs) == 2)
        assert server.runs == [["A.JPG", "B.JPG"], ["C.JPG"]]
        assert server.told[0] == "ntfy was told of 2 photos (r5/A.JPG … r5/B.JPG) (0.1 s)"

    @runs
    async def test_begins_anew_with_a_restart_and_loses_none(self, server):
        server.quiet = 60
        async with Life(server) as life:
            server.photo("A.JPG")
            await life.settled()
            await life.pass_time(59)
        async with Life(server) as life:
            await life.pass_time(59)
            assert server.runs == []
            await life.pass_time(1)
            await life.until(lambda: server.runs)
        assert server.runs == [["A.JPG"]]

    @runs
    async def test_a_clock_that_is_put_back_does_not_hold_it_up(self, server):
        server.quiet = 60
        async with Life(server) as life:
            server.photo("A.JPG")
            await life.settled()
            await life.pass_time(-3600)
            await life.pass_time(60)
            await life.until(lambda: server.runs)

    @runs
    async def test_those_that_wait_are_told_one_by_one_when_the_site_says_so(self, server):
        server.quiet = 60
        async with Life(server) as life:
            server.photo("A.JPG")
            server.photo("B.JPG")
            await life.settled()
        server.quiet = None
        async with Life(server) as life:
            await life.until(lambda: len(server.runs) == 2)
        assert server.runs == [["A.JPG"], ["B.JPG"]]


class TestAFailure:
    @runs
    async def test_is_tried_again_after_ever_longer_pauses_and_then_given_up(self, server):
        async with Life(server) as life:
            server.answers["A.JPG"] = BAD
            server.photo("A.JPG")
            await life.until(lambda: len(server.runs) == 1)
            for number, pause in enumerate(PAUSES, 1):
                await life.settled()
                await life.pass_time(pause - 1)
                assert len(server.runs) == number
                await life.pass_time(1)
                await life.until(lambda number=number: len(server.runs) == number + 1)
            await life.settled()
            await life.pass_time(10**7)
        assert len(server.runs) == len(PAUSES) + 1
        assert server.told[0] == (
            "ntfy failed with exit status 1; it was to be told of r5/A.JPG; next try in 1 min; it "
            "printed: no such topic"
        )
        assert server.told[-1] == (
            "ntfy failed with exit status 1; it will not be told of r5/A.JPG: that was try 8, the "
            "last; it printed: no such topic"
        )

    @runs
    async def test_is_remembered_over_a_restart(self, server):
        async with Life(server) as life:
            server.answers["A.JPG"] = BAD
            server.photo("A.JPG")
            await life.until(lambda: server.told)
        async with Life(server) as life:
            await life.pass_time(PAUSES[0] - 1)
            assert len(server.runs) == 1
            await life.pass_time(1)
            await life.until(lambda: len(server.told) == 2)
            await life.pass_time(PAUSES[1] - 1)
            assert len(server.runs) == 2

    @runs
    async def test_holds_no_other_message_up(self, server):
        async with Life(server) as life:
            server.answers["A.JPG"] = BAD
            server.photo("A.JPG")
            await life.until(lambda: server.told)
            server.photo("B.JPG")
            await life.until(lambda: len(server.runs) == 2)
        assert server.runs == [["A.JPG"], ["B.JPG"]]

    @runs
    async def test_another_program_is_tried_at_once(self, server):
        """The person has corrected it, and deployed."""
        async with Life(server) as life:
            server.answers["A.JPG"] = BAD
            server.photo("A.JPG")
            await life.until(lambda: server.told)
        del server.answers["A.JPG"]
        Path(server.files[0]).write_text("another one")
        async with Life(server) as life:
            await life.until(lambda: len(server.runs) == 2)
        assert (
            "ntfy or its secret has changed: what failed before is tried again (1 messages)"
            in server.told
        )

    @runs
    async def test_a_clock_that_was_wrong_holds_nothing_up_for_years(self, server):
        server.now += 10**9
        async with Life(server) as life:
            server.answers["A.JPG"] = BAD
            server.photo("A.JPG")
            await life.until(lambda: server.told)
        server.now = NOW
        async with Life(server) as life:
            await life.pass_time(PAUSES[-1])
            await life.until(lambda: len(server.runs) == 2)


@runs
async def test_programs_that_hang_hold_up_no_more_than_they_are(server):
    """One goes on while others hang; when all places are taken, the next end is waited for."""
    async with Life(server) as life:
        loop = asyncio.get_running_loop()
        names = [f"hangs-{i}.JPG" for i in range(MOST_RUNS)]
        for name in names[:-1]:
            server.answers[name] = loop.create_future()
            server.photo(name)
        await life.until(lambda: len(server.runs) == MOST_RUNS - 1)
        server.photo("B.JPG")
        await life.until(lambda: ["B.JPG"] in server.runs)
        await life.settled()
        server.answers[names[-1]] = loop.create_future()
        server.photo(names[-1])
        await life.until(lambda: [names[-1]] in server.runs)
        server.photo("C.JPG")
        await life.settled()
        assert ["C.JPG"] not in server.runs
        server.answers[names[0]].set_result(BAD)
        await life.until(lambda: ["C.JPG"] in server.runs)


@runs
async def test_what_cannot_be_kept_ends_it(server):
    """systemd starts it again."""
    async with Life(server) as life:
        life.state._db.execute("PRAGMA query_only=1")
        server.photo("A.JPG")
        with pytest.raises(Exception, match="readonly"):
            await life.task
    assert server.runs == []
