"""pyinfra run as a program, by one that says what pyinfra said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hotshoe.deploy import program
from hotshoe.deploy.results import Operation
from hotshoe.errors import HotshoeError
from tests.conftest import PROJECT
from tests.unit.deploy.recorded import (
    BEGUN,
    CONFIGURE,
    DRY,
    FAILED,
    FORWARDS,
    PLAN,
    RESULTS,
    UNREACHABLE,
    WELL,
)

Says = Callable[..., None]


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Have a program in pyinfra's place that says this, and ends so."""

    def say(errors: str, output: str = "", status: int = 0, then: str = "") -> None:
        (tmp_path / "errors").write_text(errors)
        (tmp_path / "output").write_text(output)
        fake = tmp_path / "pyinfra"
        fake.write_text(
            f'#!/bin/sh\necho "$@" >{tmp_path}/arguments\n'
            f"cat {tmp_path}/errors >&2; cat {tmp_path}/output; {then}\nexit {status}\n"
        )
        fake.chmod(0o755)
        monkeypatch.setattr(program.venv, "program", lambda _: fake)

    return say


def test_a_dry_run_is_pyinfra_s_own(says, tmp_path):
    says(DRY, PLAN)
    result = program.dry_run("home", tmp_path, ["--data", "a=b"])
    assert (tmp_path / "arguments").read_text() == (
        "--dry --json --data a=b inventories/home.py deploy.py\n"
    )
    assert result.changes == 2
    assert result.error == ""


def test_a_deploy_tells_each_operation_as_it_starts(says, tmp_path):
    says(WELL, RESULTS)
    told: list[str] = []
    result = program.deploy("home", tmp_path, progress=told.append)
    assert (tmp_path / "arguments").read_text() == "-y --json inventories/home.py deploy.py\n"
    begin = told.index("Beginning operation run") + 1
    assert told[begin : begin + 3] == [CONFIGURE, "Servers ready", FORWARDS]
    assert [host.operations for host in result.hosts] == [
        (Operation(CONFIGURE, "changed"),),
        (Operation(FORWARDS, "changed"),),
    ]
    assert result.error == ""


def test_a_failure_is_one_whatever_was_done_before(says, tmp_path):
    says(FAILED, status=1)
    result = program.deploy("home", tmp_path)
    assert "nft: syntax error" in result.error
    assert result.hosts[0].operations == (Operation(CONFIGURE, "changed"),)


def test_what_could_not_be_asked_is_no_plan(says, tmp_path):
    says(UNREACHABLE, status=1)
    assert "Could not connect" in program.dry_run("home", tmp_path).error


@pytest.mark.parametrize("status", [0, 1])
def test_one_that_prints_nothing_has_not_done_it(says, tmp_path, status):
    """Ctrl-C ends pyinfra with 0."""
    says(BEGUN, status=status)
    assert program.deploy("home", tmp_path).error
    assert program.dry_run("home", tmp_path).error


def test_one_that_was_killed_has_not_done_it(says, tmp_path):
    says(BEGUN, then="kill -KILL $$")
    assert program.deploy("home", tmp_path).error == (
        "pyinfra was ended before it was done\n    -> run it again: it goes on from there"
    )


def test_much_on_both_sides_does_not_stop_it(says, tmp_path):
    says("    [darkroom] Connected\n" * 20000, PLAN + " " * 500_000)
    assert program.dry_run("home", tmp_path).changes == 2


def test_what_is_not_utf_8_does_not_end_it(says, tmp_path):
    says(DRY, PLAN)
    (tmp_path / "errors").write_bytes(b"    \xff\xfe\n" + DRY.encode())
    assert program.dry_run("home", tmp_path).changes == 2


def test_without_pyinfra_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(program.venv, "program", lambda name: tmp_path / name)
    with pytest.raises(HotshoeError, match="cannot be run"):
        program.deploy("home", tmp_path)


WAITING = """
import sys
from pathlib import Path
from hotshoe.cli.base import tidy_when_ended
from hotshoe.deploy import program
program.venv.program = lambda _: Path(sys.argv[1])
with tidy_when_ended():
    program.deploy("home", Path())
"""


def test_when_this_program_is_ended_so_is_pyinfra(says, tmp_path):
    os.mkfifo(tmp_path / "began")
    says("", then=f"echo $$ >{tmp_path}/began; exec sleep 300")
    waiting = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path / "pyinfra")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    number = int((tmp_path / "began").read_text())
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(30) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
