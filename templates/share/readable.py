"""Open what is in a folder to whoever gets into it, or close it again.

Usage: readable.py open|close FOLDER

By handles and past no link: whoever may change the folder may swap anything in it meanwhile. The
folder itself stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_READ = stat.S_IROTH
_ENTER = stat.S_IROTH | stat.S_IXOTH


def below(folder: int, *, opened: bool) -> None:
    """Open or close all that is in a folder.

    :param folder: its handle
    """
    for name in os.listdir(folder):
        # What is no folder or file, is gone by now, or is for its owner alone stays as it is.
        # And what is too deep for Python to look into, nobody made to read it.
        with contextlib.suppress(OSError, RecursionError):
            handle = os.open(name, _FLAGS, dir_fd=folder)
            try:
                _one(handle, opened=opened)
            finally:
                os.close(handle)


def _one(handle: int, *, opened: bool) -> None:
    mode = os.fstat(handle).st_mode
    if stat.S_ISDIR(mode):
        _change(handle, mode, _ENTER, opened=opened)
        below(handle, opened=opened)
    elif stat.S_ISREG(mode):
        _change(handle, mode, _READ, opened=opened)


def _change(handle: int, mode: int, others: int, *, opened: bool) -> None:
    wanted = mode | others if opened else mode & ~stat.S_IRWXO
    if wanted != mode:
        os.fchmod(handle, stat.S_IMODE(wanted))


def main() -> None:
    """Do it, as the arguments say."""
    root = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    below(root, opened=sys.argv[1] == "open")


if __name__ == "__main__":
    main()
