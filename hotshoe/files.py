"""Files that a person asks for."""

from __future__ import annotations

import os
from pathlib import Path

from hotshoe.errors import HotshoeError


def write(path: Path, text: str) -> None:
    """Write a file in one step, so that a killed run leaves the old one or the new one.

    :param path: its folder must exist; where it is a link, the file that it leads to is written
    :raises HotshoeError: if it cannot be written
    """
    try:
        # A loop of links is a RuntimeError in Python 3.11 and 3.12.
        real = path.resolve()
        if reason := _why_not(real):
            raise HotshoeError(f"{path}: cannot be written: {reason}")
        _replace(real, text)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is a loop of links"
        raise HotshoeError(f"{path}: cannot be written: {reason}") from None


def _why_not(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():
        # To rename something over a device would remove the device.
        return "it is a device or a pipe"
    if path.exists() and not os.access(path, os.W_OK):
        return "it may only be read"
    return None


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".hotshoe-{os.getpid()}.new")
    new.unlink(missing_ok=True)
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if path.exists():
            new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
