"""Where photos go in the library, and that each is there once, whatever happens."""

from __future__ import annotations

import errno
import io
import itertools
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotshoe_intake import folders, library
from hotshoe_intake.formats import look
from hotshoe_intake.library import Library, Placed
from tests.conftest import PROJECT
from tests.unit.intake import photos

DAY = "2024-02-29"
TREE = "{camera}/{date}/{name}"
NOON = time.mktime((2024, 2, 29, 12, 0, 0, 0, 0, -1))


@cache
def taken(second: int, kind: str = "JPG", day: int = 29) -> bytes:
    """A file of the exposure of that second; its content is of that kind."""
    when = {"taken": f"2024:02:{day:02} 12:00:{second:02}", "fraction": ""}
    return {
        "JPG": lambda: photos.jpeg(second, **when),
        "CR3": lambda: photos.raw(**when),
        "WAV": lambda: photos.riff(b"WAVE") + bytes([second]),
        "XMP": lambda: b"<xmp>%d</xmp>" % second,
        "MOV": lambda: photos.film(photos.EPOCH + int(NOON) + 7200 + second),
    }[kind]()


class Home:
    """A library, and a folder in which photos arrive."""

    def __init__(self, path: Path, tree: str = TREE, *, readable: bool = False) -> None:
        self.path = path / "library"
        self.arriving = path / "arriving"
        for folder in (self.path, self.arriving):
            folder.mkdir()
        self._root = os.open(self.path, os.O_RDONLY)
        self.source = os.open(self.arriving, os.O_RDONLY)
        self.tree = tree
        self.readable = readable
        self.restart()

    def restart(self) -> None:
        """What the program remembers is gone."""
        self.library = Library(self._root, self.tree, readable=self.readable)

    def place(self, name: str, camera: str = "r5", arrived: float = NOON) -> Placed:
        """Place what has arrived."""
        content = (self.arriving / name).read_bytes()
        found = look(io.BytesIO(content), len(content))
        return self.library.place(self.source, name, camera, found, arrived)

    def take(self, name: str, content: bytes, **options: Any) -> Placed:
        """A photo arrives and is placed."""
        (self.arriving / name).write_bytes(content)
        return self.place(name, **options)

    def photos(self) -> dict[str, bytes]:
        """All that is in the library: links by where they lead, nothing of folders."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def close(self) -> None:
        os.close(self._root)
        os.close(self.source)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.close()


# -- where


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ("{camera}/{date}/{name}", "r5/2024-02-29/a.JPG"),
        ("{name}", "a.JPG"),
        ("{camera}/{name}", "r5/a.JPG"),
        ("{year}/{month}/{day}/{camera}/{name}", "2024/02/29/r5/a.JPG"),
        ("by-{camera}/{year}-{month}/{name}", "by-r5/2024-02/a.JPG"),
    ],
)
def test_a_photo_goes_where_the_tree_says(tmp_path, tree, path):
    home = Home(tmp_path, tree)
    # A day on which it was uploaded says nothing if it says when it was taken.
    assert home.take("a.JPG", taken(0), arrived=NOON + 10**7) == Placed(path, copy=False)
    assert home.photos() == {path: taken(0)}
    assert not list(home.arriving.iterdir())
    assert home.take("a.JPG", taken(0)) == Placed(path, copy=True)
    home.close()


def test_without_a_date_the_day_of_its_upload_counts(home):
    assert home.take("a.txt", b"1").path == f"r5/{DAY}/a.txt"


def test_folders_are_for_the_group_and_the_photo_keeps_its_mode(home):
    photo = home.arriving / "a.JPG"
    photo.write_bytes(taken(0))
    photo.chmod(0o440)
    home.path.chmod(0o2770)
    before = os.umask(0o007)
    try:
        path = home.place("a.JPG").path
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((home.path / each).stat().st_mode) for each in ("r5", f"r5/{DAY}", path)]
    assert modes == [0o2770, 0o2770, 0o440]


def test_where_there_are_readers_the_gate_alone_keeps_others_out(tmp_path):
    """Who may pass the library's own folder reads all that is below, and changes none of it."""
    home = Home(tmp_path, readable=True)
    home.path.chmod(0o2770)
    photo = home.arriving / "a.JPG"
    photo.write_bytes(taken(0))
    photo.chmod(0o440)
    before = os.umask(0o002)
    try:
        path = home.place("a.JPG").path
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((home.path / each).stat().st_mode) for each in ("r5", f"r5/{DAY}", path)]
    assert modes == [0o2775, 0o2775, 0o444]
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o2770
    home.close()


