"""What the hotplug script tells servers, in an ordinary ``sh`` with stand-ins for programs."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hotshoe.openwrt import paths
from hotshoe.plan.model import Notice, RecordUpdate, RouterPlan
from hotshoe.render import render
from tests.conftest import PROJECT
from tests.homes import example

SERVERS = (Notice(IPv4Address("192.168.1.10"), 47021), Notice(IPv4Address("192.168.1.11"), 47020))
DUCKDNS = RecordUpdate("router", "duckdns", None, None, None, None, "hmac-sha256", 60)
IP = """\
case "$*" in
"-4 route show default") cat $R/route ;;
"-4 route get 1.1.1.1 oif pppoe-wan") cat $R/address ;;
"-4 address "*) cat $R/alias $R/address ;;
esac
"""
PROGRAMS = {
    "ip": IP,
    "nc": 'cat >"$R/told.$1.$2"\n',
    # One runs until it is told to end.
    "start-stop-daemon": 'echo "$ACTION: $*" >>$R/daemon\n'
    '[ "$1" = -S ] || { [ ! -e $R/ended ] && : >$R/ended; }\n',
    # The loop ends where it would wait, and leaves what it began.
    "sleep": "kill $PPID\n",
}
ROUTE = "default via 203.0.113.1 dev pppoe-wan  metric 10 \ndefault dev wwan0  metric 20 \n"
# As BusyBox says it.
ADDRESS = "1.1.1.1 via 203.0.113.1 dev pppoe-wan  src 203.0.113.5 \n"


class Script:
    """The script of a router, and what it did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in PROGRAMS.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}")
            (folder / name).chmod(0o755)
        (folder / "route").write_text(ROUTE)
        (folder / "address").write_text(ADDRESS)
        # By which the router reaches the modem; the kernel lists it first.
        (folder / "alias").write_text("    inet 192.168.100.2/24 scope global pppoe-wan\n")
        (folder / "updater").write_text('#!/bin/sh\necho "$*" >>$R/ddns\n')
        (folder / "updater").chmod(0o755)
        (folder / "init").write_text("#!/bin/sh\n")
        (folder / "init").chmod(0o755)

    def runs(self, action: str, interface: str = "wan", **router: object) -> None:
        plan: RouterPlan = replace(example("openwrt").routers[0], **router)  # type: ignore[arg-type]
        text = render("openwrt/wan.sh.j2", paths=paths, router=plan, wan="wan", record="our_record")
        for path, stand_in in (
            ("/usr/lib/ddns/dynamic_dns_updater.sh", "updater"),
            ("/etc/init.d/ddns", "init"),
        ):
            text = text.replace(path, str(self.folder / stand_in))
        known = {"ACTION": action, "INTERFACE": interface, "R": str(self.folder)}
        done = subprocess.run(
            ["sh", "-c", text],
            env=known | {"PATH": f"{self.folder}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.stderr == ""

    def hears(self, name: str) -> str:
        """What a program wrote that may still run."""
        deadline = time.monotonic() + 20
        while not (said := self.said(name)):
            assert time.monotonic() < deadline, name
            time.sleep(0.01)
        return said

    def said(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


@pytest.fixture
def script(tmp_path, monkeypatch) -> Script:
    monkeypatch.chdir(PROJECT)
    return Script(tmp_path)


def test_every_server_is_told_the_address_of_the_default_route_and_no_alias(script):
    script.runs("tell", notices=SERVERS)
    for server in SERVERS:
        assert script.hears(f"told.{server.to}.{server.port}") == "wan 203.0.113.5\n"


def test_an_interface_without_an_address_is_none(script):
    (script.folder / "address").write_text("1.1.1.1 dev pppoe-wan \n")
    script.runs("tell", notices=SERVERS)
    assert not [*script.folder.glob("told.*")]


@pytest.mark.parametrize("missing", ["route", "address"])
def test_without_an_address_outside_nobody_is_told(script, missing):
    (script.folder / missing).write_text("")
    script.runs("tell", notices=SERVERS)
    assert not [*script.folder.glob("told.*")]


@pytest.mark.parametrize("action", ["ifup", "ifupdate"])
def test_an_interface_that_comes_up_or_changes_makes_it_begin_anew(script, action):
    script.runs(action, interface="guest", notices=SERVERS)
    *ended, begun = script.said("daemon").splitlines()
    assert ended == [f"{action}: -K -q -p {paths.WAN_PID}"]
    assert begun == f"tell: -S -b -m -p {paths.WAN_PID} -x /bin/sh -- {paths.HOTPLUG}"


def test_an_interface_that_goes_down_changes_nothing(script):
    script.runs("ifdown", notices=SERVERS, ddns=DUCKDNS)
    assert script.said("daemon") == script.said("ddns") == ""


def test_our_updater_begins_anew_at_another_address_of_the_wan_alone(script):
    for action, interface in (("ifup", "wan"), ("ifupdate", "guest"), ("ifupdate", "wan")):
        script.runs(action, interface, ddns=DUCKDNS)
    assert script.hears("ddns") == "-v 0 -S our_record -- start\n"


def test_with_procd_our_updater_begins_anew_as_its_instance(script):
    """Since 25.12, the updater itself neither starts nor stops others."""
    (script.folder / "init").write_text('#!/bin/sh\nUSE_PROCD=1\necho "$*" >>$R/init-calls\n')
    script.runs("ifupdate", "wan", ddns=DUCKDNS)
    assert script.said("init-calls") == "enabled\nstop our_record\nstart our_record\n"
    assert script.said("ddns") == ""
