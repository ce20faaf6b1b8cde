"""Which existing sections are in the way, word for word, and which are left alone."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_interface

import pytest

from hotshoe.openwrt.conflicts import conflicts
from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.sections import inbound, outbound
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.plan.model import Lease, RouterPlan
from hotshoe.ports.ranges import Service
from tests.unit.openwrt.routers import ZONES, home, interfaces_of, packages, redirect, with_all

MAC = "b8:27:eb:12:34:56"
DELETE_OR_PORTS = "delete it on the router if it may go, or choose other ports in the Site"
DELETE_OR_DEFAULT = (
    "delete it on the router if it may go; a default host of your own is written as mode: "
    "default-host in the Site"
)
CONTROL, PASSIVE = "21/tcp", "50000-50199/tcp"


@pytest.fixture
def router() -> RouterPlan:
    (router,) = home("home").routers
    return replace(router, leases=(Lease("darkroom", MAC, IPv4Address("192.168.1.10")),))


def told(router: RouterPlan, existing: dict[str, Package]) -> list[tuple[str, str]]:
    found = conflicts(router, ZONES, existing, interfaces_of(router))
    return [(each.reason, each.remedy) for each in found]


def theirs(**options: object) -> Section:
    """Somebody's port forward of 21/tcp, otherwise as said."""
    usual = {"src": "wan", "src_dport": "21", "dest_ip": "192.168.1.5", "proto": "tcp"}
    return redirect(**{k: v for k, v in (usual | options).items() if v is not None})


def taken(router: RouterPlan, section: Section) -> list[str]:
    """Which of ours a redirect takes."""
    found = told(router, packages(section))
    assert all(remedy == DELETE_OR_PORTS for _, remedy in found)
    return [
        reason.partition(" already takes ")[2].partition(" and sends")[0] for reason, _ in found
    ]


def test_a_default_configuration_has_no_conflict(router):
    assert told(router, packages()) == []


def test_hotshoe_s_sections_do_not_conflict_with_themselves(router):
    existing = packages()
    wanted = (*outbound(router, ZONES), *inbound(router, ZONES))
    ours = {name: with_all(package, *wanted) for name, package in existing.items()}
    assert ours["firewall"].of_type("redirect")
    assert told(router, ours) == []


# -- port forwards


def test_an_existing_port_forward_of_the_control_port_is_a_conflict(router):
    assert told(router, packages(theirs())) == [
        (
            "existing port forward firewall.@redirect[0] already takes 21/tcp and sends it "
            "to 192.168.1.5",
            DELETE_OR_PORTS,
        )
    ]


@pytest.mark.parametrize(
    ("section", "called"),
    [
        (redirect("nas", src="wan", src_dport="21", dest_ip="192.168.1.5"), "firewall.nas"),
        (
            redirect(src="wan", src_dport="21", dest_ip="192.168.1.5", name="My NAS"),
            "'My NAS' (firewall.@redirect[1])",
        ),
    ],
)
def test_a_conflict_names_the_port_forward_as_uci_does(router, section, called):
    other = redirect(src="wan", src_dport="80", dest_ip="192.168.1.5")
    ((reason, _),) = told(router, packages(other, section))
    assert reason.startswith(f"existing port forward {called} already takes 21/tcp")


def test_a_port_forward_to_the_router_itself_is_a_conflict(router):
    ((reason, _),) = told(router, packages(theirs(dest_ip=None)))
    assert reason.endswith("already takes 21/tcp and sends it to the router itself")


@pytest.mark.parametrize(
    ("ports", "ours"),
    [
        ("21", [CONTROL]),
        ("20-22", [CONTROL]),
        ("20:22", [CONTROL]),
        ("1-65535", [CONTROL, PASSIVE]),
        ("0-65535", [CONTROL, PASSIVE]),
        ("0:21", [CONTROL]),
        ("50199", [PASSIVE]),
        ("50199:50200", [PASSIVE]),
        ("49000-50000", [PASSIVE]),
        ("!22", [CONTROL, PASSIVE]),
        ("! 22", [CONTROL, PASSIVE]),
        ("22", []),
        ("50200", []),
        ("22-49999", []),
        # fw4 leaves out a section whose port it cannot read.
        ("21 22", []),
        ("ftp", []),
    ],
)
def test_ports_conflict_where_they_overlap(router, ports, ours):
    assert taken(router, theirs(src_dport=ports)) == ours


@pytest.mark.parametrize(
    ("proto", "takes"),
    [
        (None, True),
        ("tcp", True),
        ("TCP", True),
        ("tcp udp", True),
        ("tcpudp", True),
        ("6", True),
        ("17", False),
        (("udp", "tcp"), True),
        ("udp", False),
        (("udp", "icmp"), False),
        ("gre", False),
    ],
)
def test_protocols_conflict_where_they_overlap(router, proto, takes):
    assert taken(router, theirs(proto=proto)) == [CONTROL] * takes


