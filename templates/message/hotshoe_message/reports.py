"""What the journal is told: a sentence for people, and fields for programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from systemd import journal

from hotshoe_message.photos import Photo
from hotshoe_message.runs import Outcome

OURSELVES = "hotshoe-message"
WARNING: int = journal.LOG_WARNING
INFO: int = journal.LOG_INFO


class Reports:
    """Tells what becomes of messages.

    :param program: what the Site calls the program
    """

    def __init__(self, program: str) -> None:
        self._program = program

    def told(self, photos: Sequence[Photo], outcome: Outcome) -> None:
        """The program has taken a message."""
        what = f"{self._program} was told of {named(photos)}"
        self._tell("told", photos, f"{what} ({outcome.seconds:.1f} s)", outcome)

    def failed(self, photos: Sequence[Photo], outcome: Outcome, seconds: float) -> None:
        """The program has not taken a message.

        :param seconds: until it is started again
        """
        what = f"{self._program} {outcome.failure}; it was to be told of {named(photos)}"
        self._tell("failed", photos, f"{what}; next try in {_time(seconds)}", outcome)

    def given_up(self, photos: Sequence[Photo], outcome: Outcome, tries: int) -> None:
        """A message will not be told.

        :param tries: how often the program was started for it
        """
        what = f"{self._program} {outcome.failure}; it will not be told of {named(photos)}"
        self._tell("given-up", photos, f"{what}: that was try {tries}, the last", outcome)

    def try_all(self, number: int) -> None:
        """Messages are tried anew, since the program or its secret is another one."""
        what = f"{self._program} or its secret has changed: what failed before is tried again"
        self._send(f"{what} ({number} messages)", PRIORITY=str(INFO))

    def found(self, number: int) -> None:
        """Photos are in the library of which the journal has not told."""
        self._send(
            f"the journal has not told of {number} photos in the library; {self._program} will be",
            PRIORITY=str(WARNING),
        )

    def begun_anew(self, reason: str, kept: str) -> None:
        """What had to be told is lost.

        :param kept: where the old file is
        """
        self._send(
            f"what had to be told cannot be read ({reason}), so photos that are in the library by "
            f"now are not told; the old file is {kept}",
            PRIORITY=str(WARNING),
        )

    def unwritable(self, reason: str) -> None:
        """What has to be told cannot be kept."""
        self._send(
            f"what has to be told cannot be kept: {reason}; next try soon", PRIORITY=str(WARNING)
        )

    def _tell(self, event: str, photos: Sequence[Photo], text: str, outcome: Outcome) -> None:
        shown = f"{text}; it printed: {outcome.output}" if outcome.output else text
        self._send(
            shown,
            PRIORITY=str(WARNING if outcome.failure else INFO),
            HOTSHOE_EVENT=f"message-{event}",
            HOTSHOE_REASON=outcome.failure,
            HOTSHOE_PHOTOS=str(len(photos)),
        )

    def _send(self, text: str, **fields: str) -> None:
        # journald may be away for a moment; what is told is not needed for anything.
        with suppress(OSError):
            journal.send(_printable(text), SYSLOG_IDENTIFIER=OURSELVES, **fields)


def named(photos: Sequence[Photo]) -> str:
    """Which photos these are: their number, and the first and the last of them."""
    names = [f"{each.camera}/{each.path.rpartition('/')[2]}".lstrip("/") for each in photos]
    if len(names) < 2:
        return "".join(names)
    return f"{len(names)} photos ({names[0]} … {names[-1]})"


def _time(seconds: float) -> str:
    """For a person."""
    for name, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {name}"
    return f"{seconds:g} s"


def _printable(text: str) -> str:
    """As a terminal may show it; what else there is in it is escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
