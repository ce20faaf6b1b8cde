"""inotify(7) for folders that are given by handles, so that no path can be swapped for another.

Debian's bindings (pyinotify, inotify) take paths and turn names into text in their own ways; the
first does not run with Python 3.12 and newer.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

# sys/inotify.h
CLOSE_WRITE, MOVED_TO, CREATE = 0x8, 0x80, 0x100
Q_OVERFLOW, IGNORED, ISDIR = 0x4000, 0x8000, 0x40000000
_ONLYDIR = 0x1000000
_HEAD = struct.Struct("iIII")
_BYTES = 1 << 16

_libc = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """What happened in a folder.

    :param watch: the number of the watch; -1 if events were lost
    :param mask: of the constants of this module
    :param name: of the file or folder in that folder
    """

    watch: int
    mask: int
    name: str


class Inotify:
    """The events of some folders, in their order."""

    def __init__(self) -> None:
        self.fd = self._checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def watch(self, folder: int, mask: int) -> int:
        """Watch a folder.

        :param folder: a handle
        :param mask: the events that are wanted
        :returns: the watch's number, the same one if the folder is watched already
        :raises OSError: if there are too many watches
        """
        path = f"/proc/self/fd/{folder}".encode()
        return self._checked(_libc.inotify_add_watch(self.fd, path, mask | _ONLYDIR))

    def forget(self, watch: int) -> None:
        """End a watch, if its folder has not ended it already."""
        _libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> Iterator[Event]:
        """The events since the last time, all of them, without waiting for any."""
        while True:
            try:
                data = os.read(self.fd, _BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                watch, mask, _, length = _HEAD.unpack_from(data, at)
                at += _HEAD.size
                name = data[at : at + length].rstrip(b"\0")
                at += length
                yield Event(watch, mask, os.fsdecode(name))

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
