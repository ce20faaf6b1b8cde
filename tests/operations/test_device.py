"""What is read from a host.

``facts/NAME.txt`` is what the command printed on a real host (a container of a stage), and
``facts/NAME.json`` what it means. To record one anew, run ``script(footprints_of(NAME))`` there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hotshoe import paths
from hotshoe.debian.daemons import DAEMONS
from hotshoe.debian.device import Device, Query, queries_of, read_device, split_sections
from hotshoe.debian.listeners import LISTENERS
from hotshoe.debian.units import Ruleset
from roles import server
from roles.base import rulesets
from roles.base.device import Report, device_of, read, script
from roles.firewall.facts import INCOMING
from roles.router_linux.facts import FOOTPRINT as ROUTER
from roles.tls.facts import CERTIFICATE
from roles.users.facts import SALTS
from roles.vsftpd.facts import LISTENING
from tests.conftest import PROJECT
from tests.operations.conftest import FACTS, as_json, footprints_of, recorded

KINDS = pytest.mark.parametrize("footprints", [server.FOOTPRINTS, (ROUTER,)])
RECORDED = sorted(path.stem for path in FACTS.glob("*.txt"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_is_read_correctly(name):
    expected = json.loads((FACTS / f"{name}.json").read_text())
    assert as_json(recorded(name)) == expected


def test_every_recording_has_its_expectation():
    assert sorted(path.stem for path in FACTS.glob("*.json")) == RECORDED
    assert len(RECORDED) >= 5


def test_nothing_is_known_of_a_host_that_says_nothing():
    seen = read_device(queries_of((*server.FOOTPRINTS, ROUTER)), Report.default())
    assert replace(seen, answers={}) == Device()
    for footprint in (*server.FOOTPRINTS, ROUTER):
        for query in footprint.queries:
            assert seen[query] == query.read(())


def test_no_recording_holds_a_hash_of_a_password():
    for path in FACTS.glob("*.txt"):
        assert not re.search(r"\$6\$[^$]*\$[^$\s]+\$", path.read_text())


@pytest.mark.parametrize(
    ("line", "listeners"),
    [
        ('LISTEN 0 32 *:21 *:* users:(("vsftpd",pid=2,fd=3))', {21: "vsftpd"}),
        ('LISTEN 0 32 [::]:21 [::]:* users:(("a",pid=2,fd=3),("b",pid=3,fd=3))', {21: "a"}),
        ("LISTEN 0 32 127.0.0.1:990 0.0.0.0:*", {990: "?"}),
        ('LISTEN 0 32 [fe80::1]%eth0:53 [::]:* users:(("dns",pid=2,fd=3))', {53: "dns"}),
    ],
)
def test_a_listener_is_known_by_port_and_program(line, listeners):
    assert LISTENERS.read([line]) == listeners


def test_the_port_of_each_daemon_of_ours_is_known():
    """The command is tried on the stage: ``test_the_two_may_swap_their_ports``."""
    lines = [
        "MainPID=494",
        "Id=hotshoe-vsftpd.service",
        "Id=hotshoe-vsftpd-implicit.service",
        "MainPID=501",
        "Id=hotshoe-vsftpd6.service",
        "MainPID=0",
        'LISTEN 0 32 0.0.0.0:21 0.0.0.0:* users:(("vsftpd",pid=494,fd=3))',
        'LISTEN 0 32 0.0.0.0:990 0.0.0.0:* users:(("vsftpd",pid=501,fd=3))',
        # A session, in the middle of a transfer.
        "/proc/777/status:PPid:\t494",
        'LISTEN 0 32 0.0.0.0:50123 0.0.0.0:* users:(("vsftpd",pid=777,fd=5))',
        # Somebody else's.
        'LISTEN 0 32 0.0.0.0:2121 0.0.0.0:* users:(("vsftpd",pid=5012,fd=3))',
        "LISTEN 0 32 127.0.0.1:25 0.0.0.0:*",
    ]
    assert LISTENING.read(lines) == {
        "hotshoe-vsftpd.service": 21,
        "hotshoe-vsftpd-implicit.service": 990,
    }
    assert all(daemon.unit.name in LISTENING.command for daemon in DAEMONS)


def test_on_a_direct_link_the_daemon_is_run_by_another_program():
    lines = [
        "MainPID=500",
        "Id=hotshoe-vsftpd.service",
        "/proc/501/status:PPid:\t500",
        'LISTEN 0 32 10.0.0.1:21 0.0.0.0:* users:(("vsftpd",pid=501,fd=3))',
    ]
    assert LISTENING.read(lines) == {"hotshoe-vsftpd.service": 21}


@pytest.mark.parametrize("unit", [DAEMONS[0].unit.name, INCOMING.unit.name])
@pytest.mark.parametrize(
    ("state", "active"),
    [
        ("active enabled", True),
        ("active disabled", False),
        ("activating enabled", False),
        ("failed enabled", False),
        ("inactive enabled", False),
        ("inactive masked", False),
        ("inactive", False),
    ],
)
def test_a_unit_is_active_if_it_runs_now_and_at_every_boot(unit, state, active):
    assert Device(units={unit: state}).is_active(unit) is active


class TestTheScript:
    @KINDS
    def test_is_shell_that_parses(self, footprints):
        done = subprocess.run(
            ["sh", "-n"], input=script(footprints), text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("name", RECORDED)
    def test_asks_for_everything_that_is_read(self, name):
        asked = re.findall(r"^echo @(\w+)", script(footprints_of(name)), re.MULTILINE)
        lines = (FACTS / f"{name}.txt").read_text().splitlines()
        assert asked == [line[1:] for line in lines if line.startswith("@")]
        assert len(asked) == len(set(asked))

    @KINDS
    def test_names_every_unit_package_account_and_file_of_ours(self, footprints):
        words = script(footprints).split()
        for footprint in footprints:
            assert set(footprint.packages) <= set(words)
            assert set(footprint.accounts) <= set(words)
            assert {*footprint.paths, *footprint.folders} <= set(words)
            for unit in (*footprint.units, *(table.unit for table in footprint.rulesets)):
                assert unit.name in words
                assert unit.record in " ".join(words)

    def test_of_a_role_that_has_nothing_asks_for_nothing_of_others(self):
        """dpkg-query and getent without a name would print everything."""
        commands = {query.name: query.command for query in queries_of(())}
        assert (commands["packages"], commands["accounts"]) == (":", ":")

    @pytest.mark.parametrize(
        ("nft", "timeouts"),
        [
            ("cat >rules; exec /usr/sbin/nft --check --file rules", True),
            ("cat >/dev/null; exit 1", False),
            (None, True),
        ],
    )
    def test_asks_the_kernel_for_timeouts(self, tmp_path, nft, timeouts):
        """Where nft is, with rules that it can read; elsewhere they are taken for granted."""
        if nft and timeouts and (os.geteuid() or not Path("/usr/sbin/nft").exists()):
            pytest.skip("needs root and nft")
        (tmp_path / "cat").symlink_to("/bin/cat")
        if nft:
            (tmp_path / "nft").write_text(f"#!/bin/sh\ncd {tmp_path}; {nft}\n")
            (tmp_path / "nft").chmod(0o755)
        command = ["unshare", "--net"] if nft and timeouts else []
        said = subprocess.run(
            [*command, "/bin/sh", "-c", f"PATH={tmp_path}; {rulesets.TIMEOUTS.command}"],
            text=True, capture_output=True, check=True,
        )  # fmt: skip
        assert rulesets.TIMEOUTS.read(said.stdout.splitlines()) is timeouts

    def test_never_prints_a_private_key_or_a_hash(self, tmp_path):
        """Run the two commands that read secret files, on files of the same form."""
        key = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"
        certificate = "-----BEGIN CERTIFICATE-----\ncHVibGlj\n-----END CERTIFICATE-----\n"
        pem, passwords = tmp_path / "server.pem", tmp_path / "cameras.pwd"
        pem.write_text(key + certificate)
        passwords.write_text("r5:$6$rounds=40000$thesalt$thehash\na7:$6$noround$hash\n")

        def printed(query: Query) -> list[str]:
            command = query.command.replace(paths.CERTIFICATE, str(pem))
            command = command.replace(paths.PASSWORDS, str(passwords))
            done = subprocess.run(["sh", "-c", command], text=True, capture_output=True, check=True)
            assert "hash" not in done.stdout
            assert "c2VjcmV0" not in done.stdout
            return done.stdout.splitlines()

        assert CERTIFICATE.read(printed(CERTIFICATE)) == certificate
        assert SALTS.read(printed(SALTS)) == {"r5": "$6$rounds=40000$thesalt"}


def test_units_and_files_of_a_ruleset_have_names_that_go_together():
    ruleset = Ruleset("hotshoe_firewall")
    assert ruleset.path == "/etc/hotshoe/hotshoe_firewall.nft"
    assert ruleset.unit.path == "/etc/systemd/system/hotshoe-firewall.service"
    assert ruleset.unit.record == "/run/hotshoe/hotshoe-firewall.loaded"


def test_a_host_is_looked_at_once_a_run():
    class Asked:
        def __init__(self) -> None:
            self.connector_data: dict = {}
            self.scripts: list[str] = []

        def get_fact(self, fact: type, text: str) -> object:
            self.scripts.append(fact().command(text))
            return split_sections(["@os", "debian 13"])

    host = Asked()
    with pytest.raises(KeyError):
        device_of(host)
    seen = [read(host, (ROUTER,)), read(host, (ROUTER,)), device_of(host)]
    assert [device.os for device in seen] == ["debian 13"] * 3
    assert host.scripts == [script((ROUTER,))]


def test_base_knows_no_role_by_name_and_no_role_another():
    """Adding a role touches no other: only the list of those that a kind of host has."""
    roles = {path.parent.name for path in (PROJECT / "roles").glob("*/facts.py")}
    assert roles >= {"firewall", "router_linux", "tls", "users", "vsftpd"}
    for path in (PROJECT / "roles").glob("*/*.py"):
        own = path.parent.name
        imported = set(re.findall(r"^(?:from|import) roles\.(\w+)", path.read_text(), re.MULTILINE))
        assert imported <= {own, "base", "transport"}, path
