"""Whoever enters the rows of a router, and nothing else, gets the router that the Plan wants."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address, ip_network
from typing import Any

import pytest

from hotshoe.plan.manual_setup import Menu, Row, rows
from hotshoe.plan.model import AcceptRule, PortForward, Route
from hotshoe.ports.ranges import PortRange, Service
from hotshoe.stage import router_by_hand
from tests.homes import HOMES, home
from tests.random_homes import HOST_KEY, every_home


def of(home: str, router: str) -> tuple[Row, ...]:
    plan = HOMES[home]
    return rows(plan, plan.router(router))


def test_a_router_with_forwards_has_these_rows():
    assert of("cascade", "box") == (
        Row(
            Menu.WAN,
            (("Address assignment", "as the provider says"), ("IPv4 address", "203.0.113.20")),
        ),
        Row(Menu.LAN, (("IPv4 address", "192.168.178.1"), ("Subnet mask", "255.255.255.0"))),
        Row(Menu.RESERVATION, (("Device", "gateway"), ("IPv4 address", "192.168.178.2"))),
        Row(
            Menu.NAT,
            (("NAT", "on"), ("Network", "192.168.178.0"), ("Subnet mask", "255.255.255.0")),
        ),
        *(
            Row(
                Menu.FORWARD,
                (
                    ("Name", f"cameras to darkroom {ports}"),
                    ("Protocol", "TCP"),
                    ("External port", ports),
                    ("Internal address", "192.168.178.2"),
                    ("Internal port", ports),
                    ("Enabled", "yes"),
                ),
            )
            for ports in ("21", "50000-50199")
        ),
        Row(Menu.FIREWALL, (("Name", "everything else from the WAN side"), ("Action", "block"))),
        Row(
            Menu.HAIRPIN,
            (
                ("NAT loopback", "on"),
                ("Network", "192.168.178.0"),
                ("Subnet mask", "255.255.255.0"),
            ),
        ),
        Row(Menu.HELPER, (("FTP ALG", "off"),)),
    )


def test_a_router_with_a_default_host_blocks_nothing():
    entered = of("default-host", "box")
    assert Menu.FIREWALL not in {row.menu for row in entered}
    assert Menu.FORWARD not in {row.menu for row in entered}
    assert (
        Row(Menu.DEFAULT_HOST, (("Internal address", "192.168.178.2"), ("Enabled", "yes")))
        in entered
    )


def test_a_router_outside_of_a_routed_router_translates_for_both_networks():
    entered = of("many ports", "router0")
    assert (
        Row(Menu.NAT, (("NAT", "on"), ("Network", "10.0.1.0"), ("Subnet mask", "255.255.255.0")))
        in entered
    )
    assert (
        Row(
            Menu.ROUTE,
            (
                ("Destination network", "10.0.1.0"),
                ("Subnet mask", "255.255.255.0"),
                ("Gateway", "10.0.0.2"),
            ),
        )
        in entered
    )


def test_a_router_with_a_shared_address_has_a_row_with_its_ports():
    (ports,) = (
        dict(row.fields)["Ports of the shared address (MAP-E)"]
        for row in of("map-e", "box")
        if row.labels == ("Ports of the shared address (MAP-E)",)
    )
    assert ports.startswith("5696-5711, 9792-9807, ")
    assert ports.endswith(", 63040-63055")


def test_a_forward_has_a_source_only_where_a_single_host_may_use_it():
    sources = [
        dict(row.fields).get("Allowed source")
        for row in of("everything said", "gateway")
        if row.menu == Menu.FORWARD
    ]
    assert sources == ["192.168.1.10", "192.168.1.10"]
    assert not [row for row in of("cascade", "box") if "Allowed source" in row.labels]


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (
            {"provider": "duckdns", "username": None, "server": None},
            {"Provider": "Duck DNS", "Password": "the token of your account at Duck DNS"},
        ),
        (
            {"provider": "dyndns2", "server": "dyn.example.net"},
            {
                "Provider": "dyndns2",
                "Server": "dyn.example.net",
                "User name": "photographer",
                "Password": "the one of that user",
            },
        ),
        (
            {"provider": "cloudflare", "username": None, "server": None, "zone": "example.net"},
            {
                "Provider": "Cloudflare",
                "Zone": "example.net",
                "Password": "an API token of Cloudflare that may edit the DNS of the zone",
            },
        ),
    ],
    ids=["duckdns", "dyndns2", "cloudflare"],
)
def test_a_router_that_updates_the_record_has_a_row_without_the_secret(record, fields):
    plan = HOMES["updated by a router"]
    router = replace(plan.routers[0], ddns=replace(plan.ddns, **record))
    updating = replace(plan, routers=(router, *plan.routers[1:]))
    service, account = (row for row in rows(updating, router) if row.menu == Menu.DDNS)
    assert "Password" in account.labels
    assert dict(service.fields + account.fields) == fields | {
        "Host name": "photos.example.net",
        "Update": "at each change of the WAN address",
        "Enabled": "yes",
    }


def test_a_router_that_does_not_update_the_record_has_no_row_for_it():
    assert not [row for row in of("cascade", "box") if row.menu == Menu.DDNS]
    inner = HOMES["updated by a router"].routers[1].name
    assert not [row for row in of("updated by a router", inner) if row.menu == Menu.DDNS]


class Entered:
    """A router that is set up from its rows and nothing else."""

    def __init__(self, entered: tuple[Row, ...]) -> None:
        self._rows = [(row.menu, dict(row.fields)) for row in entered]

    def of(self, menu: Menu, *labels: str) -> list[dict[str, str]]:
        """The entries of a menu that have these boxes."""
        return [e for m, e in self._rows if m == menu and all(label in e for label in labels)]

    def interface(self, menu: Menu) -> IPv4Interface | None:
        """The address and network that are entered in a menu."""
        for entry in self.of(menu, "IPv4 address", "Subnet mask"):
            return IPv4Interface(f"{entry['IPv4 address']}/{entry['Subnet mask']}")
        return None

    def networks(self, menu: Menu, switch: str) -> tuple[IPv4Network, ...]:
        """The networks for which something is switched on."""
        return tuple(
            IPv4Network(f"{entry['Network']}/{entry['Subnet mask']}")
            for entry in self.of(menu, switch)
            if entry[switch] == "on"
        )

    @property
    def forwards(self) -> tuple[PortForward, ...]:
        entries = []
        for entry in self.of(Menu.FORWARD, "External port"):
            assert entry["Enabled"] == "yes"
            assert entry["External port"] == entry["Internal port"]
            what = _service(entry, "External port")
            purpose = entry["Name"].removesuffix(f" {what.ports}")
            to = IPv4Address(entry["Internal address"])
            entries.append(PortForward(what, to, _source(entry), purpose))
        return tuple(entries)

    def accept_rules(self, menu: Menu) -> tuple[AcceptRule, ...]:
        entries = []
        for entry in self.of(menu, "Destination address"):
            assert (entry["Action"], entry["Enabled"]) == ("allow", "yes")
            what = _service(entry, "Destination port")
            purpose = entry["Name"].removesuffix(f" {what.ports}")
            to = ip_address(entry["Destination address"])
            entries.append(AcceptRule(what, to, _source(entry), purpose))
        return tuple(entries)

    @property
    def routes(self) -> tuple[Route, ...]:
        entries = []
        for entry in self.of(Menu.ROUTE):
            size = entry.get("Subnet mask") or entry["Prefix length"]
            to = ip_network(f"{entry['Destination network']}/{size}")
            entries.append(Route(to, ip_address(entry["Gateway"])))
        return tuple(entries)

    def blocks_everything_else(self, menu: Menu) -> bool:
        last = self.of(menu)[-1:]
        return last == [{"Name": "everything else from the WAN side", "Action": "block"}]


def _service(entry: dict[str, str], label: str) -> Service:
    return Service(entry["Protocol"].lower(), PortRange.parse(entry[label]))


def _source(entry: dict[str, str]) -> IPv4Address | None:
    return IPv4Address(entry["Allowed source"]) if "Allowed source" in entry else None


@every_home
def test_everything_that_a_router_must_do_is_in_its_rows(plan):
    for i, router in enumerate(plan.routers):
        entered = Entered(rows(plan, router))
        assert entered.interface(Menu.LAN) == router.lan
        assert entered.networks(Menu.NAT, "NAT") == router.masquerade
        assert bool(entered.of(Menu.NAT)) and len(entered.of(Menu.NAT)) == (
            len(router.masquerade) or 1
        )
        assert entered.forwards == router.forwards
        assert entered.networks(Menu.HAIRPIN, "NAT loopback") == router.hairpin
        assert entered.routes == router.routes
        four, six = entered.accept_rules(Menu.FIREWALL), entered.accept_rules(Menu.PINHOLE)
        assert four == tuple(p for p in router.accept_rules if p.to.version == 4)
        assert six == tuple(p for p in router.accept_rules if p.to.version == 6)
        assert [entry["FTP ALG"] for entry in entered.of(Menu.HELPER)] == ["off"]
        assert [e["Internal address"] for e in entered.of(Menu.DEFAULT_HOST)] == (
            [str(router.default_host)] if router.default_host else []
        )
        assert entered.blocks_everything_else(Menu.FIREWALL) == (not router.default_host)
        assert entered.blocks_everything_else(Menu.PINHOLE) == bool(router.lan6)
        assert tuple(_service(e, "Port") for e in entered.of(Menu.SERVICE)) == router.open_to_wan
        kept = entered.of(Menu.FORWARD, "Existing forward to another device")
        assert tuple(_service(entry, "Port") for entry in kept) == router.other_forwards
        _check_dynamic_dns(entered, plan, i)
        _check_the_outside(entered, plan, i)


def _check_dynamic_dns(entered: Entered, plan: Any, i: int) -> None:
    record, entries = plan.routers[i].ddns, entered.of(Menu.DDNS)
    if record is None:
        assert entries == []
        return
    service, account = entries
    assert (service["Host name"], service["Enabled"]) == (plan.hostname, "yes")
    assert (service.get("Server"), service.get("Zone")) == (record.server, record.zone)
    assert account.get("User name") == record.username
    assert account["Password"]


def _check_the_outside(entered: Entered, plan: Any, i: int) -> None:
    router = plan.routers[i]
    (four,) = entered.of(Menu.WAN, "IPv4 address")
    assert four["IPv4 address"] == str(router.wan_address or "dynamic, a public one")
    if i == 0:
        assert four["Address assignment"] == "as the provider says"
        ports = entered.of(Menu.WAN, "Ports of the shared address (MAP-E)")
        entered_ports = [part for e in ports for text in e.values() for part in text.split(", ")]
        assert tuple(PortRange.parse(part) for part in entered_ports) == router.masquerade_ports
        return
    outer = plan.routers[i - 1]
    assert entered.interface(Menu.WAN) == IPv4Interface(
        (router.wan_address, outer.lan.network.prefixlen)
    )
    assert four["Default gateway"] == str(router.gateway)
    if router.wan6:
        (six,) = entered.of(Menu.WAN, "IPv6 address")
        assert ip_network(f"{six['IPv6 address']}/{six['Prefix length']}", strict=False) == (
            outer.lan6.network
        )
        assert six["Default gateway"] == str(outer.lan6.ip)


@every_home
def test_the_stage_understands_every_field(plan):
    for router in plan.routers:
        assert router_by_hand.script(rows(plan, router))


@every_home
def test_hosts_that_are_dialled_have_an_address_reservation(plan):
    for router in plan.routers:
        reserved = {
            ip_address(e["IPv4 address"]) for e in Entered(rows(plan, router)).of(Menu.RESERVATION)
        }
        assert all(address in router.lan.network for address in reserved)
        dialled = {f.to for f in router.forwards} | {r.via for r in router.routes}
        dialled |= {router.default_host} if router.default_host else set()
        here = {address for address in dialled if address in router.lan.network}
        assert here <= reserved


@every_home
def test_no_two_entries_of_a_menu_are_the_same(plan):
    for router in plan.routers:
        entered = rows(plan, router)
        assert len(set(entered)) == len(entered)


@every_home
def test_every_value_can_be_typed(plan):
    for router in plan.routers:
        for row in rows(plan, router):
            for label, value in row.fields:
                assert label
                assert re.fullmatch(r"[A-Za-z0-9.:, -]+", value)
                assert "None" not in value


def test_computers_that_photos_go_to_keep_their_addresses():
    fetch = {"name": "nas", "by": "fetch", "address": "10.0.0.20", "folder": "/srv/photos"}
    smb = {"name": "desk", "by": "smb", "address": "10.0.0.30", "username": "a", "share": "in"}
    plan = home(delivery=[fetch, smb], managers=("hand",))
    kept = [dict(row.fields) for row in rows(plan, plan.routers[0]) if row.menu == Menu.RESERVATION]
    assert [(row["Device"], row["IPv4 address"]) for row in kept] == [
        ("server0", "10.0.0.101"),
        ("desk", "10.0.0.30"),
        ("nas", "10.0.0.20"),
    ]


def test_a_router_by_hand_lets_a_server_reach_the_one_computer_that_it_sends_photos_to():
    sftp = {
        "name": "desk",
        "by": "sftp",
        "address": "10.0.1.30",
        "username": "a",
        "host_key": HOST_KEY,
    }
    plan = home(("nat", "nat"), (0,), delivery=[sftp], managers=("linux", "hand"))
    (row,) = (row for row in rows(plan, plan.routers[1]) if row.menu == Menu.FORWARD)
    assert row.fields == (
        ("Name", "server0 to 10.0.1.30 22"),
        ("Protocol", "TCP"),
        ("Allowed source", "10.0.0.101"),
        ("External port", "22"),
        ("Internal address", "10.0.1.30"),
        ("Internal port", "22"),
        ("Enabled", "yes"),
    )
