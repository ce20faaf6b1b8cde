"""Asking for the end of a session: root's hotshoe-sessions may end one, this user may not.

It reads the file each second, and ends what is there if it is a session of vsftpd. Each line has
the number of a process and when that began, as /proc/PID/stat counts, since a number alone is
another process's one day.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def _began(pid: int) -> str:
    """When a process began, in ticks since the computer started.

    :raises OSError: if it has gone
    """
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    # The second field is a name, which may hold anything.
    return stat.rpartition(")")[2].split()[19]


def ask(file: Path, pids: Iterable[int]) -> None:
    """Ask for the end of these sessions, and of no other any more.

    :param file: where; replaced in one step
    :param pids: of each session, a process
    :raises OSError: if it cannot be written
    """
    lines = []
    for pid in sorted(set(pids)):
        with suppress(OSError):
            lines.append(f"{pid} {_began(pid)}\n")
    new = file.with_suffix(".new")
    new.write_text("".join(lines), encoding="ascii")
    new.chmod(0o644)
    new.replace(file)
