"""The molecule scenarios, with molecule itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hotshoe.plan.derivation import make_plan
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import openwrt_router, podman
from hotshoe.stage.stage import Stage
from tests.stage.conftest import copy_project
from tests.stage.home import BIN

STEPS = ("create", "converge", "idempotence", "verify", "side_effect")
NO_CONFIGURATION = "rm /etc/hotshoe/vsftpd.conf"
NO_FORWARDS = "nft flush chain inet hotshoe_forwards prerouting"


@dataclass(frozen=True)
class Run:
    """A run of a scenario.

    :param scenario: its name
    :param node: what is damaged afterwards
    :param damage: by which shell command
    :param site: the Site
    :param release: the Debian release
    :param prepared: whether the packages are there
    """

    scenario: str
    node: str
    damage: str
    site: str
    release: str = "13"
    prepared: bool = True

    @property
    def environment(self) -> dict[str, str]:
        """What a person sets for it."""
        return {"HOTSHOE_DEBIAN": self.release, "HOTSHOE_PREPARED": f"{self.prepared}"}


RUNS = {
    "default on Debian 12": Run(
        "default", "darkroom", NO_CONFIGURATION, "home", "12", prepared=False
    ),
    "default on Debian 13": Run("default", "gateway", NO_FORWARDS, "home", prepared=False),
    "cascade": Run("cascade", "gateway", NO_FORWARDS, "cascade"),
    "a copy of dmz": Run("cabin", "edge", NO_FORWARDS, "cabin"),
    "openwrt": Run("openwrt", "gateway", "nft flush chain inet fw4 dstnat_wan", "openwrt"),
    "dynamic": Run("dynamic", "darkroom", NO_CONFIGURATION, "dynamic"),
}


def molecule(project: Path, run: Run, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | run.environment | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    # Set and empty is the stand-in; unset, the scenario would have the official image pulled.
    environment.setdefault(openwrt_router.ROOTFS, "")
    # What it takes for done goes with the project's copy, also that of a run that was killed.
    environment["MOLECULE_EPHEMERAL_DIRECTORY"] = str(project / ".molecule")
    done = subprocess.run(
        [str(BIN / "molecule"), *arguments, "--scenario-name", run.scenario],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    return subprocess.CompletedProcess(done.args, done.returncode, plain)


def copy_home(project: Path, home: str, own: str) -> None:
    """Begin a home of one's own with an example, as the README says."""
    shutil.copytree(project / "molecule" / home, project / "molecule" / own)
    for folder, suffix in (("group_vars", "yml"), ("inventories", "py")):
        said = (project / folder / f"{home}.{suffix}").read_text()
        (project / folder / f"{own}.{suffix}").write_text(said.replace(f'"{home}"', f'"{own}"'))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", RUNS)
def test_a_scenario_passes_and_its_idempotence_step_can_fail(name: str) -> None:
    run = RUNS[name]
    project = copy_project("test-molecule")
    copy_home(project, "dmz", "cabin")
    stage = Stage.of(run.site, make_plan(load_site(SiteFiles(run.site, project))), project)
    try:
        done = molecule(project, run, "test", "--destroy", "never")
        assert done.returncode == 0, done.stdout
        for step in STEPS:
            assert f"{run.scenario} ➜ {step}: Executed: Successful" in done.stdout, done.stdout
        release = podman.execute(stage.container(run.node), "cat", "/etc/os-release")
        assert f'VERSION_ID="{run.release}"' in release or name == "openwrt"

        podman.execute(stage.container(run.node), "sh", "-c", run.damage)
        again = molecule(project, run, "idempotence")
        assert again.returncode != 0
        assert "Idempotence test failed" in again.stdout, again.stdout
        # One playbook for all: whoever sees it work once need not wait for it every time.
        if run.scenario == "default":
            assert molecule(project, run, "destroy").returncode == 0
            assert podman.containers(stage.label) == []
    finally:
        stage.down()
