"""Asking for the end of a session: root's hotshoe-sessions may end one, this user may not.

It reads the file each second, and ends what is there if it is a session of vsftpd. Each line has
the number of a process and when its end was first asked for, in seconds since the computer started:
one that began later is another process of that number.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


class Ending:
    """The sessions that have to end.

    :param file: where that is written, replaced in one step
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._asked: dict[int, float] = {}

    def ask(self, pids: Iterable[int]) -> None:
        """Ask for the end of these sessions, and of no other any more.

        :param pids: of each session, a process
        :raises OSError: if it cannot be written
        """
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._asked = {pid: self._asked.get(pid, now) for pid in pids}
        new = self._file.with_suffix(".new")
        new.write_text("".join(f"{pid} {at:.2f}\n" for pid, at in self._asked.items()))
        new.chmod(0o644)
        new.replace(self._file)
