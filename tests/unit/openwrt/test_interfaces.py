"""What netifd tells of a router's interfaces."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_network

import pytest

from hotshoe.openwrt.interfaces import Interface, Route, read_interfaces
from tests.unit.openwrt.routers import TEXTS


def test_interfaces_are_read_from_what_netifd_tells():
    dump = json.loads((TEXTS / "interfaces.json").read_text())
    lan, loopback, wan = read_interfaces(dump)
    assert lan == Interface(
        "lan",
        "eth1",
        True,
        (
            IPv4Interface("192.168.1.1/24"),
            IPv6Interface("2001:db8:100:2::1/64"),
            IPv6Interface("fd5b:8a3c:c0de::1/60"),
        ),
        False,
        "static",
        carrier="eth1",
    )
    assert wan.routes == {Route(ip_network("0.0.0.0/0"), "203.0.113.1")}
    assert (loopback.name, loopback.device) == ("loopback", "lo")
    assert (wan.device, wan.default, wan.protocol, wan.zone) == ("eth0", True, "static", "")
    assert wan.own == (IPv4Address("203.0.113.20"), IPv6Address("2001:db8:100:1::2"))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # an interface that is down has neither device nor addresses
        ({"up": False, "proto": "dhcp"}, Interface("x", "", False, (), False, "dhcp")),
        # a bridge or VLAN without layer 3 of its own
        (
            {"up": True, "device": "eth0.7"},
            Interface("x", "eth0.7", True, (), False, carrier="eth0.7"),
        ),
        # PPPoE: packets are carried by another device than frames
        (
            {"up": True, "device": "eth0.7", "l3_device": "pppoe-x", "proto": "pppoe"},
            Interface("x", "pppoe-x", True, (), False, "pppoe", carrier="eth0.7"),
        ),
        # MAP-E asks for its zone itself
        (
            {"up": True, "l3_device": "map-x", "proto": "map", "data": {"zone": "wan"}},
            Interface("x", "map-x", True, (), False, "map", "wan"),
        ),
    ],
)
def test_an_interface_is_read_as(entry, expected):
    assert read_interfaces({"interface": [{"interface": "x", **entry}]}) == (expected,)


@pytest.mark.parametrize(
    ("route", "default"),
    [
        ({"target": "0.0.0.0", "mask": 0, "nexthop": "203.0.113.1"}, (True, False)),
        ({"target": "::", "mask": 0, "nexthop": "fe80::1"}, (False, True)),
        ({"target": "10.0.0.0", "mask": 8, "nexthop": "203.0.113.1"}, (False, False)),
        ({"target": "0.0.0.0", "mask": 1, "nexthop": "203.0.113.1"}, (False, False)),
        ({"target": "::", "mask": 1, "nexthop": "fe80::1"}, (False, False)),
        ({"target": "0.0.0.0", "mask": 0, "table": 100}, (False, False)),
        ({"target": "::", "mask": 0, "table": 254}, (False, True)),
    ],
)
def test_a_default_route_leads_everywhere(route, default):
    """Over IPv4, and over IPv6."""
    (read,) = read_interfaces({"interface": [{"interface": "x", "route": [route]}]})
    assert (read.default, read.default6) == default


@pytest.mark.parametrize(("tables", "default"), [({"ip6table": 9}, True), ({"ip4table": 9}, False)])
def test_a_default_route_in_a_table_of_its_own_is_for_some_packets_only(tables, default):
    route = {"target": "0.0.0.0", "mask": 0, "nexthop": "10.77.0.1"}
    (read,) = read_interfaces({"interface": [{"interface": "x", "route": [route]} | tables]})
    assert read.default is default


def test_a_router_without_netifd_has_no_interfaces():
    assert read_interfaces({}) == ()
