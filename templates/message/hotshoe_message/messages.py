"""Which message the program is told, and when."""

from __future__ import annotations

import asyncio
import pwd
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from hotshoe_message.library import look
from hotshoe_message.photos import Photo, message
from hotshoe_message.reports import Reports
from hotshoe_message.runs import Outcome
from hotshoe_message.state import Message, State

# How many runs there may be at a time: one that hangs holds none of the others up.
MOST_RUNS = 4
# Until the program is started again for a message that it has not taken, in seconds: after each
# try. Then it is given up.
PAUSES = (60, 300, 1800, 2 * 3600, 8 * 3600, 24 * 3600, 48 * 3600)
# How often the library is looked through, in seconds.
LOOKING = 3600
# How often the journal is read even if it does not say that there is anything new, in seconds.
READING = 60
# How many entries of the journal are kept by one write to the disk.
TOGETHER = 500
# How long runs may go on when this program ends, in seconds.
FINISHING = 5

Run = Callable[[bytes], Awaitable[Outcome]]
Told = Iterable[tuple[str, Photo | None]]


class Reader(Protocol):
    """What reads the journal (:class:`hotshoe_message.journal.Journal`)."""

    fd: int

    def read(self) -> Told:
        """What is new: the cursor of each entry, and its photo."""
        ...


Open = Callable[[str | None, float], Reader]


class Messages:
    """Tells the program of photos.

    :param configuration: of this program
    :param state: what has to be told
    :param run: has the program run
    :param reports: what is told of it
    :param journal: opens the journal behind a cursor, or else at a time
    :param now: the time, as time.time() counts
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        state: State,
        run: Run,
        reports: Reports,
        journal: Open,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._configuration = configuration
        self._library = str(configuration["library"])
        self._quiet: float | None = configuration["quiet_seconds"]
        self._state, self._run_program, self._reports, self._now = state, run, reports, now
        self._open = journal
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._happened = asyncio.Event()
        # Since when no photo has come.
        self._last = now()
        self._failure: BaseException | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        """Tell the program for ever.

        :param ready: called once no photo is missed any more
        :raises sqlite3.Error: if what has to be told cannot be kept
        """
        self._begin()
        since = float(self._state.fact("since") or 0)
        journal = self._open(self._state.fact("cursor"), since)
        if self._state.fact("looked") is None:
            await self._look(journal, told=False)
        loop = asyncio.get_running_loop()
        loop.add_reader(journal.fd, self._happened.set)
        looking = asyncio.create_task(self._keep_looking(journal))
        looking.add_done_callback(self._failed)
        ready()
        try:
            while not self._failure:
                self._happened.clear()
                self.take(journal.read())
                pause = self.start()
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(pause, READING)):
                        await self._happened.wait()
            raise self._failure
        finally:
            looking.cancel()
            loop.remove_reader(journal.fd)

    async def finish(self) -> None:
        """Wait a moment for what is under way; what is not done by then is told again later."""
        if self._under_way:
            _, rest = await asyncio.wait(self._under_way.values(), timeout=FINISHING)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    def _begin(self) -> None:
        """Begin with what there is."""
        state, now = self._state, self._now()
        with state.changing():
            state.not_later(now + PAUSES[-1])
            files = _stamp(self._configuration["files"])
            if state.fact("files") not in (None, files) and (number := state.try_all(now)):
                self._reports.try_all(number)
            state.remember("files", files)
            if state.fact("since") is None:
                state.remember("since", repr(now))

    def _failed(self, task: asyncio.Task[None]) -> None:
        """A task has ended; what it failed of ends this program, which is started again."""
        if not task.cancelled() and (failure := task.exception()):
            self._failure = self._failure or failure
        self._happened.set()

    # -- photos come

    def take(self, told: Told) -> None:
        """Remember what the journal tells.

        :param told: cursors, and the photos of those entries
        """
        entries = iter(told)
        while some := list(islice(entries, TOGETHER)):
            with self._state.changing():
                for cursor, photo in some:
                    if photo and not self._state.has(photo):
                        self._add(photo, told=True)
                    self._state.remember("cursor", cursor)

    def _add(self, photo: Photo, *, told: bool) -> None:
        self._state.add(photo, told=told)
        self._last = self._now()

    async def _keep_looking(self, journal: Reader) -> None:
        while True:
            await self._look(journal, told=True)
            await asyncio.sleep(LOOKING)

    async def _look(self, journal: Reader, *, told: bool) -> None:
        """Find photos of which the journal has not told: it loses its last lines with the power.

        :param told: whether they are to be told, which those are not that were there before
            messages were wanted
        """
        owner = pwd.getpwnam(self._configuration["owner"]).pw_uid
        tree = self._configuration["tree"]
        photos = await asyncio.to_thread(lambda: list(look(self._library, tree, owner)))
        if told:
            self.take(journal.read())
        known = self._state.files()
        new = [photo for photo in photos if (photo.size, photo.mtime_ns) not in known]
        with self._state.changing():
            new = [photo for photo in new if not self._state.found_again(photo)]
            for photo in new:
                self._add(photo, told=told)
            self._state.remember("looked", repr(self._now()))
        if new and told:
            self._reports.found(len(new))
        self._happened.set()

    # -- the program is told

    def start(self) -> float:
        """Start what is due.

        :returns: how long nothing else is to be started, in seconds
        """
        now = self._now()
        quiet = self._gather(now)
        free = MOST_RUNS - len(self._under_way)
        for each in self._state.due(now, self._under_way, free) if free else ():
            task = asyncio.create_task(self._tell(each))
            self._under_way[each.number] = task
            task.add_done_callback(partial(self._ended, each.number))
        if len(self._under_way) >= MOST_RUNS:
            # The end of a run is the next that happens.
            return quiet
        due = self._state.next_due(self._under_way)
        return quiet if due is None else max(0, min(quiet, due - now))

    def _gather(self, now: float) -> float:
        """Make messages of the photos that wait.

        :returns: until when there is none to make, in seconds
        """
        if not self._state.waiting():
            return READING
        # A clock that was put back must not make it wait for longer.
        self._last = min(self._last, now)
        left = self._last + self._quiet - now if self._quiet else 0
        if left > 0:
            return left
        with self._state.changing():
            if self._quiet:
                self._state.make_message(now)
            else:
                self._state.make_messages(now)
        return READING

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        del self._under_way[number]
        self._failed(task)

    async def _tell(self, wanted: Message) -> None:
        outcome = await self._run_program(message(wanted.photos))
        tries = wanted.tries + 1
        if not outcome.failure:
            self._state.done(wanted.number)
            self._reports.told(wanted.photos, outcome)
        elif tries > len(PAUSES):
            self._state.done(wanted.number)
            self._reports.given_up(wanted.photos, outcome, tries)
        else:
            pause = PAUSES[tries - 1]
            self._state.tried(wanted.number, self._now() + pause)
            self._reports.failed(wanted.photos, outcome, pause)


def _stamp(files: Iterable[str]) -> str:
    """Tells whether files are other ones than before, without reading them."""
    found = []
    for name in files:
        try:
            state = Path(name).stat()
            found.append((name, state.st_ino, state.st_size, state.st_mtime_ns))
        except OSError:
            found.append((name, 0, 0, 0))
    return repr(found)