@pytest.mark.parametrize(
    "name",
    [
        "no-extension",
        ".hidden",
        " .JPG",
        "new\nline.JPG",
        "-n.JPG",
        "a.b.c.JPG",
        "ends.",
        "..JPG",
        os.fsdecode(b"\xff\xfe\x80.JPG"),
        "x" * 251 + ".JPG",
        "x" * 255,
        "a." + "x" * 253,
        "ü" * 125 + ".JPG",
        "\U0001f4f7" * 62 + ".JPG",
    ],
)
def test_a_name_may_be_anything(home, name):
    for number in range(12):
        placed = home.take(name, b"%d" % number)
        assert len(os.fsencode(placed.path.rpartition("/")[2])) <= 255
    assert sorted(home.photos().values()) == sorted(b"%d" % number for number in range(12))
    assert home.photos()[f"r5/{DAY}/{name}"] == b"0"
    for number in range(12):
        assert home.take(name, b"%d" % number).copy
    assert len(home.photos()) == 12


# -- once, and beside each other


def test_a_photo_that_is_there_is_not_kept_twice(home):
    first = home.take("IMG_0001.JPG", taken(0))
    assert home.take("IMG_0001.JPG", taken(0)) == Placed(first.path, copy=True)
    assert home.photos() == {first.path: taken(0)}
    assert not list(home.arriving.iterdir())


def test_another_photo_of_the_same_name_is_kept_beside_it(home):
    paths = [home.take("IMG_0001.JPG", taken(second)).path for second in range(3)]
    assert paths == [f"r5/{DAY}/IMG_0001{suffix}.JPG" for suffix in ("", "-2", "-3")]
    assert home.photos() == {path: taken(second) for second, path in enumerate(paths)}
    assert [home.take("IMG_0001.JPG", taken(second)).path for second in (2, 0, 1)] == [
        paths[2],
        paths[0],
        paths[1],
    ]


@pytest.mark.parametrize("where", [0, 1, -1])
def test_one_byte_of_many_makes_another_photo(home, where):
    content = bytearray(3 << 20)
    first = home.take("a.bin", bytes(content))
    content[where] ^= 1
    assert not home.take("a.bin", bytes(content)).copy
    assert home.take("a.bin", bytes(3 << 20)) == Placed(first.path, copy=True)


def test_cameras_do_not_share_a_folder(home):
    home.take("a.JPG", taken(0))
    assert home.take("a.JPG", taken(1), camera="a7").path == f"a7/{DAY}/a.JPG"


@pytest.mark.parametrize("arrived", [NOON, NOON + 10**6])
@pytest.mark.parametrize("suffixes", [1, 3])
def test_a_retry_after_midnight_is_the_same_photo(home, arrived, suffixes):
    """Of those without a date only: others are in the folder of their exposure."""
    paths = [home.take("a.WAV", b"%d" % n, arrived=arrived).path for n in range(suffixes)]
    last = b"%d" % (suffixes - 1)
    assert home.take("a.WAV", last, arrived=arrived + 86400) == Placed(paths[-1], copy=True)
    assert not home.take("a.WAV", b"another", arrived=arrived + 86400).copy
    assert not home.take("a.WAV", last, arrived=arrived + 3 * 86400).copy


