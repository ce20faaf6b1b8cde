"""The folders that cameras upload to, watched by handles, with all that cameras make in them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from hotshoe_intake import inotify
from hotshoe_intake.inotify import Event, Inotify

_BEGUN = inotify.CREATE | inotify.MOVED_TO
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Each takes a handle. No card has as many folders.
MOST_FOLDERS = 2000
# Between two looks at which of them are gone, in seconds.
LOOK_PAUSE = 1
# vsftpd logs no path that is longer than PATH_MAX.
LONGEST_LOGGED = 4000


@dataclass(frozen=True)
class Folder:
    """A folder that a camera may upload to.

    :param camera: whose it is
    :param handle: of the folder
    :param length: of its path as vsftpd logs it, in bytes
    """

    camera: str
    handle: int
    length: int

    def logs(self, name: str) -> bool:
        """Whether vsftpd logs the path of a file here."""
        return self.length + len(os.fsencode(name)) < LONGEST_LOGGED


class Uploads:
    """The folders of all cameras.

    :param events: where they are watched
    :param begun: called with the folder and the name of each file that appears, and with those of
        each that is found in a folder which was not watched before
    :param ended: called with them when such a file is closed before it was moved away
    :param entered: called with the camera and the handle of each folder
    :param crowded: called with a camera that has made more folders than are watched; those wait for
        a rescan
    """

    def __init__(
        self,
        events: Inotify,
        begun: Callable[[Folder, str, bool], None],
        ended: Callable[[Folder, str], None],
        entered: Callable[[str, int], None],
        crowded: Callable[[str], None],
    ) -> None:
        self._events, self._begun, self._ended = events, begun, ended
        self._entered, self._crowded = entered, crowded
        self._folders: dict[int, Folder] = {}
        self._count: dict[str, int] = {}
        self._looked = -float(LOOK_PAUSE)

    def add(self, camera: str, handle: int, length: int = len("/upload")) -> None:
        """Watch a folder, and take what is in it already.

        :param handle: of the folder, from now on this object's
        """
        if self._count.get(camera, 0) >= MOST_FOLDERS:
            os.close(handle)
            self._crowded(camera)
            return
        watch = self._events.watch(handle, _BEGUN | inotify.CLOSE_WRITE)
        if watch in self._folders:
            os.close(handle)
            return
        folder = self._folders[watch] = Folder(camera, handle, length)
        self._count[camera] = self._count.get(camera, 0) + 1
        self._entered(camera, handle)
        self._take(folder)

    def _make_room(self, parent: Folder) -> None:
        """Forget folders that are gone: while a handle is open, no event tells of that.

        :param parent: the folder in which there is another one, and which is needed
        """
        is_full = self._count.get(parent.camera, 0) >= MOST_FOLDERS
        if is_full and time.monotonic() >= self._looked + LOOK_PAUSE:
            self._forget_gone(needed=parent)

    def _forget_gone(self, needed: Folder | None = None) -> None:
        self._looked = time.monotonic()
        for watch, folder in list(self._folders.items()):
            if folder is not needed and os.fstat(folder.handle).st_nlink == 0:
                self._events.forget(watch)
                self._forget(watch)

    def _forget(self, watch: int) -> None:
        folder = self._folders.pop(watch)
        self._count[folder.camera] -= 1
        os.close(folder.handle)

    def _take(self, folder: Folder) -> None:
        """Take what is in a folder.

        :raises OSError: if a folder in it cannot be watched; all else is taken before
        """
        failed: OSError | None = None
        with os.scandir(folder.handle) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        self._enter(folder, entry.name)
                    else:
                        self._begun(folder, entry.name, True)
                except OSError as error:
                    failed = error
        if failed:
            raise failed

    def _enter(self, folder: Folder, name: str) -> None:
        """Watch a folder in a folder; if it is gone or a link by now, there is nothing to watch."""
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            handle = os.open(name, _OPEN, dir_fd=folder.handle)
            self.add(folder.camera, handle, folder.length + 1 + len(os.fsencode(name)))

    def rescan(self) -> None:
        """Look at all folders again: events were lost, or there was no room for a folder.

        :raises OSError: if a folder cannot be read or watched; all else is taken before
        """
        failed: OSError | None = None
        self._forget_gone()
        for folder in list(self._folders.values()):
            try:
                self._take(folder)
            except OSError as error:
                failed = error
        if failed:
            raise failed

    def of(self, camera: str) -> Iterator[int]:
        """The handles of a camera's folders."""
        return (folder.handle for folder in self._folders.values() if folder.camera == camera)

    def handle(self, event: Event) -> bool:
        """Do what an event asks for.

        :returns: whether it is about one of these folders
        """
        folder = self._folders.get(event.watch)
        if folder is None:
            return False
        if event.mask & inotify.IGNORED:
            self._forget(event.watch)
        elif event.mask & inotify.ISDIR:
            if event.mask & _BEGUN:
                self._make_room(folder)
                self._enter(folder, event.name)
        elif event.mask & _BEGUN:
            self._begun(folder, event.name, False)
        elif event.mask & inotify.CLOSE_WRITE:
            self._ended(folder, event.name)
        return True
