"""How uploads end: what the journal tells, who writes which file, and when that is all there is."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterable

from hotshoe_intake.arrivals import CLOCK, Arrival, Arrivals
from hotshoe_intake.journal import Barrier, Journal, send_barrier

# vsftpd locks a file right after it has made it.
LOCK_PAUSE, LOCK_TRIES, FOUND_TRIES = 0.01, 100, 20
# Until a file that nobody was seen writing is taken for ended, in seconds: somebody has moved or
# linked it here, and will close nothing.
UNWRITTEN_PAUSE = 20
# Until a line of our own is sent again, which a journal that is restarted or removed may lose; and
# while the journal takes none. In seconds.
BARRIER_PAUSE, REFUSED_PAUSE = 30, 1
# How often the journal is asked about an upload before its content alone decides.
MOST_ASKED = 4


class Evidence:
    """Finds out how each upload ended.

    :param owner: the user id of vsftpd's sessions
    :param arrivals: the uploads
    :param size_of: tells the size of an upload in bytes
    :param writer_of: tells which process writes an upload
    :param known: called with each of which all is known: it has ended, and either ``sent`` says how
        many bytes vsftpd logged, or no such line can come any more
    :param catch_up: makes known all uploads that have begun until now
    :param unanswered: called when the journal has not had a line of our own again and again
    """

    def __init__(
        self,
        owner: int,
        arrivals: Arrivals,
        size_of: Callable[[Arrival], int],
        writer_of: Callable[[Arrival], int | None],
        known: Callable[[Arrival], None],
        catch_up: Callable[[], None],
        unanswered: Callable[[], None],
    ) -> None:
        self._owner, self._arrivals = owner, arrivals
        self._size_of, self._writer_of = size_of, writer_of
        self._known, self._catch_up, self._unanswered = known, catch_up, unanswered
        # Of those whose writer has not been seen, how often it was looked for.
        self._unseen: dict[Arrival, int] = {}
        self._found: set[Arrival] = set()
        self._looks_again = False
        # Those that have ended, before and after a line of our own was sent.
        self._ended: list[Arrival] = []
        self._barriers: dict[str, list[Arrival]] = {}
        self._tokens = (f"{secrets.token_hex(8)}{n:08x}" for n in itertools.count())

    def begin(self, since: float) -> None:
        """Read the journal from some time on, and find out what has ended before.

        :param since: when the oldest upload began, as time.time() counts
        """
        self._journal = Journal(self._owner, since - CLOCK)
        asyncio.get_running_loop().add_reader(self._journal.fd, self._read)
        self.find_ended()
        self._read()

    def begun(self, arrival: Arrival, *, found: bool) -> None:
        """An upload has begun.

        :param found: whether nobody saw it begin, and so nobody may see it end
        """
        self._unseen[arrival] = 0
        if found:
            self._found.add(arrival)

    def ended(self, arrival: Arrival) -> None:
        """The file of an upload is closed."""
        if arrival.ended:
            return
        arrival.ended = True
        self._unseen.pop(arrival, None)
        if arrival.sent is None:
            self._ended.append(arrival)
        else:
            self._known(arrival)

    def forget(self, arrival: Arrival) -> None:
        """Nothing about an upload is wanted any more."""
        self._unseen.pop(arrival, None)
        self._found.discard(arrival)

    def is_open(self, arrival: Arrival) -> bool:
        """Whether an upload that seemed to have ended is still being written.

        One that was found may have been found before vsftpd had locked it.
        """
        if self._writer_of(arrival) is None:
            return False
        arrival.ended = False
        return True

    def find_ended(self) -> None:
        """Find out which uploads nobody writes any more; for those whose end nobody told."""
        for arrival in self._arrivals:
            if pid := self._writer_of(arrival):
                self._arrivals.seen(arrival, pid)
            else:
                self.ended(arrival)
        self.look()

    def look(self) -> None:
        """Once some have begun or ended, find out who writes, and what the journal has last."""
        self._look_for_writers()
        self._send_barrier()

    def _look_for_writers(self) -> None:
        if not self._unseen:
            return
        loop = asyncio.get_running_loop()
        for arrival, tries in list(self._unseen.items()):
            self._unseen[arrival] = tries + 1
            if pid := self._writer_of(arrival):
                self._arrivals.seen(arrival, pid)
            if pid or tries > LOCK_TRIES:
                del self._unseen[arrival]
                if not pid:
                    loop.call_later(UNWRITTEN_PAUSE, self._end_unwritten, arrival)
            elif tries > FOUND_TRIES and arrival in self._found:
                self.ended(arrival)
        if self._unseen and not self._looks_again:
            self._looks_again = True
            loop.call_later(LOCK_PAUSE, self._look_again)

    def _look_again(self) -> None:
        self._looks_again = False
        self.look()

    def _end_unwritten(self, arrival: Arrival) -> None:
        if self._writer_of(arrival) is None:
            # Nobody was seen writing it, and so nobody need have logged its end.
            arrival.witnessed = False
            self.ended(arrival)
            self._send_barrier()

    def _send_barrier(self) -> None:
        """Send a line of our own, for all that have ended since the last one."""
        if not self._ended:
            return
        token = next(self._tokens)
        loop = asyncio.get_running_loop()
        if send_barrier(token):
            self._barriers[token], self._ended = self._ended, []
            loop.call_later(BARRIER_PAUSE, self._send_again, token)
        else:
            loop.call_later(REFUSED_PAUSE, self._send_barrier)

    def _send_again(self, token: str) -> None:
        for arrival in self._barriers.pop(token, ()):
            arrival.asked += 1
            if arrival.asked < MOST_ASKED:
                self._ended.append(arrival)
            else:
                self._unanswered()
                arrival.witnessed = False
                self._known(arrival)
        self._send_barrier()

    def _read(self) -> None:
        lines = list(self._journal.read())
        # What they are about has begun by now, but when there is much to do, its line may be read
        # before its event is.
        self._catch_up()
        for told in lines:
            if isinstance(told, Barrier):
                self._nothing_more(self._barriers.pop(told.token, ()))
            elif arrival := self._arrivals.match(told, self._size_of):
                arrival.sent = told.size
                if arrival.ended:
                    self._known(arrival)

    def _nothing_more(self, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            if arrival.ended and arrival.sent is None:
                self._known(arrival)
