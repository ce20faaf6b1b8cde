"""What is read from a host.

``facts/NAME.txt`` is what the command printed on a real host (a container of a stage), and
``facts/NAME.json`` what it means. To record one anew, run ``DebianDevice().command()`` there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from hotshoe import paths
from hotshoe.debian import vsftpd
from roles.base.device import (
    PACKAGES,
    RULESETS,
    UNITS,
    VSFTPD_UNIT,
    DebianDevice,
    Device,
    record_path,
    ruleset_path,
    ruleset_unit,
)
from tests.operations.conftest import FACTS, as_json, device_from, recorded

RECORDED = sorted(path.stem for path in FACTS.glob("*.txt"))


@pytest.mark.parametrize("name", RECORDED)
def test_what_was_recorded_is_read_as(name):
    expected = json.loads((FACTS / f"{name}.json").read_text())
    assert as_json(recorded(name)) == expected
    assert device_from(expected) == recorded(name)


def test_of_several_routes_to_one_network_the_first_is_the_one_taken():
    routes = [{"dst": "10.0.0.0/24", "gateway": via} for via in ("192.168.1.2", "192.168.1.9")]
    seen = DebianDevice().process(["@routes", json.dumps(routes), "@routes6", "[]"])
    assert seen.routes == {"10.0.0.0/24": "192.168.1.2"}


def test_every_recording_has_its_expectation():
    assert sorted(path.stem for path in FACTS.glob("*.json")) == RECORDED
    assert len(RECORDED) >= 5


def test_a_host_that_says_nothing_is_one_of_which_nothing_is_known():
    assert DebianDevice().process([]) == DebianDevice.default() == Device()


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
    assert DebianDevice().process(["@listeners", line]).listeners == listeners


@pytest.mark.parametrize("unit", [VSFTPD_UNIT, *map(ruleset_unit, RULESETS)])
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


class TestTheCommand:
    def test_is_shell_that_parses(self):
        done = subprocess.run(
            ["sh", "-n"],
            input=DebianDevice().command(),
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def test_asks_for_everything_that_is_read(self):
        asked = re.findall(r"echo @(\w+)", DebianDevice().command())
        lines = [line for path in FACTS.glob("*.txt") for line in path.read_text().splitlines()]
        assert set(asked) == {line[1:] for line in lines if line.startswith("@")}
        assert len(asked) == len(set(asked))

    def test_names_every_unit_package_and_file_of_ours(self):
        command = DebianDevice().command()
        for word in (*UNITS, *PACKAGES, paths.CERTIFICATE, paths.PASSWORDS, vsftpd.OWNER):
            assert word in command

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
        script = DebianDevice().command().split("echo @lacks; ")[1]
        command = ["unshare", "--net"] if nft and timeouts else []
        said = subprocess.run(
            [*command, "/bin/sh", "-c", f"PATH={tmp_path}; echo @lacks; {script}"],
            text=True, capture_output=True, check=True,
        )  # fmt: skip
        assert DebianDevice().process(said.stdout.splitlines()).timeouts is timeouts

    def test_never_prints_a_private_key_or_a_hash(self, tmp_path):
        """Run the two lines that read secret files, on files of the same form."""
        key = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"
        certificate = "-----BEGIN CERTIFICATE-----\ncHVibGlj\n-----END CERTIFICATE-----\n"
        pem, passwords = tmp_path / "server.pem", tmp_path / "cameras.pwd"
        pem.write_text(key + certificate)
        passwords.write_text("r5:$6$rounds=40000$thesalt$thehash\na7:$6$noround$hash\n")
        script = "\n".join(
            line
            for line in DebianDevice().command().splitlines()
            if line.startswith(("echo @certificate", "echo @salts"))
        )
        script = script.replace(paths.CERTIFICATE, str(pem))
        script = script.replace(paths.PASSWORDS, str(passwords))
        said = subprocess.run(["sh", "-c", script], text=True, capture_output=True, check=True)
        device = DebianDevice().process(said.stdout.splitlines())
        assert device.certificate == certificate
        assert device.salts == {"r5": "$6$rounds=40000$thesalt"}
        assert "hash" not in said.stdout
        assert "c2VjcmV0" not in said.stdout


def test_units_and_files_of_a_ruleset_have_names_that_go_together():
    assert ruleset_path("hotshoe_firewall") == "/etc/hotshoe/hotshoe_firewall.nft"
    assert ruleset_unit("hotshoe_firewall") == "hotshoe-firewall.service"
    assert record_path("hotshoe-firewall.service") == "/run/hotshoe/hotshoe-firewall.loaded"
