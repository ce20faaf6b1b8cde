"""hotshoe as a wheel: what `pip install` gives has all that its commands need."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT


def listed(*folders: str) -> list[Path]:
    """The files that git knows, below folders of the project."""
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--", *folders]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in said.split("\0") if name and (PROJECT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """It is made without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel) -> Path:
    """The wheel, as pip would unpack it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "site")
    return wheel.parent / "site"


@pytest.fixture
def run(installed, tmp_path):
    """Runs Python with the installed hotshoe, in a folder that is no clone."""

    def start(*arguments: str, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return start


def test_it_holds_every_file_that_is_read_at_run_time(installed):
    share = installed / "hotshoe" / "share"
    expected = listed("roles", "templates", "tests/standin", "deploy.py")
    assert len(expected) > 200
    assert [str(n) for n in expected if not (share / n).is_file()] == []
    assert [
        str(n) for n in expected if (share / n).read_bytes() != (PROJECT / n).read_bytes()
    ] == []
    assert [str(n) for n in listed("hotshoe") if not (installed / n).is_file()] == []


def test_what_is_run_may_be_run(wheel):
    """pip keeps whether a file may be run."""
    programs = [name for name in listed("tests/standin") if os.access(PROJECT / name, os.X_OK)]
    assert len(programs) > 10
    with zipfile.ZipFile(wheel) as archive:
        modes = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
    assert [str(n) for n in programs if not modes[f"hotshoe/share/{n}"] & 0o100] == []


def test_nothing_else_becomes_importable(installed):
    """`roles` and `tests` would clash with those of others."""
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"hotshoe"}


def test_templates_and_roles_are_its_own(run, installed):
    say = (
        "from hotshoe import resources; resources.use_roles(); import roles; "
        "print(resources.TEMPLATES, resources.STANDIN, roles.__file__, sep='\\n')"
    )
    share = installed / "hotshoe" / "share"
    assert run("-c", say).splitlines() == [
        str(share / "templates"),
        str(share / "tests" / "standin"),
        str(share / "roles" / "__init__.py"),
    ]


def test_a_repository_of_homes_works_with_it(run, tmp_path):
    """Made, planned with all that is written to files, and its hosts are found."""
    hotshoe = ("-c", "from hotshoe.cli import main; main()")
    run(*hotshoe, "init", "homes")
    homes = tmp_path / "homes"
    run(*hotshoe, "plan", "--worksheet", "w.html", cwd=homes)
    assert "<title>Worksheet: " in (homes / "w.html").read_text()
    read = (
        "import runpy; from pyinfra.api import Config; from pyinfra.context import ctx_config; "
        "ctx_config.set(Config()); print(runpy.run_path('inventories/home.py')['servers'])"
    )
    assert "'ssh_hostname': '192.168.1.10'" in run("-c", read, cwd=homes)
