"""Whether each device can have its address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import pairwise
from typing import Any

from hotshoe.site.checks.base import Finding, router_index, with_fields
from hotshoe.site.checks.lans import GLOBAL6, LONGEST_LAN6_PREFIX, LONGEST_LAN_PREFIX
from hotshoe.site.validation import RefusedFieldError


def wan_is_in_the_outer_lan(site: Any) -> Iterator[Finding]:
    """Refuse a router behind another one without a fixed, free address in that one's LAN."""
    for fields in (_V4, _V6):
        for i in range(1, len(site.routers)):
            try:
                wan = getattr(site.routers[i], fields.wan)
                yield from _check_address(site, f"routers[{i}].{fields.wan}", wan, i - 1, fields)
            except RefusedFieldError:
                continue


def server_is_behind_a_router(site: Any) -> Iterator[Finding]:
    """Refuse a server behind a router that the Site does not have."""
    yield from _routers_are_there(site, "servers")


def fetcher_is_behind_a_router(site: Any) -> Iterator[Finding]:
    """Refuse a computer that fetches behind a router that the Site does not have."""
    yield from _routers_are_there(site, "delivery")


def _routers_are_there(site: Any, key: str) -> Iterator[Finding]:
    names = [router.name for router in site.routers]
    for i, router in with_fields(getattr(site, key), "behind"):
        if router is not None and router not in names:
            yield (
                f"{key}[{i}].behind",
                f"there is no router named {router!r}",
                f"write one of: {', '.join(names)}",
            )


def server_is_in_the_lan(site: Any) -> Iterator[Finding]:
    """Refuse a server address outside of its router's LAN, or that another device has."""
    for fields in (_V4, _V6):
        for i, server in enumerate(site.servers):
            try:
                address, at = getattr(server, fields.address), router_index(site, server)
                key = f"servers[{i}].{fields.address}"
                yield from _check_address(site, key, address, at, fields, what="server")
            except RefusedFieldError:
                continue


_FETCHER = "delivery["


@dataclass(frozen=True)
class _Fields:
    """The names of the fields that hold addresses of one IP version."""

    lan: str
    wan: str
    address: str


_V4, _V6 = _Fields("lan", "wan", "address"), _Fields("lan6", "wan6", "address6")


def fetcher_is_in_the_lan(site: Any) -> Iterator[Finding]:
    """Refuse a computer that fetches, outside of its router's LAN or at another one's address."""
    for i, delivery in enumerate(site.delivery):
        try:
            # Its own key says it where that is no address.
            if delivery.by == "fetch" and isinstance(delivery.address, IPv4Address):
                at, key = router_index(site, delivery), f"delivery[{i}].address"
                yield from _check_address(site, key, delivery.address, at, _V4, what="computer")
        except RefusedFieldError:
            continue


def _check_address(
    site: Any, key: str, address: Any, i: int, fields: _Fields, what: str = "router"
) -> Iterator[Finding]:
    """Refuse an address that is not a free one of the LAN of router i."""
    outer = site.routers[i]
    lan = getattr(outer, fields.lan)
    if fields is _V6 and None in (lan, address):
        return  # IPv6 is not for everybody; ipv6_is_complete reports what a server needs
    if lan.network.prefixlen > (LONGEST_LAN_PREFIX if fields is _V4 else LONGEST_LAN6_PREFIX):
        return  # refused already; no address in it could be suggested
    free = _free_address(site, i, fields)
    if free is None:
        give = f"make the LAN of {outer.name} larger"
    else:
        give = f"give the {what} a fixed address in {lan.network}, for example {free}"
    if address is None:
        yield (key, f"is missing, and this router is behind {outer.name}", give)
    elif address not in lan.network:
        yield (key, f"{address} is not in the LAN {lan.network} of {outer.name}", give)
    elif address == lan.ip:
        yield (key, f"{address} is the address of {outer.name} itself", give)
    elif address == lan.network.network_address:
        yield (key, f"{address} is the network's own address", give)
    elif fields is _V4 and address == lan.network.broadcast_address:
        yield (key, f"{address} is the network's broadcast address", give)
    else:
        # Of two devices with one address, the second is reported.
        for other, name, taken in _addresses_in_lan(site, i, fields):
            if other == key:
                break
            # Of two that fetch to one computer, more is to be said (deliveries_differ).
            if taken == address and not (other.startswith(_FETCHER) and key.startswith(_FETCHER)):
                yield (key, f"{address} is the address of {name} already", give)


def _addresses_in_lan(site: Any, i: int, fields: _Fields) -> Iterator[tuple[str, str, Any]]:
    """The devices in the LAN of router i: key, name, address."""
    if i + 1 < len(site.routers):
        for _, name, wan in with_fields(site.routers[i + 1 : i + 2], "name", fields.wan):
            yield f"routers[{i + 1}].{fields.wan}", name, wan
    for j, server in enumerate(site.servers):
        try:
            if router_index(site, server) == i:
                yield f"servers[{j}].{fields.address}", server.name, getattr(server, fields.address)
        except RefusedFieldError:
            continue
    with suppress(RefusedFieldError):
        for j, by, name, address, behind in with_fields(
            site.delivery, "by", "name", "address", "behind"
        ):
            there = (behind or site.routers[-1].name) == site.routers[i].name
            if fields is _V4 and by == "fetch" and there:
                yield f"delivery[{j}].address", name, address


def _free_address(site: Any, i: int, fields: _Fields) -> Any:
    lan = getattr(site.routers[i], fields.lan)
    taken = {lan.ip, *(address for _, _, address in _addresses_in_lan(site, i, fields))}
    return next((host for host in lan.network.hosts() if host not in taken), None)


def ipv6_is_complete(site: Any) -> Iterator[Finding]:
    """Refuse IPv6 that a router on the way to a server lacks."""
    reported = set()
    for i, server in enumerate(site.servers):
        try:
            if server.address6 is None:
                continue
            last = router_index(site, server)
            lan6 = site.routers[last].lan6
        except RefusedFieldError:
            continue
        in_lan = lan6 is None or server.address6 in lan6.network  # else refused already
        if in_lan and server.address6 not in GLOBAL6:
            yield (
                f"servers[{i}].address6",
                f"{server.address6} is not a global unicast address (RFC 4291), so nobody on the "
                "Internet reaches it",
                "write the address that begins with the provider's prefix",
            )
        for j, router in enumerate(site.routers[: last + 1]):
            for field in ("lan6", "wan6") if j else ("lan6",):
                key = f"routers[{j}].{field}"
                if getattr(router, field) is None and key not in reported:
                    reported.add(key)
                    yield (
                        key,
                        f"is missing, and {server.name} has an IPv6 address behind it",
                        "write the router's IPv6 address there, or leave the server's out",
                    )

    for j, (lan6, wan6, name) in enumerate(_links_between_routers(site)):
        key = f"routers[{j}].lan6"
        if wan6 and lan6 is None and key not in reported:
            yield (
                key,
                f"is missing, and {name} has the IPv6 address {wan6} in that LAN (wan6)",
                f"write the router's IPv6 address there, or leave out wan6 of {name}",
            )


def _links_between_routers(site: Any) -> Iterator[tuple[Any, Any, str]]:
    """Between each router and the next: the outer's lan6, the inner's wan6 and name."""
    for outer, inner in pairwise(site.routers):
        try:
            yield outer.lan6, inner.wan6, inner.name
        except RefusedFieldError:
            yield None, None, ""
