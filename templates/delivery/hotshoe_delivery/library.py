"""The library: which photos are in it, and what they hold.

People may move, replace and remove anything in it at any time, and put links there. So it is looked
at by handles of folders, past no link, and what counts is the file that was opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hotshoe_delivery.folders import (
    below,
    closing,
    open_file,
    open_folder,
    rename_new,
    status,
    sync,
)
from hotshoe_delivery.ledger import Found, Photo
from hotshoe_delivery.names import split, suffixed

# How much is read at a time, in bytes.
PIECE = 1 << 20
# What another program than the intake puts there may still grow, for so many seconds after its last
# change.
GROWING = 60
# How many folders deep a photo may be; the intake makes a few.
DEEPEST = 50
# A folder that is empty goes with the last photo that retention removes, unless that came lately.
IN_USE = 86400
# What is about to be removed is called that, and its name, in the folder where it was. So its name
# is gone wherever the library is seen or mirrored; and whatever ends this program leaves what it
# takes to give it back. No photo's name begins with a point.
ASIDE = ".hotshoe-leaving-"
# Where its name is taken by then, it gets one with a number, as the intake has them; up to that.
LAST_NUMBER = 99
# What tells that no photo is under a path: nothing, a link, or something else than a file.
_NOT_THERE = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODEV)
)
# What keeps all of the library from being looked at, not one place of it.
_OF_ALL = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class ChangedError(OSError):
    """A photo is not any more what it was."""


def is_about_reading(error: OSError) -> bool:
    """Whether a photo is there, as far as is known, and only cannot be read, or renamed."""
    return not isinstance(error, ChangedError) and error.errno not in _NOT_THERE


@dataclass(frozen=True)
class Digests:
    """Of a photo's content, in hexadecimal digits.

    :param sha256: what counts
    :param md5: what some other sides can tell of what they have
    """

    sha256: str
    md5: str


def open_photo(root: int, path: str) -> int:
    """Open a file of the library for reading, without following a link.

    :param root: a handle of the library's folder
    :param path: from there on, as :func:`os.fsdecode` gives it
    :returns: its handle, which the caller closes
    :raises OSError: if it is not there, is no regular file, or a link is on the way to it
    """
    *folders, name = path.split("/")
    with below(root, folders) as handles:
        return open_file(handles[-1], name)


@contextmanager
def opened(root: int, photo: Photo) -> Iterator[int]:
    """Open a photo that the ledger knows, under its name or set aside.

    :returns: its handle
    :raises ChangedError: if something else is there now
    :raises OSError: if it is not there
    """
    with closing(_open_either(root, photo)) as handle:
        yield handle


def _open_either(root: int, photo: Photo) -> int:
    try:
        handle = open_photo(root, photo.path)
        if not _is_changed(handle, photo):
            return handle
        os.close(handle)
        why: OSError = ChangedError(errno.ESTALE, "it has changed", photo.path)
    except OSError as error:
        why = error
    with suppress(OSError):
        handle = open_photo(root, _aside(photo.path))
        if not _is_changed(handle, photo):
            return handle
        os.close(handle)
    raise why


def _is_changed(handle: int, photo: Photo) -> bool:
    state = os.fstat(handle)
    return (state.st_size, state.st_mtime_ns) != (photo.size, photo.mtime_ns)


def _aside(path: str) -> str:
    """What a photo is called while it is set aside."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{ASIDE}{name}"


def look(root: int, path: str, arrived: float | None = None) -> Found:
    """What is under a path of the library.

    :param arrived: since when it is there, in seconds since 1970; None if nobody knows
    :raises OSError: if no photo is there
    """
    with closing(open_photo(root, path)) as handle:
        return _found(path, os.fstat(handle), arrived)


def _found(path: str, state: os.stat_result, arrived: float | None = None) -> Found:
    # Since when a file has its name, or its last change of owner and mode, which is later.
    since = min(state.st_ctime, time.time()) if arrived is None else arrived
    return Found(path, state.st_size, state.st_mtime_ns, since)


@dataclass(frozen=True)
class Scan:
    """What a look at all of the library has found.

    :param photos: in the order in which they came
    :param growing: whether something is left out that may still grow
    :param closed: folders that cannot be looked into, or not at everything in them, and why
    :param aside: the paths, by their own names, of photos that are set aside
    """

    photos: list[Found]
    growing: bool
    closed: dict[str, str] = field(default_factory=dict)
    aside: tuple[str, ...] = ()


