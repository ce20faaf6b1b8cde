"""The daemon: what happens to an upload from its first byte to the library."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam
from typing import Any

from hotshoe_intake import inotify
from hotshoe_intake.arrivals import CLOCK, Arrival, Arrivals, Fate, judge
from hotshoe_intake.folders import open_folder, sync
from hotshoe_intake.formats import Look, look
from hotshoe_intake.inotify import Inotify
from hotshoe_intake.journal import (
    WARNING,
    Barrier,
    Journal,
    Teller,
    is_complete_since,
    send_barrier,
)
from hotshoe_intake.library import Library
from hotshoe_intake.locks import read_writers
from hotshoe_intake.uploads import Folder, Uploads, is_photo

UPLOAD, ARRIVING, INCOMPLETE, UNPROVEN = "upload", "arriving", "incomplete", "unproven"
FOLDERS = (UPLOAD, ARRIVING, INCOMPLETE, UNPROVEN)
LIBRARY = "library"
DAY = 86400
# vsftpd locks a file right after it has made it.
LOCK_PAUSE, LOCK_TRIES = 0.01, 100
# After an error of the file system, such as a full disk.
ERROR_PAUSE = 30
BARRIER_PAUSE = 30
SWEEP_PAUSE = 3600


@dataclass(frozen=True)
class Camera:
    """The folders of a camera, by their handles.

    :param name: the camera
    :param folders: by their names
    :param tolerant: whether it may end transfers without closing TLS
    """

    name: str
    folders: Mapping[str, int]
    tolerant: bool


class Intake:
    """Takes photos in.

    :param configuration: what the deploy wrote
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self._root = configuration["photos"]
        self._days = configuration["keep_incomplete_days"]
        self._owner = getpwnam(configuration["owner"]).pw_uid
        self._tree = configuration["library"]
        self._cameras = {
            camera.name: camera
            for name in sorted(os.listdir(self._root))
            if (camera := self._open(name, configuration["cameras"].get(name, {})))
        }
        self._library = Library(open_folder(Path(self._root, LIBRARY)), self._tree)
        self._events, self._teller, self._arrivals = Inotify(), Teller(), Arrivals()
        self._uploads = Uploads(self._events, self._begin, self._closed, self._crowded)
        # Of those that arrive: by the watch of their place, and by where they were last.
        self._watched: dict[int, Arrival] = {}
        self._latest: dict[tuple[int, str], Arrival] = {}
        self._barriers: dict[str, list[Arrival]] = {}
        self._lookers = ThreadPoolExecutor(4)
        # One, since it decides which names are free.
        self._placer = ThreadPoolExecutor(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._tokens = (f"{secrets.token_hex(8)}{n:08x}" for n in itertools.count())
        self._crowds: set[str] = set()
        self._unseen: dict[Arrival, int] = {}
        self._ended: list[Arrival] = []
        self._again = False

    def _open(self, name: str, said: Mapping[str, Any]) -> Camera | None:
        """A camera, if a folder is one's."""
        handles: dict[str, int] = {}
        try:
            for folder in FOLDERS:
                handles[folder] = open_folder(Path(self._root, name, folder))
        except OSError:
            for handle in handles.values():
                os.close(handle)
            return None
        return Camera(name, handles, bool(said.get("tolerates_unclean_close")))

    # -- what was there before this began

    def _catch_up(self) -> None:
        """Take up what a daemon before this one has left, and what arrived without one."""
        for camera in self._cameras.values():
            self._adopt(camera)
            for place in sorted(os.listdir(camera.folders[ARRIVING])):
                self._take_up(camera, place)
            self._uploads.add(camera.name, os.dup(camera.folders[UPLOAD]))

    def _take_up(self, camera: Camera, place: str) -> None:
        """Take up an upload that was moved already."""
        arriving = camera.folders[ARRIVING]
        handle = open_folder(place, arriving)
        try:
            names = os.listdir(handle)
            if not names:
                os.rmdir(place, dir_fd=arriving)
                return
            began = os.fstat(handle).st_mtime
            inode = os.stat(names[0], dir_fd=handle, follow_symlinks=False).st_ino
            arrival = Arrival(camera.name, place, names[0], inode, began)
            self._arrivals.add(arrival)
            self._watch(arrival, handle)
        finally:
            os.close(handle)

    def _adopt(self, camera: Camera) -> None:
        """Give each file that broke off before hotshoe had this program a place and its days."""
        incomplete = camera.folders[INCOMPLETE]
        with os.scandir(incomplete) as entries:
            files = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
        for name in files:
            place = self._make_place(incomplete)
            os.rename(name, f"{place}/{name}", src_dir_fd=incomplete, dst_dir_fd=incomplete)

    # -- what happens

    async def run(self, ready: Callable[[], None]) -> None:
        """Take photos in for ever.

        :param ready: called once names are free as soon as uploads begin
        """
        self._catch_up()
        began = min((arrival.began for arrival in self._arrivals), default=time.time())
        self._journal = Journal(self._owner, began - CLOCK)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._events.fd, self._happened)
        loop.add_reader(self._journal.fd, self._read_journal)
        self._find_ended()
        self._read_journal()
        ready()
        while True:
            await loop.run_in_executor(self._lookers, self._sweep)
            await asyncio.sleep(SWEEP_PAUSE)

    def _happened(self) -> None:
        for event in self._events.read():
            if event.mask & inotify.Q_OVERFLOW:
                self._look_again()
            elif not self._uploads.handle(event):
                self._handle(event)
        self._look_for_writers()
        self._send_barrier()

    def _look_again_later(self) -> None:
        """Look at all folders again in a while, since something could not be taken."""
        if not self._again:
            self._again = True
            asyncio.get_running_loop().call_later(ERROR_PAUSE, self._look_again)

    def _look_again(self) -> None:
        self._again = False
        self._uploads.rescan()
        self._find_ended()

    def _handle(self, event: inotify.Event) -> None:
        """An event in the place of an arrival."""
        arrival = self._watched.get(event.watch)
        if event.mask & inotify.IGNORED:
            self._watched.pop(event.watch, None)
        elif arrival and event.mask & inotify.CLOSE_WRITE:
            self._end(arrival)

    def _begin(self, folder: Folder, name: str) -> None:
        """An upload has begun: its name becomes free."""
        try:
            state = os.stat(name, dir_fd=folder.handle, follow_symlinks=False)
            if not is_photo(state, self._owner):
                return
            arrival = self._move(folder, name, state)
        except FileNotFoundError:
            return
        except OSError as error:
            self._tell_error(folder.camera, name, error)
            self._look_again_later()
            return
        self._arrivals.add(arrival)
        arrival.origin = (folder.handle, name)
        self._latest[arrival.origin] = arrival
        self._unseen[arrival] = 0
        self._tell(arrival, "arriving", f"{name} is arriving")

    def _move(self, folder: Folder, name: str, state: os.stat_result) -> Arrival:
        """Move a file from a camera's folder to a place of its own.

        :raises OSError: if it cannot be moved, or is gone
        """
        arriving = self._cameras[folder.camera].folders[ARRIVING]
        place = self._make_place(arriving)
        handle = open_folder(place, arriving)
        try:
            # The last byte of a file that was there before may be older than this moment.
            began = min(time.time(), state.st_mtime)
            arrival = Arrival(
                folder.camera, place, name, state.st_ino, began, logs=folder.logs(name)
            )
            # Before it gets there, so that no end is missed.
            self._watch(arrival, handle)
            os.rename(name, name, src_dir_fd=folder.handle, dst_dir_fd=handle)
        except OSError:
            os.rmdir(place, dir_fd=arriving)
            raise
        finally:
            os.close(handle)
        return arrival

    def _watch(self, arrival: Arrival, handle: int) -> None:
        self._watched[self._events.watch(handle, inotify.CLOSE_WRITE)] = arrival

    @staticmethod
    def _make_place(parent: int) -> str:
        """Make a folder for one upload, named after the time, and tell its name."""
        while True:
            now = time.time_ns()
            text = time.strftime("%Y%m%dT%H%M%S", time.localtime(now // 10**9))
            place = f"{text}.{now % 10**9:09}"
            with suppress(FileExistsError):
                os.mkdir(place, 0o750, dir_fd=parent)
                return place

    def _closed(self, folder: Folder, name: str) -> None:
        """A file was closed before it was moved."""
        if arrival := self._latest.get((folder.handle, name)):
            self._end(arrival)

    def _end(self, arrival: Arrival) -> None:
        arrival.ended = True
        self._unseen.pop(arrival, None)
        if arrival.sent is None:
            self._ended.append(arrival)
        else:
            self._settle(arrival)

    def _find_ended(self) -> None:
        """Find out which uploads nobody writes any more."""
        writers = read_writers()
        for arrival in self._arrivals:
            if arrival.inode in writers:
                if arrival.pid is None:
                    self._arrivals.seen(arrival, writers[arrival.inode])
            elif not arrival.ended:
                self._end(arrival)
        self._send_barrier()

    def _look_for_writers(self) -> None:
        """Find out who writes what has begun."""
        if not self._unseen:
            return
        writers = read_writers()
        for arrival, tries in list(self._unseen.items()):
            self._unseen[arrival] = tries + 1
            if pid := writers.get(arrival.inode):
                self._arrivals.seen(arrival, pid)
            if pid or tries > LOCK_TRIES:
                del self._unseen[arrival]
        if self._unseen:
            asyncio.get_running_loop().call_later(LOCK_PAUSE, self._look_for_writers)

    # -- what the journal tells

    def _read_journal(self) -> None:
        for told in self._journal.read():
            if isinstance(told, Barrier):
                for arrival in self._barriers.pop(told.token, ()):
                    if arrival.ended and arrival.sent is None:
                        self._settle(arrival)
            elif arrival_ := self._arrivals.match(told, self._size):
                arrival_.sent = told.size
                if arrival_.ended:
                    self._settle(arrival_)

    def _size(self, arrival: Arrival) -> int:
        try:
            return os.stat(
                f"{arrival.place}/{arrival.name}",
                dir_fd=self._cameras[arrival.camera].folders[ARRIVING],
                follow_symlinks=False,
            ).st_size
        except OSError:
            return -1

    def _send_barrier(self) -> None:
        """For all that have ended since the last one."""
        if not self._ended:
            return
        token = next(self._tokens)
        loop = asyncio.get_running_loop()
        if send_barrier(token):
            self._barriers[token], self._ended = self._ended, []
            loop.call_later(BARRIER_PAUSE, self._send_again, token)
        else:
            loop.call_later(1, self._send_barrier)

    def _send_again(self, token: str) -> None:
        """A journal that is restarted or removed may lose one."""
        self._ended += self._barriers.pop(token, ())
        self._send_barrier()

    # -- what becomes of it

    def _settle(self, arrival: Arrival) -> None:
        if not arrival.settling:
            arrival.settling = True
            task = asyncio.create_task(self._settled(arrival))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settled(self, arrival: Arrival) -> None:
        """Bring an upload that has ended where it belongs."""
        camera = self._cameras[arrival.camera]
        while True:
            try:
                await self._bring(arrival, camera)
                break
            except OSError as error:
                self._tell_error(arrival.camera, arrival.name, error)
                await asyncio.sleep(ERROR_PAUSE)

    async def _bring(self, arrival: Arrival, camera: Camera) -> None:
        loop = asyncio.get_running_loop()
        certain = False
        if arrival.sent is None:
            if arrival.inode in read_writers():
                # It was found before vsftpd had locked it.
                arrival.ended = arrival.settling = False
                return
            certain = await loop.run_in_executor(self._lookers, is_complete_since, arrival.began)
        state, seen = await loop.run_in_executor(self._lookers, _look, camera, arrival)
        if not is_photo(state, self._owner):
            fate, reason = Fate.UNPROVEN, "it is no file that vsftpd made"
        else:
            fate, reason = judge(
                arrival, state.st_size, seen, certain=certain, tolerant=camera.tolerant
            )
        if fate is Fate.LIBRARY:
            path, copy = await loop.run_in_executor(
                self._placer, self._place, camera, arrival, seen, state.st_mtime
            )
            if copy:
                self._tell(arrival, "copy", f"{arrival.name} was there already: {path}", path)
            else:
                what = f"{arrival.name} is safe, {state.st_size} bytes: {path}"
                self._tell(arrival, "library", what, path, state.st_size)
        else:
            aside = camera.folders[fate.value]
            await loop.run_in_executor(self._lookers, _set_aside, camera, arrival, aside)
            path = f"{self._root}/{camera.name}/{fate.value}/{arrival.place}/{arrival.name}"
            what = f"{arrival.name}: {reason}; {state.st_size} bytes are in {path}"
            self._tell(arrival, fate.value, what, path, state.st_size, reason)
        self._forget(arrival)

    def _place(
        self, camera: Camera, arrival: Arrival, seen: Look, arrived: float
    ) -> tuple[str, bool]:
        """Move an upload into the library.

        :returns: its path there, and whether it was there already
        """
        arriving = camera.folders[ARRIVING]
        handle = open_folder(arrival.place, arriving)
        try:
            placed = self._library.place(handle, arrival.name, camera.name, seen, arrived)
        finally:
            os.close(handle)
        os.rmdir(arrival.place, dir_fd=arriving)
        return f"{self._root}/{LIBRARY}/{placed.path}", placed.copy

    def _forget(self, arrival: Arrival) -> None:
        self._arrivals.remove(arrival)
        self._unseen.pop(arrival, None)
        if arrival.origin and self._latest.get(arrival.origin) is arrival:
            del self._latest[arrival.origin]

    def _sweep(self) -> None:
        """Remove what broke off and whose days are over."""
        for camera in self._cameras.values():
            incomplete = camera.folders[INCOMPLETE]
            with os.scandir(incomplete) as entries:
                old = [
                    entry.name
                    for entry in entries
                    if entry.stat(follow_symlinks=False).st_ctime < time.time() - self._days * DAY
                ]
            for place in old:
                names = os.listdir(f"/proc/self/fd/{incomplete}/{place}")
                shutil.rmtree(place, dir_fd=incomplete)
                for name in names:
                    self._teller.tell(
                        f"{camera.name}: {name} is removed; it broke off {self._days} days ago",
                        HOTSHOE_EVENT="removed",
                        HOTSHOE_CAMERA=camera.name,
                        HOTSHOE_NAME=name,
                    )

    # -- what is told

    def _tell(
        self,
        arrival: Arrival,
        event: str,
        what: str,
        path: str | None = None,
        size: int | None = None,
        reason: str | None = None,
    ) -> None:
        fields: dict[str, Any] = {
            "HOTSHOE_EVENT": event,
            "HOTSHOE_CAMERA": arrival.camera,
            "HOTSHOE_NAME": arrival.name,
            "HOTSHOE_BYTES": size,
            "HOTSHOE_PATH": path,
            "HOTSHOE_REASON": reason,
        }
        self._teller.tell(f"{arrival.camera}: {what}", **fields)

    def _tell_error(self, camera: str, name: str, error: OSError) -> None:
        text = f"{camera}: {name} stays where it is for now: {error.strerror or error}"
        self._teller.tell(text, priority=WARNING)

    def _crowded(self, camera: str) -> None:
        if camera not in self._crowds:
            self._crowds.add(camera)
            self._teller.tell(
                f"{camera}: has more folders than are watched; remove those that are empty, "
                "then restart hotshoe-intake",
                priority=WARNING,
            )


def _look(camera: Camera, arrival: Arrival) -> tuple[os.stat_result, Look]:
    """Look at what has arrived, and have the disk write it."""
    handle = open_folder(arrival.place, camera.folders[ARRIVING])
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(arrival.name, flags, dir_fd=handle)
    finally:
        os.close(handle)
    with open(file, "rb", buffering=0) as content:
        state = os.fstat(file)
        seen = look(content, state.st_size)
        os.fsync(file)
    return state, seen


def _set_aside(camera: Camera, arrival: Arrival, aside: int) -> None:
    """Move an upload with its place."""
    arriving = camera.folders[ARRIVING]
    os.rename(arrival.place, arrival.place, src_dir_fd=arriving, dst_dir_fd=aside)
    sync(aside)
    sync(arriving)
