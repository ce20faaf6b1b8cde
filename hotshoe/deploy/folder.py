"""Where a repository keeps what deploys note: ``.hotshoe/``, which git ignores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotshoe.errors import HotshoeError

FOLDER = ".hotshoe"


def folder_of(root: Path) -> Path:
    """The folder, made where it is not there yet.

    :param root: the folder that holds deploy.py
    :raises HotshoeError: if it cannot be made
    """
    folder = root / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HotshoeError(
            f"{folder}: cannot be made: {error.strerror}\n"
            "    -> it holds the lock and the record of deploys; let your user write here"
        ) from None
    return folder


def open_file(path: Path, flags: int) -> int:
    """Open a file in it, which is made if the flags say so.

    :param path: in what :func:`folder_of` returns
    :param flags: as in open(2)
    :returns: its file descriptor
    :raises HotshoeError: if it cannot be opened, such as one that root has made
    """
    try:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HotshoeError(
            f"{path}: cannot be opened: {error.strerror}\n"
            f"    -> let your user read and write what is in {path.parent}"
        ) from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Write to a file in it, or say why that cannot be.

    :param path: of that file
    :raises HotshoeError: if it cannot be written, such as on a disk that is full
    """
    try:
        yield
    except OSError as error:
        raise HotshoeError(
            f"{path}: cannot be written: {error.strerror}\n"
            "    -> make room on that disk, and run it again"
        ) from None