@pytest.mark.parametrize("clock", ["2024-03-31", "2024-10-27"])
def test_the_day_before_is_found_when_clocks_change(tmp_path, monkeypatch, clock):
    """At half past midnight after a day of 23 or 25 hours."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        home = Home(tmp_path)
        year, month, day = map(int, clock.split("-"))
        evening = time.mktime((year, month, day, 23, 50, 0, 0, 0, -1))
        night = time.mktime((year, month, day + 1, 0, 30, 0, 0, 0, -1))
        first = home.take("a.WAV", b"memo", arrived=evening)
        assert home.take("a.WAV", b"memo", arrived=night) == Placed(first.path, copy=True)
        home.close()
    finally:
        monkeypatch.undo()
        time.tzset()


# -- RAW, JPEG and what belongs to them


def suffix_of(path: str) -> str:
    found = re.fullmatch(rf"r5/{DAY}/IMG_0001(-\d+)?\.\w+", path)
    assert found, path
    return found[1] or ""


@pytest.mark.parametrize("order", list(itertools.permutations(["JPG", "CR3", "WAV"])), ids=str)
@pytest.mark.parametrize("there", ["JPG", "CR3", "JPG CR3", "JPG CR3 WAV"])
def test_the_files_of_an_exposure_have_one_suffix(home, there, order):
    """Also if only one of their names is taken by another exposure."""
    for kind in there.split():
        assert suffix_of(home.take(f"IMG_0001.{kind}", taken(1, kind)).path) == ""
    suffixes = {kind: home.take(f"IMG_0001.{kind}", taken(2, kind)).path for kind in order}
    assert {suffix_of(suffixes[kind]) for kind in ("JPG", "CR3")} == {"-2"}
    # What says nothing of when it was taken is with them if it comes behind one of them.
    if order[0] != "WAV" or "WAV" in there:
        assert suffix_of(suffixes["WAV"]) == "-2"
    for kind in order:
        assert home.take(f"IMG_0001.{kind}", taken(2, kind)) == Placed(suffixes[kind], copy=True)
    assert len(home.photos()) == len(there.split()) + len(order)


FILES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["JPG", "CR3"])), min_size=1, max_size=14
)


@settings(max_examples=40)
@given(FILES)
def test_in_whichever_order_exposures_arrive_none_shares_a_suffix(tmp_path_factory, files):
    home = Home(tmp_path_factory.mktemp("home"))
    paths: dict[tuple[int, str], str] = {}
    for second, kind in files:
        placed = home.take(f"IMG_0001.{kind}", taken(second, kind))
        assert placed.copy is ((second, kind) in paths)
        assert paths.setdefault((second, kind), placed.path) == placed.path
    of_exposure: dict[int, set[str]] = {}
    for (second, _), path in paths.items():
        of_exposure.setdefault(second, set()).add(suffix_of(path))
    assert all(len(suffixes) == 1 for suffixes in of_exposure.values())
    assert len(set.union(*of_exposure.values())) == len(of_exposure)
    assert home.photos() == {path: taken(*which) for which, path in paths.items()}
    home.close()


@pytest.mark.parametrize("sidecar", ["WAV", "XMP", "MOV"])
def test_what_has_no_moment_of_its_own_joins_the_last_exposure(home, sidecar):
    """A film has one, but by another clock: when it began or ended."""
    for second in (1, 2, 3):
        for kind in ("JPG", "CR3"):
            home.take(f"IMG_0001.{kind}", taken(second, kind))
    expected = ["-3", "-2", ""]
    for second, suffix in enumerate(expected):
        content = taken(second, sidecar)
        assert suffix_of(home.take(f"IMG_0001.{sidecar}", content).path) == suffix


def test_a_photo_joins_the_sidecar_that_came_before_it(home):
    for second in (1, 2):
        suffix = "-2" if second == 2 else ""
        for kind in ("WAV", "JPG", "CR3"):
            placed = home.take(f"IMG_0001.{kind}", taken(second, kind))
            assert suffix_of(placed.path) == suffix


def test_fractions_of_a_second_count_where_both_have_them(home):
    jpg = photos.jpeg(fraction="25")
    first = home.take("IMG_0001.JPG", jpg)
    assert suffix_of(first.path) == ""
    assert suffix_of(home.take("IMG_0001.CR3", photos.raw(fraction="75")).path) == "-2"
    assert suffix_of(home.take("IMG_0001.DNG", photos.raw(fraction="25")).path) == ""
    assert suffix_of(home.take("IMG_0001.NEF", photos.raw(fraction="")).path) == ""


def test_lower_case_names_are_siblings_too(home):
    home.take("IMG_0001.cr3", taken(1, "CR3"))
    assert suffix_of(home.take("IMG_0001.JPG", taken(2)).path) == "-2"


# -- what others have put there


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to("../../../outside/photo"),
        lambda path: path.symlink_to("/dev/zero"),
    ],
    ids=["folder", "fifo", "dangling link", "link to the same content", "link to a device"],
)
def test_what_is_no_photo_is_neither_replaced_nor_followed(home, tmp_path, make):
    (tmp_path / "outside").mkdir()
    outside = tmp_path / "outside" / "photo"
    outside.write_bytes(taken(0))
    folder = home.path / "r5" / DAY
    folder.mkdir(parents=True)
    for name in ("a.JPG", "a.CR3"):
        make(folder / name)
    before = os.lstat(folder / "a.JPG")
    assert home.take("a.JPG", taken(0)) == Placed(f"r5/{DAY}/a-2.JPG", copy=False)
    assert os.path.samestat(os.lstat(folder / "a.JPG"), before)
    assert outside.read_bytes() == taken(0)
    assert outside.stat().st_nlink == 1


@pytest.mark.parametrize("where", ["r5", f"r5/{DAY}"])
@pytest.mark.parametrize(
    "make", [lambda path: path.write_text("mine"), lambda path: path.symlink_to("/tmp")]
)
def test_where_a_folder_has_to_be_nothing_else_is_accepted(home, where, make):
    path = home.path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    before = os.lstat(path)
    with pytest.raises(OSError) as error:
        home.take("a.JPG", taken(0))
    assert str(error.value) == f"[Errno 20] Not a directory: '{where}'"
    assert os.path.samestat(os.lstat(path), before)
    assert (home.arriving / "a.JPG").read_bytes() == taken(0)
    # It is placed when the person has put that right.
    path.unlink()
    assert home.place("a.JPG") == Placed(f"r5/{DAY}/a.JPG", copy=False)


@pytest.mark.parametrize("camera", ["..", ".", "", "a/b", "../../outside"])
def test_a_camera_s_name_leads_nowhere_else(home, camera):
    with pytest.raises(OSError):
        home.take("a.JPG", taken(0), camera=camera)
    assert (home.arriving / "a.JPG").exists()
    assert not list(home.path.iterdir())


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo])
def test_only_a_file_is_placed(home, make):
    make(home.arriving / "a.JPG")
    with pytest.raises(OSError):
        home.library.place(home.source, "a.JPG", "r5", look(io.BytesIO(), 0), NOON)
    assert not list(home.path.iterdir())


def test_a_name_that_is_taken_just_now_is_not_overwritten(home, monkeypatch):
    folder = home.path / "r5" / DAY
    folder.mkdir(parents=True)
    mine = iter(["a.JPG", "a-2.JPG"])

    def late(*arguments: Any) -> None:
        for name in itertools.islice(mine, 1):
            (folder / name).write_text("mine")
        folders.rename_new(*arguments)

    monkeypatch.setattr(library, "rename_new", late)
    assert home.take("a.JPG", taken(0)).path == f"r5/{DAY}/a-3.JPG"
    assert [(folder / name).read_text() for name in ("a.JPG", "a-2.JPG")] == ["mine", "mine"]


# -- whatever ends it


class KilledError(BaseException):
    """The program ends here."""


def steps() -> list[tuple[Any, str]]:
    """What changes the disk, or waits for it."""
    return [
        *((os, name) for name in ("mkdir", "fchmod", "fsync", "unlink", "link", "rename")),
        (folders, "_renameat2"),
    ]


class Interrupted:
    """Ends the program, or lets the system fail, at one of its steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.at: int | None = None
        self.how: Callable[[], None] = lambda: None
        self.done_before = False
        for owner, name in steps():
            monkeypatch.setattr(owner, name, self._step(getattr(owner, name)))

    def _step(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            now = self.count == self.at
            if now and not self.done_before:
                self.how()
            result = work(*arguments, **options)
            if now and self.done_before:
                self.how()
            return result

        return step


def _kill() -> None:
    raise KilledError


def _fail() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("there", [False, True], ids=["new", "there already"])
@pytest.mark.parametrize("done_before", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("kernel", [True, False], ids=["renameat2", "link"])
@pytest.mark.parametrize("how", [_kill, _fail], ids=["killed", "EIO"])
def test_wherever_it_ends_there_is_one_photo(
    tmp_path_factory, monkeypatch, there, done_before, kernel, how
):
    if not kernel:

        def refuse(*arguments: object) -> int:
            folders.ctypes.set_errno(errno.EINVAL)
            return -1

        monkeypatch.setattr(folders, "_renameat2", refuse)
    interrupted = Interrupted(monkeypatch)
    interrupted.how, interrupted.done_before = how, done_before
    path = f"r5/{DAY}/IMG_0001.JPG"
    for at in itertools.count(1):
        home = Home(tmp_path_factory.mktemp("home"))
        if there:
            home.take("IMG_0001.JPG", taken(1))
            home.restart()
        (home.arriving / "IMG_0001.JPG").write_bytes(taken(1))
        interrupted.count, interrupted.at = 0, at
        try:
            home.place("IMG_0001.JPG")
        except (KilledError, OSError):
            ended = True
        else:
            ended = False
        interrupted.at = None
        left = (home.arriving / "IMG_0001.JPG").exists()
        assert left or home.photos() == {path: taken(1)}
        if how is _fail and not done_before and ended:
            assert left, "whoever calls may try again"
        home.restart()
        if not left:
            # The camera may not have heard that it was taken.
            (home.arriving / "IMG_0001.JPG").write_bytes(taken(1))
        assert home.place("IMG_0001.JPG").path == path
        assert home.photos() == {path: taken(1)}
        assert not list(home.arriving.iterdir())
        home.close()
        if interrupted.count < at and not ended:
            break
    assert at > 4


# -- on the disk when it returns


def recorded(monkeypatch: pytest.MonkeyPatch, home: Home) -> list[str]:
    """What is done to the disk, as it is done, by paths from the home on."""
    done: list[str] = []
    base = home.path.parent

    def where(handle: int) -> str:
        return str(Path(f"/proc/self/fd/{handle}").readlink().relative_to(base))

    fsync, renameat2, unlink = os.fsync, folders._renameat2, os.unlink

    def record_fsync(handle: int) -> None:
        fsync(handle)
        done.append(f"fsync {where(handle)}")

    def record_rename(source: int, name: bytes, target: int, new: bytes, flags: int) -> int:
        done.append(f"rename {where(source)}/{name.decode()} {where(target)}/{new.decode()}")
        return int(renameat2(source, name, target, new, flags))

    def record_unlink(name: str, *, dir_fd: int) -> None:
        done.append(f"unlink {where(dir_fd)}/{name}")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "unlink", record_unlink)
    monkeypatch.setattr(folders, "_renameat2", record_rename)
    return done


PLACED = [
    "fsync arriving/a.JPG",
    f"rename arriving/a.JPG library/r5/{DAY}/a.JPG",
    f"fsync library/r5/{DAY}",
    "fsync library/r5",
    "fsync library",
]


def test_a_photo_is_on_the_disk_before_it_gets_its_name_and_then_its_name_is(home, monkeypatch):
    done = recorded(monkeypatch, home)
    home.take("a.JPG", taken(0))
    assert done == PLACED
    # Folders that are known to be on the disk cost nothing more.
    del done[:]
    home.take("b.JPG", taken(0))
    assert done == [
        "fsync arriving/b.JPG",
        f"rename arriving/b.JPG library/r5/{DAY}/b.JPG",
        f"fsync library/r5/{DAY}",
    ]


def test_a_photo_is_on_the_disk_before_its_copy_is_removed(home, monkeypatch):
    """Whoever placed the first one may have been interrupted before it was."""
    home.take("a.JPG", taken(0))
    home.restart()
    done = recorded(monkeypatch, home)
    home.take("a.JPG", taken(0))
    assert done == [
        "fsync arriving/a.JPG",
        f"fsync library/r5/{DAY}/a.JPG",
        f"fsync library/r5/{DAY}",
        "fsync library/r5",
        "fsync library",
        "unlink arriving/a.JPG",
    ]


PROGRAM = """
import os, sys
from hotshoe_intake.formats import look
from hotshoe_intake.library import Library
root, source = (os.open(path, os.O_RDONLY) for path in ("library", "arriving"))
with open("arriving/a.JPG", "rb") as file:
    found = look(file, os.fstat(file.fileno()).st_size)
Library(root, "{camera}/{date}/{name}").place(source, "a.JPG", "r5", found, 0)
os.write(1, b"it is safe")
"""


def test_the_kernel_sees_that_order(home):
    """What the recording of Python's own calls does not see, strace does, where it may trace."""
    tracer = shutil.which("strace")
    if not tracer or subprocess.run([tracer, "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("strace does not trace here; the order of calls is recorded above")
    (home.arriving / "a.JPG").write_bytes(taken(0))
    base = home.path.parent
    traced = base / "trace"
    calls = "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,write"
    subprocess.run(
        [tracer, "-f", "-y", "-e", calls, "-o", traced, sys.executable, "-c", PROGRAM],
        cwd=base,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "templates" / "intake")},
        check=True,
        capture_output=True,
    )
    seen = [line.split(None, 1)[1] for line in traced.read_text().splitlines()]
    paths = [re.sub(rf"\d+<{re.escape(str(base))}/?([^>]*)>", r"<\1>", line) for line in seen]
    assert [re.sub(r"\s+=.*", "", line) for line in paths if not line.startswith("+++")] == [
        "fsync(<arriving/a.JPG>)",
        f'renameat2(<arriving>, "a.JPG", <library/r5/{DAY}>, "a.JPG", RENAME_NOREPLACE)',
        f"fsync(<library/r5/{DAY}>)",
        "fsync(<library/r5>)",
        "fsync(<library>)",
        next(line for line in paths if "it is safe" in line).split(" = ")[0].rstrip(),
    ]


# -- many


def test_a_photo_costs_the_same_however_many_are_there(home, monkeypatch):
    def cost(name: str) -> int:
        calls = 0

        def counted(work: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal calls
                calls += 1
                return work(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            for work in ("stat", "open", "fsync", "fstat", "pread", "listdir", "scandir"):
                patch.setattr(os, work, counted(getattr(os, work)))
            home.take(name, taken(0))
        return calls

    home.take("first.JPG", taken(0))
    few = cost("few.JPG")
    folder = home.path / "r5" / DAY
    for number in range(3000):
        (folder / f"IMG_{number:04}.JPG").write_bytes(b"")
    assert cost("many.JPG") == few < 150


def test_photos_are_placed_by_several_threads(home):
    """Of one name, and of several exposures, RAW and JPEG each."""
    files = [(second, kind) for second in range(12) for kind in ("JPG", "CR3")]
    paths: dict[tuple[int, str], str] = {}
    handles = []

    def work(mine: list[tuple[int, str]], folder: Path) -> None:
        source = os.open(folder, os.O_RDONLY)
        handles.append(source)
        for second, kind in mine:
            content, name = taken(second, kind), f"IMG_0001.{kind}"
            (folder / name).write_bytes(content)
            found = look(io.BytesIO(content), len(content))
            paths[second, kind] = home.library.place(source, name, "r5", found, NOON).path

    threads = []
    for number in range(6):
        folder = home.arriving / str(number)
        folder.mkdir()
        threads.append(threading.Thread(target=work, args=(files[number::6], folder)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for handle in handles:
        os.close(handle)
    assert home.photos() == {paths[which]: taken(*which) for which in files}
    for second in range(12):
        assert suffix_of(paths[second, "JPG"]) == suffix_of(paths[second, "CR3"])
