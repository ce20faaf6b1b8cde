"""The molecule scenarios, with molecule itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from hotshoe.plan.derivation import make_plan
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import openwrt_router, podman
from hotshoe.stage.stage import Stage
from tests.stage.conftest import copy_project
from tests.stage.home import BIN

# scenario: the Site, and what damages it
SCENARIOS = {
    "default": ("home", "darkroom", "rm /etc/hotshoe/vsftpd.conf"),
    "openwrt": ("openwrt", "gateway", "nft flush chain inet fw4 dstnat_wan"),
}


def molecule(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    # Set and empty is the stand-in; unset, the scenario would have the official image pulled.
    environment.setdefault(openwrt_router.ROOTFS, "")
    # What it takes for done goes with the project's copy, also that of a run that was killed.
    environment["MOLECULE_EPHEMERAL_DIRECTORY"] = str(project / ".molecule")
    return subprocess.run(
        [str(BIN / "molecule"), *arguments],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_passes_and_its_idempotence_step_can_fail(scenario: str) -> None:
    site, node, damage = SCENARIOS[scenario]
    named = ("--scenario-name", scenario)
    project = copy_project("test-molecule")
    stage = Stage.of(site, make_plan(load_site(SiteFiles(site, project))), project)
    try:
        done = molecule(project, "test", *named, "--destroy", "never")
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        assert done.returncode == 0, said
        for step in ("create", "converge", "idempotence", "verify"):
            assert f"{scenario} ➜ {step}: Executed: Successful" in said, said

        podman.execute(stage.container(node), "sh", "-c", damage)
        assert molecule(project, "idempotence", *named).returncode != 0
        assert molecule(project, "destroy", *named).returncode == 0
        assert podman.containers(stage.label) == []
    finally:
        stage.down()
