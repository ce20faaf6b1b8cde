"""Which process is writing a file: vsftpd keeps a write lock on an upload until it ends.

The file itself is asked (fcntl(2), F_GETLK), not /proc/locks: that takes seconds where somebody
holds very many locks, and some file systems (btrfs, overlayfs) show another device there.
"""

from __future__ import annotations

import fcntl
import os
import struct

# struct flock: what kind of lock, from where on, from which byte on, for how many, and whose.
_FLOCK = struct.Struct("hhqqi")


def writer(handle: int) -> int | None:
    """The process that holds a lock on a file that keeps others from writing; None if none does.

    :param handle: of the file, for reading
    """
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, *_, pid = _FLOCK.unpack(fcntl.fcntl(handle, fcntl.F_GETLK, asked)[: _FLOCK.size])
    return None if kind == fcntl.F_UNLCK else int(pid)
