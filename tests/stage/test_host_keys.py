"""A deploy over real TCP talks to no host whose SSH key is not the one that it knows."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotshoe.site.reading import SiteFiles
from hotshoe.stage import podman
from hotshoe.stage.topology import LAPTOP
from tests.stage.home import BIN, Home
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
    assert f"its host key has changed: it shows ssh-ed25519 {fingerprint(home)}" in said
    assert f"{known_hosts}, line 1, says ssh-ed25519 SHA256:" in said
    assert "if you did not reinstall it, do not go on" in said


class TestBesideTheSite:
    """What ``hotshoe trust`` keeps there, for a person, and for a pipeline that has no ~/.ssh."""

    @pytest.fixture
    def beside(self, home: Home) -> Iterator[Path]:
        path = SiteFiles("home", home.project).known_hosts
        yield path
        path.unlink(missing_ok=True)

    @pytest.fixture
    def deploy(self, home: Home) -> Iterator[Deploy]:
        """A deploy to the server from the laptop, by somebody who knows no host."""
        laptop = podman.pid(home.stage.container(LAPTOP))
        command = over_tcp(home, laptop, home.server_plan.address, home.server)
        (at,) = (i for i, word in enumerate(command) if word.startswith("ssh_known_hosts_file="))
        del command[at - 1 : at + 1]
        home.sh(home.server, f"rm {PENDING}")
        yield lambda: subprocess.run(
            command,
            cwd=home.project,
            env=os.environ | {"HOME": str(home.project / "nobody")},
            capture_output=True,
            text=True,
            check=False,
        )
        home.deploy()

    @staticmethod
    def hotshoe(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
        laptop = podman.pid(home.stage.container(LAPTOP))
        command = ("nsenter", f"--target={laptop}", "--net", str(BIN / "hotshoe"), *arguments)
        return subprocess.run(
            command,
            cwd=home.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_is_all_that_a_deploy_needs_to_know(
        self, home: Home, beside: Path, deploy: Deploy
    ) -> None:
        said = refused(home, deploy())
        assert f"unknown host key ssh-ed25519 {fingerprint(home)}" in said
        assert "-> hotshoe trust, which says how to compare it" in said
        assert "No such file" not in said

        shown = self.hotshoe(home, "trust")
        assert shown.returncode == 1
        assert fingerprint(home) in shown.stdout
        assert not beside.exists()
        compared = [
            f"--fingerprint={name}={home.sh(name, f'ssh-keygen -lf {HOST_KEY}').split()[1]}"
            for name in (home.router, home.server)
        ]
        done = self.hotshoe(home, "trust", "--yes", *compared)
        assert done.returncode == 0, done.stderr
        done = deploy()
        assert done.returncode == 0, done.stderr
        assert home.succeeds(home.server, f"test -e {PENDING}")

    def test_a_host_that_shows_another_key_is_refused_by_every_command(
        self, home: Home, beside: Path, deploy: Deploy
    ) -> None:
        """Also by those that only look."""
        right = home.sh(home.server, f"cut -d' ' -f1,2 {HOST_KEY}").strip()
        another = (home.stage.folder / "id_ed25519.pub").read_text()
        address = home.server_plan.address
        beside.write_text(f"{address} {right}\n")
        # Whoever is asked to log in has been recognized.
        assert "Permission denied" in self.hotshoe(home, "photos").stderr
        beside.write_text(f"# mine\n{address} {another}")
        said = refused(home, deploy())
        assert f"{beside}, line 2, says ssh-ed25519 SHA256:" in said
        for arguments in (("photos",), ("check", "--watch")):
            looked = self.hotshoe(home, *arguments)
            assert looked.returncode == 1
            told = looked.stdout + looked.stderr
            assert f"its host key has changed: it shows {fingerprint(home)}" in told
            assert "If you did: hotshoe trust" in told
        trusted = self.hotshoe(home, "trust")
        assert trusted.returncode == 1
        assert "CHANGED: group_vars/home.known_hosts, line 2" in trusted.stdout
        assert beside.read_text() == f"# mine\n{address} {another}"

    def test_a_stage_has_its_own(self, home: Home, beside: Path) -> None:
        """Whose addresses are those of the real home."""
        another = (home.stage.folder / "id_ed25519.pub").read_text()
        beside.write_text(f"{home.server_plan.address} {another}")
        home.deploy()
        done = self.hotshoe(home, "trust", "--stage")
        assert done.returncode == 0, done.stderr
        assert f"{home.stage.known_hosts}: nothing is new" in done.stdout
        config = f"--ssh-config={home.stage.ssh_config}"
        assert self.hotshoe(home, "photos", config).returncode == 0
