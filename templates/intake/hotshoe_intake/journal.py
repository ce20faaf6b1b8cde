"""What the journal knows of uploads, and what it is told of them.

vsftpd logs that an upload ended well before it answers 226 and before it closes the file. Whose
line it is, the kernel says: journald's own ``_PID`` and ``_UID`` cannot be forged, text can.
"""

from __future__ import annotations

import functools
import os
import queue
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from systemd import journal

WARNING: int = journal.LOG_WARNING
INFO: int = journal.LOG_INFO
VSFTPD, OURSELVES = "vsftpd", "hotshoe-intake"
# A daemon serves one control port, over IPv4 or IPv6.
UNITS = tuple(f"hotshoe-vsftpd{which}.service" for which in ("", "6", "-implicit", "-implicit6"))
# What writes to the syslog writes here, and journald reads it in that order.
DEV_LOG = Path("/run/systemd/journal/dev-log")
# For how long it holds since when the journal has all lines, in seconds.
BOUNDARY_SECONDS = 1
# By how much the times of files may be behind, in seconds: the kernel's clock tick.
FILE_CLOCK = 0.02
# How long a journal that is stuck may hold up the end of this program, in seconds.
CLOSING = 5
# Until what journald has not taken is sent again, in seconds.
RESENDING = 1
# LOG_FTP and LOG_INFO, as syslog(3) counts them.
_PRIORITY = (11 << 3) | 6
# A photo of no bytes has none in its line.
_LINE = re.compile(
    rb'\[([^\]]*)\] OK UPLOAD: Client "[^"]*", "(.*)", (?:(\d{1,18}) bytes, )?[0-9.]+Kbyte/sec',
    re.DOTALL,
)
_BARRIER = re.compile(rb"barrier ([0-9a-f]+)")
# Some versions of vsftpd log an unprintable character as "?".
_UNPRINTABLE = re.compile(rb"[\x01-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Ended:
    """vsftpd's word that an upload ended well.

    :param pid: the process of the session
    :param ours: whether the line comes from vsftpd; None if journald was too late to find its unit
    :param camera: as the line says
    :param name: of the file, as :func:`printable` gives it
    :param size: in bytes
    :param at: when, as time.time() counts
    """

    pid: int
    ours: bool | None
    camera: str
    name: str
    size: int
    at: float


@dataclass(frozen=True)
class Barrier:
    """A line of our own, read back: whatever was logged before it has been read."""

    token: str


def printable(name: str) -> str:
    """A file's name as vsftpd may have logged it."""
    return os.fsdecode(_UNPRINTABLE.sub(b"?", os.fsencode(name)))


def read_entry(entry: dict[str, Any], owner: int, own: int) -> Ended | Barrier | None:
    """What an entry of the journal tells.

    :param entry: its fields
    :param owner: the user id of vsftpd's sessions
    :param own: the user id of this program
    """
    message = entry.get("MESSAGE")
    # Whoever writes to the journal itself may give an entry several, or none.
    if not isinstance(message, str | bytes):
        return None
    text = message if isinstance(message, bytes) else os.fsencode(message)
    uid = int(entry.get("_UID", -1))
    if uid == own and entry.get("SYSLOG_IDENTIFIER") == OURSELVES:
        barrier = _BARRIER.fullmatch(text)
        return Barrier(barrier[1].decode()) if barrier else None
    found = _LINE.fullmatch(text)
    if uid != owner or found is None:
        return None
    unit = entry.get("_SYSTEMD_UNIT")
    name = found[2].rpartition(b"/")[2]
    return Ended(
        pid=int(entry["_PID"]),
        ours=None if unit is None else unit in UNITS,
        camera=os.fsdecode(found[1]),
        name=printable(os.fsdecode(name)),
        size=int(found[3] or 0),
        at=entry["__REALTIME_TIMESTAMP"].timestamp(),
    )


class Journal:
    """The journal, from some time on.

    :param owner: the user id of vsftpd's sessions
    :param since: from when on, as time.time() counts
    """

    def __init__(self, owner: int, since: float) -> None:
        self._owner, self._own = owner, os.getuid()
        self._reader = journal.Reader()
        self._reader.add_match(_UID=owner, SYSLOG_IDENTIFIER=VSFTPD)
        self._reader.add_disjunction()
        self._reader.add_match(_UID=self._own, SYSLOG_IDENTIFIER=OURSELVES, _TRANSPORT="syslog")
        # A time before 1970 would be taken for one in the far future.
        self._reader.seek_realtime(max(0, since))
        self.fd: int = self._reader.fileno()

    def read(self) -> Iterator[Ended | Barrier]:
        """What is new, without waiting for it."""
        self._reader.process()
        for entry in self._reader:
            # One that makes no sense must not hide the others.
            with suppress(ValueError, TypeError, KeyError):
                if told := read_entry(entry, self._owner, self._own):
                    yield told


def is_complete_since(began: float) -> bool:
    """Whether the journal has all lines of a session that was there then.

    It does not after a reboot, which may lose the last ones, nor if older ones have been removed;
    and a session logs into the socket that was there when it began.

    :param began: as time.time() counts
    """
    boundary = _complete_since(int(time.monotonic() / BOUNDARY_SECONDS))
    return boundary is not None and boundary <= began


@functools.lru_cache(maxsize=1)
def _complete_since(_: int) -> float | None:
    """Since when it has all lines, as time.time() counts; None if it has none."""
    # Vsftpd's are in the system's files. People's own may be older.
    reader = journal.Reader(flags=journal.SYSTEM)
    reader.this_boot()
    reader.seek_head()
    first = reader.get_next().get("__REALTIME_TIMESTAMP")
    with suppress(OSError):
        if first is not None:
            return float(max(first.timestamp(), DEV_LOG.stat().st_mtime) + FILE_CLOCK)
    return None


def send_barrier(token: str) -> bool:
    """Log a line of our own the way that vsftpd's come.

    :returns: whether the journal takes it now
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as log:
        try:
            log.connect(str(DEV_LOG))
            log.send(f"<{_PRIORITY}>{OURSELVES}: barrier {token}".encode())
        except OSError:
            return False
    return True


class Teller:
    """Tells the journal what became of photos; a journal that is stuck holds nobody up."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def tell(self, message: str, *, priority: int = journal.LOG_INFO, **fields: object) -> None:
        """Tell it.

        :param message: for people; what cannot be printed in it is escaped
        :param fields: for programs
        """
        values = {k: os.fsencode(str(v)) for k, v in fields.items() if v is not None}
        text = message.encode(errors="backslashreplace").decode()
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
        self._lines.put((shown, {"PRIORITY": str(priority), **values}))

    def close(self) -> None:
        """Wait until all is told, or for :data:`CLOSING` seconds."""
        self._lines.put(None)
        self._thread.join(CLOSING)

    def _send(self) -> None:
        while line := self._lines.get():
            message, fields = line
            while True:
                try:
                    journal.send(message, SYSLOG_IDENTIFIER=OURSELVES, **fields)
                    break
                except OSError:
                    # journald may be away for a moment.
                    time.sleep(RESENDING)
