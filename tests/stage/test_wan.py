"""Routers whose WAN address the provider changes: packets find their way at once, and servers hear.

No server is deployed to: whatever listens at its address will do.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest

from hotshoe.stage import openwrt_router, podman
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.stage.conftest import DROP, SharedStage, bare
from tests.stage.home import Home

# What the server's place does: it notes who connected to which port, and what was said at the last.
LISTENER = r"""
use strict; use warnings; use IO::Handle; use IO::Select; use IO::Socket::INET;
my $listeners = IO::Select->new(
    map { IO::Socket::INET->new(Listen => 9, LocalPort => $_, ReuseAddr => 1) or die $! } @ARGV);
open my $heard, '>>', '/run/heard' or die $!;
$heard->autoflush(1);
while (my @ready = $listeners->can_read) {
    for my $socket (map { scalar $_->accept } @ready) {
        my $said = $socket->sockport == $ARGV[-1] ? scalar(<$socket>) : "\n";
        print {$heard} join ' ', $socket->sockport, $socket->peerhost, $said // "\n";
    }
}
"""


# The Site, and who manages its routers.
HOMES = {
    "Debian": ("dynamic", "linux"),
    "OpenWrt": ("dynamic", "openwrt"),
    # fw4 reflects the networks of its own interfaces only.
    "OpenWrt, routed": ("routed", "openwrt"),
}


def of_no_fixed_address(said: str) -> str:
    ddns = "" if "ddns:" in said else "\nddns: {updated_by: none}"
    return re.sub(r"public_address: .*", f"public_address: dynamic{ddns}", said)


def to_routers(home: Home) -> list[str]:
    return [word for router in home.plan.routers for word in ("--limit", router.name)]


def deploy_routers(home: Home, *more: str) -> str:
    done = home.pyinfra("-y", *more, *to_routers(home))
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=HOMES)
def home(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A home whose routers were deployed to."""
    site, managed_by = HOMES[request.param]

    def change(said: str) -> str:
        return re.sub(r"managed_by: \w+", f"managed_by: {managed_by}", of_no_fixed_address(said))

    def make() -> Iterator[Home]:
        for home in bare("test-wan", site_name=site, change=change, prepared=True):
            for router in home.plan.routers:
                if router.managed_by == "openwrt":
                    home.sh(router.name, DROP)
            ports = (home.server_plan.control_port, notice_port(home))
            podman.execute(
                home.stage.container(home.server),
                *("sh", "-c", 'perl -e "$0" "$@" >/dev/null 2>&1 &', LISTENER, *map(str, ports)),
            )
            deploy_routers(home)
            yield home

    return stage.home(f"wan {request.param}", make)


def notice_port(home: Home) -> int:
    (notice,) = home.plan.routers[0].notices
    return notice.port


def heard(home: Home, line: str) -> None:
    """Wait until the server's place has heard that."""
    deadline = time.monotonic() + 30
    while line not in home.sh(home.server, "cat /run/heard").splitlines():
        assert time.monotonic() < deadline, home.sh(home.server, "cat /run/heard")
        time.sleep(0.1)


def wan_of(home: Home) -> IPv4Address:
    said = home.sh(home.router, "ip -4 route get 1.1.1.1 oif eth0")
    return IPv4Address(re.findall(r"src ([0-9.]+)", said)[0])


def moves(home: Home, address: str) -> None:
    """The provider gives the router another address, of a /31 with its own."""
    old, new = wan_of(home), IPv4Address(address)
    old_peer, peer = (IPv4Address(int(each) ^ 1) for each in (old, new))
    home.sh(
        INTERNET,
        f"ip address add {peer}/31 dev home0; ip address delete {old_peer}/31 dev home0; "
        # Whatever is beyond its uplink has nothing to do with it.
        f"ip route add blackhole {old}; ip route delete blackhole {new} 2>/dev/null || true",
    )
    if home.plan.routers[0].managed_by == "openwrt":
        script = (
            f"uci set network.wan.ipaddr={new}/31; uci set network.wan.gateway={peer}; "
            "uci commit network; /etc/init.d/network reload"
        )
    else:
        script = (
            f"ip address add {new}/31 dev eth0; ip address delete {old}/31 dev eth0; "
            f"ip route replace default via {peer}"
        )
    home.sh(home.router, script)


def changes(home: Home) -> list[str]:
    said = json.loads(home.pyinfra("--dry", "--json", *to_routers(home)).stdout)["plan"]
    return [each["name"] for each in said if each["hosts_with_change"]]


def test_the_server_is_told_by_the_router_s_address_in_its_lan(home: Home) -> None:
    heard(home, f"{notice_port(home)} {home.plan.routers[0].lan.ip} wan {wan_of(home)}")


