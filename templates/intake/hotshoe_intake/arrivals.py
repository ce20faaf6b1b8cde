"""Uploads on their way into the library, and what proves that one is whole.

An upload is whole if vsftpd logged, by the process that held the file, that it ended with as many
bytes as the file has, and if its content does not look cut. It broke off if it has ended and that
line cannot come any more: a line of our own, sent the same way after the end, has been read back.
Where the journal cannot tell, because it was lost or removed, content alone decides.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hotshoe_intake.formats import Look, Verdict
from hotshoe_intake.journal import Ended, printable

# By how much a clock may be set back between two steps of one upload, in seconds.
CLOCK = 10
# The same where the process is known.
CLOCK_OF_ONE = 3600
_DOUBTFUL = "its camera may end transfers early, and its content proves nothing"


class Fate(enum.Enum):
    """What becomes of an upload."""

    LIBRARY = "library"
    INCOMPLETE = "incomplete"
    UNPROVEN = "unproven"


@dataclass(eq=False)
class Arrival:
    """An upload that was moved out of its camera's folder.

    :param camera: whose it is
    :param place: its folder among those that arrive
    :param name: the name that the camera gave it
    :param began: when, as time.time() counts
    :param logs: whether vsftpd can log its path
    :param witnessed: whether it was seen when it began, or being written: the line about its end
        has not been read before it was known
    :param pid: the process that writes it, if it was seen
    :param ended: whether the file is closed
    :param sent: as many bytes as vsftpd logged
    :param settling: whether its end is being looked into
    :param origin: the handle of the folder that it was in, and its name there
    :param watch: of its place
    :param asked: how often the journal was asked about it in vain
    """

    camera: str
    place: str
    name: str
    began: float
    logs: bool = True
    witnessed: bool = True
    pid: int | None = None
    ended: bool = False
    sent: int | None = None
    settling: bool = False
    origin: tuple[int, str] | None = None
    watch: int = -1
    asked: int = 0


class Arrivals:
    """All of them, the oldest first."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Arrival] = {}
        self._named: dict[tuple[str, str], list[Arrival]] = {}
        # Of the processes that were seen writing, for which camera they do.
        self._writers: dict[int, str] = {}
        self._written: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Arrival]:
        return iter(list(self._all.values()))

    def at(self, camera: str, place: str) -> Arrival:
        """The one in that place."""
        return self._all[camera, place]

    def add(self, arrival: Arrival) -> None:
        """Remember one."""
        self._all[arrival.camera, arrival.place] = arrival
        self._named.setdefault(_logged(arrival), []).append(arrival)

    def seen(self, arrival: Arrival, pid: int) -> None:
        """Remember which process writes one."""
        if arrival.pid is not None:
            return
        arrival.pid, arrival.witnessed = pid, True
        self._writers[pid] = arrival.camera
        self._written[pid] += 1

    def remove(self, arrival: Arrival) -> None:
        """Forget one."""
        del self._all[arrival.camera, arrival.place]
        named = self._named[_logged(arrival)]
        named.remove(arrival)
        if not named:
            del self._named[_logged(arrival)]
        if arrival.pid is not None:
            self._written[arrival.pid] -= 1
            if not self._written[arrival.pid]:
                del self._written[arrival.pid], self._writers[arrival.pid]

    def match(self, line: Ended, size_of: Callable[[Arrival], int]) -> Arrival | None:
        """The arrival that a line of vsftpd's is about, if it is about any.

        The process decides. Of an upload whose writer was not seen, since it was over at once, it
        may be any process that neither writes for another camera nor is another program. Where that
        leaves several, the first gets the line, and content decides about the others: one of them
        may be the one that it is about.

        :param size_of: tells the size of an arrival's file in bytes
        """
        for_it = self._writers.get(line.pid, line.camera) == line.camera
        unseen = for_it and line.ours is not False
        maybe = []
        for each in self._named.get((line.camera, line.name), ()):
            own = each.pid == line.pid
            if not own and not (unseen and each.pid is None):
                continue
            since = each.began - (CLOCK_OF_ONE if own else CLOCK)
            if each.sent is None and since <= line.at and size_of(each) == line.size:
                if own:
                    return each
                maybe.append(each)
        for other in maybe[1:]:
            other.witnessed = False
        return maybe[0] if maybe else None


def _logged(arrival: Arrival) -> tuple[str, str]:
    return arrival.camera, printable(arrival.name)


def judge(
    arrival: Arrival, size: int, look: Look, *, certain: bool, tolerant: bool
) -> tuple[Fate, str]:
    """What becomes of an upload that ended, and why.

    :param size: of the file, in bytes
    :param look: what its content tells
    :param certain: whether the journal has all lines since it began
    :param tolerant: whether its camera may end transfers without closing TLS
    """
    if arrival.sent == size:
        # Its camera was told 226, so it is kept whatever it is.
        if look.verdict is Verdict.CUT:
            return Fate.UNPROVEN, f"it ended well and looks cut: {look.reason}"
        if tolerant and look.verdict is not Verdict.WHOLE:
            return Fate.UNPROVEN, _DOUBTFUL
        return Fate.LIBRARY, ""
    if tolerant and look.verdict is Verdict.WHOLE:
        # vsftpd has said 426, as it does to every camera: it reads strict_ssl_read_eof before it
        # knows which one it is. If the camera sends the photo again, that is the same photo.
        return Fate.LIBRARY, ""
    if tolerant and look.verdict is Verdict.UNKNOWN:
        return Fate.UNPROVEN, _DOUBTFUL
    if certain and arrival.logs and arrival.witnessed:
        if look.verdict is Verdict.WHOLE:
            # Its camera was not told 226, and sends it again.
            return Fate.UNPROVEN, "the connection broke off, though nothing seems to be missing"
        return Fate.INCOMPLETE, "the connection broke off"
    if look.verdict is Verdict.WHOLE:
        return Fate.LIBRARY, ""
    if look.verdict is Verdict.CUT:
        return Fate.INCOMPLETE, look.reason
    return Fate.UNPROVEN, "the journal does not tell whether it arrived, nor does its content"
