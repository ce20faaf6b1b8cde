"""Work in folders that others may change meanwhile: by handles, never by a path, and past no link.

Whoever owns a folder may swap anything in it for a link between two system calls; a handle still
means the folder that was opened. All functions raise OSError, and nothing else.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Iterator, Sequence

# Of a folder that is made. It inherits the group of the one that it is in from that one; the unit
# does not let this program ask for that (RestrictSUIDSGID), and to set a mode later takes it away.
MODE = 0o770
# Of one in the library: the umask decides whether it is for readers, who are neither its owner nor
# in its group.
READABLE_MODE = 0o775
# linux/fs.h
RENAME_NOREPLACE = 1
# What a file system without renameat2(2), or without that flag, answers.
NOT_OFFERED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for the other end of a FIFO.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
_renameat2.argtypes = [
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_uint,
]


def single(name: str) -> str:
    """Make sure that a name is one of something in a folder, not of anything elsewhere.

    :returns: the name
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), name)
    return name


def open_folder(parent: int, name: str) -> int:
    """Open a folder in another; a link is none.

    :param parent: a handle of the other
    :param name: its name there
    :returns: its handle, which the caller closes
    """
    return os.open(single(name), _FOLDER, dir_fd=parent)


def make_folder(parent: int, name: str, mode: int = MODE) -> bool:
    """Make a folder in another unless there is one.

    :param parent: a handle of the other
    :param name: its name there
    :param mode: its mode, of which the umask takes away
    :returns: whether it was made; False means that the name is taken, by whatever
    """
    try:
        os.mkdir(single(name), mode, dir_fd=parent)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def closing(handle: int) -> Iterator[int]:
    """A handle, closed at the end."""
    try:
        yield handle
    finally:
        os.close(handle)


def _opened(parent: int, name: str, *, make: bool) -> int:
    try:
        return open_folder(parent, name)
    except FileNotFoundError:
        if not make:
            raise
    make_folder(parent, name, READABLE_MODE)
    return open_folder(parent, name)


@contextlib.contextmanager
def below(root: int, names: Sequence[str], *, make: bool = False) -> Iterator[list[int]]:
    """Open a folder some levels below another.

    :param root: a handle of the other
    :param names: of the folders on the way, and of the folder itself
    :param make: whether to make those that are missing
    :returns: handles of all of them, in this order, after that of the root; all but that are closed
        at the end
    """
    handles = [root]
    with contextlib.ExitStack() as stack:
        for depth, name in enumerate(names):
            try:
                handles.append(_opened(handles[-1], name, make=make))
            except OSError as error:
                # The name alone does not say which one it is.
                where = "/".join(names[: depth + 1])
                raise OSError(error.errno, error.strerror, where) from None
            stack.callback(os.close, handles[-1])
        yield handles


def open_file(folder: int, name: str) -> int:
    """Open a file for reading; neither a link nor anything else is one.

    :param folder: a handle of the folder that it is in
    :param name: its name there
    :returns: its handle, which the caller closes
    """
    handle = os.open(single(name), _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a regular file", name)
    return handle


def status(folder: int, name: str) -> os.stat_result | None:
    """What is under a name, a link itself if it is one; None if nothing is."""
    try:
        return os.stat(single(name), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def rename_new(source: int, name: str, target: int, new_name: str) -> None:
    """Rename a file or a folder, atomically, unless the new name is taken.

    Where the file system cannot do that (NFS), a file gets its new name before it loses the old
    one: if the program ends in between, it has both. A folder is then renamed without the
    condition, which replaces an empty folder and nothing else.

    :param source: a handle of the folder that it is in
    :param name: its name there
    :param target: a handle of the folder where it goes, on the same file system
    :param new_name: its name there
    """
    old, new = os.fsencode(single(name)), os.fsencode(single(new_name))
    if _renameat2(source, old, target, new, RENAME_NOREPLACE) == 0:
        return
    number = ctypes.get_errno()
    if number not in NOT_OFFERED:
        raise OSError(number, os.strerror(number), name, None, new_name)
    before = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISDIR(before.st_mode):
        os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
    else:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        os.unlink(name, dir_fd=source)


def sync(handle: int) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    :param handle: its handle, also if it is open for reading only
    """
    os.fsync(handle)
