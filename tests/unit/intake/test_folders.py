"""Work in folders that somebody else may change meanwhile."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotshoe_intake import folders
from hotshoe_intake.folders import (
    below,
    make_folder,
    open_file,
    open_folder,
    rename_new,
    status,
    sync,
)

NOT_A_NAME = ["", ".", "..", "a/b", "/etc", "../x", "a\0b"]
# Names are bytes.
NAMES = ["IMG_0001.JPG", " ", "\n", "-rf", "ü.jpg", os.fsdecode(b"\xff\xfe.JPG"), "x" * 255]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[int]:
    """A handle of a folder."""
    handle = os.open(tmp_path, os.O_RDONLY)
    yield handle
    os.close(handle)


@pytest.fixture(params=[0, errno.EINVAL, errno.ENOSYS], ids=["atomic", "EINVAL", "ENOSYS"])
def kernel(request, monkeypatch) -> bool:
    """Whether renameat2(2) does what it is asked for; else what it answers is played."""
    if not request.param:
        return True

    def refuse(*arguments: object) -> int:
        ctypes.set_errno(request.param)
        return -1

    monkeypatch.setattr(folders, "_renameat2", refuse)
    return False


@pytest.mark.parametrize("name", NOT_A_NAME)
def test_a_name_leads_nowhere_else(here, name):
    for work in (open_folder, make_folder, open_file, status):
        with pytest.raises(OSError):
            work(here, name)
    with pytest.raises(OSError), below(here, [name], make=True):
        pass
    with pytest.raises(OSError):
        rename_new(here, name, here, "new")
    with pytest.raises(OSError):
        rename_new(here, "old", here, name)


def test_a_folder_is_for_the_group_of_the_one_that_it_is_in(here, tmp_path):
    tmp_path.chmod(0o2770)
    before = os.umask(0o007)
    try:
        assert make_folder(here, "new")
        assert not make_folder(here, "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o2770


def test_what_is_there_keeps_its_mode(here, tmp_path):
    (tmp_path / "r5").mkdir(mode=0o700)
    with below(here, ["r5", "today"], make=True):
        pass
    assert stat.S_IMODE((tmp_path / "r5").stat().st_mode) == 0o700


def test_handles_of_all_folders_on_the_way_are_given_and_closed(here, tmp_path):
    with below(here, ["a", "b"], make=True) as handles:
        paths = [Path(f"/proc/self/fd/{handle}").readlink() for handle in handles]
        assert paths == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    for handle in handles[1:]:
        with pytest.raises(OSError):
            os.fstat(handle)
    os.fstat(here)


def test_what_is_missing_is_made_only_if_it_shall_be(here, tmp_path):
    with pytest.raises(FileNotFoundError), below(here, ["a"]):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [False, True])
@pytest.mark.parametrize("depth", [0, 1])
def test_a_link_is_no_folder(here, tmp_path, depth, make):
    (tmp_path / "outside").mkdir()
    names = ["a", "b"]
    link = tmp_path.joinpath(*names[: depth + 1])
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "outside")
    with pytest.raises(NotADirectoryError) as error, below(here, names, make=make):
        pass
    assert error.value.filename == "/".join(names[: depth + 1])
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("file")])
def test_only_a_file_is_opened_as_one(here, tmp_path, make):
    (tmp_path / "file").write_text("")
    make(tmp_path / "other")
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError):
        open_file(here, "other")
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_status_is_that_of_a_link_itself(here, tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    found = status(here, "link")
    assert found and stat.S_ISLNK(found.st_mode)
    assert status(here, "nowhere") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_renamed(here, tmp_path, kernel, name):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / name).write_text("photo")
    with below(here, ["from"]) as handles:
        rename_new(handles[1], name, here, name)
    assert (tmp_path / name).read_text() == "photo"
    assert not list((tmp_path / "from").iterdir())


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("old"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: (path.mkdir(), (path / "full").mkdir()),
    ],
    ids=["file", "link", "folder"],
)
def test_nothing_is_replaced_by_a_file(here, tmp_path, kernel, make):
    (tmp_path / "photo").write_text("new")
    make(tmp_path / "taken")
    before = os.lstat(tmp_path / "taken")
    with pytest.raises(FileExistsError):
        rename_new(here, "photo", here, "taken")
    assert os.path.samestat(os.lstat(tmp_path / "taken"), before)
    assert (tmp_path / "photo").read_text() == "new"


def test_a_folder_is_renamed_and_replaces_nothing(here, tmp_path, kernel):
    (tmp_path / "id").mkdir()
    (tmp_path / "id" / "photo").write_text("photo")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other").write_text("other")
    with pytest.raises(OSError) as error:
        rename_new(here, "id", here, "full")
    assert error.value.errno == (errno.EEXIST if kernel else errno.ENOTEMPTY)
    assert (tmp_path / "full" / "other").read_text() == "other"
    rename_new(here, "id", here, "new")
    assert (tmp_path / "new" / "photo").read_text() == "photo"


def test_a_link_is_renamed_itself(here, tmp_path, kernel):
    (tmp_path / "photo").write_text("photo")
    (tmp_path / "link").symlink_to("photo")
    rename_new(here, "link", here, "new")
    assert (tmp_path / "new").is_symlink()
    assert (tmp_path / "photo").stat().st_nlink == 1


def test_what_is_missing_is_told(here, kernel):
    with pytest.raises(FileNotFoundError) as error:
        rename_new(here, "nothing", here, "new")
    assert error.value.filename == "nothing"


def test_folders_and_files_are_synced_by_handles_for_reading(here, tmp_path):
    (tmp_path / "photo").write_text("photo")
    sync(here)
    handle = open_file(here, "photo")
    sync(handle)
    os.close(handle)
