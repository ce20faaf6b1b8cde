"""OpenWrt routers that are refused before anything is changed, word for word."""

from __future__ import annotations

import logging
from dataclasses import replace
from ipaddress import IPv4Address, ip_interface

import pytest
from pyinfra.api.exceptions import PyinfraError

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.uci.data import Package, Section
from roles.openwrt import preflight
from roles.openwrt.facts import Board
from tests.operations.openwrt.conftest import outbound, recorded
from tests.unit.openwrt.routers import with_all


@pytest.fixture
def warnings():
    """What pyinfra's logger is told to warn of."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("pyinfra")
    listener = Listener(logging.WARNING)
    logger.addHandler(listener)
    yield said
    logger.removeHandler(listener)


def refusal(router) -> str:
    with pytest.raises(PyinfraError) as refused:
        preflight.refuse_unfit(router)
    return str(refused.value)


FIT = [
    "fresh",
    "deployed",
    "deployed_with_static_routes_and_helper",
    "killed_after_staging",
    "killed_before_confirming",
    "with_passwords",
    "release_25_12_0",
]


@pytest.mark.parametrize("name", FIT)
def test_a_router_as_the_site_says_is_accepted(on_router, gateway, warnings, name):
    on_router(recorded(name))
    preflight.refuse_unfit(gateway)
    assert warnings == []


@pytest.mark.parametrize(
    "release", ["23.05.5", "23.05.0-rc1", "24.10.0", "24.10-SNAPSHOT", "25.12.2"]
)
def test_supported_releases_are_accepted(on_router, gateway, warnings, release):
    on_router(replace(recorded("fresh"), board=Board("OpenWrt", release)))
    preflight.refuse_unfit(gateway)
    assert warnings == []


CORRECT = "correct the router's managed_by in the Site"
BRING = "bring it to one of these releases, or write managed_by: hand and use the worksheet"
INSTALL = "install what is missing (fw4 is in the package firewall4)"
SYSTEMS = [
    ("debian", {}, "runs Debian GNU/Linux 13, not OpenWrt", CORRECT),
    ("fresh", {"board": Board()}, "runs an unknown system, not OpenWrt", CORRECT),
    ("fresh", {"board": Board("Fork", "24.10.0")}, "runs Fork 24.10.0, not OpenWrt", CORRECT),
    *(
        (
            "fresh",
            {"board": Board("OpenWrt", release)},
            f"runs OpenWrt {release or 'of an unknown release'}; hotshoe knows 23.05, 24.10, 25.12",
            BRING,
        )
        for release in ("22.03.7", "21.02.0", "19.07.10", "SNAPSHOT", "24.1", "24.100.1", "")
    ),
    ("without_fw4", {}, "lacks fw4, flock, which every image of OpenWrt has as it comes", INSTALL),
    (
        "fresh",
        {"missing": ("ubus",)},
        "lacks ubus, which every image of OpenWrt has as it comes",
        INSTALL,
    ),
    (
        "fresh",
        {"writable": False},
        "its /etc/config cannot be written to",
        "see why the overlay is read-only: mount, logread",
    ),
    (
        "changes_of_others_staged",
        {},
        "others have staged changes there that are not committed:\n"
        "       firewall.cfg01e63d.syn_flood='0'\n"
        "       system.cfg01e48a.hostname='frog'",
        "commit them or take them back on the router: uci commit, uci revert PACKAGE",
    ),
]


@pytest.mark.parametrize(
    ("name", "changed", "reason", "remedy"),
    [pytest.param(*case, id=case[2].split("\n")[0]) for case in SYSTEMS],
)
def test_a_router_is_refused(on_router, gateway, name, changed, reason, remedy):
    on_router(replace(recorded(name), **changed))
    assert refusal(gateway) == f"gateway: {reason}\n    -> {remedy}"


@pytest.mark.parametrize("name", ["network", "firewall", "dhcp"])
def test_a_router_without_one_of_its_files_is_refused(on_router, gateway, name):
    seen = recorded("fresh")
    on_router(replace(seen, packages={**seen.packages, name: Package(name)}))
    assert refusal(gateway) == (
        f"gateway: uci finds nothing in /etc/config/{name}\n"
        f"    -> uci show {name} tells on the router whether that file is broken; correct or "
        "restore it first"
    )


def test_a_file_that_cannot_be_read_is_refused(on_router, gateway, monkeypatch):
    """uci export prints nothing of a broken file; what is printed and wrong is told."""
    host = on_router(recorded("fresh"))
    host.connector_data.clear()

    def get_fact(fact: type, *args: object) -> object:
        said = ["@@hotshoe uci dhcp", "package dhcp", "", "option a 'b'", "@@hotshoe end"]
        return fact().process(said)

    monkeypatch.setattr(host, "get_fact", get_fact, raising=False)
    said = refusal(gateway)
    assert said.startswith("gateway: UCI package dhcp, line 3: ")
    assert said.endswith("\n    -> correct that file on the router first")


def test_another_router_is_refused(on_router, gateway):
    on_router(recorded("fresh"))
    inside = type(gateway.lan)("192.168.7.1/24")
    assert refusal(replace(gateway, lan=inside)) == (
        "gateway: has no address 192.168.7.1, so it is not this router of the Site (it has "
        "192.168.1.1, fd5b:8a3c:c0de::1, 127.0.0.1, 203.0.113.20)\n"
        "    -> correct the router's lan in the Site"
    )


def test_an_existing_port_forward_in_the_way_is_refused(on_router, gateway):
    seen = recorded("deployed")
    theirs = Section(
        "redirect", None, {"src": "wan", "src_dport": "21", "dest_ip": "192.168.1.5", "name": "nas"}
    )
    firewall = seen.packages["firewall"]
    firewall = Package("firewall", (*firewall.sections, theirs))
    on_router(replace(seen, packages={**seen.packages, "firewall": firewall}))
    # Two of ours come before it, and uci counts them.
    assert refusal(gateway) == (
        "gateway: existing port forward 'nas' (firewall.@redirect[2]) already takes 21/tcp "
        "and sends it to 192.168.1.5\n"
        "    -> delete it on the router if it may go, or choose other ports in the Site"
    )


def test_all_conflicts_of_a_router_are_refused_at_once(on_router, gateway):
    seen = recorded("fresh")
    forwards = (
        Section("redirect", None, {"src": "wan", "src_dport": port, "dest_ip": "192.168.1.5"})
        for port in ("21", "50000-50199")
    )
    lease = Section("host", None, {"name": "nas", "ip": "192.168.1.10"})
    firewall = Package("firewall", (*seen.packages["firewall"].sections, *forwards))
    dhcp = Package("dhcp", (*seen.packages["dhcp"].sections, lease))
    on_router(replace(seen, packages=seen.packages | {"firewall": firewall, "dhcp": dhcp}))
    ports = "delete it on the router if it may go, or choose other ports in the Site"
    assert refusal(gateway).splitlines() == [
        "gateway: existing port forward firewall.@redirect[0] already takes 21/tcp and sends it to "
        "192.168.1.5",
        f"    -> {ports}",
        "gateway: existing port forward firewall.@redirect[1] already takes 50000-50199/tcp and "
        "sends it to 192.168.1.5",
        f"    -> {ports}",
        "gateway: existing static lease nas has no MAC at 192.168.1.10",
        "    -> delete it on the router if it may go, or remove the mac of darkroom from the Site",
    ]


def test_a_router_behind_another_is_warned_about(on_router, gateway, warnings):
    on_router(recorded("fresh"))
    preflight.refuse_unfit(replace(gateway, wan_address=IPv4Address("203.0.113.99")))
    assert warnings == [
        "gateway: none of its interfaces has the public address 203.0.113.99; cameras get through "
        "only if something in front forwards everything to it"
    ]


def test_a_router_without_a_public_address_is_warned_about(
    on_router, gateway, warnings, monkeypatch
):
    # By its file, the recorded one has a fixed address.
    monkeypatch.setattr(preflight, "drift_of", lambda *_: ())
    dynamic, fresh = replace(gateway, wan_address=None), recorded("fresh")
    on_router(fresh)
    preflight.refuse_unfit(dynamic)
    assert warnings == []
    interfaces = tuple(
        replace(each, addresses=(ip_interface("100.64.3.4/30"),)) if each.name == "wan" else each
        for each in fresh.interfaces
    )
    assert interfaces != fresh.interfaces
    on_router(replace(fresh, interfaces=interfaces))
    preflight.refuse_unfit(dynamic)
    assert warnings == [
        "gateway: its WAN address 100.64.3.4 cannot be reached from the Internet: it is behind the "
        "provider's carrier-grade NAT (RFC 6598); as long as it has no other, nothing is published "
        "and no camera gets in; a box of yours in front belongs into routers, before this one"
    ]


def test_networks_that_lose_masquerading_are_told_once(on_router, gateway, warnings):
    fresh, routed = recorded("fresh"), replace(gateway, masquerade=())
    guests = Interface(
        "guest", "br-guest", True, (ip_interface("192.168.50.1/24"),), False, dynamic=True
    )
    fresh = replace(fresh, interfaces=(*fresh.interfaces, guests))
    on_router(fresh)
    preflight.refuse_unfit(gateway)
    assert warnings == []
    preflight.refuse_unfit(routed)
    assert warnings == [
        "gateway: its network guest (192.168.50.0/24) is no longer masqueraded, and reaches the "
        "Internet only if the router in front has a route to it"
    ]
    done = {p: with_all(package, *outbound(routed, fresh)) for p, package in fresh.packages.items()}
    on_router(replace(fresh, packages=done))
    preflight.refuse_unfit(routed)
    assert len(warnings) == 1


def test_zones_are_known_once_a_router_is_accepted(on_router, gateway):
    on_router(recorded("fresh"))
    zones = preflight.zones_of(gateway)
    assert (zones.wan.name, zones.lan.name) == ("wan", "lan")
    assert (zones.wan.device, zones.lan.device) == ("eth0", "eth1")
    assert (zones.wan.section, zones.lan.section) == ("@zone[1]", "@zone[0]")
