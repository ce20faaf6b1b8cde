"""What the server wants: fetch a photo, or prove that it is still here."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hotshoe_fetch.folder import Folder, digest
from hotshoe_fetch.folders import sync
from hotshoe_fetch.rate import Rate
from hotshoe_fetch.server import Server, Task

WRONG = "what arrives is not what the server has: is a disk or the memory of one of them broken?"
# How often it is told that this goes on, in seconds.
ALIVE = 10
# What is wrong with one name, and not with the disk.
OF_A_NAME = {
    errno.ENAMETOOLONG: "its name is too long for the disk there",
    errno.EINVAL: "its name is not possible on the disk there",
    errno.EILSEQ: "its name is not possible on the disk there",
    errno.ENOTDIR: "a file is in the way of its folder",
    errno.ELOOP: "a link is in the way of its folder",
    errno.EISDIR: "a folder is in its way",
    errno.EEXIST: "other files there have its name, with the digits of its digest and without",
    errno.EFBIG: "it is too large for the disk there",
    # What the whole folder lets nobody do, it says of each.
    errno.EACCES: "its folder there takes nothing: Permission denied",
    errno.EPERM: "its folder there takes nothing: Operation not permitted",
}
# What says nothing about a photo.
OF_THIS_PROGRAM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class StuckError(Exception):
    """Something cannot be fetched for now, and the connection is of no more use.

    :param reason: why, in plain words
    :param number: of the photo that it is about; None if it is about all
    """

    def __init__(self, reason: str, number: int | None) -> None:
        super().__init__(reason)
        self.reason, self.number = reason, number


@dataclass(frozen=True)
class _Arrived:
    """A photo that is all here, and has no name yet.

    :param handle: of it
    :param digest: its digest, once it is on the disk
    """

    task: Task
    handle: int
    digest: Future[str]


class Fetching:
    """Does tasks: while one photo is written to the disk and digested, the next one comes.

    :param server: the server
    :param folder: where photos go
    :param rate: at which they come
    :param alive: called whenever something has come
    """

    def __init__(
        self, server: Server, folder: Folder, rate: Rate, alive: Callable[[], None]
    ) -> None:
        self._server, self._folder, self._rate, self._alive = server, folder, rate, alive

    def do(self, tasks: Iterable[Task]) -> int:
        """Do tasks.

        :returns: how many photos are here that were not
        :raises StuckError: if one cannot be done, which the server has to be told
        :raises LostError: if the server has gone
        """
        come = 0
        with ExitStack() as open_files, ThreadPoolExecutor(1) as disk:
            before: _Arrived | None = None
            for task in tasks:
                with _told(task):
                    arrived = self._begin(task, disk, open_files)
                if arrived:
                    come += bool(before and self._finish(before, disk))
                    before = arrived
            return come + bool(before and self._finish(before, disk))

    def _begin(self, task: Task, disk: Executor, open_files: ExitStack) -> _Arrived | None:
        """Prove that a photo is here, or have it come; None if nothing is left to do."""
        if task.nonce:
            self._prove(task)
            return None
        if self._is_here(task):
            return None
        handle = self._folder.open_part(task)
        open_files.callback(os.close, handle)
        if self._complete(task, handle):
            return _Arrived(task, handle, disk.submit(_on_the_disk, handle))
        self._folder.drop_part(task)
        return None

    def _prove(self, task: Task) -> None:
        try:
            with self._folder.find(task.name or task.path) as handle:
                found = digest(handle, bytes.fromhex(task.nonce or ""), self._alive)
        except OSError as error:
            if error.errno in OF_THIS_PROGRAM:
                raise
            # A person has moved it, put something else there, or taken it for himself alone; or the
            # disk does not read it any more. It is fetched once more then, and holds up no other.
            found = None
        self._server.proved(task, found)

    def _is_here(self, task: Task) -> bool:
        """Whether a photo is here under its name already, of which the server is told."""
        for name, sha256 in self._folder.namesakes(task, self._alive):
            if self._server.right(task.id, sha256):
                self._folder.drop_part(task)
                self._server.fetched(task.id, sha256, name)
                return True
        return False

    def _result(self, digest: Future[str]) -> str:
        """Wait for a digest: a film may take longer than systemd is patient."""
        while not wait((digest,), ALIVE)[0]:
            self._alive()
        return digest.result()

    def _finish(self, arrived: _Arrived, disk: Executor) -> bool:
        """Give a photo its name, if it is right; it may be fetched anew, once.

        :returns: whether it is here
        """
        task = arrived.task
        with _told(task):
            sha256 = self._result(arrived.digest)
            if not self._server.right(task.id, sha256):
                # What was here of it may have been wrong, such as after a power cut.
                os.ftruncate(arrived.handle, 0)
                if not self._complete(task, arrived.handle):
                    self._folder.drop_part(task)
                    return False
                sha256 = self._result(disk.submit(_on_the_disk, arrived.handle))
                if not self._server.right(task.id, sha256):
                    self._folder.drop_part(task)
                    raise StuckError(WRONG, task.id)
            os.utime(arrived.handle, ns=(task.mtime_ns, task.mtime_ns))
            self._server.fetched(task.id, sha256, self._folder.place(task, sha256))
        return True

    def _complete(self, task: Task, handle: int) -> bool:
        """Get the rest of a photo.

        :returns: whether the server has it
        """
        have = os.fstat(handle).st_size
        if have > task.size:
            os.ftruncate(handle, 0)
            have = 0
        pieces = self._server.read(task, have)
        if pieces is None:
            return False
        for piece in pieces:
            have += _write(handle, piece, have)
            self._alive()
            self._rate.took(len(piece))
        return True


@contextmanager
def _told(task: Task) -> Iterator[None]:
    """Put what the disk says about a photo into plain words.

    :raises StuckError: with them; the rest of a photo may still be on its way
    """
    try:
        yield
    except OSError as error:
        if reason := OF_A_NAME.get(error.errno or 0):
            raise StuckError(reason, task.id) from None
        raise StuckError(_in_words(error), None) from None


def _on_the_disk(handle: int) -> str:
    """Wait until a photo is on the disk; its digest."""
    sync(handle)
    return digest(handle)


def _write(handle: int, data: bytes, at: int) -> int:
    """Write all of it there.

    :returns: how much that is, in bytes
    """
    done = 0
    while done < len(data):
        done += os.pwrite(handle, data[done:], at + done)
    return done


def _in_words(error: OSError) -> str:
    if error.errno in FULL:
        return "the disk there is full"
    return f"the folder there takes no photos: {error.strerror}"
