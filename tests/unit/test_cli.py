"""The hotshoe command: what it refuses, and how."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from hotshoe.cli import main
from hotshoe.stage import podman
from tests.conftest import SMALLEST

STAGE_COMMANDS = [
    ["demo"],
    ["stage", "up"],
    ["stage", "down"],
    ["stage", "status"],
    ["stage", "reboot", "darkroom"],
    ["stage", "shell", "darkroom"],
]


def run(*arguments: str):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("arguments", [[], ["stage"], ["demo"], ["stage", "up"]])
def test_help_says_what_a_command_is_for(arguments):
    result = run(*arguments, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {' '.join(arguments)}".rstrip())


def test_help_lists_the_commands():
    output = run("--help").output
    for line in (
        "demo   Rehearse the home in containers: deploy to it and upload photos.",
        "stage  The home, rehearsed in containers.",
    ):
        assert line in output


def test_the_version_is_known():
    result = run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("main, version ")


@pytest.fixture
def able(monkeypatch):
    """As if this machine could have a stage, so that what is tested comes next."""
    monkeypatch.setattr(podman, "why_no_stage", lambda: None)


@pytest.mark.parametrize("arguments", STAGE_COMMANDS, ids=" ".join)
def test_a_broken_site_is_refused_with_one_message(able, write_site, arguments):
    write_site(SMALLEST.replace("203.0.113.20", "10.1.1.1"))
    result = run(*arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output == (
        "Error: 1 problem, nothing was changed:\n"
        "group_vars/home.yml: public_address: 10.1.1.1 cannot be reached from the Internet: it is "
        "private (RFC 1918)\n"
        "    -> write the address that the provider gave the outermost router; if the provider "
        "gives only an address like this one, ask for a public one\n"
    )


@pytest.mark.parametrize("arguments", STAGE_COMMANDS, ids=" ".join)
def test_a_site_that_is_not_there_is_refused_with_one_message(able, home, arguments):
    result = run(*arguments, "--site", "cabin")
    assert result.exit_code == 1
    assert result.output.startswith(
        "Error: 1 problem, nothing was changed:\ngroup_vars/cabin.yml: there is no such file\n"
    )


@pytest.mark.parametrize("command", ["reboot", "shell"])
def test_a_device_that_is_not_on_the_stage_is_refused(able, write_site, command):
    write_site(SMALLEST)
    result = run("stage", command, "attic")
    assert result.exit_code == 1
    assert result.output == (
        "Error: attic: there is no such device on the stage; it has internet, camera, gateway, "
        "darkroom, laptop\n"
    )


@pytest.mark.parametrize("arguments", STAGE_COMMANDS[1:], ids=" ".join)
def test_what_a_machine_lacks_for_a_stage_is_said_in_one_sentence(
    write_site, monkeypatch, arguments
):
    write_site(SMALLEST)
    monkeypatch.setattr(podman, "why_no_stage", lambda: "a stage needs root: run it with sudo")
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.output == "Error: a stage needs root: run it with sudo\n"


class TestWhatAStageNeeds:
    def test_is_root(self, monkeypatch):
        monkeypatch.setattr(podman.os, "geteuid", lambda: 1000)
        assert podman.why_no_stage() == "a stage needs root: run it with sudo"

    def test_is_a_few_debian_packages(self, monkeypatch):
        monkeypatch.setattr(podman.os, "geteuid", lambda: 0)
        monkeypatch.setattr(podman.shutil, "which", lambda name: None)
        assert podman.why_no_stage() == (
            "a stage needs these Debian packages: apt-get install iproute2 mmdebstrap nftables "
            "openssh-client podman util-linux"
        )


@pytest.mark.parametrize(
    "arguments", [["stage", "up", "--debian", "11"], ["stage", "reboot"], ["deploy"]], ids=" ".join
)
def test_a_command_that_does_not_exist_is_refused_with_its_usage(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith("Usage: main")