@pytest.mark.parametrize("proto", ["all", "any", "*", ("icmp", "all")])
def test_a_port_forward_of_every_protocol_takes_every_port(router, proto):
    ((reason, _),) = told(router, packages(theirs(proto=proto, src_dport="8080")))
    assert "already sends everything from outside to 192.168.1.5" in reason


@pytest.mark.parametrize(
    "options",
    [
        {"enabled": "0"},
        {"family": "ipv6"},
        {"dest_ip": "fd00::5"},
        {"src": "lan"},
        {"src": "guest"},
        {"src": None},
        {"target": "SNAT"},
        {"src_dip": "203.0.113.99"},
        {"src_dip": "!203.0.113.20"},
        {"src_dip": "!wan"},
        {"src_dip": "lan"},
        {"src_dip": "203.0.113.99/32"},
        {"src_dip": "203.0.113.21-203.0.113.99"},
        {"src_dip": "2001:db8::1"},
        {"src_dip": "2001:db8::1-2001:db8::9"},
        {"src_dip": "nonsense"},
        {"family": "ipv6"},
        {"src_ip": "192.0.2.0/24"},
        {"src_mac": "02:00:00:00:00:01"},
        {"src_port": "1024"},
        {"ipset": "friends"},
        {"mark": "1"},
        {"helper": "ftp"},
    ],
    ids=str,
)
def test_a_port_forward_of_other_or_some_connections_is_left_alone(router, options):
    assert taken(router, theirs(**options)) == []


@pytest.mark.parametrize(
    "options",
    [
        {"enabled": "1"},
        {"target": "dnat"},
        {"family": "ipv4"},
        {"family": "any"},
        {"src_dip": "203.0.113.20"},
        {"src_dip": "203.0.113.20/32"},
        {"src_dip": "203.0.113.20/255.255.255.0"},
        {"src_dip": "203.0.113.0-203.0.113.99"},
        {"src_dip": "0.0.0.0/0"},
        {"src_dip": "wan"},
        {"src_dip": "!lan"},
        {"src_dip": "! 192.168.1.1"},
    ],
    ids=str,
)
def test_a_port_forward_with_explicit_defaults_is_a_conflict(router, options):
    assert taken(router, theirs(**options)) == [CONTROL]


def test_a_port_forward_over_ipv6_is_a_conflict_where_cameras_use_ipv6():
    edge, _ = home("ipv6").routers
    ((reason, _),) = told(edge, packages(theirs(family="ipv6", dest_ip="2001:db8:100:1::9")))
    assert reason.endswith("already takes 21/tcp and sends it to 2001:db8:100:1::9")


def test_existing_port_forwards_stay_where_hotshoe_needs_none(router):
    assert told(replace(router, forwards=()), packages(theirs(), theirs(src_dport=None))) == []


# -- default hosts


@pytest.mark.parametrize("proto", ["tcp", "all", None])
def test_an_existing_default_host_is_a_conflict(router, proto):
    section = theirs(src_dport=None, proto=proto, name="DMZ")
    assert told(router, packages(section)) == [
        (
            "existing port forward 'DMZ' (firewall.@redirect[0]) already sends everything "
            "from outside to 192.168.1.5",
            DELETE_OR_DEFAULT,
        )
    ]


def test_a_second_default_host_is_a_conflict():
    router, _ = home("default-host").routers
    ((reason, _),) = told(router, packages(theirs(src_dport=None)))
    assert "already sends everything from outside to 192.168.1.5" in reason
    assert told(router, packages(theirs())) == []


def test_a_default_host_for_another_protocol_is_left_alone(router):
    assert told(router, packages(theirs(src_dport=None, proto="gre"))) == []


# -- rules

OWN = "51820/udp"
LESS = "delete it on the router if it may go, or let it match less"


@pytest.fixture
def routed() -> RouterPlan:
    """A router that lets the ports in untranslated, over IPv6 too, and answers some itself."""
    return replace(home("ipv6").routers[1], open_to_wan=(Service.parse(OWN),))


def refusing(name: str | None = None, /, **options: object) -> Section:
    """Somebody's rule against all that comes to the LAN, otherwise as said."""
    usual = {"src": "wan", "dest": "lan", "proto": "all", "target": "DROP"}
    return Section("rule", name, {k: v for k, v in (usual | options).items() if v is not None})


def refused(router: RouterPlan, existing: dict[str, Package]) -> list[str]:
    """Which of ours others' rules refuse."""
    found = told(router, existing)
    assert all(remedy == LESS for _, remedy in found)
    return [port for reason, _ in found for port in (CONTROL, PASSIVE, OWN) if port in reason]


