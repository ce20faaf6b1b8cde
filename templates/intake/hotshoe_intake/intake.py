"""The daemon: what happens to an upload from its first byte to the library."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from pwd import getpwnam
from typing import Any

from hotshoe_intake import inotify
from hotshoe_intake.arrivals import Arrival, Arrivals, Fate, judge
from hotshoe_intake.cameras import ARRIVING, UPLOAD, Camera, is_photo
from hotshoe_intake.ending import Ending
from hotshoe_intake.evidence import Evidence
from hotshoe_intake.folders import closing, open_folder
from hotshoe_intake.formats import Look
from hotshoe_intake.inotify import Inotify
from hotshoe_intake.journal import is_complete_since
from hotshoe_intake.library import Library
from hotshoe_intake.reports import Reports
from hotshoe_intake.space import Key, Space
from hotshoe_intake.uploads import Folder, Uploads
from hotshoe_intake.usage import taken

LIBRARY = "library"
# After an error, such as of a disk that is full; and between two looks at what is old. In seconds.
ERROR_PAUSE = 30
SWEEP_PAUSE = 3600
# Until the next look for room, where a camera has more folders than are watched, in seconds.
CROWDED_PAUSE = 5
# For what has ended when this program ends, in seconds.
FINISHING = 5
# How many of those that are found are taken up at once, and until the next, in seconds.
MOST_FOUND, FOUND_PAUSE = 1000, 1


class Intake:
    """Takes photos in.

    :param configuration: what the deploy wrote
    """

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        root = configuration["photos"]
        self._days = configuration["keep_incomplete_days"]
        self._owner = getpwnam(configuration["owner"]).pw_uid
        with closing(os.open(root, os.O_RDONLY | os.O_DIRECTORY)) as photos:
            self._cameras = {
                name: camera
                for name in sorted(os.listdir(photos))
                if (camera := _camera(photos, name, configuration["cameras"]))
            }
            self._library = Library(
                open_folder(photos, LIBRARY),
                configuration["library"],
                readable=configuration["readable"],
            )
        self._events, self._reports, self._arrivals = Inotify(), Reports(root), Arrivals()
        self._evidence = Evidence(
            self._owner,
            self._arrivals,
            self._size,
            lambda each: self._cameras[each.camera].writer(each.place, each.name),
            self._known,
            catch_up=self._happened,
            unanswered=self._reports.unanswered,
        )
        self._ending = Ending(Path(configuration["ending"]))
        self._space = Space(
            configuration,
            folders=lambda camera: self._uploads.of(camera),
            size_of=self._taken,
            is_open=lambda camera, place: not self._arrivals.at(camera, place).ended,
            end=self._end_sessions,
            tell=self._reports.room,
        )
        self._uploads = Uploads(
            self._events, self._begin, self._closed, self._space.entered, self._crowded
        )
        # Of those that arrive: by the watch of their place, and by where they were last.
        self._watched: dict[int, Arrival] = {}
        self._latest: dict[tuple[int, str], Arrival] = {}
        # Those whose sessions were ended, since there was no room for more.
        self._too_large: set[Key] = set()
        # Of each exposure of a camera, what is done last.
        self._last: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._looks_again = False

    async def run(self, ready: Callable[[], None]) -> None:
        """Take photos in for ever.

        :param ready: called once names are free as soon as uploads begin
        """
        for camera in self._cameras.values():
            try:
                camera.adopt()
            except OSError as error:
                self._reports.not_adopted(camera.name, error)
            for place, name, began in camera.arriving():
                arrival = Arrival(camera.name, place, name, began)
                with (
                    self._trying_again(),
                    closing(open_folder(camera.folders[ARRIVING], place)) as handle,
                ):
                    self._watch(arrival, handle)
                self._add(arrival, found=True)
            with self._trying_again():
                self._uploads.add(camera.name, os.dup(camera.folders[UPLOAD]))
        oldest = min((arrival.began for arrival in self._arrivals), default=time.time())
        self._evidence.begin(oldest)
        asyncio.get_running_loop().add_reader(self._events.fd, self._happened)
        ready()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._space.keep())
            tasks.create_task(self._remove_old())

    async def finish(self) -> None:
        """Finish what has been begun with, and tell what is not told yet."""
        if self._last:
            await asyncio.wait(self._last.values(), timeout=FINISHING)
        self._reports.close()

    # -- uploads begin and end

    def _happened(self) -> None:
        for event in self._events.read():
            with self._trying_again():
                if event.mask & inotify.Q_OVERFLOW:
                    self._look_again()
                elif not self._uploads.handle(event):
                    self._happened_in_a_place(event)
        self._evidence.look()

    def _happened_in_a_place(self, event: inotify.Event) -> None:
        if event.mask & inotify.IGNORED:
            self._watched.pop(event.watch, None)
        elif arrival := self._watched.get(event.watch):
            self._evidence.ended(arrival)

    def _look_again(self) -> None:
        """Look at all folders: events were lost, or something could not be taken."""
        self._looks_again = False
        with self._trying_again():
            self._uploads.rescan()
        self._evidence.find_ended()

    @contextlib.contextmanager
    def _trying_again(self) -> Iterator[None]:
        """Where folders cannot be watched, such as without watches left, look again later."""
        try:
            yield
        except OSError as error:
            self._reports.unwatched(error)
            self._look_again_later(ERROR_PAUSE)

    def _look_again_later(self, seconds: float) -> None:
        if not self._looks_again:
            self._looks_again = True
            asyncio.get_running_loop().call_later(seconds, self._look_again)

    def _crowded(self, camera: str) -> None:
        """A folder of a camera that has too many is not watched; later there may be room."""
        self._reports.crowded(camera)
        self._look_again_later(CROWDED_PAUSE)

    def _begin(self, folder: Folder, name: str, found: bool) -> None:
        """An upload has begun: its name becomes free.

        :param found: whether nobody saw it begin, and so nobody may see it end
        """
        try:
            state = os.stat(name, dir_fd=folder.handle, follow_symlinks=False)
            if not is_photo(state, self._owner):
                return
            if found and len(self._arrivals) >= MOST_FOUND:
                # Such as years of photos that an earlier version has left: by and by.
                self._look_again_later(FOUND_PAUSE)
                return
            arrival = self._move(folder, name, state)
        except FileNotFoundError:
            return
        except OSError as error:
            self._reports.waits(folder.camera, name, error, ERROR_PAUSE)
            self._look_again_later(ERROR_PAUSE)
            return
        arrival.witnessed = not found
        self._latest[folder.handle, name] = arrival
        self._add(arrival, found=found)
        self._reports.arriving(arrival)

    def _move(self, folder: Folder, name: str, state: os.stat_result) -> Arrival:
        """Move a file from a camera's folder to a place of its own.

        :raises OSError: if it cannot be moved, or is gone
        """
        camera = self._cameras[folder.camera]
        place = camera.make_place(ARRIVING)
        # The last byte of a file that was there before is older than this moment.
        began = min(time.time(), state.st_mtime)
        arrival = Arrival(camera.name, place, name, began, logs=folder.logs(name))
        arrival.origin = (folder.handle, name)
        try:
            with closing(open_folder(camera.folders[ARRIVING], place)) as handle:
                # Before it gets there, so that no end is missed.
                self._watch(arrival, handle)
                os.rename(name, name, src_dir_fd=folder.handle, dst_dir_fd=handle)
        except OSError:
            os.rmdir(place, dir_fd=camera.folders[ARRIVING])
            raise
        return arrival

    def _watch(self, arrival: Arrival, handle: int) -> None:
        arrival.watch = self._events.watch(handle, inotify.CLOSE_WRITE)
        self._watched[arrival.watch] = arrival

    def _add(self, arrival: Arrival, *, found: bool) -> None:
        self._arrivals.add(arrival)
        self._evidence.begun(arrival, found=found)
        self._space.begun(arrival.camera, arrival.place)

    def _closed(self, folder: Folder, name: str) -> None:
        """A file was closed before it was moved."""
        if arrival := self._latest.get((folder.handle, name)):
            self._evidence.ended(arrival)

    # -- what becomes of them

    def _known(self, arrival: Arrival) -> None:
        """All is known of how an upload ended."""
        if arrival.settling:
            return
        arrival.settling = True
        # The first of two that have one name gets it.
        exposure = arrival.camera, arrival.name.rpartition(".")[0]
        task = asyncio.create_task(self._settle(arrival, self._last.get(exposure)))
        self._last[exposure] = task
        task.add_done_callback(lambda _: self._done(exposure, task))

    def _done(self, exposure: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._last.get(exposure) is task:
            del self._last[exposure]

    async def _settle(self, arrival: Arrival, before: asyncio.Task[None] | None) -> None:
        """Bring an upload where it belongs, however often that has to be tried.

        :param before: what has to be done first
        """
        if before:
            await asyncio.wait([before])
        while True:
            try:
                await self._bring(arrival)
            # Whatever it is, it must not hold up other photos.
            except Exception as error:
                self._reports.waits(arrival.camera, arrival.name, error, ERROR_PAUSE)
                await asyncio.sleep(ERROR_PAUSE)
            else:
                return

    async def _bring(self, arrival: Arrival) -> None:
        camera, certain = self._cameras[arrival.camera], True
        if arrival.sent is None:
            if self._evidence.is_open(arrival):
                arrival.settling = False
                return
            certain = await asyncio.to_thread(is_complete_since, arrival.began)
        found = camera.state(arrival.place, arrival.name)
        if found and not is_photo(found, self._owner):
            # Something else took its name while it was moved.
            await self._set_aside(arrival, Fate.UNPROVEN, found, "it is no file of vsftpd's")
            return
        state, seen = await asyncio.to_thread(camera.look, arrival.place, arrival.name)
        fate, reason = judge(
            arrival, state.st_size, seen, certain=certain, tolerant=camera.tolerant
        )
        if fate is not Fate.LIBRARY:
            if fate is Fate.INCOMPLETE and (arrival.camera, arrival.place) in self._too_large:
                reason = "it was larger than the room that there was"
            await self._set_aside(arrival, fate, state, reason)
            return
        # The time of a file may be any.
        arrived = min(max(0, state.st_mtime), time.time())
        path, copy = await asyncio.to_thread(self._place, arrival, seen, arrived)
        if copy:
            self._reports.copy(arrival, path)
        else:
            self._reports.safe(arrival, path, state.st_size)
        self._forget(arrival, 0 if copy else taken(state), whole=True)

    async def _set_aside(
        self, arrival: Arrival, fate: Fate, state: os.stat_result, reason: str
    ) -> None:
        """Keep what does not belong into the library."""
        camera = self._cameras[arrival.camera]
        await asyncio.to_thread(camera.set_aside, arrival.place, fate.value)
        self._reports.aside(arrival, fate.value, state.st_size, reason)
        self._forget(arrival, taken(state), whole=False)

    def _place(self, arrival: Arrival, seen: Look, arrived: float) -> tuple[str, bool]:
        """Move an upload into the library.

        :returns: its path from the folder of all photos on, and whether it was there already
        """
        arriving = self._cameras[arrival.camera].folders[ARRIVING]
        with closing(open_folder(arriving, arrival.place)) as handle:
            placed = self._library.place(handle, arrival.name, arrival.camera, seen, arrived)
        os.rmdir(arrival.place, dir_fd=arriving)
        return f"{LIBRARY}/{placed.path}", placed.copy

    def _forget(self, arrival: Arrival, room: int, *, whole: bool) -> None:
        """An upload is where it belongs.

        :param room: what it takes there, in bytes
        :param whole: whether that is the library
        """
        self._space.ended(arrival.camera, arrival.place, room, whole=whole)
        self._arrivals.remove(arrival)
        self._evidence.forget(arrival)
        # Where it was set aside, its place goes on.
        if self._watched.pop(arrival.watch, None):
            self._events.forget(arrival.watch)
        self._too_large.discard((arrival.camera, arrival.place))
        if arrival.origin and self._latest.get(arrival.origin) is arrival:
            del self._latest[arrival.origin]

    async def _remove_old(self) -> None:
        """Remove what broke off and has been kept for long enough, again and again."""
        while True:
            for camera in self._cameras.values():
                try:
                    removed = await asyncio.to_thread(camera.remove_old, self._days)
                except OSError as error:
                    self._reports.not_removed(camera.name, error)
                    continue
                for name in removed:
                    self._reports.removed(camera.name, name, self._days)
            await asyncio.sleep(SWEEP_PAUSE)

    # -- how much room there is

    def _size(self, arrival: Arrival) -> int:
        """How long an upload is, in bytes; -1 if it is not there any more."""
        state = self._cameras[arrival.camera].state(arrival.place, arrival.name)
        return state.st_size if state else -1

    def _taken(self, camera: str, place: str) -> int | None:
        """How much room an upload takes by now, in bytes; None if it is not there any more."""
        state = self._cameras[camera].state(place, self._arrivals.at(camera, place).name)
        return taken(state) if state else None

    def _end_sessions(self, uploads: Collection[Key]) -> None:
        """End the sessions of uploads that outgrow the room that there is."""
        arrivals = [self._arrivals.at(*key) for key in uploads]
        self._too_large.update(uploads)
        try:
            self._ending.ask(each.pid for each in arrivals if each.pid and not each.ended)
        except OSError as error:
            self._reports.not_ended(error)


def _camera(photos: int, name: str, said: Mapping[str, Mapping[str, Any]]) -> Camera | None:
    tolerant = bool(said.get(name, {}).get("tolerates_unclean_close"))
    return Camera.find(photos, name, tolerant=tolerant)
