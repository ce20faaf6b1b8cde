"""Room for photos: what counts, when cameras are refused, and which uploads have to end."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hotshoe_intake import space as spaces
from hotshoe_intake.ending import Ending
from hotshoe_intake.space import (
    CLOSED_TO_GROUP,
    CLOSED_TO_OWNER,
    LATELY,
    SESSIONS,
    USUAL,
    WRITABLE,
    Key,
    Space,
    amount,
    set_door,
)
from hotshoe_intake.usage import Usage, taken

MB = 10**6
GB = 1000 * MB
NO_LIMITS = {"r5": {"limit": None}, "a7": {"limit": None}}


class Server:
    """A server's folders, without the daemon.

    :param root: where photos are
    :param said: what the configuration says besides the cameras
    """

    def __init__(self, root: Path, cameras: dict[str, Any], **said: Any) -> None:
        self.root, self.sizes, self.closed = root, dict[Key, int](), set[Key]()
        self.told: list[tuple[str, str | None]] = []
        self.reasons: list[str] = []
        self.ending: list[set[Key]] = []
        self._handles: dict[str, list[int]] = {}
        for camera in cameras:
            for name in ("upload", "arriving", "incomplete", "unproven"):
                (root / camera / name).mkdir(parents=True)
            self.watch(camera, root / camera / "upload")
        (root / "library").mkdir()
        self.configuration = {
            "photos": str(root),
            "library": "{camera}/{date}/{name}",
            "limit": None,
            "keep_free": 0,
            "cameras": cameras,
        } | said

    def start(self) -> Space:
        """A space as the daemon makes it."""
        return Space(
            self.configuration,
            folders=lambda camera: self._handles.get(camera, []),
            size_of=lambda camera, upload: self.sizes[camera, upload],
            is_open=lambda camera, upload: (camera, upload) not in self.closed,
            end=self._end,
            tell=self._tell,
        )

    def watch(self, camera: str, folder: Path) -> int:
        folder.chmod(WRITABLE)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._handles.setdefault(camera, []).append(handle)
        return handle

    def close(self) -> None:
        for handle in (handle for handles in self._handles.values() for handle in handles):
            os.close(handle)

    def _tell(self, event: str, camera: str | None, reason: str) -> None:
        self.told.append((event, camera))
        self.reasons.append(reason)

    def _end(self, uploads: Collection[Key]) -> None:
        self.ending.append(set(uploads))

    def mode(self, camera: str, *more: str) -> int:
        return stat.S_IMODE(self.root.joinpath(camera, "upload", *more).stat().st_mode)

    def is_open(self, camera: str) -> bool:
        return self.mode(camera) == WRITABLE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def make(cameras: dict[str, Any] | None = None, **said: Any) -> Server:
        servers.append(Server(tmp_path / f"photos{len(servers)}", cameras or NO_LIMITS, **said))
        return servers[-1]

    yield make
    for each in servers:
        each.close()


def put(file: Path, size: int) -> Path:
    """A file of that size that takes no room, so that tests may have large ones."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as new:
        new.truncate(size)
    return file


def grow(server: Server, space: Space, camera: str, upload: str, size: int) -> None:
    """Let an upload under way be that large."""
    server.sizes[camera, upload] = size
    space.measure()
    space.look()


def counted(server: Server) -> Space:
    """A space that has counted what there is."""
    space = server.start()
    asyncio.run(space.count())
    space.look()
    return space


# -- what counts


