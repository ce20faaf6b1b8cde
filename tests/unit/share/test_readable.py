"""What is in the library is opened to whoever gets into it, and closed again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hotshoe import resources

PROGRAM = resources.TEMPLATES / "share" / "readable.py"


def run(what: str, folder: Path) -> None:
    """As a deploy does: the program comes on standard input."""
    subprocess.run(
        [sys.executable, "-I", "-", what, str(folder)], input=PROGRAM.read_bytes(), check=True
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def library(tmp_path) -> Path:
    """The library, with what intake puts there, and what a person may."""
    library = tmp_path / "library"
    for folder in (library, library / "r5", library / "r5" / "2024-02-29"):
        folder.mkdir()
        folder.chmod(0o2770)
    for photo, bits in (("a.JPG", 0o440), ("r5/2024-02-29/b.JPG", 0o440), ("r5/c.xmp", 0o660)):
        (library / photo).write_text("a photo")
        (library / photo).chmod(bits)
    return library


def test_is_opened_to_read_and_nothing_else(library):
    run("open", library)
    assert mode(library / "r5") == mode(library / "r5" / "2024-02-29") == 0o2775
    assert mode(library / "a.JPG") == mode(library / "r5" / "2024-02-29" / "b.JPG") == 0o444
    assert mode(library / "r5" / "c.xmp") == 0o664


def test_the_library_itself_stays_the_gate(library):
    run("open", library)
    assert mode(library) == 0o2770


def test_is_closed_as_it_was(library):
    before = {path: mode(path) for path in library.rglob("*")}
    run("open", library)
    run("close", library)
    assert {path: mode(path) for path in library.rglob("*")} == before


def test_again_it_changes_nothing(library):
    run("open", library)
    before = {path: path.stat().st_ctime_ns for path in library.rglob("*")}
    run("open", library)
    assert {path: path.stat().st_ctime_ns for path in library.rglob("*")} == before


def test_links_lead_nowhere(library, tmp_path):
    """To a file and to a folder, and one that leads to nothing."""
    secret, folder = tmp_path / "shadow", tmp_path / "root"
    secret.write_text("secret")
    folder.mkdir()
    (folder / "key").write_text("secret")
    for each in (secret, folder / "key"):
        each.chmod(0o600)
    folder.chmod(0o700)
    for name, to in (("l1", secret), ("l2", folder), ("l3", tmp_path / "nothing")):
        (library / name).symlink_to(to)
    run("open", library)
    assert [mode(each) for each in (secret, folder, folder / "key")] == [0o600, 0o700, 0o600]


def test_what_is_neither_folder_nor_file_holds_nothing_up(library):
    os.mkfifo(library / "pipe")
    (library / "pipe").chmod(0o660)
    run("open", library)
    assert mode(library / "pipe") == 0o660
    assert mode(library / "a.JPG") == 0o444


def test_a_library_that_is_a_link_is_refused(library, tmp_path):
    (tmp_path / "link").symlink_to(library)
    with pytest.raises(subprocess.CalledProcessError):
        run("open", tmp_path / "link")


def test_what_is_too_deep_keeps_nothing_else_from_being_opened(library):
    """Python has an end to calls within calls."""
    deepest = os.open(library, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("d", dir_fd=deepest)
        inner = os.open("d", os.O_RDONLY, dir_fd=deepest)
        os.close(deepest)
        deepest = inner
    os.close(deepest)
    run("open", library)
    assert mode(library / "a.JPG") == mode(library / "r5" / "2024-02-29" / "b.JPG") == 0o444
