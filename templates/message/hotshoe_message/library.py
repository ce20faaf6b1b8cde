"""The library as it is, for photos of which the journal has lost its word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hotshoe_message.photos import Photo, camera_of

# How many folders deep a photo may be; the intake makes a few.
DEEPEST = 50
# What a photo is called, before its name, that retention is about to remove.
ASIDE = ".hotshoe-leaving-"


def look(library: str, tree: str, owner: int) -> Iterator[Photo]:
    """Every photo that cameras have put there.

    Files that other users put beside them are left out.

    :param library: the path of the library
    :param tree: of the library, such as ``{camera}/{date}/{name}``
    :param owner: the user id of whoever stores what cameras send
    """
    for folder, folders, names in os.walk(library):
        folders.sort()
        if folder[len(library) :].count("/") >= DEEPEST:
            # Whoever may make folders could make more than Python bears.
            folders.clear()
        for name in sorted(names):
            if name.startswith(ASIDE):
                continue
            path = f"{folder}/{name}"
            try:
                state = Path(path).lstat()
            except OSError:
                # It has been moved just now.
                continue
            if state.st_uid == owner:
                camera = camera_of(tree, path[len(library) + 1 :])
                yield Photo(camera, path, state.st_size, state.st_mtime_ns, state.st_mtime)
