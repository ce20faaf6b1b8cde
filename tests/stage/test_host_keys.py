"""A deploy over real TCP talks to no host whose SSH key is not the one that it knows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotshoe.stage import podman
from hotshoe.stage.topology import LAPTOP
from tests.stage.home import Home
from tests.stage.test_firewall import over_tcp

Deploy = Callable[[], subprocess.CompletedProcess[str]]
PENDING = "/etc/hotshoe/openssl.cnf"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


@pytest.fixture
def known_hosts(home: Home) -> Path:
    """The file of keys that the laptop knows; empty."""
    path = home.project / "known_hosts-test"
    path.write_text("")
    return path


@pytest.fixture
def deploy(home: Home, known_hosts: Path) -> Iterator[Deploy]:
    """A deploy to the server from the laptop; something is pending there."""
    laptop = podman.pid(home.stage.container(LAPTOP))
    command = over_tcp(home, laptop, home.server_plan.address, home.server)
    command[-2:-2] = ["--data", f"ssh_known_hosts_file={known_hosts}"]
    home.sh(home.server, f"rm {PENDING}")
    yield lambda: subprocess.run(
        command, cwd=home.project, capture_output=True, text=True, check=False
    )
    home.deploy()


def refused(home: Home, done: subprocess.CompletedProcess[str]) -> str:
    """What a deploy said that was refused and has changed nothing."""
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert not home.succeeds(home.server, f"test -e {PENDING}")
    return said


def fingerprint(home: Home) -> str:
    return home.sh(home.server, f"ssh-keygen -lf {HOST_KEY}").split()[1]


def test_an_unknown_host_key_ends_the_deploy_and_ssh_makes_it_known(
    home: Home, known_hosts: Path, deploy: Deploy
) -> None:
    address = home.server_plan.address
    said = refused(home, deploy())
    assert f"ssh-ed25519 {fingerprint(home)}" in said
    assert f"ssh root@{address}" in said
    assert known_hosts.read_text() == ""

    laptop = podman.pid(home.stage.container(LAPTOP))
    podman.run(
        *("nsenter", f"--target={laptop}", "--net", "ssh", "-F", str(home.project / "over-tcp")),
        *("-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={known_hosts}"),
        *(f"root@{address}", "true"),
    )
    done = deploy()
    assert done.returncode == 0, done.stderr
    assert home.succeeds(home.server, f"test -e {PENDING}")


def test_a_host_whose_key_has_changed_ends_the_deploy(
    home: Home, known_hosts: Path, deploy: Deploy
) -> None:
    another = (home.stage.folder / "id_ed25519.pub").read_text()
    known_hosts.write_text(f"{home.server_plan.address} {another}")
    said = refused(home, deploy())
    assert f"Host key for {home.server_plan.address} does not match" in said
