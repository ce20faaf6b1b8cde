"""Which interface and zone of an OpenWrt router lead outside, and which inside."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import (
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_interface,
)
from typing import Any

import pytest

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.uci.data import Package, list_items
from hotshoe.openwrt.zones import UnfitRouterError, Zone, find_zones
from hotshoe.plan.model import RouterPlan
from tests.unit.openwrt.routers import firewall, home, zone

LAN = Interface("lan", "br-lan", True, (IPv4Interface("192.168.1.1/24"),), False, "static")
WAN = Interface("wan", "eth0", True, (IPv4Interface("203.0.113.20/24"),), True, "dhcp")


@pytest.fixture
def router() -> RouterPlan:
    (router,) = home("home").routers
    return router


@pytest.fixture
def inner() -> RouterPlan:
    """One whose WAN address the router outside of it has to know."""
    return home("cascade").routers[1]


def refusal(*args: Any) -> tuple[str, str]:
    with pytest.raises(UnfitRouterError) as unfit:
        find_zones(*args)
    assert str(unfit.value) == f"{unfit.value.reason}\n    -> {unfit.value.remedy}"
    return unfit.value.reason, unfit.value.remedy


# -- zones


def test_a_default_configuration_has_a_zone_for_wan_and_lan(router):
    zones = find_zones(router, (LAN, WAN), firewall())
    assert zones.wan == Zone("wan", "@zone[1]", "wan", "eth0", "dhcp")
    assert zones.lan == Zone("lan", "@zone[0]", "lan", "br-lan", "static")


ZONES = {
    "a list": {"network": ("guest", "wan")},
    "one option": {"network": "wan"},
    "one option with spaces": {"network": "guest wan  wan6"},
    "its device": {"device": "eth0"},
    "a list of devices": {"device": ("tun0", "eth0")},
    "devices in one option": {"network": "", "device": "tun0 eth0"},
    "the beginning of its device": {"device": "et+"},
}


@pytest.mark.parametrize("covers", ZONES)
def test_a_zone_covers_an_interface_by(router, covers):
    package = Package(
        "firewall",
        (zone("inside", name="home", network="lan"), zone("w", name="outer", **ZONES[covers])),
    )
    zones = find_zones(router, (LAN, WAN), package)
    assert (zones.wan.name, zones.wan.section) == ("outer", "w")
    assert (zones.lan.name, zones.lan.section) == ("home", "inside")
    assert zones.wan.names_interface is ("wan" in ZONES[covers].get("network", ()))


@pytest.mark.parametrize("device", ["+", "wlan+", "eth", "eth0+1", ""])
def test_a_zone_of_other_devices_does_not(router, device):
    package = Package("firewall", (zone(name="lan", network="lan"), zone(name="w", device=device)))
    assert "is in no firewall zone" in refusal(router, (LAN, WAN), package)[0]


def test_anonymous_zones_are_counted_with_the_named_ones(router):
    zones = (
        zone(name="guest", network="guest"),
        zone("mine", name="lan", network="lan"),
        zone(name="wan", network="wan"),
    )
    zones = find_zones(router, (LAN, WAN), Package("firewall", zones))
    assert (zones.lan.section, zones.wan.section) == ("mine", "@zone[2]")


def test_a_disabled_zone_covers_nothing(router):
    off = zone(name="old", network="wan", enabled="0")
    package = firewall()
    zones = find_zones(router, (LAN, WAN), Package("firewall", (off, *package.sections)))
    # It counts as a section nevertheless.
    assert (zones.wan.name, zones.wan.section) == ("wan", "@zone[2]")


def test_a_zone_without_a_name_covers_nothing(router):
    package = Package("firewall", (zone(network="wan"), *firewall().sections))
    assert find_zones(router, (LAN, WAN), package).wan.section == "@zone[2]"


def test_a_tunnel_is_in_the_zone_that_its_protocol_asks_for(router):
    """MAP-E: an interface of its own, which no zone names."""
    tunnel = Interface("wan6_", "map-wan6", True, WAN.addresses, True, "map", "wan")
    below = replace(WAN, name="wan6", addresses=(), default=False)
    zones = find_zones(router, (LAN, below, tunnel), firewall())
    assert zones.wan == Zone("wan", "@zone[1]", "wan6_", "map-wan6", "map")


def test_the_outermost_router_is_found_by_its_default_route_where_its_address_is_another(router):
    """Something in front translates, or the address changes."""
    behind = replace(WAN, addresses=(IPv4Interface("10.0.0.2/24"),))
    assert find_zones(router, (LAN, behind), firewall()).wan.device == "eth0"


def test_the_address_counts_more_than_the_default_route(router):
    tunnel = Interface("vpn", "wg0", True, (IPv4Interface("10.9.0.2/24"),), True, "wireguard")
    interfaces = (LAN, tunnel, replace(WAN, default=False))
    assert find_zones(router, interfaces, firewall()).wan.interface == "wan"


# -- refusals

OTHER = (IPv4Interface("192.168.8.1/24"),)
NO_LAN = "correct the router's lan in the Site"


@pytest.mark.parametrize(
    ("interfaces", "has"),
    [
        ((WAN,), "203.0.113.20"),
        ((replace(LAN, addresses=OTHER), WAN), "192.168.8.1, 203.0.113.20"),
        ((replace(LAN, up=False), WAN), "203.0.113.20"),
        ((replace(LAN, device=""), WAN), "203.0.113.20"),
        ((), "none"),
    ],
)
def test_another_router_is_refused(router, interfaces, has):
    assert refusal(router, interfaces, firewall()) == (
        f"has no address 192.168.1.1, so it is not this router of the Site (it has {has})",
        NO_LAN,
    )


def test_an_inner_router_without_the_address_that_the_outer_one_sends_to_is_refused(inner):
    assert refusal(inner, (LAN, WAN), firewall()) == (
        "has no address 192.168.178.2, to which the router outside of it sends the cameras (it has "
        "192.168.1.1, 203.0.113.20)",
        "give it that fixed address, or correct its wan in the Site",
    )


def test_an_inner_router_with_its_wan_address_needs_no_default_route(inner):
    wan = replace(WAN, addresses=(IPv4Interface("192.168.178.2/24"),), default=False)
    assert find_zones(inner, (LAN, wan), firewall()).wan.interface == "wan"


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((), "has no default route"),
        ((replace(WAN, up=False),), "has no default route, and wan is down"),
        (
            (replace(WAN, up=False), replace(WAN, name="wan6", device="")),
            "has no default route, and wan, wan6 are down",
        ),
        ((Interface("loopback", "", False, (), False),), "has no default route"),
    ],
)
def test_a_router_that_is_not_connected_is_refused(router, others, told):
    assert refusal(router, (LAN, *others), firewall()) == (told, "connect it to the Internet first")


def test_a_router_on_a_stick_is_refused(router):
    assert refusal(router, (replace(LAN, default=True),), firewall()) == (
        "its default route leaves by lan, the interface of its LAN",
        "give the router a separate interface towards the Internet",
    )


def test_one_zone_for_both_sides_is_refused(router):
    package = Package("firewall", (zone(name="all", network="lan wan"),))
    assert refusal(router, (LAN, WAN), package) == (
        "its interfaces wan and lan are in one firewall zone, all",
        "give each a zone of its own: LuCI, Network, Firewall",
    )


@pytest.mark.parametrize(
    ("zones", "told"),
    [
        (
            (zone(name="lan", network="lan"), zone(name="guest")),
            "its interface wan (eth0) is in no firewall zone; the zones are lan, guest",
        ),
        (
            (zone(name="wan", network="wan"),),
            "its interface lan (br-lan) is in no firewall zone; the zones are wan",
        ),
        ((), "its interface wan (eth0) is in no firewall zone; the zones are none"),
    ],
)
def test_an_interface_in_no_zone_is_refused(router, zones, told):
    assert refusal(router, (LAN, WAN), Package("firewall", zones)) == (
        told,
        "give it one: LuCI, Network, Interfaces, Firewall settings",
    )


@pytest.mark.parametrize("field", ["lan6", "wan6"])
def test_a_router_without_its_ipv6_address_is_refused(router, field):
    values = {"lan6": IPv6Interface("2001:db8:1::1/64"), "wan6": IPv6Address("2001:db8:1::1")}
    with_ipv6 = replace(router, **{field: values[field]})
    assert refusal(with_ipv6, (LAN, WAN), firewall()) == (
        "has no address 2001:db8:1::1 (it has 192.168.1.1, 203.0.113.20)",
        "give it that fixed address, or correct its lan6 or wan6 in the Site",
    )
    lan = replace(LAN, addresses=(*LAN.addresses, ip_interface("2001:db8:1::1/64")))
    assert find_zones(with_ipv6, (lan, WAN), firewall()).lan.interface == "lan"


class TestIpv6:
    """The zone of the WAN holds the rules for IPv6 too."""

    TUNNEL = Interface("henet", "6in4-henet", True, (), False, "6in4", default6=True)

    @pytest.fixture
    def edge(self, router) -> RouterPlan:
        return replace(router, accept_rules=home("ipv6").routers[0].accept_rules)

    def zones(self, *names: str) -> Package:
        covered = [{"name": name, "network": (name,)} for name in names]
        return Package("firewall", tuple(zone(**options) for options in covered))

    def test_another_zone_is_refused(self, edge):
        interfaces, zones = (LAN, WAN, self.TUNNEL), self.zones("lan", "wan", "henet")
        assert refusal(edge, interfaces, zones) == (
            "IPv6 leaves by its interface henet, which is in the firewall zone henet, and IPv4 by "
            "wan, in wan",
            "put both into wan: LuCI, Network, Interfaces, Firewall settings",
        )
        without_ipv6 = replace(edge, accept_rules=())
        assert find_zones(without_ipv6, interfaces, zones).wan.name == "wan"

    def test_no_zone_is_refused(self, edge):
        interfaces = (LAN, WAN, self.TUNNEL)
        reason, _ = refusal(edge, interfaces, self.zones("lan", "wan"))
        assert reason.startswith("its interface henet (6in4-henet) is in no firewall zone")

    @pytest.mark.parametrize(
        "way",
        [
            replace(TUNNEL, device="eth0"),
            replace(TUNNEL, name="wan"),
            replace(TUNNEL, zone="wan"),
            replace(TUNNEL, default6=False),
            replace(TUNNEL, up=False),
        ],
    )
    def test_the_same_zone_or_device_is_not(self, edge, way):
        zones = find_zones(edge, (LAN, WAN, way), self.zones("lan", "wan"))
        assert zones.wan.interface == "wan"

    def test_the_lower_metric_decides(self, edge):
        spare = replace(self.TUNNEL, metric=20)
        interfaces = (LAN, spare, replace(WAN, default6=True, metric=10))
        zones = self.zones("lan", "wan", "henet")
        assert find_zones(edge, interfaces, zones).wan.name == "wan"

    def test_an_address_of_the_site_decides_before_that(self, edge):
        inner = replace(edge, wan6=IPv6Address("2001:db8:2::2"))
        addressed = replace(self.TUNNEL, addresses=(IPv6Interface("2001:db8:2::2/64"),), metric=9)
        interfaces = (LAN, replace(WAN, default6=True), addressed)
        reason, _ = refusal(inner, interfaces, self.zones("lan", "wan", "henet"))
        assert reason.startswith("IPv6 leaves by its interface henet")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ()), ("lan", ("lan",)), ("  a  b ", ("a", "b")), (("a b", "c"), ("a b", "c"))],
)
def test_an_option_is_split_into_list_items(value, expected):
    assert list_items(value) == expected


# -- a WAN address that changes


def test_the_wan_of_an_address_that_changes_is_where_the_default_route_leaves(router):
    dynamic = replace(router, wan_address=None)
    moved = replace(WAN, addresses=(IPv4Interface("198.51.100.7/32"),), device="pppoe-wan")
    for wan in (WAN, moved):
        assert find_zones(dynamic, (LAN, wan), firewall()).wan.interface == "wan"
    down = replace(WAN, up=False)
    assert refusal(dynamic, (LAN, down), firewall())[0] == "has no default route, and wan is down"


def test_a_router_s_addresses_elsewhere_are_known(router):
    """Whatever gave them; not those on the WAN's device, nor of what is down."""
    interfaces = (
        Interface("loopback", "lo", True, (IPv4Interface("127.0.0.1/8"),), False, "static"),
        LAN,
        replace(WAN, protocol="static"),
        Interface("modem", "eth0", True, (IPv4Interface("192.168.100.2/24"),), False, "static"),
        Interface("guest", "br-guest", True, (IPv4Interface("10.9.0.1/24"),), False, "static"),
        Interface("vpn", "wg0", True, (IPv4Interface("10.8.0.2/32"),), False, "wireguard"),
        Interface("lab", "eth9", True, (IPv4Interface("10.7.0.2/24"),), False, "dhcp"),
        Interface("old", "eth8", False, (IPv4Interface("10.6.0.2/24"),), False, "static"),
    )
    found = find_zones(router, interfaces, firewall())
    assert [str(address) for address in found.addresses] == [
        *("10.7.0.2", "10.8.0.2", "10.9.0.1", "192.168.1.1"),
    ]
