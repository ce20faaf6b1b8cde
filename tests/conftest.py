"""What tests of every kind share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.site.homes import homes
from hotshoe.site.model import Site
from hotshoe.site.reading import SiteFiles, load_site
from tests import effort

PROJECT = Path(__file__).parents[1]
# The example Sites, one a shape: each has an inventory of its name.
EXAMPLES = list(homes(PROJECT))

effort.register()

# The smallest Site: everything else has a default.
SMALLEST = """\
hostname: photos.example.net
public_address: 203.0.113.20
routers: [{name: gateway, lan: 192.168.1.1/24}]
server: {name: darkroom, address: 192.168.1.10}
cameras: [{name: r5}]
"""


@pytest.fixture(scope="session")
def example_site() -> Site:
    """The Site that the project ships: group_vars/home.yml."""
    return load_site(SiteFiles("home", PROJECT))


@pytest.fixture(scope="session")
def example_plan(example_site: Site) -> Plan:
    """Its Plan."""
    return make_plan(example_site)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty group_vars/ in a folder of its own, which is the current one."""
    (tmp_path / "group_vars").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_site(home: Path) -> Callable[..., SiteFiles]:
    """Write group_vars/home.yml, and all.yml where it matters."""

    def write(text: str, shared: str | None = None) -> SiteFiles:
        files = SiteFiles("home")
        files.site.write_text(text, encoding="utf-8")
        if shared is not None:
            files.shared.write_text(shared, encoding="utf-8")
        return files

    return write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what a person edits and deploys, which is the current folder."""
    for name in ("inventories", "roles", "templates", "group_vars"):
        shutil.copytree(
            PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(PROJECT / "deploy.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
