"""A router's logical interfaces and their routes, as netifd tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
    ip_network,
)
from typing import Any

# rtnetlink(7), RT_TABLE_MAIN
_MAIN_TABLE = 254
_NO_HOP = ("0.0.0.0", "::")  # noqa: S104 - no address to bind to


@dataclass(frozen=True)
class Route:
    """A route that netifd has set, or tries to.

    :param to: the network
    :param gateway: the next hop; empty without one
    """

    to: IPv4Network | IPv6Network
    gateway: str

    def __str__(self) -> str:
        return f"the route to {self.to}" + (f" by {self.gateway}" if self.gateway else "")


@dataclass(frozen=True)
class Interface:
    """A logical interface, as ``ubus call network.interface dump`` tells of it.

    :param name: its name in /etc/config/network
    :param device: the device that carries IP packets; empty without one
    :param up: whether it is in use
    :param addresses: its own, with prefix lengths
    :param default: whether an IPv4 default route leaves by it
    :param protocol: ``static``, ``dhcp``, ``map`` …
    :param zone: the firewall zone that its protocol asked for, as those of tunnels do; else empty
    :param metric: of that default route; the lowest is taken
    :param default6: whether an IPv6 default route leaves by it
    :param dynamic: whether it came by itself, and /etc/config/network does not have it
    :param carrier: the device that it was told to use, which for PPPoE is another one
    :param routes: those of the main table, in use or not
    """

    name: str
    device: str
    up: bool
    addresses: tuple[IPv4Interface | IPv6Interface, ...]
    default: bool
    protocol: str = ""
    zone: str = ""
    metric: int = 0
    default6: bool = False
    dynamic: bool = False
    carrier: str = ""
    routes: frozenset[Route] = frozenset()

    @property
    def own(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """Its addresses without prefix lengths."""
        return tuple(address.ip for address in self.addresses)


def read_interfaces(dump: Mapping[str, Any]) -> tuple[Interface, ...]:
    """Read the answer of ``ubus call network.interface dump``, whose fields netifd documents."""
    return tuple(_interface(entry) for entry in dump.get("interface", ()))


def _interface(entry: Mapping[str, Any]) -> Interface:
    local = [
        assignment["local-address"]
        for assignment in entry.get("ipv6-prefix-assignment", ())
        if "local-address" in assignment
    ]
    listed = [*entry.get("ipv4-address", ()), *entry.get("ipv6-address", ()), *local]
    # In a table of its own, as of a VPN, a route is for some packets only.
    tables = {4: entry.get("ip4table"), 6: entry.get("ip6table")}

    def main(routes: Iterable[Mapping[str, Any]]) -> frozenset[Route]:
        return frozenset(
            Route(to, "" if (hop := route.get("nexthop", "")) in _NO_HOP else hop)
            for route in routes
            if route.get("table", tables[(to := _target(route)).version]) in (None, _MAIN_TABLE)
        )

    active = main(entry.get("route", ()))
    everywhere = {route.to.version for route in active if route.to.prefixlen == 0}
    return Interface(
        name=entry["interface"],
        device=entry.get("l3_device") or entry.get("device") or "",
        up=bool(entry.get("up")),
        addresses=tuple(ip_interface(f"{a['address']}/{a['mask']}") for a in listed),
        default=4 in everywhere,
        protocol=entry.get("proto", ""),
        zone=entry.get("data", {}).get("zone", ""),
        metric=entry.get("metric", 0),
        default6=6 in everywhere,
        dynamic=bool(entry.get("dynamic")),
        carrier=entry.get("device", ""),
        routes=active | main(entry.get("inactive", {}).get("route", ())),
    )


def _target(route: Mapping[str, Any]) -> IPv4Network | IPv6Network:
    return ip_network(f"{route['target']}/{route['mask']}", strict=False)