def test_a_rule_that_matches_before_hotshoe_s_is_a_conflict(routed):
    (first, _) = told(routed, packages(refusing(name="No way in")))
    assert first == (
        "existing rule 'No way in' (firewall.@rule[0]) matches first and blocks hotshoe's 'cameras "
        "to darkroom, 21/tcp to 2001:db8:100:2::10'",
        LESS,
    )


@pytest.mark.parametrize(
    ("options", "ours"),
    [
        ({}, [CONTROL, PASSIVE]),
        ({"target": "reject", "dest": "*"}, [CONTROL, PASSIVE]),
        ({"src": "*", "proto": None, "family": "ipv6"}, [CONTROL, PASSIVE]),
        ({"proto": "tcp", "dest_port": "20:22"}, [CONTROL]),
        ({"proto": "tcp", "dest_port": "80 50000"}, [PASSIVE]),
        ({"dest_port": "80"}, [CONTROL, PASSIVE]),
        ({"proto": "tcp", "dest_port": "80"}, []),
        ({"proto": "tcp", "dest_port": "ftp"}, []),
        ({"dest_ip": "2001:db8:100:2::/64"}, [CONTROL, PASSIVE]),
        ({"dest_ip": ("2001:db8:100:2::9", "2001:db8:100:2::10")}, [CONTROL, PASSIVE]),
        ({"dest_ip": "2001:db8:100:2::9"}, []),
        ({"dest_ip": "!2001:db8:100:2::9"}, [CONTROL, PASSIVE]),
        ({"dest_ip": "!2001:db8:100:2::/64"}, []),
        ({"family": "ipv4"}, []),
        ({"proto": "udp"}, []),
        ({"proto": "icmp"}, []),
        ({"enabled": "0"}, []),
        ({"target": "ACCEPT"}, []),
        ({"src": "lan"}, []),
        ({"dest": "guest"}, []),
        ({"src_ip": "2001:db8:bad::/48"}, []),
        ({"limit": "10/second"}, []),
        ({"dest": None}, [OWN]),
        ({"dest": None, "family": "ipv4"}, [OWN]),
        ({"dest": None, "dest_ip": "192.168.1.1"}, []),
    ],
    ids=str,
)
def test_an_existing_rule_blocks(routed, options, ours):
    assert refused(routed, packages(refusing(**options))) == ours


def test_a_rule_that_matches_after_hotshoe_s_is_left_alone(routed):
    """Unless it is for every zone, which fw4 asks first."""
    (wanted,) = inbound(routed, ZONES)
    existing = packages()
    ours = with_all(existing["firewall"], wanted)
    for src, count in (("wan", 0), ("*", 2)):
        behind = Package("firewall", (*ours.sections, refusing(src=src)))
        assert len(refused(routed, existing | {"firewall": behind})) == count


def test_translated_connections_pass_every_rule(router):
    assert told(router, packages(refusing())) == []


# -- routes


@pytest.fixture
def edge() -> RouterPlan:
    """A router with a route to 192.168.1.0/24 by 192.168.178.2."""
    return home("routed").routers[0]


def route(**options: str) -> Section:
    return Section("route", None, {"interface": "lan", **options})


ELSEWHERE = (
    "existing static route to 192.168.1.0/24 leads to 192.168.178.9 instead of 192.168.178.2",
    "delete it on the router if it may go: LuCI, Network, Routing",
)


@pytest.mark.parametrize(
    "options",
    [
        {"target": "192.168.1.0/24"},
        {"target": "192.168.1.0", "netmask": "255.255.255.0"},
        {"target": "192.168.1.7/24"},
        {"target": "192.168.1.0/24", "netmask": "255.255.0.0"},
        {"target": "192.168.1.0/24", "table": "main"},
    ],
    ids=str,
)
def test_a_route_by_another_gateway_is_a_conflict(edge, options):
    section = route(gateway="192.168.178.9", **options)
    assert told(edge, packages(network=(section,))) == [ELSEWHERE]


@pytest.mark.parametrize(
    "options",
    [
        {"target": "192.168.1.0/24", "gateway": "192.168.178.2"},
        {"target": "192.168.1.0/24", "gateway": "192.168.178.9", "disabled": "1"},
        {"target": "192.168.1.0/24", "gateway": "192.168.178.9", "table": "100"},
        {"target": "192.168.2.0/24", "gateway": "192.168.178.9"},
        {"target": "192.168.1.0/25", "gateway": "192.168.178.9"},
        {"target": "nonsense", "gateway": "192.168.178.9"},
        {"gateway": "192.168.178.9"},
    ],
    ids=str,
)
def test_other_routes_are_left_alone(edge, options):
    assert told(edge, packages(network=(route(**options),))) == []