class TestUsage:
    def usage(self, root: Path, tree: str = "{camera}/{date}/{name}", *cameras: str) -> Usage:
        (root / "library").mkdir(exist_ok=True)
        usage = Usage(str(root), tree, cameras or ("r5", "a7"))
        usage.finish(usage.count())
        return usage

    def test_what_is_in_a_camera_s_folder_is_its_own(self, tmp_path):
        before = self.usage(tmp_path)
        put(tmp_path / "r5" / "incomplete" / "1" / "a.JPG", 5 * MB)
        after = self.usage(tmp_path)
        folders = sum(taken(each.stat()) for each in (tmp_path / "r5").rglob("*") if each.is_dir())
        assert after.of("r5") == 5 * MB + folders
        assert after.of("a7") == 0
        assert after.of(None) - before.of(None) == after.of("r5")

    @pytest.mark.parametrize(
        ("tree", "path"),
        [
            ("{camera}/{date}/{name}", "r5/2024-02-29/a.JPG"),
            ("{year}/{month}/{camera}/{name}", "2024/02/r5/a.JPG"),
            ("{date}-{camera}/{name}", "2024-02-29-r5/a.JPG"),
            ("{camera}-{camera}.x/{day}/{name}", "r5-r5.x/29/a.JPG"),
            ("{camera}/{date}/{name}", "r5/put-there-by-hand/deeper/a.JPG"),
        ],
    )
    def test_in_the_library_the_tree_tells_whose_it_is(self, tmp_path, tree, path):
        put(tmp_path / "library" / path, 5 * MB)
        usage = self.usage(tmp_path, tree)
        assert 5 * MB <= usage.of("r5") <= 6 * MB
        assert usage.of("a7") == 0

    @pytest.mark.parametrize(
        ("tree", "path"),
        [
            ("{date}/{name}", "2024-02-29/r5/a.JPG"),
            ("{camera}/{date}/{name}", "r55/2024-02-29/a.JPG"),
            ("{camera}/{date}/{name}", "2024/r5/a.JPG"),
            ("{year}/{camera}/{name}", "holidays/r5/a.JPG"),
            ("{camera}-{camera}/{name}", "r5-a7/a.JPG"),
            ("x.{camera}/{name}", "xyr5/a.JPG"),
        ],
    )
    def test_what_is_elsewhere_is_nobody_s_own_and_counts_all_the_same(self, tmp_path, tree, path):
        put(tmp_path / "library" / path, 5 * MB)
        usage = self.usage(tmp_path, tree)
        assert usage.of("r5") == usage.of("a7") == 0
        assert 5 * MB <= usage.of(None) <= 6 * MB

    def test_a_name_that_begins_with_another_one_is_told_apart(self, tmp_path):
        put(tmp_path / "library" / "r5-2-2024-02-29" / "a.JPG", 5 * MB)
        usage = self.usage(tmp_path, "{camera}-{date}/{name}", "r5", "r5-2")
        assert usage.of("r5") == 0
        assert usage.of("r5-2") >= 5 * MB

    def test_no_link_is_followed_and_a_file_of_two_names_counts_once(self, tmp_path):
        outside = put(tmp_path / "outside" / "large", 500 * MB)
        root = tmp_path / "photos"
        photo = put(root / "library" / "r5" / "a.JPG", 5 * MB)
        os.link(photo, root / "library" / "b.JPG")
        (root / "library" / "link").symlink_to(outside)
        (root / "library" / "folder").symlink_to(outside.parent)
        (root / "a7").symlink_to(outside.parent)
        usage = self.usage(root)
        assert 5 * MB <= usage.of(None) < 6 * MB
        assert usage.of("a7") == 0

    def test_uploads_under_way_are_counted_by_who_watches_them(self, tmp_path):
        put(tmp_path / "r5" / "arriving" / "1" / "a.JPG", 5 * MB)
        put(tmp_path / "r5" / "upload" / "arriving" / "b.JPG", 3 * MB)
        put(tmp_path / "library" / "arriving" / "c.JPG", 2 * MB)
        usage = self.usage(tmp_path)
        assert 3 * MB <= usage.of("r5") < 4 * MB
        assert 5 * MB <= usage.of(None) < 6 * MB

    def test_any_name_and_any_depth(self, tmp_path):
        folder = os.open(tmp_path, os.O_RDONLY)
        for name in (b"r5", *[b"\xff\n" * 100] * 100):
            os.mkdir(name, dir_fd=folder)
            inner = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(folder)
        assert self.usage(tmp_path).of("r5") > 0

    def test_a_folder_that_may_not_be_read_is_left_out(self, tmp_path, monkeypatch):
        put(tmp_path / "r5" / "incomplete" / "1" / "a.JPG", 5 * MB)
        usage = self.usage(tmp_path)
        real = os.open
        monkeypatch.setattr(
            os,
            "open",
            lambda path, *rest, **more: (
                real(path, *rest, **more) if path != "1" else real("/nowhere", 0)
            ),
        )
        assert usage.count()["r5"] < 5 * MB

    def test_what_comes_while_it_counts_counts(self, tmp_path):
        usage = self.usage(tmp_path)
        usage.begin()
        found = usage.count()
        usage.add("r5", 7 * MB)
        usage.finish(found)
        assert usage.of("r5") == 7 * MB
        usage.begin()
        usage.finish(usage.count())
        assert usage.of("r5") == 0

    def test_it_ends_when_it_is_told_to(self, tmp_path):
        put(tmp_path / "r5" / "incomplete" / "1" / "a.JPG", 5 * MB)
        usage = self.usage(tmp_path)
        usage.stop()
        assert usage.count() == {}


