"""The programs that run on an OpenWrt router, read by shellcheck as BusyBox's shell reads them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hotshoe.openwrt import paths
from hotshoe.plan.model import Notice, RecordUpdate, RouterPlan
from hotshoe.render import render
from roles.openwrt import operations
from roles.openwrt.facts import Router, UciPackages
from tests.conftest import PROJECT
from tests.homes import example

FOLDER = PROJECT / "templates" / "openwrt"


DUCKDNS = RecordUpdate("router", "duckdns", None, None, None, None, "hmac-sha256", 60)


def told() -> RouterPlan:
    """A router that tells two servers its WAN address."""
    notices = (
        Notice(IPv4Address("192.168.1.10"), 47021),
        Notice(IPv4Address("192.168.1.11"), 47020),
    )
    return replace(example("openwrt").routers[0], notices=notices)


PROGRAMS = {
    "hotshoe.init.j2": operations.init_script,
    "look.sh.j2": Router().command,
    "look.sh.j2, packages alone": lambda: UciPackages().command(("network", "firewall")),
    "update_script.sh.j2": lambda: render("openwrt/update_script.sh.j2", paths=paths),
    "wan.sh.j2": lambda: render(
        "openwrt/wan.sh.j2", paths=paths, router=told(), wan="wan", record="ours"
    ),
    "wan.sh.j2, and the record": lambda: render(
        "openwrt/wan.sh.j2",
        paths=paths,
        router=replace(told(), ddns=DUCKDNS),
        wan="wan",
        record="ours",
    ),
    "wan.sh.j2, the record alone": lambda: render(
        "openwrt/wan.sh.j2",
        paths=paths,
        router=replace(told(), ddns=DUCKDNS, notices=()),
        wan="wan",
        record="ours",
    ),
    "write.sh.j2": lambda: str(
        operations._write("/etc/x/y", "", "755", "sh -n", "/etc/x/y enable")
    ),
}
# These are parts of the others.
INCLUDED = {"from_files.sh.j2", "secrets.sh.j2"}
# `a && b || c` where c is "fail", which ends the program, or nothing succeeds but a.
NOT_CHECKED = "SC2015"


def test_every_template_is_a_program_or_part_of_one():
    assert {path.name for path in FOLDER.iterdir()} == INCLUDED | {
        n.split(",")[0] for n in PROGRAMS
    }


@pytest.mark.parametrize("name", PROGRAMS)
def test_shellcheck_finds_nothing(name):
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [shellcheck, "--shell=busybox", f"--exclude={NOT_CHECKED}", "-"],
        input=PROGRAMS[name](),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