def test_connections_find_the_server_at_a_new_address_without_a_deploy(home: Home) -> None:
    router, port = home.plan.routers[0], home.server_plan.control_port
    camera = home.stage.node(CAMERA).ports[0].address.ip
    for address in ("203.0.113.77", "203.0.113.130"):
        before = wan_of(home)
        assert home.reach(CAMERA, before, port) == ["open"]
        moves(home, address)
        heard(home, f"{notice_port(home)} {router.lan.ip} wan {address}")
        home.sh(home.server, ": >/run/heard")
        assert home.reach(CAMERA, address, port) == ["open"]
        heard(home, f"{port} {camera} ")
        # Hairpin: it comes from the router's address, by which the answer goes back.
        assert home.reach(LAPTOP, address, port) == ["open"]
        heard(home, f"{port} {router.lan.ip} ")
        # The router's address inside is its own; the server alone listens at that port.
        assert home.reach(LAPTOP, router.lan.ip, port) == ["closed"]
        assert home.reach(CAMERA, before, port) == ["silent"]
        assert home.reach(CAMERA, address, 22, 80) == ["silent", "silent"]
        # The way out, to whoever answers DNS.
        assert home.reach(LAPTOP, home.stage.topology.resolver, 53) == ["open"]
        assert changes(home) == []


def test_an_alias_by_which_a_router_reaches_the_modem_is_not_told(home: Home) -> None:
    router, alias = home.plan.routers[0], "192.168.100.2/24"
    home.sh(home.router, f"ip address add {alias} dev eth0")
    try:
        moves(home, "203.0.113.78")
        heard(home, f"{notice_port(home)} {router.lan.ip} wan 203.0.113.78")
        listed = home.sh(home.router, "ip -4 -o address show dev eth0 scope global")
        assert re.findall(r"inet ([0-9.]+)", listed) == ["192.168.100.2", "203.0.113.78"]
        assert "192.168.100" not in home.sh(home.server, "cat /run/heard")
    finally:
        home.sh(home.router, f"ip address delete {alias} dev eth0")


def test_whoever_tells_is_confined_and_goes_with_the_setting(home: Home) -> None:
    if home.plan.routers[0].managed_by == "openwrt":
        there = "test -e /etc/hotplug.d/iface/95-hotshoe"
    else:
        there = "systemctl is-active hotshoe-wan || test -e /usr/local/sbin/hotshoe-wan"
        assert home.exposure(home.router, "hotshoe-wan") < 1.5
    assert home.succeeds(home.router, there)
    site = home.project / "group_vars" / f"{home.stage.site}.yml"
    said = site.read_text()
    fixed = re.sub(r"ddns: .*\n", "", said.replace(": dynamic", f": {wan_of(home)}"))
    try:
        site.write_text(fixed)
        deploy_routers(home)
        assert not home.succeeds(home.router, there)
        assert home.reach(CAMERA, wan_of(home), home.server_plan.control_port) == ["open"]
    finally:
        site.write_text(said)
        deploy_routers(home)
    assert home.succeeds(home.router, there)


@pytest.mark.skipif(not openwrt_router.is_standin(), reason="installs packages, and has no feed")
@pytest.mark.parametrize("home", ["OpenWrt"], indirect=True)
def test_the_record_is_left_to_ddns_scripts_and_goes_with_the_setting(home: Home) -> None:
    secret = home.secrets.ddns_secret
    assert secret
    site = home.project / "group_vars" / f"{home.stage.site}.yml"
    said = site.read_text()
    ours = "ls /etc/hotshoe/record.conf /etc/hotshoe/update* 2>/dev/null; uci show ddns"
    try:
        site.write_text(said.replace("updated_by: server", "updated_by: router"))
        assert secret not in deploy_routers(home, "--diff")
        shown = home.sh(home.router, ours)
        assert "ddns.hotshoe_ddns_record.update_script='/etc/hotshoe/update_script.sh'" in shown
        assert secret not in shown + home.sh(home.router, "logread; ps w")
        kept = home.sh(home.router, "ls -l /etc/hotshoe/record.conf; cat /etc/hotshoe/record.conf")
        assert kept.startswith("-rw------- ")
        assert secret in kept
        assert changes(home) == []
        # Another secret does not wait for the next look.
        updater = "/usr/lib/ddns/dynamic_dns_updater.sh"
        home.sh(
            home.router,
            f"mkdir -p {updater.rpartition('/')[0]}; "
            f"""printf '#!/bin/sh\\necho "$@" >>/tmp/began\\n' >{updater}; chmod 755 {updater}; """
            "/etc/init.d/ddns enable; echo >>/etc/hotshoe/record.conf",
        )
        deploy_routers(home)
        assert home.sh(home.router, "cat /tmp/began") == "-v 0 -S hotshoe_ddns_record -- start\n"
        assert changes(home) == []
    finally:
        site.write_text(said)
        deploy_routers(home)
    left = home.sh(home.router, ours)
    assert "hotshoe" not in left
    # What the package brought stays.
    assert "ddns.global=ddns" in left
    assert changes(home) == []
