"""Which process is writing which file: vsftpd keeps a write lock on an upload until it ends."""

from __future__ import annotations

from pathlib import Path

LOCKS = Path("/proc/locks")


def writers(text: str) -> dict[int, int]:
    """The process that holds a write lock on a file, by the file's inode number.

    The device is not looked at, since some file systems (btrfs, overlayfs) show another one there.

    :param text: what proc_locks(5) tells
    """
    found = {}
    for line in text.splitlines():
        words = line.split()
        # Those who wait for a lock have an arrow in the second place.
        if len(words) >= 6 and words[1] == "POSIX" and words[3] == "WRITE":
            found[int(words[5].rpartition(":")[2])] = int(words[4])
    return found


def read_writers() -> dict[int, int]:
    """The same, as it is now."""
    return writers(LOCKS.read_text())
