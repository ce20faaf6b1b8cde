"""Several homes deployed by one command: each for itself, whatever becomes of the others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA
from tests.stage.conftest import copy_project
from tests.stage.home import BIN, Home

CABIN = """\
hostname: cabin.example.net
public_address: 203.0.113.20
routers: [{name: gateway, lan: 192.168.1.1/24, managed_by: linux}]
server: {name: darkroom, address: 192.168.1.10}
cameras: [{name: r5}, {name: a7}]
"""
# Where nobody answers.
NOWHERE = "Host *\n    ProxyCommand false\n"
INVENTORY = """
from roles.inventory import hosts

STAGE = {stage}
servers, routers, openwrt_routers, fetchers = (
    [(name, data | STAGE) for name, data in group] for group in hosts("{site}")
)
"""


class Homes:
    """A repository of three homes: two on stages, and one that nothing leads to."""

    def __init__(self, project: Path) -> None:
        self.project = project
        for folder in ("inventories", "group_vars"):
            for path in (project / folder).glob("*"):
                if not path.name.startswith(("all.", "home.", "demo.")):
                    path.unlink()
        self._add("cabin", CABIN)
        self._add("nowhere", CABIN)
        (project / "ssh_config").write_text(NOWHERE)

    def _add(self, name: str, said: str) -> None:
        (self.project / "group_vars" / f"{name}.yml").write_text(said)

    def put_up(self, name: str) -> Home:
        files = SiteFiles(name, self.project)
        site = load_site(files)
        plan = make_plan(site)
        stage = Stage.of(name, plan, self.project, prepared=True)
        stage.up(say=lambda _: None)
        words = stage.pyinfra_arguments()[1::2]
        self.write_inventory(name, dict(word.split("=", 1) for word in words))
        return Home(self.project, stage, plan, load_secrets(files, site))

    def write_inventory(self, site: str, data: dict[str, str]) -> None:
        text = INVENTORY.format(site=site, stage=data)
        (self.project / "inventories" / f"{site}.py").write_text(text)

    def deploy(self) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "pyinfra"), "-y", "inventories/all.py", "deploy.py"]
        return subprocess.run(
            command,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def homes() -> Homes:
    return Homes(copy_project("test-many"))


@pytest.fixture
def both(homes: Homes) -> Iterator[tuple[Home, Home]]:
    """Two homes that nobody has deployed to yet, whose addresses inside are the same."""
    with ExitStack() as stack:
        for name in ("home", "cabin"):
            # Also what an up that fails has left.
            files = SiteFiles(name, homes.project)
            stage = Stage.of(name, make_plan(load_site(files)), homes.project)
            stack.callback(stage.down)
        homes.write_inventory("nowhere", {"ssh_config_file": str(homes.project / "ssh_config")})
        yield homes.put_up("home"), homes.put_up("cabin")


def test_each_home_is_deployed_whatever_becomes_of_the_others(
    homes: Homes, both: tuple[Home, Home]
) -> None:
    home, cabin = both
    # An operation of the server fails half way, after others have changed it.
    cabin.sh(cabin.server, "mv /usr/sbin/useradd /usr/sbin/useradd.away")
    done = homes.deploy()
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert said.endswith(
        "--> 2 of 3 homes failed: cabin, nowhere\n    -> what each of them said is above; the "
        "others are done\n"
    )
    home.equip(CAMERA)
    home.uploads_work()
    # It came as far as that, and its router was not opened.
    assert cabin.succeeds(cabin.router, "nft list table inet hotshoe_routing")
    assert not cabin.succeeds(cabin.router, "nft list table inet hotshoe_forwards")
    assert cabin.reach(CAMERA, cabin.plan.public_address, 21) == ["silent"]

    cabin.sh(cabin.server, "mv /usr/sbin/useradd.away /usr/sbin/useradd")
    (homes.project / "inventories" / "nowhere.py").unlink()
    done = homes.deploy()
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    of_home, of_cabin = said.partition("--> home:")[2], said.partition("--> cabin:")[2]
    assert "] Success" not in re.sub(r"\] +", "] ", of_home.partition("--> cabin:")[0])
    assert "] Success" in re.sub(r"\] +", "] ", of_cabin.partition("--> home:")[0])
    cabin.equip(CAMERA)
    cabin.uploads_work()
    home.uploads_work()
