"""How much room photos take: counted once by looking at them, then kept as a sum.

A file counts with its size, or with what it takes on the disk if that is more: some file systems
say only after a while what a new file takes.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

from hotshoe_intake.folders import open_folder

LIBRARY, ARRIVING = "library", "arriving"
# Each level takes a handle. No camera makes folders as deep as that.
DEEPEST = 60
# What a field of a folder's name looks like; a camera's is its name.
_FIELDS = {"year": r"\d{4}", "month": r"\d{2}", "day": r"\d{2}", "date": r"\d{4}-\d{2}-\d{2}"}


def taken(state: os.stat_result) -> int:
    """How much room a file or a folder takes, in bytes."""
    return max(state.st_size, state.st_blocks * 512)


class Usage:
    """What photos at rest take: all but uploads under way.

    :param root: the folder that has those of the cameras and the library
    :param tree: the path of a photo in the library, such as ``{camera}/{date}/{name}``
    :param cameras: their names; whose photo one in the library is, its folders tell
    """

    def __init__(self, root: str, tree: str, cameras: Iterable[str]) -> None:
        self._root, self._cameras = root, list(cameras)
        self._own = _own_folders(tree, self._cameras)
        # Of each camera; of all together it is None's.
        self._bytes: Counter[str | None] = Counter()
        self._added: Counter[str | None] = Counter()
        self._stopped = threading.Event()
        # When the last look ended, and how long it took, in seconds.
        self.looked_at: float | None = None
        self.took = 0.0

    def of(self, camera: str | None) -> int:
        """What the photos of a camera take, or all for None, in bytes."""
        return self._bytes[camera]

    def add(self, camera: str, size: int) -> None:
        """Count what has come. What has gone is noticed when everything is counted anew."""
        for whose in (camera, None):
            self._bytes[whose] += size
            self._added[whose] += size

    def begin(self) -> None:
        """Begin to count anew; :meth:`finish` takes what :meth:`count` has found."""
        self._added.clear()

    def count(self) -> Counter[str | None]:
        """Look at everything. It takes a while, so it may run in another thread."""
        began = time.monotonic()
        found: Counter[str | None] = Counter()
        linked: set[tuple[int, int]] = set()
        for camera, state in self._everything():
            if self._stopped.is_set():
                break
            if state.st_nlink > 1 and not stat.S_ISDIR(state.st_mode):
                if (state.st_dev, state.st_ino) in linked:
                    continue
                linked.add((state.st_dev, state.st_ino))
            size = taken(state)
            found[None] += size
            if camera:
                found[camera] += size
        self.took = time.monotonic() - began
        return found

    def finish(self, found: Counter[str | None]) -> None:
        """Take what was counted.

        What has come meanwhile may be among it already; it counts twice rather than not at all,
        until it is counted again.
        """
        self._bytes = found + self._added
        self.looked_at = time.monotonic()

    def stop(self) -> None:
        """Have :meth:`count` end early."""
        self._stopped.set()

    def _everything(self) -> Iterator[tuple[str | None, os.stat_result]]:
        """Every file and folder, and which camera's it is."""
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for entry in _entries(root):
                if entry.name == LIBRARY:
                    yield from self._below(root, entry.name, None, "")
                else:
                    yield from self._below(root, entry.name, entry.name, None)
        finally:
            os.close(root)

    def _below(
        self, parent: int, name: str, camera: str | None, path: str | None, depth: int = 0
    ) -> Iterator[tuple[str | None, os.stat_result]]:
        """What is in a folder, by handles: no link is followed.

        :param path: of the folder in the library, as long as that may tell whose it is
        """
        try:
            handle = open_folder(parent, name)
        except OSError:
            return
        try:
            for entry in _entries(handle):
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    if not entry.is_dir(follow_symlinks=False):
                        yield camera, state
                        continue
                    whose, inner = camera, None
                    if path is not None and camera is None:
                        inner = f"{path}{entry.name}/"
                        whose = self._whose(inner)
                    yield whose, state
                    # Whoever counts these is told how large each is as it grows.
                    arriving = depth == 0 and path is None and entry.name == ARRIVING
                    if depth < DEEPEST and not arriving:
                        yield from self._below(handle, entry.name, whose, inner, depth + 1)
        finally:
            os.close(handle)

    def _whose(self, path: str) -> str | None:
        """Whose a folder of the library is."""
        found = self._own.fullmatch(path) if self._own else None
        return found["camera"] if found else None


def _entries(handle: int) -> list[os.DirEntry[str]]:
    with os.scandir(handle) as entries:
        return list(entries)


def _own_folders(tree: str, cameras: list[str]) -> re.Pattern[str] | None:
    """What the path of a camera's own folder looks like, if the tree has such."""
    parts = tree.split("/")[:-1]
    depth = next((i for i, part in enumerate(parts) if "{camera}" in part), None)
    if depth is None or not cameras:
        return None
    # The longest first, since a name may begin with another one.
    names = "|".join(sorted(map(re.escape, cameras), key=len, reverse=True))
    fields = {**_FIELDS, "camera": f"(?P<camera>{names})"}
    pattern = ""
    for text, field in re.findall(r"([^{}]+)|\{(\w+)\}", "/".join(parts[: depth + 1])):
        pattern += fields[field] if field else re.escape(text)
        if field == "camera":
            fields["camera"] = "(?P=camera)"
    return re.compile(f"{pattern}/")
