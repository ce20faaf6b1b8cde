"""Where a repository keeps what deploys note: ``.hotshoe/``, which git ignores."""

from __future__ import annotations

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