def test_a_route_without_a_gateway_leads_to_its_interface(edge):
    ((reason, _),) = told(edge, packages(network=(route(target="192.168.1.0/24"),)))
    assert reason == (
        "existing static route to 192.168.1.0/24 leads to lan instead of 192.168.178.2"
    )


def test_an_ipv6_route_by_another_gateway_is_a_conflict():
    edge, _ = home("ipv6").routers
    section = Section(
        "route6", None, {"target": "2001:db8:100:2::/64", "gateway": "2001:db8:100:1::9"}
    )
    ((reason, _),) = told(edge, packages(network=(section,)))
    assert reason == (
        "existing static route to 2001:db8:100:2::/64 leads to 2001:db8:100:1::9 instead of "
        "2001:db8:100:1::2"
    )


def test_a_route_to_the_router_s_own_network_is_a_conflict(edge):
    guests = Interface("guest", "br-guest", True, (ip_interface("192.168.1.1/24"),), False)
    (found,) = conflicts(edge, ZONES, packages(), [guests])
    assert found.reason == (
        "its interface guest (192.168.1.1/24) is in 192.168.1.0/24 itself, which the Site has "
        "behind 192.168.178.2"
    )


@pytest.mark.parametrize("address", ["192.168.178.1/24", "192.168.0.1/16", "192.168.1.1/25"])
def test_a_network_of_another_size_leaves_the_route_alone(edge, address):
    other = Interface("other", "eth2", True, (ip_interface(address),), False)
    assert not list(conflicts(edge, ZONES, packages(), [other]))


# -- leases

REMOVE = "delete it on the router if it may go, or remove the mac of darkroom from the Site"


def host(section: str | None = None, /, **options: object) -> Section:
    return Section("host", section, options)


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        (
            host(name="printer", mac="02:00:00:00:00:01", ip="192.168.1.10"),
            "existing static lease printer has 02:00:00:00:00:01 at 192.168.1.10",
        ),
        (
            host(name="old", mac=MAC, ip="192.168.1.77"),
            f"existing static lease old has {MAC} at 192.168.1.77",
        ),
        (
            host(name="same", mac=MAC.upper(), ip="192.168.1.10"),
            f"existing static lease same has {MAC} at 192.168.1.10",
        ),
        (
            host("named", mac=("02:00:00:00:00:01", MAC), ip="192.168.1.77"),
            f"existing static lease named has 02:00:00:00:00:01 {MAC} at 192.168.1.77",
        ),
        (
            host(name="two", mac=f"02:00:00:00:00:01 {MAC}", ip="192.168.1.77"),
            f"existing static lease two has 02:00:00:00:00:01 {MAC} at 192.168.1.77",
        ),
        (
            host(mac=MAC),
            f"existing static lease (no name) has {MAC} at no address",
        ),
        (
            host(name="by duid", duid="000100", ip="192.168.1.10"),
            "existing static lease by duid has no MAC at 192.168.1.10",
        ),
    ],
)
def test_a_static_lease_of_the_same_address_or_device_is_a_conflict(router, section, reason):
    assert told(router, packages(dhcp=(section,))) == [(reason, REMOVE)]


@pytest.mark.parametrize(
    "section",
    [
        host(name="tv", mac="02:00:00:00:00:01", ip="192.168.1.11"),
        host(name="ignored", ip="ignore"),
        host(name="nothing"),
        host(name="off", mac=MAC, ip="192.168.1.10", enable="0"),
    ],
    ids=lambda section: str(section.options["name"]),
)
def test_other_leases_are_left_alone(router, section):
    assert told(router, packages(dhcp=(section,))) == []


def test_static_leases_stay_where_the_site_has_no_mac(router):
    section = host(name="darkroom", mac=MAC, ip="192.168.1.10")
    assert told(replace(router, leases=()), packages(dhcp=(section,))) == []


def test_all_conflicts_are_told_at_once(router):
    existing = packages(theirs(), theirs(src_dport="50000-50010"), dhcp=(host(mac=MAC),))
    assert len(told(router, existing)) == 3


def test_a_port_forward_that_takes_from_a_default_host_is_a_conflict(router):
    """Of its Plan, a router knows no more than that everything goes there."""
    edge = replace(router, forwards=(), default_host=IPv4Address("192.168.1.2"))
    existing = packages(theirs(src_dport="21"))
    assert not list(conflicts(edge, ZONES, existing, ()))
    (found,) = conflicts(
        edge, ZONES, existing, (), [Service.parse(CONTROL), Service.parse(PASSIVE)]
    )
    assert "already takes 21/tcp and sends it to" in found.reason
