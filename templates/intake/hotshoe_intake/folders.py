"""Interim."""

from __future__ import annotations

import os
from pathlib import Path

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_folder(path: str | Path, parent: int | None = None) -> int:
    """Open."""
    return os.open(path, _OPEN, dir_fd=parent)


def sync(folder: int) -> None:
    """Sync."""
    os.fsync(folder)