def scan(root: int, intake: int) -> Scan:
    """Look at all of the library. What begins with a point is no photo.

    :param root: a handle of its folder
    :param intake: the user id that what cameras upload has, which is whole
    :raises OSError: if that folder cannot be read, or this computer has no more files or memory
    """
    photos: list[Found] = []
    growing = False
    closed: dict[str, str] = {}
    aside: list[str] = []

    def fail(where: str, error: OSError) -> None:
        # What is removed meanwhile, or becomes something else, has no photos.
        if error.errno in _OF_ALL:
            raise error
        if is_about_reading(error):
            # Such as one that somebody keeps for himself. It must not hide all others.
            closed.setdefault(where or ".", error.strerror or str(error))

    def look_into(folder: int, where: str, depth: int) -> None:
        nonlocal growing
        for name in os.listdir(folder):
            own = name.removeprefix(ASIDE)
            if not own or own.startswith("."):
                continue
            path = f"{where}/{name}".removeprefix("/")
            try:
                state = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except OSError as error:
                fail(where, error)
                continue
            if stat.S_ISDIR(state.st_mode) and own == name and depth < DEEPEST:
                try:
                    with closing(open_folder(folder, name)) as inner:
                        look_into(inner, path, depth + 1)
                except OSError as error:
                    fail(path, error)
            elif not stat.S_ISREG(state.st_mode):
                continue
            elif own != name:
                aside.append(f"{where}/{own}".removeprefix("/"))
            elif state.st_uid != intake and time.time() - state.st_mtime < GROWING:
                growing = True
            else:
                photos.append(_found(path, state))

    look_into(root, "", 0)
    photos.sort(key=lambda each: each.arrived)
    return Scan(photos, growing, closed, tuple(aside))


def pieces(handle: int) -> Iterator[bytes]:
    """The content of a file from its beginning, piece by piece."""
    at = 0
    while piece := os.pread(handle, PIECE, at):
        yield piece
        at += len(piece)


def digest(handle: int) -> Digests:
    """The digests of a file's content."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for piece in pieces(handle):
        sha256.update(piece)
        md5.update(piece)
    return Digests(sha256.hexdigest(), md5.hexdigest())


def proof(handle: int, nonce: bytes) -> str:
    """What whoever has a content can tell of it: SHA-256, in hexadecimal digits, after a nonce."""
    sha256 = hashlib.sha256(nonce)
    for piece in pieces(handle):
        sha256.update(piece)
    return sha256.hexdigest()


def set_aside(root: int, photo: Photo, handle: int) -> None:
    """Take a photo's name away; nothing else happens to it.

    :param handle: of the file that was looked at; nothing else is renamed
    :raises ChangedError: if something else has its name by now, or it was changed meanwhile
    :raises OSError: if it cannot be renamed
    """
    *folders, name = photo.path.split("/")
    with below(root, folders) as handles:
        folder = handles[-1]
        _refuse_other(folder, name, photo, handle)
        _rename(folder, name, ASIDE + name)
        try:
            _refuse_other(folder, ASIDE + name, photo, handle)
        except ChangedError:
            # Somebody was faster: that is another file, and gets its name back.
            _rename(folder, ASIDE + name, name)
            raise


def put_back(root: int, path: str) -> str:
    """Give a photo that was set aside its name back, or one with a number if that is taken.

    :param path: by its own name
    :returns: its path
    :raises OSError: if it is not there, or cannot be renamed
    """
    *folders, name = path.split("/")
    stem, extension = split(name)
    numbered = (suffixed(stem, f"-{number}", extension) for number in range(2, LAST_NUMBER + 1))
    with below(root, folders) as handles:
        folder = handles[-1]
        here, there = status(folder, name), status(folder, ASIDE + name)
        if here and there and os.path.samestat(here, there):
            # On NFS it has both names for a moment, since it is renamed by a link.
            os.unlink(ASIDE + name, dir_fd=folder)
            return path
        for new in (name, *numbered):
            with suppress(FileExistsError):
                _rename(folder, ASIDE + name, new)
                return "/".join((*folders, new))
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def remove(root: int, photo: Photo, handle: int) -> None:
    """Remove a photo that is set aside, and its folder if that is empty then.

    :param handle: of the file that was looked at; nothing else is removed
    :raises ChangedError: if something else is set aside by now, or it was changed meanwhile
    :raises OSError: if it cannot be removed
    """
    *folders, name = photo.path.split("/")
    with below(root, folders) as handles:
        _refuse_other(handles[-1], ASIDE + name, photo, handle)
        os.unlink(ASIDE + name, dir_fd=handles[-1])
        sync(handles[-1])
        # The intake makes folders anew; a camera's own stays.
        if len(folders) > 1 and photo.arrived < time.time() - IN_USE:
            with suppress(OSError):
                os.rmdir(folders[-1], dir_fd=handles[-2])


def _rename(folder: int, name: str, new: str) -> None:
    """Rename a photo unless the new name is taken, on any file system.

    Where that takes a second name for a moment (NFS, older ZFS), the kernel gives none to who may
    only read the photo (fs.protected_hardlinks). Then an empty file takes the new name first. What
    is called aside is nobody's but this program's.
    """
    try:
        rename_new(folder, name, folder, new)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
        ours = new.startswith(ASIDE)
        if not ours:
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
        elif status(folder, new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from None
        try:
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            if not ours:
                os.unlink(new, dir_fd=folder)
            raise


def _refuse_other(folder: int, name: str, photo: Photo, handle: int) -> None:
    """Refuse whatever has a name, if it is not the file that was looked at, as that was."""
    seen = status(folder, name)
    if _is_changed(handle, photo) or seen is None or not os.path.samestat(os.fstat(handle), seen):
        raise ChangedError(errno.ESTALE, "another file has its name, or it has changed", photo.path)
