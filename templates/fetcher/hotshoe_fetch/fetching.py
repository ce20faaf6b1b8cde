"""One task: fetch a photo, or prove that it is still here."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from hotshoe_fetch.folder import Folder, digest
from hotshoe_fetch.folders import closing, sync
from hotshoe_fetch.rate import Rate
from hotshoe_fetch.server import Server, Task

# How often a photo is fetched anew at once, if what has arrived is not what the server has.
ATTEMPTS = 2
WRONG = "what arrives is not what the server has: is a disk or the memory of one of them broken?"
# What is wrong with one name, and not with the disk.
OF_A_NAME = {
    errno.ENAMETOOLONG: "its name is too long for the disk there",
    errno.EINVAL: "its name is not possible on the disk there",
    errno.EILSEQ: "its name is not possible on the disk there",
    errno.ENOTDIR: "a file is in the way of its folder",
    errno.ELOOP: "a link is in the way of its folder",
    errno.EISDIR: "a folder is in its way",
    errno.EEXIST: "too many photos there have its name",
    errno.EFBIG: "it is too large for the disk there",
}
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class StuckError(Exception):
    """Something cannot be fetched for now, and the connection is of no more use.

    :param reason: why, in plain words
    :param number: of the photo that it is about; None if it is about all
    """

    def __init__(self, reason: str, number: int | None) -> None:
        super().__init__(reason)
        self.reason, self.number = reason, number


class Fetching:
    """Does tasks.

    :param server: the server
    :param folder: where photos go
    :param rate: at which they come
    :param alive: called whenever something has come
    """

    def __init__(
        self, server: Server, folder: Folder, rate: Rate, alive: Callable[[], None]
    ) -> None:
        self._server, self._folder, self._rate, self._alive = server, folder, rate, alive

    def do(self, task: Task) -> bool:
        """Do a task.

        :returns: whether a photo is here that was not
        :raises StuckError: if it cannot be done, which the server has to be told
        :raises LostError: if the server has gone
        """
        try:
            return self._prove(task) if task.nonce else self._fetch(task)
        except OSError as error:
            # The rest of the photo is still on its way.
            if reason := OF_A_NAME.get(error.errno or 0):
                raise StuckError(reason, task.id) from None
            raise StuckError(_in_words(error), None) from None

    def _prove(self, task: Task) -> bool:
        try:
            with self._folder.find(task.name or task.path) as handle:
                found = digest(handle, bytes.fromhex(task.nonce or ""))
        except OSError as error:
            # A person has moved it, or put something else there.
            if error.errno != errno.ENOENT and error.errno not in OF_A_NAME:
                raise
            found = None
        self._server.proved(task, found)
        return False

    def _fetch(self, task: Task) -> bool:
        for name, sha256 in self._folder.namesakes(task):
            self._alive()
            if self._server.right(task.id, sha256):
                self._folder.drop_part(task)
                self._server.fetched(task.id, sha256, name)
                return False
        for _ in range(ATTEMPTS):
            with closing(self._folder.open_part(task)) as handle:
                if not self._complete(task, handle):
                    self._folder.drop_part(task)
                    return False
                sync(handle)
                sha256 = digest(handle)
                if self._server.right(task.id, sha256):
                    os.utime(handle, ns=(task.mtime_ns, task.mtime_ns))
                    name = self._folder.place(task)
                    self._server.fetched(task.id, sha256, name)
                    return True
            self._folder.drop_part(task)
        raise StuckError(WRONG, task.id)

    def _complete(self, task: Task, handle: int) -> bool:
        """Get the rest of a photo.

        :returns: whether the server has it
        """
        have = os.fstat(handle).st_size
        if have > task.size:
            os.ftruncate(handle, 0)
            have = 0
        pieces = self._server.read(task.id, have)
        if pieces is None:
            return False
        for piece in pieces:
            have += _write(handle, piece, have)
            self._alive()
            self._rate.took(len(piece))
        return True


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
