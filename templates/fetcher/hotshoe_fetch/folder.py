"""The folder that photos are fetched into: under which name, safely, and nothing twice.

A photo grows in ``.hotshoe`` and gets its name when it is whole. What is there already is never
replaced: another photo of the same name is put beside it, with the beginning of its digest, as
``IMG_0001-3f2a9c1b.JPG``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from hotshoe_fetch.folders import (
    below,
    closing,
    make_folder,
    open_file,
    open_folder,
    rename_new,
    single,
    status,
    sync,
)
from hotshoe_fetch.names import split, suffixed
from hotshoe_fetch.server import Task

# Where photos grow, in the folder.
PARTS = ".hotshoe"
# What files may have; the umask of the unit takes away from that.
FILE_MODE = 0o666
# How many of the digest's digits are in the name of a photo that is put beside another one; all of
# them where the first ones do not do.
DIGITS = (8, 64)
# How much is digested at a time, in bytes.
PIECE = 1 << 20
# For how long a photo that nobody asks for any more may wait to be completed, in seconds.
OLD_PART = 14 * 86400


class Folder:
    """The folder.

    :param path: of it, absolute
    :raises OSError: if it is not there, or nothing can be put there
    """

    def __init__(self, path: str) -> None:
        self.root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Whoever may read the folder shall see whole photos alone.
            make_folder(self.root, PARTS, 0o700)
            self.parts = open_folder(self.root, PARTS)
        except OSError:
            os.close(self.root)
            raise
        self._forget_old_parts()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.parts)
        os.close(self.root)

    def open_part(self, task: Task) -> int:
        """Open what is here of a photo, and nothing at first, for reading and writing.

        :returns: its handle, which the caller closes
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(part_of(task), flags, FILE_MODE, dir_fd=self.parts)

    def drop_part(self, task: Task) -> None:
        """Forget what is here of a photo."""
        with suppress(FileNotFoundError):
            os.unlink(part_of(task), dir_fd=self.parts)

    def namesakes(
        self, task: Task, alive: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[str, str]]:
        """What is here under a photo's name, with a suffix or without, and as large.

        :param alive: called while they are read
        :returns: of each, its name from the folder on, and its digest; it is on the disk
        """
        *folders, last = _names(task.path)
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            below(self.root, folders) as (*_, folder),
        ):
            for name in (last, *_beside(folder, last)):
                seen = status(folder, name)
                if seen is None or seen.st_size != task.size:
                    continue
                with suppress(OSError), closing(open_file(folder, name)) as handle:
                    # Whoever put it there may have been interrupted before.
                    sync(handle)
                    sync(folder)
                    yield "/".join([*folders, name]), digest(handle, alive=alive)

    def place(self, task: Task, sha256: str) -> str:
        """Give a whole photo its name; then it is on the disk.

        :param sha256: its digest
        :returns: the name, from the folder on
        """
        *folders, last = _names(task.path)
        with below(self.root, folders, make=True) as handles:
            for name in (last, *(_suffixed(last, sha256[:digits]) for digits in DIGITS)):
                with suppress(FileExistsError):
                    rename_new(self.parts, part_of(task), handles[-1], name)
                    # Folders may have been made just now.
                    for handle in handles:
                        sync(handle)
                    return "/".join([*folders, name])
        raise FileExistsError(17, "something else has its name", task.path)

    @contextlib.contextmanager
    def find(self, name: str) -> Iterator[int]:
        """Open a photo that is here.

        :param name: from the folder on
        :returns: its handle, closed at the end
        """
        *folders, last = _names(name)
        with (
            below(self.root, folders) as (*_, folder),
            closing(open_file(folder, last)) as handle,
        ):
            # What is on the disk counts, and not what is still in memory.
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            yield handle

    def _forget_old_parts(self) -> None:
        for name in os.listdir(self.parts):
            seen = status(self.parts, name)
            if seen and seen.st_mtime < time.time() - OLD_PART:
                with suppress(OSError):
                    os.unlink(name, dir_fd=self.parts)


def part_of(task: Task) -> str:
    """What a photo is called while it grows; another content under its path has another name."""
    said = f"{task.size} {task.mtime_ns} ".encode() + os.fsencode(task.path)
    return hashlib.sha256(said).hexdigest()[:40]


def digest(handle: int, nonce: bytes = b"", alive: Callable[[], None] = lambda: None) -> str:
    """The SHA-256 of a nonce and of what is in a file, in hexadecimal digits.

    :param alive: called after each piece
    """
    found = hashlib.sha256(nonce)
    at = 0
    while piece := os.pread(handle, PIECE, at):
        found.update(piece)
        at += len(piece)
        alive()
    return found.hexdigest()


def _names(path: str) -> list[str]:
    """The names in a path that the server says.

    :raises OSError: if it leads anywhere but below the folder, or to what programs look for in a
        folder (``.profile``, ``.ssh``), and no photo is
    """
    names = [single(name) for name in path.split("/")]
    if any(name.startswith(".") for name in names):
        raise OSError(22, "a name that begins with a point is no photo's", path)
    return names


def _beside(folder: int, name: str) -> Iterator[str]:
    """What may have been put beside something else of that name."""
    if status(folder, name) is None:
        return
    listed = os.listdir(folder)
    for digits in DIGITS:
        # No name has a NUL.
        before, after = _suffixed(name, "\0" * digits).split("\0" * digits)
        shape = re.compile(f"{re.escape(before)}[0-9a-f]{{{digits}}}{re.escape(after)}")
        yield from filter(shape.fullmatch, listed)


def _suffixed(name: str, digits: str) -> str:
    stem, extension = split(name)
    return suffixed(stem, f"-{digits}", extension)
