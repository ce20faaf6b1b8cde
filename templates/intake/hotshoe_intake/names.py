"""The name of a photo that is kept beside another one of its name."""

from __future__ import annotations

import os

# NAME_MAX of Linux, in bytes; and what behind the last point is no extension any more.
LONGEST_NAME, LONGEST_EXTENSION = 255, 16


def split(name: str) -> tuple[str, str]:
    """The stem of a name, and its extension with the point; empty if it has none."""
    stem, point, last = name.rpartition(".")
    # A point that a name begins with is none of an extension.
    if not stem.strip(".") or len(os.fsencode(point + last)) > LONGEST_EXTENSION:
        return name, ""
    return stem, point + last


def suffixed(stem: str, suffix: str, extension: str) -> str:
    """A name with a suffix before its extension; as much of the stem as there is room for."""
    while len(os.fsencode(stem + suffix + extension)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + suffix + extension
