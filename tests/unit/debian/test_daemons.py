"""Which daemons a server has, and that every program of ours knows them all."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest

from hotshoe.debian.daemons import DAEMONS, wanted
from hotshoe.debian.vsftpd import Options, options
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import ControlPort, ServerPlan
from hotshoe.site.reading import load_site
from tests.conftest import PROJECT
from tests.homes import example
from tests.unit.refusals import with_lines

NAMES = [f"hotshoe-vsftpd{which}.service" for which in ("", "6", "-implicit", "-implicit6")]
EXPLICIT, IMPLICIT = ControlPort(21, "explicit"), ControlPort(990, "implicit")


def server_with(*controls: ControlPort, ipv6: bool = False) -> ServerPlan:
    server = example("ipv6" if ipv6 else "home").servers[0]
    return replace(server, control_ports=controls)


@pytest.mark.parametrize("ipv6", [False, True])
@pytest.mark.parametrize(
    "controls",
    [(EXPLICIT,), (IMPLICIT,), (EXPLICIT, IMPLICIT), (ControlPort(2121, "none"),)],
)
def test_each_control_port_has_a_daemon_for_each_kind_of_address(controls, ipv6):
    server = server_with(*controls, ipv6=ipv6)
    found = {daemon.unit.name: control for daemon, control in wanted(server).items()}
    suffixes = {"implicit": "-implicit"}
    assert found == {
        f"hotshoe-vsftpd{suffixes.get(control.tls, '')}{version}.service": control
        for control in controls
        for version in (["", "6"] if ipv6 else [""])
    }


def test_no_two_daemons_share_a_file():
    assert [daemon.unit.name for daemon in DAEMONS] == NAMES
    assert len({daemon.configuration for daemon in DAEMONS}) == len(DAEMONS)


def test_a_daemon_is_restarted_for_every_file_that_it_loads():
    for daemon in DAEMONS:
        for file in (daemon.configuration, "server.pem", "openssl.cnf", daemon.unit.path):
            assert file in daemon.unit.loaded
        assert ("hosts.allow" in daemon.unit.loaded) == (not daemon.ipv6)


def test_both_ways_share_everything_but_the_port_and_the_way():
    server = server_with(EXPLICIT, IMPLICIT)
    one, other = (dict(options(server, "3.0.5", control)) for control in server.control_ports)
    assert {name for name in one if one[name] != other[name]} == {"listen_port", "implicit_ssl"}
    assert (other["listen_port"], other["implicit_ssl"]) == (990, True)
    assert "implicit_ssl" in Options.model_fields


def test_whoever_ends_sessions_and_whoever_believes_their_log_know_every_daemon():
    perl = (PROJECT / "templates/vsftpd/sessions.pl.j2").read_text()
    (suffixes,) = re.findall(r'map \{"hotshoe-vsftpd\$_\.service"\} (.*);', perl)
    assert [f"hotshoe-vsftpd{each}.service" for each in ast.literal_eval(f"[{suffixes}]")] == NAMES
    journal = (PROJECT / "templates/intake/hotshoe_intake/journal.py").read_text()
    (suffixes,) = re.findall(r"UNITS = .*for which in (\(.*\))\)", journal)
    assert [f"hotshoe-vsftpd{each}.service" for each in ast.literal_eval(suffixes)] == NAMES


def test_a_public_address_is_known_before_a_daemon_announces_it():
    unit = (PROJECT / "templates/address/service.j2").read_text()
    (before,) = re.findall(r"(?m)^Before=(.*)", unit)
    assert before.split() == [daemon.unit.name for daemon in DAEMONS if not daemon.ipv6]


@pytest.mark.parametrize(
    ("tls", "ports"),
    [("explicit", {"explicit": 21}), ("implicit", {"implicit": 990})],
)
def test_the_usual_ports(write_site, tls, ports):
    plan = make_plan(load_site(write_site(with_lines(f"ftp: {{tls: {tls}}}"))))
    assert {each.tls: each.port for each in plan.servers[0].control_ports} == ports
