"""The library: where each photo goes, under which name, and safely so.

A photo whose name is taken by another one is kept beside it, as ``IMG_0001-2.JPG``. The files of
one exposure, RAW, JPEG and what belongs to them, have the same suffix, in whichever order they
arrive. What tells them apart from others of the same name is when they were taken.

Nothing lists a folder, so a photo costs the same however many of other names are there.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from hotshoe_intake.folders import below, closing, open_file, rename_new, status, sync
from hotshoe_intake.formats import Look, exposure
from hotshoe_intake.names import split, suffixed

# What a camera may store beside a photo of the same name: RAW, JPEG, HEIF, films and thumbnails of
# them, voice memos, settings. Cameras write these in upper case, some programs in lower case.
FILMS = (".MOV", ".MP4", ".AVI")
OTHERS = (
    *(".JPG", ".JPEG", ".HIF", ".HEIF", ".HEIC", ".TIF", ".TIFF", ".THM", ".WAV", ".XMP"),
    *(".DNG", ".CR2", ".CR3", ".CRW", ".NEF", ".NRW", ".ARW", ".SR2", ".SRF", ".SRW", ".RAF"),
    *(".ORF", ".RW2", ".RWL", ".PEF", ".X3F", ".3FR", ".FFF", ".IIQ", ".MRW"),
)
EXTENSIONS = tuple(case for kind in (*OTHERS, *FILMS) for case in (kind, kind.lower()))
# A moment without a fraction of its second.
SECOND = len("2024-02-29T12:00:00")
# Of more photos of one name and day, the suffix is the time: to look for a number takes too long.
MOST_OF_A_NAME = 500
# How much is compared at a time, in bytes.
PIECE = 1 << 20
# Folders of which is remembered that they are on the disk.
FOLDERS = 10_000


@dataclass(frozen=True)
class Placed:
    """Where a photo is.

    :param path: from the root of the library on
    :param copy: whether it was there already, so that the new one is gone
    """

    path: str
    copy: bool


@dataclass(frozen=True)
class _Photo:
    """A photo that is to be placed.

    :param source: a handle of the folder that it is in
    :param name: its name there
    :param handle: its own
    :param exposure: when it was taken, if it says so
    """

    source: int
    name: str
    handle: int
    exposure: str | None


@dataclass(frozen=True)
class _Folder:
    """A folder in the library.

    :param names: of the folders on the way from the root, and of itself
    :param handles: of the root, and of all of these
    """

    names: list[str]
    handles: list[int]

    @property
    def handle(self) -> int:
        """Its own."""
        return self.handles[-1]

    def path(self, name: str) -> str:
        """Of a file in it, from the root on."""
        return "/".join([*self.names, name])


class Library:
    """The library, in which one program places photos, from any of its threads.

    :param root: a handle of its folder
    :param tree: the path of a photo in it, such as ``{camera}/{date}/{name}``
    :param readable: whether whoever gets into its folder may read what is in it
    """

    def __init__(self, root: int, tree: str, *, readable: bool = False) -> None:
        self._root = root
        self._readable = readable
        self._folders = tree.split("/")[:-1]
        # Of two exposures with one name, the first decides before the second looks.
        self._deciding = threading.Lock()
        self._on_disk: set[tuple[str, int]] = set()

    def place(self, source: int, name: str, camera: str, look: Look, arrived: float) -> Placed:
        """Move a photo into the library.

        When it returns, the photo is on the disk. Wherever it is interrupted, the photo is in one
        of the two places, and to place it again, or to upload it again, leaves one.

        :param source: a handle of the folder that it is in, on the same file system
        :param name: its name
        :param camera: which camera it is from
        :param look: what its content tells
        :param arrived: when it was uploaded, in seconds since 1970; its day counts if the photo
            does not say when it was taken
        :raises OSError: if it cannot be placed, such as when a file is where a folder has to be;
            then it is where it was
        """
        with closing(open_file(source, name)) as handle:
            if self._readable:
                # One that readers cannot read is better than one that is not taken in.
                with suppress(OSError):
                    os.fchmod(handle, stat.S_IMODE(os.fstat(handle).st_mode) | stat.S_IROTH)
            sync(handle)
            photo = _Photo(source, name, handle, look.exposure)
            if photo.exposure:
                day = date.fromisoformat(photo.exposure[:10])
            else:
                day = date.fromtimestamp(arrived)
                # A retry may come after midnight.
                if copy := self._copy(photo, camera, day - timedelta(days=1)):
                    return copy
            names = self._names(camera, day)
            with below(self._root, names, make=True) as handles:
                return self._place(photo, _Folder(names, handles))

    def _names(self, camera: str, day: date) -> list[str]:
        fields = {
            "camera": camera,
            "date": f"{day:%Y-%m-%d}",
            "year": f"{day:%Y}",
            "month": f"{day:%m}",
            "day": f"{day:%d}",
        }
        return [folder.format(**fields) for folder in self._folders]

    def _copy(self, photo: _Photo, camera: str, day: date) -> Placed | None:
        """Remove a photo that is there since a day; None if it is not."""
        names = self._names(camera, day)
        with suppress(OSError), below(self._root, names) as handles:
            for taken in _candidates(photo.name):
                if not status(handles[-1], taken):
                    break
                if _same(handles[-1], taken, photo.handle):
                    return self._keep_old(photo, _Folder(names, handles), taken)
        return None

    def _place(self, photo: _Photo, folder: _Folder) -> Placed:
        with self._deciding:
            while True:
                name, is_there = _choose(folder.handle, photo)
                if is_there:
                    break
                # Somebody else may just now have made one of that name.
                with suppress(FileExistsError):
                    rename_new(photo.source, photo.name, folder.handle, name)
                    break
        if is_there:
            return self._keep_old(photo, folder, name)
        try:
            self._sync(folder)
        except OSError:
            with suppress(OSError):
                rename_new(folder.handle, name, photo.source, photo.name)
            raise
        return Placed(folder.path(name), copy=False)

    def _keep_old(self, photo: _Photo, folder: _Folder, name: str) -> Placed:
        """Of two photos that are the same, keep the one that is in the library."""
        with closing(open_file(folder.handle, name)) as old:
            # Whoever put it there may have been interrupted before it was on the disk.
            sync(old)
            same_file = os.path.samestat(os.fstat(old), os.fstat(photo.handle))
        self._sync(folder)
        os.unlink(photo.name, dir_fd=photo.source)
        return Placed(folder.path(name), copy=not same_file)

    def _sync(self, folder: _Folder) -> None:
        """Wait until the names in a folder, and of those that it is in, are on the disk."""
        sync(folder.handle)
        for depth in range(len(folder.names), 0, -1):
            inode = os.fstat(folder.handles[depth]).st_ino
            key = "/".join(folder.names[:depth]), inode
            if key in self._on_disk:
                return
            sync(folder.handles[depth - 1])
            if len(self._on_disk) >= FOLDERS:
                self._on_disk.clear()
            self._on_disk.add(key)


def _candidates(name: str) -> Iterator[str]:
    """The name, and what it is with each suffix."""
    stem, extension = split(name)
    return (_numbered(stem, number, extension) for number in range(1, MOST_OF_A_NAME + 1))


def _numbered(stem: str, number: int, extension: str) -> str:
    """A name with a number; the first one has none."""
    return suffixed(stem, f"-{number}" if number > 1 else "", extension)


def _choose(folder: int, photo: _Photo) -> tuple[str, bool]:
    """Which name a photo gets in a folder, or has there already.

    It joins files of the same exposure; else those that say nothing of theirs, the last of them,
    since they are likely to have come with it; else its suffix is one that nothing has.

    :returns: the name, and whether the same photo is there
    """
    stem, extension = split(photo.name)
    joins: str | None = None
    proven = False
    for number in range(1, MOST_OF_A_NAME + 1):
        candidate = _numbered(stem, number, extension)
        if status(folder, candidate):
            if _same(folder, candidate, photo.handle):
                return candidate, True
            continue
        others = _others(folder, stem, number)
        if not others:
            return joins or candidate, False
        same = {_same_exposure(photo, folder, other) for other in others}
        if not proven and (True in same or False not in same):
            joins, proven = candidate, True in same
    return joins or _numbered(stem, time.time_ns(), extension), False


def _others(folder: int, stem: str, number: int) -> list[str]:
    """What else of a name has a suffix."""
    names = (_numbered(stem, number, extension) for extension in EXTENSIONS)
    return [name for name in names if status(folder, name)]


def _same_exposure(photo: _Photo, folder: int, other: str) -> bool | None:
    """Whether a file is of the same exposure as a photo; None if one of them does not tell."""
    # A film says when it began or ended, and by another clock.
    if photo.exposure is None or _is_film(photo.name) or _is_film(other):
        return None
    try:
        with os.fdopen(open_file(folder, other), "rb") as file:
            taken = exposure(file, os.fstat(file.fileno()).st_size)
    except OSError:
        return None
    if taken is None:
        return None
    # Only one of them may have a fraction of the second.
    shared = len(taken) if len(taken) == len(photo.exposure) else SECOND
    return taken[:shared] == photo.exposure[:shared]


def _is_film(name: str) -> bool:
    return name.upper().endswith(FILMS)


def _same(folder: int, name: str, photo: int) -> bool:
    """Whether a file in a folder has the same content as a photo; whatever cannot be read has not.

    :param photo: a handle of the photo
    """
    try:
        with closing(open_file(folder, name)) as file:
            old, new = os.fstat(file), os.fstat(photo)
            return old.st_size == new.st_size and _equal(file, photo, new.st_size)
    except OSError:
        return False


def _equal(one: int, other: int, size: int) -> bool:
    return all(
        os.pread(one, PIECE, at) == os.pread(other, PIECE, at) for at in range(0, size, PIECE)
    )