# -- when cameras are refused


def test_without_limits_everything_is_open(server):
    here = server()
    space = counted(here)
    assert here.is_open("r5") and here.is_open("a7")
    assert here.told == []
    space.begun("r5", "1")
    grow(here, space, "r5", "1", USUAL)
    assert here.is_open("r5") and here.ending == []


def test_photos_that_take_what_there_is_for_all_close_all_and_no_photo_is_touched(server):
    here = server(limit=GB)
    photo = put(here.root / "library" / "r5" / "a.JPG", 950 * MB)
    before = photo.stat()
    counted(here)
    assert (here.mode("r5"), here.mode("a7")) == (CLOSED_TO_GROUP, CLOSED_TO_GROUP)
    assert here.told == [("full", None)]
    (reason,) = here.reasons
    assert reason == (
        "the photos of all cameras take 950 MB of 1 GB; 64 MB are kept for uploads that have begun "
        "or may begin"
    )
    assert photo.stat() == before


def test_a_camera_s_limit_closes_that_camera_alone(server):
    here = server({"r5": {"limit": GB}, "a7": {"limit": GB}})
    put(here.root / "library" / "r5" / "a.JPG", 950 * MB)
    counted(here)
    assert (here.is_open("r5"), here.is_open("a7")) == (False, True)
    assert here.told == [("full", "r5")]
    assert here.reasons[0].startswith("the photos of r5 take 950 MB of 1 GB; ")


def test_room_opens_them_again(server):
    here = server(limit=GB)
    photo = put(here.root / "library" / "r5" / "a.JPG", 950 * MB)
    space = counted(here)
    photo.unlink()
    asyncio.run(space.count())
    space.look()
    assert here.is_open("r5") and here.is_open("a7")
    assert here.told == [("full", None), ("room", None)]


