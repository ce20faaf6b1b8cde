"""A box that has deployed the first commit of a repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hotshoe.gitops.pull.places import Places
from tests.unit.gitops.pull.repository import OWNER, Box, Origin, make_keys


def box_at(folder: Path, keys: Path) -> Box:
    places = Places(folder / "box")
    for each in (places.configuration, places.data):
        each.mkdir(parents=True, exist_ok=True)
    return Box(places, Origin(folder / "origin", keys))


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pull")
    (folder / "keys").mkdir()
    make_keys(folder / "keys")
    box = box_at(folder, folder / "keys")
    box.origin.folder.mkdir()
    box.origin.git("init", "--quiet", "--initial-branch=main")
    box.may_sign(OWNER)
    box.origin.commit("first")
    box.run()
    return folder


@pytest.fixture
def box(_first: Path, tmp_path: Path) -> Box:
    """It holds the commit ``first``, which is good."""
    shutil.copytree(_first, tmp_path / "pull", symlinks=True)
    found = box_at(tmp_path / "pull", _first / "keys")
    found.home.holds = "first"
    return found
