"""The molecule scenarios, with molecule itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from hotshoe.chain import make_plan
from hotshoe.load import SiteFiles, load_site
from hotshoe.stage import podman
from hotshoe.stage.stage import Stage
from tests.stage.conftest import copy_project
from tests.stage.home import BIN


def molecule(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(BIN / "molecule"), *arguments],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_default_scenario_passes_and_its_idempotence_step_can_fail() -> None:
    project = copy_project("test-molecule")
    plan = make_plan(load_site(SiteFiles("home", project)))
    stage = Stage.of("home", plan, project)
    try:
        done = molecule(project, "test", "--destroy", "never")
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        assert done.returncode == 0, said
        for step in ("create", "converge", "idempotence", "verify"):
            assert f"default ➜ {step}: Executed: Successful" in said, said

        podman.execute(stage.container(plan.servers[0].name), "rm", "/etc/hotshoe/vsftpd.conf")
        assert molecule(project, "idempotence").returncode != 0
        assert molecule(project, "destroy").returncode == 0
        assert podman.containers(stage.label) == []
    finally:
        stage.down()
