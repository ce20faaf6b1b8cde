"""Room for photos: cameras are refused before an upload begins that would not fit.

There are limits for all photos and for those of a camera, and a floor for what the disk has left.
When the room runs short, the folders of the cameras concerned are closed: vsftpd then answers STOR
with 553 at once, and the session goes on; when there is room again, they are opened.

They are closed while there is still room for what may have to end:

- for the rest of each upload under way, until it is as large as those that its camera sent lately
  (:data:`LATELY`) are on average, or, as long as it sent none, :data:`USUAL`;
- for one that is as large as the largest of these;
- for uploads that may begin before the folders are closed: one of average size for each further
  session (:data:`SESSIONS`) of the cameras that are sending, as long as that is no more than a
  twentieth of the limit.

What a camera sent lately counts as a quarter of the limit at most; otherwise a single large upload
would close its folders for long. A larger one may outgrow its limit: its session is then ended.
The floor ends only those that have outgrown what was kept for them.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hotshoe_intake.usage import Usage

# How many sessions of one camera upload at once.
SESSIONS = 8
# The largest of so many uploads is what the next is expected to be.
LATELY = 100
USUAL = 64_000_000
# Parts of the limit.
LARGEST, BEGINNING = 4, 20
# An upload that has outgrown what was kept for it ends when it would pass the limit in so many
# seconds, which is what noticing and ending take.
AHEAD = 4
# Between two looks, in seconds: one after the other, while something is under way, and otherwise.
SOON, BUSY, QUIET = 0.05, 1, 5
# Of the time that goes by, so much goes into counting: while somebody is refused, and otherwise.
OFTEN, SELDOM = 20, 100
OFTEN_SECONDS, SELDOM_SECONDS = 2, 20

WRITABLE, CLOSED_TO_GROUP, CLOSED_TO_OWNER = 0o770, 0o750, 0o570

# Of a camera, and of its upload.
Key = tuple[str, str]


@dataclass
class _Upload:
    """An upload under way.

    :param key: whose it is, and which
    :param number: in the order in which they began
    :param size: so far, in bytes
    :param is_open: whether it may still grow
    :param growth: in bytes a second
    """

    key: Key
    number: int
    size: int = 0
    is_open: bool = True
    growth: int = 0


@dataclass
class _Camera:
    """What is known of a camera.

    :param uploads: its uploads under way
    :param lately: how large those were that ended lately, in bytes
    :param closed: whether its folders are; None as long as nobody knows
    """

    uploads: dict[str, _Upload] = field(default_factory=dict)
    lately: deque[int] = field(default_factory=lambda: deque(maxlen=LATELY))
    closed: bool | None = None

    @property
    def largest(self) -> int:
        """How large its next upload may well be, in bytes."""
        return max(self.lately, default=USUAL)

    @property
    def average(self) -> int:
        """How large its uploads are on average, in bytes."""
        return sum(self.lately) // len(self.lately) if self.lately else USUAL


@dataclass
class _Limit:
    """A limit, or the floor.

    :param camera: whose photos it is for; None for all
    :param most: how many bytes there may be; of the floor, how many there could be
    :param floor: how much of the disk stays free, if it is the floor
    :param full: whether cameras are refused because of it; None as long as nobody knows
    """

    camera: str | None
    most: int
    floor: int | None = None
    full: bool | None = None


class Space:
    """Decides which cameras may upload.

    :param configuration: what the deploy wrote (/etc/hotshoe/intake.json)
    :param folders: tells the handles of all folders that a camera uploads to
    :param size_of: tells how much room an upload under way takes, in bytes; None if it has moved
    :param is_open: tells whether an upload under way may still grow
    :param end: ends the sessions of these uploads, and of no others any more; called each second
        while there are any, and once when there are none any more
    :param tell: called with ``full`` or ``room``, the camera (None: all) and the reason
    """

    def __init__(
        self,
        configuration: Mapping[str, Any],
        *,
        folders: Callable[[str], Iterable[int]],
        size_of: Callable[[str, str], int | None],
        is_open: Callable[[str, str], bool],
        end: Callable[[Collection[Key]], None],
        tell: Callable[[str, str | None, str], None],
    ) -> None:
        self._folders, self._size_of, self._is_open = folders, size_of, is_open
        self._end, self._tell = end, tell
        self._root = configuration["photos"]
        self._cameras = {name: _Camera() for name in configuration["cameras"]}
        self._usage = Usage(self._root, configuration["library"], list(self._cameras))
        self._limits = [_Limit(None, 0, floor=configuration["keep_free"])]
        if configuration["limit"] is not None:
            self._limits.append(_Limit(None, configuration["limit"]))
        self._limits += [
            _Limit(name, said["limit"])
            for name, said in configuration["cameras"].items()
            if said["limit"] is not None
        ]
        self._numbers = itertools.count()
        self._ending: set[Key] = set()
        self._changed = asyncio.Event()
        self._measured_at = time.monotonic()

    # -- what happens

    def begun(self, camera: str, upload: str) -> None:
        """An upload has begun.

        :param upload: which of the camera's it is
        """
        known = self._cameras.setdefault(camera, _Camera())
        known.uploads[upload] = _Upload((camera, upload), next(self._numbers))
        self._changed.set()

    def ended(self, camera: str, upload: str, size: int, *, whole: bool) -> None:
        """An upload has ended, and is where it belongs.

        :param size: how much room it takes from now on, in bytes; 0 if it was there already
        :param whole: whether it arrived as a whole
        """
        known = self._cameras[camera]
        del known.uploads[upload]
        if whole and size:
            known.lately.append(size)
        self._usage.add(camera, size)
        self._changed.set()

    def entered(self, camera: str, handle: int) -> None:
        """A camera may upload to a folder from now on.

        :param handle: of the folder
        """
        known = self._cameras.get(camera)
        if known and known.closed is not None:
            set_door(handle, closed=known.closed)

    # -- what follows

    async def keep(self) -> None:
        """Keep to the limits, for ever."""
        counting = asyncio.create_task(self._keep_counting())
        try:
            while True:
                if time.monotonic() >= self._measured_at + BUSY:
                    self.measure()
                self.look()
                busy = any(limit.full for limit in self._limits) or any(
                    camera.uploads for camera in self._cameras.values()
                )
                try:
                    async with asyncio.timeout(BUSY if busy else QUIET):
                        await self._changed.wait()
                    # What comes together is looked at once.
                    await asyncio.sleep(SOON)
                except TimeoutError:
                    pass
                self._changed.clear()
        finally:
            self._usage.stop()
            counting.cancel()

    async def _keep_counting(self) -> None:
        """Count what there is, again and again: people add and remove photos as well."""
        if all(limit.floor is not None for limit in self._limits):
            return
        while True:
            await self.count()
            self._changed.set()
            began = time.monotonic()
            while time.monotonic() < began + self._pause():
                await asyncio.sleep(1)

    async def count(self) -> None:
        """Count what there is."""
        self._usage.begin()
        self._usage.finish(await asyncio.to_thread(self._usage.count))

    def _pause(self) -> float:
        """How long until it is time to count again, in seconds."""
        if any(limit.full for limit in self._limits if limit.floor is None):
            return max(OFTEN_SECONDS, OFTEN * self._usage.took)
        return max(SELDOM_SECONDS, SELDOM * self._usage.took)

    def look(self) -> None:
        """See what there is, close and open folders, and end what outgrows its limit."""
        ending: set[Key] = set()
        for camera in self._cameras.values():
            for upload in camera.uploads.values():
                upload.is_open = self._is_open(*upload.key)
        for limit in self._limits:
            room = self._room(limit)
            if room is not None:
                self._decide(limit, room)
                ending |= self._outgrowing(limit, room)
        for name, camera in self._cameras.items():
            self._set_doors(name, camera)
        if ending or self._ending:
            self._end(ending)
        self._ending = ending

    def measure(self) -> None:
        """See how large each upload is by now."""
        now = time.monotonic()
        seconds, self._measured_at = max(now - self._measured_at, SOON), now
        for camera in self._cameras.values():
            for upload in camera.uploads.values():
                size = self._size_of(*upload.key)
                if size is not None:
                    upload.growth = int(max(0, size - upload.size) / seconds)
                    upload.size = size

    def _room(self, limit: _Limit) -> int | None:
        """How much room there is, in bytes; negative if there is too much already."""
        if limit.floor is not None:
            disk = os.statvfs(self._root)
            limit.most = max(0, disk.f_blocks * disk.f_frsize - limit.floor)
            return disk.f_bavail * disk.f_frsize - limit.floor
        if self._usage.looked_at is None:
            return None
        under_way = sum(upload.size for upload in self._uploads(limit))
        return limit.most - self._usage.of(limit.camera) - under_way

    def _uploads(self, limit: _Limit) -> list[_Upload]:
        """The uploads under way that a limit is about."""
        cameras = [limit.camera] if limit.camera else list(self._cameras)
        return [upload for name in cameras for upload in self._cameras[name].uploads.values()]

    def _largest(self, limit: _Limit, camera: str) -> int:
        """How large an upload of a camera may well be, in bytes."""
        return min(self._cameras[camera].largest, limit.most // LARGEST)

    def _average(self, limit: _Limit, camera: str) -> int:
        """How large uploads of a camera are on average, in bytes."""
        return min(self._cameras[camera].average, limit.most // LARGEST)

    def _promised(self, limit: _Limit) -> int:
        """How much room is kept for the uploads under way, in bytes."""
        return sum(
            max(0, self._average(limit, upload.key[0]) - upload.size)
            for upload in self._uploads(limit)
            if upload.is_open
        )

    def _decide(self, limit: _Limit, room: int) -> None:
        """Decide whether cameras are refused because of a limit."""
        cameras = [limit.camera] if limit.camera else list(self._cameras)
        one = max((self._largest(limit, camera) for camera in cameras), default=0)
        begun = {upload.key[0]: 0 for upload in self._uploads(limit)}
        for upload in self._uploads(limit):
            begun[upload.key[0]] += upload.is_open
        more = sum(
            self._average(limit, camera) * max(0, SESSIONS - number)
            for camera, number in begun.items()
        )
        needed = self._promised(limit) + max(one, min(more, limit.most // BEGINNING))
        # For one more, so that folders are not opened for a single upload, and closed again.
        full = room < needed + (one if limit.full else 0)
        if full != bool(limit.full):
            self._tell("full" if full else "room", limit.camera, self._reason(limit, room, needed))
        limit.full = full

    def _reason(self, limit: _Limit, room: int, needed: int) -> str:
        if limit.floor is not None:
            return (
                f"the disk has {amount(room + limit.floor)} left; {amount(limit.floor)} stay free, "
                f"and {amount(needed)} are kept for uploads that have begun or may begin"
            )
        whose = f"of {limit.camera}" if limit.camera else "of all cameras"
        return (
            f"the photos {whose} take {amount(limit.most - room)} of {amount(limit.most)}; "
            f"{amount(needed)} are kept for uploads that have begun or may begin"
        )

    def _outgrowing(self, limit: _Limit, room: int) -> set[Key]:
        """The uploads that have to end because of a limit."""
        uploads = self._uploads(limit)
        if room <= 0 and limit.floor is None:
            return {upload.key for upload in uploads if upload.is_open}
        large = [
            each
            for each in uploads
            if each.is_open and each.size > self._largest(limit, each.key[0])
        ]
        spare = room - self._promised(limit)
        coming = AHEAD * sum(upload.growth for upload in large)
        ending: set[Key] = set()
        # The latest first: of the others, more would be lost.
        for upload in sorted(large, key=lambda each: each.number, reverse=True):
            if coming <= spare:
                break
            ending.add(upload.key)
            coming -= AHEAD * upload.growth
        return ending

    def _set_doors(self, name: str, camera: _Camera) -> None:
        """Close the folders of a camera, or open them, if that is not what they are."""
        about = [limit for limit in self._limits if limit.camera in (None, name)]
        closed = any(limit.full for limit in about)
        if closed == camera.closed or (not closed and any(limit.full is None for limit in about)):
            return
        camera.closed = closed
        for handle in list(self._folders(name)):
            set_door(handle, closed=closed)


def set_door(handle: int, *, closed: bool) -> None:
    """Close a folder to sessions, which write by their group or as owners, or open it.

    The intake may write in it either way, to take what began a moment before: it owns a camera's
    folder, where sessions are the group; and where they own one, it is the group. What has another
    group is somebody else's.

    :param handle: of the folder
    """
    state = os.fstat(handle)
    ours = state.st_uid == os.geteuid()
    wanted = (CLOSED_TO_GROUP if ours else CLOSED_TO_OWNER) if closed else WRITABLE
    if state.st_gid == os.getegid() and stat.S_IMODE(state.st_mode) != wanted:
        # A file system that cannot be written takes no uploads either.
        with suppress(OSError):
            os.fchmod(handle, wanted)


def amount(size: int) -> str:
    """A number of bytes as a person reads it, to three digits.

    :param size: in bytes
    """
    size = max(size, 0)
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 100 * unit else f"{size // unit} {name}"
    return f"{size} bytes"