def test_they_are_opened_for_more_than_a_single_upload(server):
    """Otherwise they would open and close by turns."""
    here = server(limit=GB)
    photo = put(here.root / "library" / "r5" / "a.JPG", GB - USUAL)
    space = counted(here)
    assert not here.is_open("r5")
    for size, opened in ((GB - 3 * USUAL // 2, False), (GB - 3 * USUAL, True)):
        put(photo, size)
        asyncio.run(space.count())
        space.look()
        assert here.is_open("r5") == opened


def test_the_floor_holds_without_counting(server, monkeypatch):
    here = server(keep_free=5 * GB)
    left = 100 * GB
    monkeypatch.setattr(
        os,
        "statvfs",
        lambda _: SimpleNamespace(f_frsize=1000, f_blocks=10**9, f_bavail=left // 1000),
    )
    space = here.start()
    space.look()
    assert here.is_open("r5")
    left = 5 * GB + USUAL - 1
    space.look()
    assert not here.is_open("r5")
    assert here.reasons == [
        "the disk has 5.06 GB left; 5 GB stay free, and 64 MB are kept for uploads that have begun "
        "or may begin"
    ]
    left = 6 * GB
    space.look()
    assert here.is_open("r5")
    assert [event for event, _ in here.told] == ["full", "room"]


def test_until_everything_is_counted_folders_stay_as_they_are(server):
    """A daemon that starts anew must not open what the one before it has closed."""
    here = server(limit=GB)
    put(here.root / "library" / "r5" / "a.JPG", GB)
    counted(here)
    space = here.start()
    space.look()
    assert not here.is_open("r5")
    asyncio.run(space.count())
    space.look()
    assert not here.is_open("r5")


def test_a_limit_that_is_no_more_leaves_nothing_closed(server):
    here = server({"r5": {"limit": MB}, "a7": {"limit": None}})
    put(here.root / "library" / "r5" / "a.JPG", GB)
    counted(here)
    assert not here.is_open("r5")
    here.configuration["cameras"] = NO_LIMITS
    here.start().look()
    assert here.is_open("r5")


def test_folders_that_a_camera_made_are_closed_and_opened_with_it(server):
    here = server(limit=GB)
    trip = here.root / "r5" / "upload" / "trip"
    trip.mkdir()
    here.watch("r5", trip)
    photo = put(here.root / "library" / "r5" / "a.JPG", GB)
    space = counted(here)
    assert here.mode("r5", "trip") == CLOSED_TO_GROUP
    # One that was made a moment before, and is noticed now.
    (trip / "late").mkdir()
    space.entered("r5", here.watch("r5", trip / "late"))
    assert here.mode("r5", "trip", "late") == CLOSED_TO_GROUP
    photo.unlink()
    asyncio.run(space.count())
    space.look()
    assert here.mode("r5", "trip") == here.mode("r5", "trip", "late") == WRITABLE


def test_the_door_of_a_folder_that_the_session_owns_is_closed_to_its_owner(tmp_path, monkeypatch):
    tmp_path.chmod(WRITABLE)
    handle = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(os, "geteuid", lambda: -1)
    set_door(handle, closed=True)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == CLOSED_TO_OWNER
    set_door(handle, closed=False)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == WRITABLE
    monkeypatch.setattr(os, "getegid", lambda: -1)
    set_door(handle, closed=True)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == WRITABLE
    os.close(handle)


# -- uploads under way


def test_room_is_kept_for_what_is_under_way(server):
    """So a camera is refused rather than broken off."""
    here = server(limit=10 * GB)
    put(here.root / "library" / "r5" / "a.JPG", 10 * GB - 5 * USUAL)
    space = counted(here)
    assert here.is_open("r5")
    for upload in "123":
        space.begun("r5", upload)
        here.sizes["r5", upload] = 0
    space.look()
    assert not here.is_open("r5")
    for upload in "123":
        grow(here, space, "r5", upload, USUAL)
    assert here.ending == []
    for upload in "123":
        space.ended("r5", upload, USUAL, whole=True)
    space.look()
    assert not here.is_open("r5")


def test_what_a_camera_sent_lately_is_what_it_is_expected_to_send(server):
    here = server({"r5": {"limit": 100 * GB}, "a7": {"limit": 100 * GB}})
    put(here.root / "library" / "r5" / "a.JPG", 92 * GB)
    put(here.root / "library" / "a7" / "a.JPG", 92 * GB)
    space = counted(here)
    space.begun("r5", "clip")
    space.ended("r5", "clip", 7 * GB, whole=True)
    space.begun("a7", "half a clip")
    space.ended("a7", "half a clip", 7 * GB, whole=False)
    space.look()
    assert (here.is_open("r5"), here.is_open("a7")) == (False, True)
    asyncio.run(space.count())
    for i in range(LATELY):
        space.begun("r5", f"{i}")
        space.ended("r5", f"{i}", MB, whole=True)
    space.look()
    assert here.is_open("r5")


def test_photos_after_a_film_are_not_refused(server):
    """However many are under way, and however many wait until they are in the library."""
    here = server(limit=100 * GB)
    put(here.root / "library" / "r5" / "a.JPG", 10 * GB)
    space = counted(here)
    for i in range(20):
        space.begun("r5", f"{i}")
        space.ended("r5", f"{i}", MB, whole=True)
    space.begun("r5", "film")
    space.ended("r5", "film", 20 * GB, whole=True)
    for i in range(8):
        space.begun("r5", f"open {i}")
        here.sizes["r5", f"open {i}"] = 0
    for i in range(1000):
        space.begun("r5", f"waits {i}")
        here.sizes["r5", f"waits {i}"] = MB
        here.closed.add(("r5", f"waits {i}"))
    space.look()
    assert here.is_open("r5")
    assert here.ending == []


def test_one_large_upload_does_not_close_a_camera_for_long(server):
    """What it sent counts as a quarter of the limit at most."""
    here = server({"r5": {"limit": GB}})
    space = counted(here)
    space.begun("r5", "clip")
    space.ended("r5", "clip", 900 * MB, whole=True)
    space.look()
    assert not here.is_open("r5")
    asyncio.run(space.count())
    space.look()
    assert here.is_open("r5")


def test_what_all_sessions_may_begin_takes_no_more_than_a_twentieth(server):
    here = server(limit=100 * GB)
    space = counted(here)
    put(here.root / "library" / "r5" / "a.JPG", 100 * GB - USUAL * SESSIONS - 10 * MB)
    asyncio.run(space.count())
    space.begun("r5", "1")
    space.look()
    assert here.is_open("r5")
    for i in range(LATELY):
        space.begun("r5", f"of a burst {i}")
        space.ended("r5", f"of a burst {i}", 1, whole=True)
    space.look()
    assert here.is_open("r5")


def test_an_upload_that_outgrows_the_limit_is_ended_the_latest_first(server, monkeypatch):
    here = server({"r5": {"limit": GB}, "a7": {"limit": None}})
    monkeypatch.setattr(time, "monotonic", lambda: now)
    now = 0.0
    space = counted(here)
    for i, (camera, upload) in enumerate([("r5", "early"), ("r5", "late"), ("a7", "other")]):
        space.begun(camera, upload)
        here.sizes[camera, upload] = 300 * MB + i
    now += 10
    space.measure()
    space.look()
    # Some 60 MB a second fit for a while, 200 MB would not.
    assert here.ending == []
    here.sizes |= {("r5", "early"): 400 * MB, ("r5", "late"): 400 * MB, ("a7", "other"): 9 * GB}
    now += 1
    space.measure()
    space.look()
    assert here.ending == [{("r5", "late"), ("r5", "early")}]
    space.ended("r5", "late", 0, whole=False)
    here.sizes["r5", "early"] = 410 * MB
    now += 1
    space.measure()
    space.look()
    # None any more, so that nobody is ended for nothing.
    assert here.ending[-1] == set()


def test_at_the_limit_none_goes_on(server):
    here = server(limit=GB)
    space = counted(here)
    space.begun("r5", "1")
    space.begun("a7", "2")
    here.sizes["a7", "2"] = 10
    put(here.root / "library" / "by hand", GB)
    asyncio.run(space.count())
    grow(here, space, "r5", "1", 10)
    assert here.ending == [{("r5", "1"), ("a7", "2")}]


def test_the_floor_lets_uploads_of_usual_size_go_on(server, monkeypatch):
    here = server(keep_free=5 * GB)
    disk = SimpleNamespace(f_frsize=1000, f_blocks=10**9, f_bavail=1)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    space = counted(here)
    space.begun("r5", "1")
    grow(here, space, "r5", "1", USUAL)
    assert here.ending == []
    grow(here, space, "r5", "1", 2 * USUAL)
    assert here.ending == [{("r5", "1")}]


def test_it_keeps_looking(server):
    here = server(limit=GB)
    photo = put(here.root / "library" / "r5" / "a.JPG", GB)

    async def story() -> None:
        space = here.start()
        keeping = asyncio.create_task(space.keep())
        async with asyncio.timeout(20):
            while here.is_open("r5"):
                await asyncio.sleep(0.01)
            photo.unlink()
            while not here.is_open("r5"):
                await asyncio.sleep(0.01)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping

    asyncio.run(story())


def test_a_photo_costs_the_same_whatever_the_library_holds(server, monkeypatch):
    """Only counting anew looks at files."""
    here = server(limit=GB)
    space = counted(here)
    monkeypatch.setattr(os, "scandir", None)
    monkeypatch.setattr(spaces, "taken", None, raising=False)
    space.begun("r5", "1")
    grow(here, space, "r5", "1", MB)
    space.ended("r5", "1", MB, whole=True)
    space.look()


# -- ending a session


def test_the_end_of_a_session_is_asked_for_by_its_process_and_when_that_was_first(
    tmp_path, monkeypatch
):
    """Its number may be another process's one day, which begins later."""
    now = 1000.256
    monkeypatch.setattr(time, "clock_gettime", lambda _: now)
    file = tmp_path / "ending"
    ending = Ending(file)
    ending.ask([17, 4])
    assert file.read_text() == "17 1000.26\n4 1000.26\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    now = 1001
    ending.ask([17, 5])
    assert file.read_text() == "17 1000.26\n5 1001.00\n"
    ending.ask([])
    assert file.read_text() == ""
    ending.ask([17])
    assert file.read_text() == "17 1001.00\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (-5, "0 bytes"),
        (999, "999 bytes"),
        (64 * MB, "64 MB"),
        (5_064_000_000, "5.06 GB"),
        (999_999_999, "999 MB"),
        (99_990_000, "100 MB"),
        (2500 * 10**12, "2500 TB"),
    ],
)
def test_an_amount_is_short(size, text):
    assert amount(size) == text
