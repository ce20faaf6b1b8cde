"""The daemon as a whole: real folders, locks and events; only the journal is played."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from hotshoe.stage.photos import jpeg
from hotshoe_intake import cameras, evidence, intake, reports, uploads
from hotshoe_intake.inotify import Q_OVERFLOW, Event, Inotify
from hotshoe_intake.intake import Intake
from hotshoe_intake.journal import Barrier, Ended, printable
from tests.unit.asynchronous import runs

# A session of vsftpd's: it makes a file, locks it, writes, and closes it when it is told to.
SESSION = """
import fcntl, os, sys
for line in sys.stdin:
    what, *rest = line.rstrip("\\n").split(" ", 1)
    if what == "make":
        file = os.open(rest[0], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o440)
    elif what == "lock":
        fcntl.lockf(file, fcntl.LOCK_EX)
    elif what == "write":
        os.write(file, rest[0].encode())
    elif what == "close":
        os.close(file)
    print("done", flush=True)
"""


class Session:
    """One of vsftpd's sessions."""

    def __init__(self, camera: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SESSION],
            cwd=camera / "upload",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def __call__(self, *orders: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        for order in orders:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == "done\n"

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Journal:
    """The journal: what was logged, in its order."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.lines: deque[Ended | Barrier] = deque()
        self.complete, self.takes = True, True

    def add(self, line: Ended | Barrier) -> None:
        self.lines.append(line)
        os.eventfd_write(self.fd, 1)

    def send_barrier(self, token: str) -> bool:
        if self.takes:
            self.add(Barrier(token))
        return self.takes

    def read(self) -> Iterator[Ended | Barrier]:
        with suppress(BlockingIOError):
            os.eventfd_read(self.fd)
        while self.lines:
            yield self.lines.popleft()


class Home:
    """A server's folders, its journal, and what the daemon has told it."""

    def __init__(self, root: Path, journal: Journal, told: list[dict[str, object]]) -> None:
        self.root, self.journal, self.told = root, journal, told
        self.camera = root / "r5"
        for folder in cameras.FOLDERS:
            (self.camera / folder).mkdir(parents=True)
        (root / "library").mkdir()
        self._sessions: list[Session] = []

    def session(self) -> Session:
        self._sessions.append(Session(self.camera))
        return self._sessions[-1]

    def end(self) -> None:
        for session in self._sessions:
            session.end()

    def log(self, session: Session, name: str, size: int) -> None:
        name = printable(name)
        self.journal.add(Ended(session.pid, True, "r5", name, size, time.time()))

    def upload(self, name: str, content: str) -> None:
        """A whole one, as fast as can be."""
        session = self.session()
        session(f"make {name}", "lock", f"write {content}")
        self.log(session, name.rpartition("/")[2], len(content))
        session("close")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Intake]:
        configuration = {
            "photos": str(self.root),
            "owner": "hotshoe",
            "library": "{camera}/{name}",
            "keep_incomplete_days": 14,
            "readable": False,
            "limit": None,
            "keep_free": 0,
            "cameras": {"r5": {"limit": None, "tolerates_unclean_close": False}},
            "ending": str(self.root / "ending"),
        }
        daemon, ready = Intake(configuration), asyncio.Event()
        task = asyncio.create_task(daemon.run(ready.set))
        first, _ = await asyncio.wait(
            [task, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        assert task not in first, await task
        try:
            yield daemon
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def files(self, folder: str) -> dict[str, str]:
        files = {}
        # Meanwhile some may be moved.
        with suppress(FileNotFoundError):
            for path in (self.root / folder).rglob("*"):
                if path.is_file():
                    files[path.name] = path.read_text()
        return files

    def events(self, name: str) -> list[object]:
        return [each["HOTSHOE_EVENT"] for each in self.told if each.get("HOTSHOE_NAME") == name]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Iterator[Home]:
    journal, told = Journal(), list[dict[str, object]]()

    def tell(message: str, **fields: object) -> None:
        told.append(fields | {"MESSAGE": message})

    monkeypatch.setattr(intake, "getpwnam", lambda _: SimpleNamespace(pw_uid=os.getuid()))
    monkeypatch.setattr(intake, "is_complete_since", lambda _: journal.complete)
    monkeypatch.setattr(evidence, "Journal", lambda *_: journal)
    monkeypatch.setattr(evidence, "send_barrier", journal.send_barrier)
    teller = SimpleNamespace(tell=tell, close=lambda: told.append({"MESSAGE": "closed"}))
    monkeypatch.setattr(reports, "Teller", lambda: teller)
    made = Home(tmp_path / "hotshoe", journal, told)
    yield made
    made.end()


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@runs
async def test_a_name_is_free_while_its_photo_arrives(home):
    async with home.running():
        first, second = home.session(), home.session()
        for session in (first, second):
            session("make a.JPG", "lock", f"write {session.pid}")
            await until(lambda: not home.files("r5/upload"))
        assert home.files("library") == {}
        for session in (second, first):
            home.log(session, "a.JPG", len(str(session.pid)))
            session("close")
            await until(lambda s=session: str(s.pid) in home.files("library").values())
        await until(lambda: home.events("a.JPG") == ["arriving"] * 2 + ["library"] * 2)
    assert home.files("library") == {"a.JPG": str(second.pid), "a-2.JPG": str(first.pid)}


@runs
async def test_the_line_may_come_before_or_after_the_end(home):
    async with home.running():
        early, late = home.session(), home.session()
        early("make early.JPG", "lock", "write 1")
        home.log(early, "early.JPG", 1)
        await until(lambda: not home.journal.lines)
        assert home.files("library") == {}
        early("close")
        await until(lambda: home.files("library") == {"early.JPG": "1"})
        home.journal.takes = False
        late("make late.JPG", "lock", "write 2", "close")
        home.journal.takes = True
        home.log(late, "late.JPG", 1)
        await until(lambda: home.files("library") == {"early.JPG": "1", "late.JPG": "2"})


@runs
async def test_what_broke_off_is_set_aside_once_the_journal_has_no_more_to_say(home):
    async with home.running():
        session = home.session()
        session("make half.JPG", "lock", "write 123")
        await until(lambda: home.files("r5/arriving"))
        session.end()
        await until(lambda: home.files("r5/incomplete") == {"half.JPG": "123"})
        (place,) = (home.camera / "incomplete").iterdir()
        assert place.stat().st_mode & 0o777 == 0o750
        await until(lambda: home.events("half.JPG") == ["arriving", "incomplete"])
    assert "the connection broke off" in str(home.told[-1]["MESSAGE"])
    assert not any((home.camera / "arriving").iterdir())


@runs
async def test_without_the_journal_nothing_is_said_to_have_broken_off(home):
    home.journal.complete = False
    async with home.running():
        session = home.session()
        session("make unknown.JPG", "lock", "write 123", "close")
        await until(lambda: home.files("r5/unproven") == {"unknown.JPG": "123"})


@runs
async def test_it_goes_on_where_another_one_was_interrupted(home):
    """One moved already, one that arrived meanwhile, one under way, and an empty place."""
    session = home.session()
    session("make moved.JPG", "lock", "write 1", "close", "make new.JPG", "lock", "write 22")
    session("close", "make open.JPG", "lock", "write 3")
    place = home.camera / "arriving" / "20240229T120000.000000000"
    place.mkdir()
    (home.camera / "arriving" / "empty").mkdir()
    (home.camera / "upload" / "moved.JPG").rename(place / "moved.JPG")
    home.log(session, "moved.JPG", 1)
    home.log(session, "new.JPG", 2)
    async with home.running():
        await until(lambda: home.files("library") == {"moved.JPG": "1", "new.JPG": "22"})
        assert home.files("r5/arriving") == {"open.JPG": "3"}
        home.log(session, "open.JPG", 1)
        session("close")
        await until(lambda: "open.JPG" in home.files("library"))
        await until(lambda: not any((home.camera / "arriving").iterdir()))
    assert home.files("r5/incomplete") == {}


@runs
async def test_a_file_that_vsftpd_has_not_locked_yet_is_not_taken_for_one_that_has_ended(home):
    session = home.session()
    session("make a.JPG")
    home.journal.takes = False
    async with home.running():
        await until(lambda: home.files("r5/arriving"))
        session("lock", "write 1")
        home.journal.takes = True
        # It asks the journal again in a second.
        await until(lambda: not home.journal.lines and home.journal.takes)
        await asyncio.sleep(1.2)
        assert home.files("r5/arriving") == {"a.JPG": "1"}
        home.log(session, "a.JPG", 1)
        session("close")
        await until(lambda: home.files("library") == {"a.JPG": "1"})
    assert home.files("r5/incomplete") == {}


@runs
async def test_an_error_holds_up_no_other_photo_and_is_tried_again(home):
    intake.ERROR_PAUSE = 0.1
    try:
        (home.root / "library" / "r5").write_text("in the way")
        async with home.running():
            home.upload("a.JPG", "1")
            await until(
                lambda: any("not in the library yet" in str(t["MESSAGE"]) for t in home.told)
            )
            assert home.files("r5/arriving") == {"a.JPG": "1"}
            (home.root / "library" / "r5").unlink()
            await until(lambda: home.files("library") == {"a.JPG": "1"})
    finally:
        intake.ERROR_PAUSE = 30


@runs
async def test_what_could_not_be_moved_at_once_is_not_said_to_have_broken_off(home, monkeypatch):
    """Its line may have been read before it was known."""
    make_place, failed = cameras.Camera.make_place, []

    def no_room(camera, folder):
        if not failed:
            failed.append(folder)
            raise OSError(errno.ENOSPC, "No space left on device")
        return make_place(camera, folder)

    monkeypatch.setattr(cameras.Camera, "make_place", no_room)
    monkeypatch.setattr(intake, "ERROR_PAUSE", 0.3)
    async with home.running():
        home.upload("a.BIN", "1")
        await until(lambda: failed and not home.journal.lines)
        await until(lambda: home.files("r5/unproven") == {"a.BIN": "1"})
    assert home.files("r5/incomplete") == {}


@runs
async def test_a_folder_that_cannot_be_watched_hides_no_other_photo(home, monkeypatch):
    watch, refused = Inotify.watch, []

    def no_watches(self, folder, mask):
        if Path(f"/proc/self/fd/{folder}").readlink().name == "trip" and len(refused) < 2:
            refused.append(folder)
            raise OSError(errno.ENOSPC, "No space left on device")
        return watch(self, folder, mask)

    monkeypatch.setattr(Inotify, "watch", no_watches)
    monkeypatch.setattr(intake, "ERROR_PAUSE", 0.3)
    async with home.running():
        (home.camera / "upload" / "trip").mkdir()
        home.upload("a.JPG", "1")
        await until(lambda: home.files("library") == {"a.JPG": "1"})
        home.upload("trip/b.JPG", "2")
        await until(lambda: "b.JPG" in home.files("library") | home.files("r5/unproven"))
    assert any("could not be watched" in str(each["MESSAGE"]) for each in home.told)


@runs
async def test_very_many_that_are_found_are_taken_up_by_and_by(home, monkeypatch):
    monkeypatch.setattr(intake, "MOST_FOUND", 10)
    monkeypatch.setattr(intake, "FOUND_PAUSE", 0.05)
    for i in range(45):
        (home.camera / "upload" / f"{i}.JPG").write_text(f"{i}")
    async with home.running() as daemon:
        assert len(daemon._arrivals) == 10
        await until(lambda: len(home.files("r5/unproven")) == 45)


@runs
async def test_a_file_of_any_time_stops_nobody(home):
    (home.camera / "upload" / "old.JPG").write_text("1")
    os.utime(home.camera / "upload" / "old.JPG", (-5000, -5000))
    async with home.running():
        home.upload("a.JPG", "2")
        await until(lambda: home.files("library") == {"a.JPG": "2"})
        await until(lambda: home.files("r5/unproven") == {"old.JPG": "1"})


@runs
async def test_what_cannot_be_removed_ends_nothing(home, monkeypatch):
    monkeypatch.setattr(intake, "SWEEP_PAUSE", 0.05)

    def refused(camera, days):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(cameras.Camera, "remove_old", refused)
    async with home.running():
        await until(lambda: len(home.told) > 2)
        home.upload("a.JPG", "1")
        await until(lambda: home.files("library") == {"a.JPG": "1"})
    assert "could not be removed" in str(home.told[0]["MESSAGE"])


@runs
async def test_folders_that_a_camera_makes_are_watched(home):
    async with home.running():
        (home.camera / "upload" / "a" / "b").mkdir(parents=True)
        home.upload("a/b/1.JPG", "1")
        await until(lambda: home.files("library") == {"1.JPG": "1"})
        (home.camera / "upload" / "a").rename(home.camera / "upload" / "c")
        home.upload("c/b/2.JPG", "2")
        await until(lambda: "2.JPG" in home.files("library"))
        (home.camera / "upload" / "c" / "b").rmdir()
        (home.camera / "upload" / "c" / "b").mkdir()
        home.upload("c/b/3.JPG", "3")
        await until(lambda: "3.JPG" in home.files("library"))


@runs
async def test_what_was_set_aside_is_watched_no_more(home):
    """Or the kernel's watches would be used up by whoever breaks off again and again."""
    async with home.running() as daemon:
        for i in range(20):
            session = home.session()
            session(f"make {i}.JPG", "lock", "write 1", "close")
            await until(lambda name=f"{i}.JPG": "incomplete" in home.events(name))
        await until(lambda: not daemon._watched)
        fds = Path(f"/proc/self/fdinfo/{daemon._events.fd}").read_text()
    # The camera's own folder is.
    assert fds.count("inotify wd:") == 1


@runs
async def test_it_tells_what_it_has_done_before_it_ends(home):
    async with home.running() as daemon:
        home.upload("a.JPG", "1")
        await until(lambda: home.files("r5/arriving") or home.files("library"))
        await until(lambda: daemon._last or home.files("library"))
        await daemon.finish()
    assert home.events("a.JPG") == ["arriving", "library"]
    assert home.told[-1]["MESSAGE"] == "closed"


@runs
async def test_lost_events_are_made_up_for(home):
    async with home.running() as daemon:
        daemon._events.read = lambda: iter([])  # type: ignore[method-assign]
        asyncio.get_running_loop().remove_reader(daemon._events.fd)
        session = home.session()
        session("make a.JPG", "lock", "write 1", "close")
        home.log(session, "a.JPG", 1)
        daemon._events.read = lambda: iter([Event(-1, Q_OVERFLOW, "")])  # type: ignore[method-assign]
        daemon._happened()
        await until(lambda: home.files("r5/arriving") == {"a.JPG": "1"} or home.files("library"))
        await until(lambda: not home.files("r5/upload"))


@runs
async def test_what_is_no_photo_of_vsftpd_s_stays_where_it_is(home):
    upload = home.camera / "upload"
    (home.root / "secret").write_text("secret")
    (upload / "link.JPG").symlink_to(home.root / "secret")
    os.mkfifo(upload / "fifo.JPG")
    async with home.running():
        (upload / "folder").symlink_to(home.root)
        home.upload("a.JPG", "1")
        await until(lambda: home.files("library") == {"a.JPG": "1"})
    assert {each.name for each in upload.iterdir()} == {"link.JPG", "fifo.JPG", "folder"}
    assert (home.root / "secret").read_text() == "secret"


@runs
async def test_what_takes_the_name_of_an_upload_while_that_is_moved_is_set_aside(home, monkeypatch):
    """A link to a file that only the daemon may read."""
    (home.root / "secret").write_text("secret")
    rename = os.rename

    def swapped(name, new, **folders):
        if name == new == "a.JPG":
            os.unlink(name, dir_fd=folders["src_dir_fd"])
            os.symlink(home.root / "secret", name, dir_fd=folders["src_dir_fd"])
        rename(name, new, **folders)

    monkeypatch.setattr(os, "rename", swapped)
    monkeypatch.setattr(evidence, "UNWRITTEN_PAUSE", 0)
    async with home.running():
        session = home.session()
        session("make a.JPG", "lock", "write 1", "close")
        await until(lambda: list((home.camera / "unproven").glob("*/a.JPG")))
    assert home.files("library") == {}
    assert (home.root / "secret").read_text() == "secret"


@runs
async def test_more_folders_than_are_watched_are_told_of_once(home):
    before, uploads.MOST_FOLDERS = uploads.MOST_FOLDERS, 3
    try:
        async with home.running():
            for i in range(6):
                (home.camera / "upload" / f"{i}").mkdir()
            await until(
                lambda: any("folders; uploads into" in str(t["MESSAGE"]) for t in home.told)
            )
            home.upload("0/a.JPG", "1")
            await until(lambda: home.files("library") == {"a.JPG": "1"})
    finally:
        uploads.MOST_FOLDERS = before
    assert sum("folders; uploads into" in str(each["MESSAGE"]) for each in home.told) == 1


@runs
async def test_a_folder_for_which_there_was_no_room_is_watched_once_there_is(home, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_FOLDERS", 3)
    # However soon after the last look at which are gone.
    monkeypatch.setattr(uploads, "LOOK_PAUSE", 3600)
    monkeypatch.setattr(intake, "CROWDED_PAUSE", 0.05)
    upload = home.camera / "upload"
    async with home.running():
        for name in "abc":
            (upload / name).mkdir()
        await until(lambda: any("folders; uploads into" in str(t["MESSAGE"]) for t in home.told))
        photo = jpeg(1)
        (upload / "c" / "a.JPG").write_bytes(photo)
        await asyncio.sleep(0.2)
        assert not any((home.root / "library").iterdir())
        (upload / "a").rmdir()
        library = home.root / "library" / "r5" / "a.JPG"
        await until(library.exists)
    assert library.read_bytes() == photo


@runs
async def test_what_broke_off_is_removed_after_its_days(home):
    incomplete = home.camera / "incomplete"
    # As an earlier version left it.
    (incomplete / "old.JPG").write_text("1")
    os.utime(incomplete / "old.JPG", (0, 0))
    async with home.running():
        await until(lambda: not (incomplete / "old.JPG").exists())
    assert home.files("r5/incomplete") == {"old.JPG": "1"}
    now = time.time()
    cameras.time = SimpleNamespace(time=lambda: now + 15 * 86400)  # type: ignore[assignment]
    try:
        camera = cameras.Camera.find(os.open(home.root, os.O_RDONLY), "r5", tolerant=False)
        assert camera
        assert camera.remove_old(16) == []
        assert camera.remove_old(14) == ["old.JPG"]
    finally:
        cameras.time = time  # type: ignore[assignment]
    assert not any(incomplete.iterdir())
