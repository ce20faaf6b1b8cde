"""Addresses and routes of a host, and which interfaces of a router are inside."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hotshoe.debian.network import (
    Network,
    inside_of,
    match_of_wan,
    read_network,
    uplinks_of,
    why_no_camera_gets_through,
)
from tests.homes import example

ADDRESSES = {"203.0.113.20": "eth0", "192.168.1.1": "eth1"}
INTERFACES = {"lo": False, "eth0": True, "eth1": True}


def network(**known) -> Network:
    usual = {"addresses": ADDRESSES, "interfaces": INTERFACES, "uplinks": ("eth0",)}
    return Network(**usual | known)


class TestRoutes:
    def test_the_first_of_several_routes_to_one_network_is_taken(self):
        routes = [{"dst": "10.0.0.0/24", "gateway": f"192.168.1.{n}"} for n in (2, 9)]
        seen = read_network(["routes", json.dumps(routes), "routes6", "[]"])
        assert seen.routes == {"10.0.0.0/24": "192.168.1.2"}

    def test_a_default_route_of_any_table_makes_an_uplink(self):
        """A VPN that carries everything (wg-quick) has a table of its own, a standby uplink too."""
        main = [{"dst": "default", "dev": "eth0"}, {"dst": "10.0.0.0/24", "dev": "eth1"}]
        every = [*main[:1], {"dst": "default", "dev": "wwan0", "table": "9"}]
        six = [{"dst": "default", "dev": "wg0", "table": "51820"}]
        said = ["default", json.dumps(every), json.dumps(six), "routes", json.dumps(main)]
        seen = read_network(said)
        assert (seen.default, seen.uplinks) == ("eth0", ("eth0", "wg0", "wwan0"))
        # The main table has none: the host itself has no way out.
        assert read_network(said[:3]).default == ""

    @pytest.mark.parametrize(
        ("to", "leads_out"),
        [
            ("0.0.0.0/1", True),
            ("0.0.0.0/5", True),
            ("2000::/3", True),
            ("10.0.0.0/8", False),
            ("224.0.0.0/4", False),
            ("fc00::/7", False),
            ("192.168.7.7", False),
        ],
    )
    def test_what_vpns_put_in_place_of_a_default_route_makes_an_uplink(self, to, leads_out):
        routes = json.dumps([{"dst": to, "dev": "tun0"}])
        seen = read_network(["routes6" if ":" in to else "routes", routes])
        assert (seen.default, seen.uplinks) == ("", ("tun0",) if leads_out else ())


class TestInside:
    @pytest.fixture
    def inside(self):
        return lambda **known: inside_of(example("home").routers[0], network(**known))

    def test_is_the_lan_and_the_router_itself(self, inside):
        assert inside() == ("eth1", "lo")

    def test_is_what_else_the_person_has_set_up(self, inside):
        interfaces = INTERFACES | {"wg0": True, "guests": True, "later": False}
        assert inside(interfaces=interfaces) == ("eth1", "guests", "lo", "wg0")

    def test_is_no_interface_that_leads_outside(self, inside):
        interfaces = INTERFACES | {"wwan0": True}
        assert inside(interfaces=interfaces, uplinks=("eth0", "wwan0")) == ("eth1", "lo")

    def test_is_the_lan_and_a_tunnel_that_has_the_same_address(self, inside):
        links = [
            {"ifname": name, "addr_info": [{"local": address, "scope": "global"}]}
            for name, address in (("eth1", "192.168.1.1"), ("wg0", "192.168.1.1"))
        ]
        seen = read_network(["addresses", json.dumps(links)])
        assert seen.addresses == {"192.168.1.1": "eth1"}
        assert inside(addresses=seen.addresses, interfaces=seen.interfaces) == ("eth1", "lo", "wg0")

    def test_is_not_the_wan_although_no_route_leads_there_now(self, inside):
        assert inside(uplinks=("tunnel",)) == ("eth1", "lo")


class TestOutside:
    @pytest.fixture
    def dynamic(self):
        return replace(example("home").routers[0], wan_address=None)

    def test_the_lan_is_no_uplink_although_a_route_to_everywhere_leads_there(self):
        router = example("home").routers[0]
        assert uplinks_of(router, network(uplinks=("eth0", "eth1"))) == ("eth0",)

    def test_cameras_dial_the_address_outside_and_no_other_of_the_router(self):
        assert match_of_wan(example("home").routers[0], network()) == "ip daddr 203.0.113.20"

    def test_cameras_dial_any_address_outside_where_something_in_front_translates(self):
        addresses = {"10.0.0.2": "eth0", "192.168.1.1": "eth1"}
        assert match_of_wan(example("home").routers[0], network(addresses=addresses)) == (
            'iifname { "eth0" } fib daddr type local'
        )

    def test_cameras_dial_whatever_address_is_outside_where_it_changes(self, dynamic):
        """From the WAN and from what is inside; never one that the router has elsewhere."""
        known = network(
            default="eth0",
            addresses=ADDRESSES | {"203.0.113.9": "eth0", "10.8.0.2": "wg0", "10.9.0.1": "guests"},
            interfaces=INTERFACES | {"wg0": True, "guests": True},
            uplinks=("eth0", "wg0"),
        )
        assert match_of_wan(dynamic, known) == (
            'iifname { "eth0", "eth1", "guests", "lo" } fib daddr type local '
            "ip daddr != { 10.8.0.2, 10.9.0.1, 192.168.1.1 }"
        )

    def test_another_address_outside_makes_no_other_match(self, dynamic):
        moved = {"198.51.100.77": "eth0", "192.168.1.1": "eth1"}
        before, after = (network(default="eth0", addresses=a) for a in (ADDRESSES, moved))
        assert match_of_wan(dynamic, before) == match_of_wan(dynamic, after)
        assert inside_of(dynamic, before) == inside_of(dynamic, after)

    @pytest.mark.parametrize(
        ("outside", "why"),
        [
            ({"203.0.113.20"}, None),
            ({"192.168.100.2", "203.0.113.20"}, None),
            (
                {"100.64.3.4"},
                "its WAN address 100.64.3.4 cannot be reached from the Internet: it is behind the "
                "provider's carrier-grade NAT (RFC 6598)",
            ),
            (
                {"192.0.0.2"},
                "its WAN address 192.0.0.2 cannot be reached from the Internet: it is reserved; "
                "192.0.0.0/29 is DS-Lite (RFC 6333)",
            ),
            (set(), "it has no IPv4 address outside"),
        ],
    )
    def test_an_address_outside_that_changes_is_looked_at_as_it_is(self, dynamic, outside, why):
        addresses = dict.fromkeys(outside, "eth0") | {"192.168.1.1": "eth1", "2001:db8::1": "eth0"}
        assert (
            why_no_camera_gets_through(dynamic, network(default="eth0", addresses=addresses)) == why
        )
