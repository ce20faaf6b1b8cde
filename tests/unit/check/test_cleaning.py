"""What a check has left on a server is removed, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotshoe import paths
from hotshoe.check.cleaning import clean
from hotshoe.remote.ssh import Host
from tests.conftest import PROJECT
from tests.unit.check.scenes import MANAGED

PROGRAM = PROJECT / "templates" / "check" / "remove_photos.py"
RUN = "hotshoe-check-abc-"
SENT = b"what was sent"
DIGEST = hashlib.sha256(SENT).hexdigest()


def remove(root: Path, photos: dict[str, str | None], *keep: str) -> list[str]:
    order = {"run": RUN, "photos": photos, "keep": keep, "largest": 1000}
    done = subprocess.run(
        [sys.executable, "-I", PROGRAM, root],
        input=json.dumps(order).encode(),
        capture_output=True,
        check=True,
        timeout=20,
    )
    return [os.fsdecode(line) for line in done.stdout.split(b"\0")[:-1]]


def put(root: Path, *names: str, content: bytes = SENT) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def left(root: Path) -> list[str]:
    """What is there: files, and folders that are empty."""
    paths = (
        path
        for path in root.rglob("*")
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    )
    return sorted(str(path.relative_to(root)) for path in paths)


def test_photos_go_wherever_they_are_with_the_folders_made_for_them(tmp_path):
    gone = [
        f"library/r5/2026-05-31/{RUN}small.bin",
        f"library/r5/2026-05-31/{RUN}small-2.bin",
        f"r5/upload/{RUN}small.bin",
        f"r5/arriving/20260531T1.1/{RUN}small.bin",
    ]
    put(tmp_path, *gone)
    put(tmp_path, f"r5/incomplete/20260531T1.2/{RUN}small.bin", content=b"a part")
    put(tmp_path, f"r5/unproven/20260531T1.2/{RUN}small.bin", content=b"")
    said = remove(tmp_path, {f"{RUN}small.bin": DIGEST})
    assert sorted(said)[:2] == sorted(gone)[:2]
    assert len(said) == 6
    assert left(tmp_path) == [
        "library/r5",
        "r5/arriving",
        "r5/incomplete",
        "r5/unproven",
        "r5/upload",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        # Somebody's own photo, which has the name of a test photo.
        (f"library/r5/2026-05-31/{RUN}small.bin", b"something else"),
        # Of another run, or of none of ours.
        ("library/r5/2026-05-31/hotshoe-check-other-small.bin", SENT),
        ("library/r5/2026-05-31/IMG_0001.JPG", SENT),
        (f"library/r5/2026-05-31/{RUN}other.bin", SENT),
        (f"library/r5/2026-05-31/{RUN}small.bin.JPG", SENT),
        ("r5/incomplete/20260531T1.2/IMG_0001.JPG", SENT),
    ],
)
def test_what_is_not_ours_stays(tmp_path, name, content):
    put(tmp_path, name, content=content)
    assert remove(tmp_path, {f"{RUN}small.bin": DIGEST}) == []
    assert left(tmp_path) == [name]


def test_a_folder_with_something_else_in_it_stays(tmp_path):
    put(tmp_path, f"library/r5/2026-05-31/{RUN}small.bin", "library/r5/2026-05-31/IMG_0001.JPG")
    assert len(remove(tmp_path, {f"{RUN}small.bin": DIGEST})) == 1
    assert left(tmp_path) == ["library/r5/2026-05-31/IMG_0001.JPG"]


def test_a_folder_that_was_there_before_stays(tmp_path):
    put(tmp_path, f"library/r5/2026-05-31/{RUN}small.bin")
    remove(tmp_path, {f"{RUN}small.bin": DIGEST}, "library/r5/2026-05-31")
    assert left(tmp_path) == ["library/r5/2026-05-31"]


def test_the_library_may_have_another_tree(tmp_path):
    put(tmp_path, f"library/2026/05/r5/{RUN}small.bin")
    put(tmp_path, f"library/2026-05-31/{RUN}small.bin")
    put(tmp_path, f"library/{RUN}small.bin")
    assert len(remove(tmp_path, {f"{RUN}small.bin": DIGEST})) == 3
    assert left(tmp_path) == ["library"]


def test_what_a_friend_sent_is_known_by_its_name_alone(tmp_path):
    put(tmp_path, f"library/r5/2026-05-31/{RUN}small.bin")
    assert len(remove(tmp_path, {f"{RUN}small.bin": None})) == 1


def test_no_link_is_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(outside, f"{RUN}small.bin")
    put(root, "library/r5/IMG_0001.JPG")
    (root / "r5").mkdir()
    (root / "r5" / "upload").symlink_to(outside)
    (root / "library" / "r5" / "2026-05-31").symlink_to(outside)
    (root / "library" / f"{RUN}small.bin").symlink_to(outside / f"{RUN}small.bin")
    assert not [line for line in remove(root, {f"{RUN}small.bin": DIGEST}) if "cannot" not in line]
    assert (outside / f"{RUN}small.bin").read_bytes() == SENT
    assert (root / "library" / f"{RUN}small.bin").is_symlink()


def test_what_is_no_file_is_not_waited_for(tmp_path):
    (tmp_path / "library").mkdir()
    os.mkfifo(tmp_path / "library" / f"{RUN}small.bin")
    assert remove(tmp_path, {f"{RUN}small.bin": None}) == []


def test_what_is_larger_than_any_of_ours_is_not_read(tmp_path):
    name = f"library/r5/2026-05-31/{RUN}small.bin"
    put(tmp_path, name)
    os.truncate(tmp_path / name, 1 << 40)
    assert remove(tmp_path, {f"{RUN}small.bin": DIGEST}) == []
    assert left(tmp_path) == [name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that root cannot remove")
def test_what_could_not_be_removed_is_told(tmp_path):
    name = f"library/{RUN}small.bin"
    put(tmp_path, name)
    if subprocess.run(
        ["chattr", "+i", tmp_path / name], check=False, capture_output=True
    ).returncode:
        pytest.skip("this file system has no attributes")
    try:
        said = remove(tmp_path, {f"{RUN}small.bin": DIGEST})
    finally:
        subprocess.run(["chattr", "-i", tmp_path / name], check=True)
    assert said == [f"cannot {name}: Operation not permitted"]


def test_names_of_others_break_nothing_off(tmp_path):
    folders = [b"library/r5/a\x1b]0;x\x07", b"library/r5/b\ncannot c", b"library/r5/\xff"]
    for folder in folders:
        put(tmp_path, f"{os.fsdecode(folder)}/{RUN}small.bin")
    said = remove(tmp_path, {f"{RUN}small.bin": DIGEST}, *map(os.fsdecode, folders))
    assert sorted(said) == sorted(f"{os.fsdecode(each)}/{RUN}small.bin" for each in folders)


def test_what_the_server_tells_may_be_printed_on_a_terminal(monkeypatch):
    said = b"library/a\x1b[2J/x\0cannot library/b\ncannot \xff/x: Operation not permitted\0"
    monkeypatch.setattr(Host, "run", lambda *_args, **_given: said)
    told = clean(MANAGED.servers[0], "abc", {})
    assert told.removed == (f"{paths.PHOTOS}/library/a\\x1b[2J/x",)
    assert told.left == (f"{paths.PHOTOS}/library/b\\ncannot \\xff/x: Operation not permitted",)
