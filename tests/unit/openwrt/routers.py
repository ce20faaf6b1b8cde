"""OpenWrt routers to try things on: Sites' routers, as if each ran a default configuration."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.uci.changes import Wanted, expected
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.openwrt.zones import Zone, Zones
from hotshoe.plan.model import Plan, RouterPlan
from tests.homes import HOMES

TEXTS = Path(__file__).parent / "texts"
ZONES = Zones(
    Zone("wan", "@zone[1]", "wan", "eth0", "dhcp"), Zone("lan", "@zone[0]", "lan", "br-lan")
)
ZONE_OPTIONS = (
    {"name": "lan", "network": ("lan",), "input": "ACCEPT", "forward": "ACCEPT"},
    {
        "name": "wan",
        "network": ("wan", "wan6"),
        "input": "REJECT",
        "forward": "REJECT",
        "masq": "1",
    },
)


def zone(section: str | None = None, /, **options: Any) -> Section:
    """A firewall zone."""
    return Section("zone", section, options)


def redirect(section: str | None = None, /, **options: Any) -> Section:
    """Somebody's port forward."""
    return Section("redirect", section, options)


def firewall(*more: Section) -> Package:
    """A default /etc/config/firewall, in short, with more sections."""
    defaults = Section("defaults", None, {"input": "REJECT", "output": "ACCEPT"})
    zones = [zone(**options) for options in ZONE_OPTIONS]
    forwarding = Section("forwarding", None, {"src": "lan", "dest": "wan"})
    return Package("firewall", (defaults, *zones, forwarding, *more))


def packages(*firewall_sections: Section, **more: tuple[Section, ...]) -> dict[str, Package]:
    """All packages of a router, with more sections in them."""
    return {
        "firewall": firewall(*firewall_sections),
        "network": Package("network", more.get("network", ())),
        "dhcp": Package("dhcp", more.get("dhcp", ())),
    }


def home(name: str) -> Plan:
    """A home all of whose routers run OpenWrt."""
    return on_openwrt(HOMES[name])


def on_openwrt(plan: Plan) -> Plan:
    return replace(
        plan, routers=tuple(replace(router, managed_by="openwrt") for router in plan.routers)
    )


def with_all(package: Package, *wanted: Wanted) -> Package:
    """A package once it is as all of these want it."""
    for each in wanted:
        if each.package == package.name:
            package = expected(package, each)
    return package


def interfaces_of(router: RouterPlan) -> tuple[Interface, ...]:
    """What a router with the addresses of its Plan has."""
    wan = (IPv4Interface(f"{router.wan_address}/24"),)
    return (
        Interface("loopback", "lo", True, (IPv4Interface("127.0.0.1/8"),), False, "static"),
        Interface("lan", "br-lan", True, (router.lan,), False, "static"),
        Interface("wan", "eth0", True, wan, True, "dhcp"),
    )
