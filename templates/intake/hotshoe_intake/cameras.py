"""The folders of a camera, by handles: each upload has a place of its own in one of them."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Self

from hotshoe_intake.folders import closing, make_folder, open_file, open_folder, sync
from hotshoe_intake.formats import Look, look
from hotshoe_intake.locks import writer

UPLOAD, ARRIVING, INCOMPLETE, UNPROVEN = "upload", "arriving", "incomplete", "unproven"
FOLDERS = (UPLOAD, ARRIVING, INCOMPLETE, UNPROVEN)
# Of the place of an upload: its group may read what is there once that is in a folder it may enter.
PLACE_MODE = 0o750
DAY = 86400


@dataclass(frozen=True)
class Camera:
    """A camera's folders.

    :param name: the camera
    :param folders: handles, by their names
    :param tolerant: whether it may end transfers without closing TLS
    """

    name: str
    folders: Mapping[str, int]
    tolerant: bool

    @classmethod
    def find(cls, photos: int, name: str, *, tolerant: bool) -> Self | None:
        """A camera, if a folder is one's.

        :param photos: a handle of the folder of all photos
        :param name: of the folder
        """
        with ExitStack() as opened:
            try:
                root = opened.enter_context(closing(open_folder(photos, name)))
                folders = {}
                with ExitStack() as kept:
                    for folder in FOLDERS:
                        folders[folder] = open_folder(root, folder)
                        kept.callback(os.close, folders[folder])
                    kept.pop_all()
            except OSError:
                return None
        return cls(name, folders, tolerant)

    def make_place(self, folder: str) -> str:
        """Make a place, named after the time.

        :param folder: in which of the folders
        :returns: its name
        """
        while True:
            now = time.time_ns()
            text = time.strftime("%Y%m%dT%H%M%S", time.localtime(now // 10**9))
            place = f"{text}.{now % 10**9:09}"
            if make_folder(self.folders[folder], place, PLACE_MODE):
                return place

    def arriving(self) -> Iterator[tuple[str, str, float]]:
        """What an earlier run of this program has left under way.

        :returns: of each, its place, its name, and when it was moved there, as
            time.time() counts
        """
        arriving = self.folders[ARRIVING]
        for place in sorted(os.listdir(arriving)):
            # One that cannot be read must not keep the others from being taken in.
            with suppress(OSError):
                with closing(open_folder(arriving, place)) as handle:
                    names = os.listdir(handle)
                    if names:
                        yield place, names[0], os.fstat(handle).st_mtime
                        continue
                os.rmdir(place, dir_fd=arriving)

    def adopt(self) -> None:
        """Give a place to each file that broke off before hotshoe had this program."""
        incomplete = self.folders[INCOMPLETE]
        with os.scandir(incomplete) as entries:
            files = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
        for name in files:
            place = self.make_place(INCOMPLETE)
            os.rename(name, f"{place}/{name}", src_dir_fd=incomplete, dst_dir_fd=incomplete)

    def state(self, place: str, name: str) -> os.stat_result | None:
        """The state of an upload under way; None if it is not there."""
        try:
            arriving = self.folders[ARRIVING]
            return os.stat(f"{place}/{name}", dir_fd=arriving, follow_symlinks=False)
        except OSError:
            return None

    def writer(self, place: str, name: str) -> int | None:
        """The process that writes an upload; None if none does, or if it is no file."""
        try:
            with closing(open_folder(self.folders[ARRIVING], place)) as handle:
                file = open_file(handle, name)
            with closing(file):
                return writer(file)
        except OSError:
            return None

    def look(self, place: str, name: str) -> tuple[os.stat_result, Look]:
        """Look at what has arrived, and have the disk write it.

        :raises OSError: if it cannot be read, or is no file
        """
        with closing(open_folder(self.folders[ARRIVING], place)) as handle:
            file = open_file(handle, name)
        with open(file, "rb", buffering=0) as content:
            state = os.fstat(file)
            seen = look(content, state.st_size)
            sync(file)
        return state, seen

    def set_aside(self, place: str, folder: str) -> None:
        """Move an upload, with its place, into another folder.

        :param folder: which one
        :raises OSError: if it cannot be moved
        """
        arriving, aside = self.folders[ARRIVING], self.folders[folder]
        os.rename(place, place, src_dir_fd=arriving, dst_dir_fd=aside)
        sync(aside)
        sync(arriving)

    def remove_old(self, days: int) -> list[str]:
        """Remove what broke off and has been kept for long enough.

        :param days: how long that is
        :returns: the names of what was removed
        """
        incomplete = self.folders[INCOMPLETE]
        removed: list[str] = []
        with os.scandir(incomplete) as entries:
            old = [
                entry.name
                for entry in entries
                if entry.stat(follow_symlinks=False).st_ctime < time.time() - days * DAY
            ]
        for place in old:
            with closing(open_folder(incomplete, place)) as handle:
                removed += os.listdir(handle)
            shutil.rmtree(place, dir_fd=incomplete)
        return removed


def is_photo(state: os.stat_result, owner: int) -> bool:
    """Whether a file is what vsftpd makes of an upload.

    :param state: of the file itself, links not followed
    :param owner: the user id of vsftpd's sessions
    """
    return stat.S_ISREG(state.st_mode) and state.st_uid == owner
