"""One apply at a time, also while what a killed one began runs on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hotshoe.deploy.lock import locked, refuse_while_locked
from hotshoe.errors import HotshoeError

NOTE = {"who": "ann@desk", "when": "2026-05-31T18:00:00Z", "process": str(os.getpid())}


def test_a_second_one_is_refused_with_who_holds_it(tmp_path):
    with locked(tmp_path, "home", NOTE):
        with pytest.raises(HotshoeError) as refused, locked(tmp_path, "home", NOTE):
            pass
        with pytest.raises(HotshoeError, match="ann@desk"):
            refuse_while_locked(tmp_path, "home")
    assert str(refused.value) == (
        "home: is being deployed to by ann@desk since 2026-05-31T18:00:00Z "
        f"(process {os.getpid()}), so nothing was done\n"
        "    -> wait until that is over, as hotshoe apply --wait SECONDS does"
    )


def test_a_process_that_was_killed_is_told_as_such(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    note = NOTE | {"process": str(ended.pid)}
    with locked(tmp_path, "home", note), pytest.raises(HotshoeError) as refused:
        refuse_while_locked(tmp_path, "home")
    assert f"(process {ended.pid}, which was killed; what it started runs still)" in str(
        refused.value
    )


def test_other_sites_are_not_disturbed(tmp_path):
    with locked(tmp_path, "home", NOTE), locked(tmp_path, "cascade", NOTE):
        refuse_while_locked(tmp_path, "dmz")


def test_it_is_free_again_afterwards_and_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), locked(tmp_path, "home", NOTE):
        raise RuntimeError
    with locked(tmp_path, "home", NOTE):
        pass
    refuse_while_locked(tmp_path, "home")


def test_whoever_waits_gets_it(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(HotshoeError), locked(tmp_path, "home", NOTE, wait=0.3):
        pass
    assert holder.stdin
    holder.stdin.close()
    with locked(tmp_path, "home", NOTE, wait=30):
        pass
    holder.wait()
    holder.stdout.close()


HOLD = f"""
import sys
from pathlib import Path
from hotshoe.deploy.lock import locked
with locked(Path(sys.argv[1]), "home", {NOTE}):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_program_that_inherits_it_holds_it_on_its_own(tmp_path):
    """As pyinfra does when hotshoe is killed."""
    read, write = os.pipe()
    try:
        with locked(tmp_path, "home", NOTE) as held:
            child = subprocess.Popen(["cat"], stdin=read, pass_fds=(held,))
        with pytest.raises(HotshoeError), locked(tmp_path, "home", NOTE):
            pass
    finally:
        os.close(write)
        os.close(read)
    child.wait()
    with locked(tmp_path, "home", NOTE):
        pass


def test_its_files_are_nobody_else_s(tmp_path):
    with locked(tmp_path, "home", NOTE):
        assert (tmp_path / ".hotshoe").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / ".hotshoe" / "home.lock").stat().st_mode & 0o777 == 0o600


def test_one_that_cannot_be_opened_is_told(tmp_path):
    (tmp_path / ".hotshoe" / "home.lock").mkdir(parents=True)
    with pytest.raises(HotshoeError) as refused, locked(tmp_path, "home", NOTE):
        pass
    folder = tmp_path / ".hotshoe"
    assert str(refused.value) == (
        f"{folder}/home.lock: cannot be opened: Is a directory\n"
        f"    -> let your user read and write what is in {folder}"
    )
