"""One stage a shape and Debian release, shared by every test that needs it.

The tests deploy from a copy of the project, so that they may change its Site and never touch the
person's own stage, pki/ or vault. The copy's path is always the same: what a killed run left is
cleared away by the next. pytest's workers share the images, and take together what needs the same
stage (`groups.py`).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import actions, podman
from hotshoe.stage.stage import Stage
from tests.stage import groups
from tests.stage.home import BIN, Home

Change = Callable[[str], str]
# As it comes, OpenWrt rejects what it does not let in. A test could not tell that from a server
# that is reached and has nobody listening there.
DROP = (
    "for policy in input forward; do uci set firewall.@zone[1].$policy=DROP; done; "
    "uci commit firewall; fw4 -q reload"
)
ROOT = Path(__file__).parents[2]
COPIED = ("deploy.py", "inventories", "group_vars", "roles", "templates", "molecule")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> groups.Scheduling:
    return groups.Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.stage)
    others = [item for item in items if item not in set(ours)]
    groups.arrange(ours)
    items[:] = [*others, *ours]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many faults were named right, of all that were made."""
    told = [
        (outcome, report)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call" and "fault" in getattr(report, "keywords", ())
    ]
    if told:
        right = sum(outcome == "passed" for outcome, _ in told)
        terminalreporter.write_line(f"hotshoe check: {right} of {len(told)} named right")


def copy_project(name: str) -> Path:
    # Each of pytest's workers has stages of its own.
    project = ROOT / ".stage" / (name + os.environ.get("PYTEST_XDIST_WORKER", ""))
    if project.exists():
        shutil.rmtree(project)
    project.mkdir(parents=True)
    for part in COPIED:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, project / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, project)
    (project / "photos").mkdir()
    return project


def on_openwrt(routers: int) -> Change:
    """A Site whose outermost routers run OpenWrt; 0 for all of them."""
    return lambda said: re.sub(r"managed_by: \w+", "managed_by: openwrt", said, count=routers)


def bare(
    name: str,
    release: str = "13",
    site_name: str = "home",
    change: Change = str,
    *,
    prepared: bool = False,
    vault: Change | None = None,
) -> Iterator[Home]:
    """A home that nobody has deployed to yet.

    :param name: of the project's copy
    :param release: the Debian release
    :param site_name: the Site
    :param change: what its file says here, of what it says
    :param prepared: whether the packages that hotshoe installs are there already
    :param vault: what a vault of its own holds, of what the shared one does
    """
    project = copy_project(name)
    files = SiteFiles(site_name, project)
    files.site.write_text(change(files.site.read_text()))
    if vault:
        write_own_vault(files, vault)
    site = load_site(files)
    plan = make_plan(site)
    stage = Stage.of(site_name, plan, project, release, prepared=prepared)
    try:
        stage.up(say=lambda _: None)
        secrets = load_secrets(files, site)
        stage.open_accounts(secrets.ddns_secret, secrets.acme_secret)
        yield Home(project, stage, plan, secrets)
    finally:
        stage.down()


def write_own_vault(files: SiteFiles, change: Change) -> None:
    """Give a Site a vault of its own."""
    password = f"--vault-password-file={files.root / 'group_vars' / 'demo.vault-password'}"
    program = str(BIN / "ansible-vault")
    said = podman.run(program, "view", password, str(files.shared_vault))
    own = files.root / "group_vars" / f"{files.name}.vault.yml"
    encrypted = podman.run(
        program, "encrypt", password, "--output", "-", "-", input_text=change(said)
    )
    own.write_text(encrypted)


def every_home_needs(said: str) -> str:
    """The part of a vault that the smallest Site uses; a vault of its own may hold no more."""
    vault = yaml.safe_load(said)
    return yaml.safe_dump({key: vault[key] for key in ("camera_passwords", "ca_passphrase")})


def deployed(
    name: str,
    release: str = "13",
    site_name: str = "home",
    change: Change = str,
    vault: Change | None = None,
) -> Iterator[Home]:
    """The same, deployed to, with the root certificate on camera and laptop.

    That a deploy installs the packages is proved by the rehearsal, by molecule and on a bare home.
    """
    for home in bare(name, release, site_name, change, prepared=True, vault=vault):
        for router in home.plan.routers:
            if router.managed_by == "openwrt":
                home.sh(router.name, DROP)
        home.deploy()
        if home.stage.provider:
            actions.wait_for_name(home.stage)
        # A certificate that comes last restarts it, and systemd does not wait until it listens.
        if home.server_plan.challenge_port:
            home.wait_until_it_listens()
        for node in ("camera", "laptop"):
            home.equip(node)
        yield home


class SharedStage:
    """The one stage of a worker that its tests share; another one takes its place."""

    def __init__(self) -> None:
        self._name = ""
        self._home: Home | None = None
        self._ending: Iterator[Home] = iter(())
        self._failed: dict[str, Exception] = {}

    def home(self, name: str, make: Callable[[], Iterator[Home]]) -> Home:
        """The home of that name, put up unless it is the one that is up."""
        if name in self._failed:
            raise self._failed[name]
        if name != self._name or self._home is None:
            self.down()
            self._ending = make()
            try:
                self._home = next(self._ending)
            except Exception as error:
                self._failed[name] = error
                raise
            self._name = name
        return self._home

    def down(self) -> None:
        self._home = None
        next(self._ending, None)


@pytest.fixture(scope="session")
def stage() -> Iterator[SharedStage]:
    shared = SharedStage()
    yield shared
    shared.down()


@pytest.fixture
def home13(stage: SharedStage) -> Home:
    """A deployed home on Debian 13."""
    return stage.home("test-13", lambda: deployed("test-13", "13"))


@pytest.fixture
def home12(stage: SharedStage) -> Home:
    """A deployed home on Debian 12."""
    return stage.home("test-12", lambda: deployed("test-12", "12"))


@pytest.fixture
def home(home13: Home) -> Home:
    """A deployed home."""
    return home13


@pytest.fixture
def bare_home() -> Iterator[Home]:
    """A home that nobody has deployed to yet; for tests of what happens on the way.

    On Debian 12, since molecule has 13.
    """
    yield from bare("test-bare", "12")


@pytest.fixture(params=["13", "12"])
def either_home(request: pytest.FixtureRequest) -> Home:
    """A deployed home, on each Debian release."""
    found: Home = request.getfixturevalue(f"home{request.param}")
    return found
