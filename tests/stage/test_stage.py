"""The stage itself: what it does to the computer that it runs on, and what it does not."""

from __future__ import annotations

import hashlib
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from hotshoe.errors import HotshoeError
from hotshoe.stage import actions, podman, rehearsal
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.stage.conftest import ROOT, copy_project
from tests.stage.home import BIN, Home


def test_a_command_for_a_container_that_has_gone_does_nothing_elsewhere(home: Home) -> None:
    """Another process may have the number of its first one by then."""
    container = home.stage.container(CAMERA)
    pid_file = podman.pid_file(container)
    kept = pid_file.read_text()
    pid_file.write_text(str(podman.pid(home.stage.container(LAPTOP))))
    try:
        for text in (None, "input that nobody reads\n" * 10_000):
            with pytest.raises(HotshoeError, match=f"{container}: this is not the container of"):
                podman.execute(container, "touch", "/root/landed", input_text=text)
    finally:
        pid_file.write_text(kept)
    for node in (CAMERA, LAPTOP):
        assert not home.succeeds(node, "test -e /root/landed")


def test_a_rehearsal_ends_well_only_if_every_byte_arrives(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the stage that is up already, and that it leaves up."""
    monkeypatch.chdir(home.project)
    monkeypatch.setattr(Stage, "up", lambda stage, say: None)
    said = Console(file=io.StringIO(), width=200)
    rehearsal.run(home.stage.site, home.stage.release, keep=True, console=said)
    assert home.stage.is_up()
    photos = rehearsal.JPEGS + rehearsal.RAWS
    assert f"{photos} of {photos} arrived intact" in said.file.getvalue()  # type: ignore[attr-defined]

    # A byte that differs, and a photo that does not arrive at all.
    arrived = actions.arrived
    with monkeypatch.context() as patch, pytest.raises(HotshoeError, match="not those that were"):
        patch.setattr(actions, "arrived", lambda *of: dict.fromkeys(arrived(*of), "0" * 64))
        rehearsal.upload_and_compare(home.stage, home.secrets, said)
    home.sh(home.router, "nft delete table inet hotshoe_forwards")
    try:
        with pytest.raises(HotshoeError):
            rehearsal.upload_and_compare(home.stage, home.secrets, said)
    finally:
        home.deploy()


def test_a_rebooted_internet_carries_uploads_and_packages_again(home: Home) -> None:
    home.stage.reboot(INTERNET)
    home.uploads_work(CAMERA)
    home.sh(home.server, "apt-get update")


@pytest.fixture
def computer() -> Iterator[list[str]]:
    """What runs a command on a computer that has a network of its own, and does not forward."""
    # Another checkout may be tested at the same time.
    name = f"hotshoe-computer-{hashlib.sha256(bytes(ROOT)).hexdigest()[:8]}"
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    podman.run("ip", "netns", "add", name)
    # Not by ip netns exec, which would hide the control groups from podman.
    inside = ["nsenter", f"--net=/run/netns/{name}"]
    podman.run(*inside, "sysctl", "-w", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
    yield inside
    podman.run("ip", "netns", "delete", name)


def test_the_network_of_the_computer_stays_as_it_is(computer: list[str]) -> None:
    """Forwarding, interfaces, addresses and firewall, while a stage is up and after it has gone."""
    project = copy_project("test-computer")
    state = (
        "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; ip -o address; nft list ruleset"
    )
    before = podman.run(*computer, "sh", "-c", state)
    assert "net.ipv4.ip_forward = 0" in before
    try:
        stage(computer, project, "up")
        assert podman.run(*computer, "sh", "-c", state) == before
    finally:
        stage(computer, project, "down")
    assert podman.run(*computer, "sh", "-c", state) == before


def stage(computer: list[str], project: Path, command: str) -> None:
    line = [*computer, str(BIN / "hotshoe"), "stage", command]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
