"""Who has which address, and whether it can have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Network
from itertools import combinations, pairwise
from typing import Any

from netaddr import IPSet

from hotshoe.site.checks.base import Found, behind, each
from hotshoe.site.validation import RefusedFieldError

# A network with a longer prefix holds no router and server beside its two reserved addresses.
LONGEST_LAN_PREFIX = 30
LONGEST_LAN6_PREFIX = 126
# This network, loopback, link-local, multicast and reserved (RFC 6890).
NO_LAN = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
PRIVATE = ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12")  # RFC 1918
# What nobody on the Internet has: these, and those for providers' NAT and benchmarks (RFC 6598,
# RFC 2544), which some homes use.
NOBODYS = tuple(map(IPv4Network, (*PRIVATE, "100.64.0.0/10", "198.18.0.0/15")))
# A provider gives a home no more than this (RFC 6177).
SHORTEST_LAN6_PREFIX = 48
# Global and unique local unicast (RFC 4291, RFC 4193).
GLOBAL6 = IPv6Network("2000::/3")
LAN6 = (GLOBAL6, IPv6Network("fc00::/7"))


def lan_is_a_network(site: Any) -> Iterator[Found]:
    """Refuse a LAN too small for a server, and an address that no router can have in it."""
    for i, lan in each(site.routers, "lan"):
        if lan.network.prefixlen > LONGEST_LAN_PREFIX:
            yield (
                f"routers[{i}].lan",
                f"{lan} leaves no room for a server",
                f"write the prefix length of the whole LAN, for example {lan.ip}/24",
            )
        elif block := next((block for block in NO_LAN if block.overlaps(lan.network)), None):
            yield (
                f"routers[{i}].lan",
                f"{lan} has addresses of {block}, which no LAN can use",
                "write the router's address inside the home, for example 192.168.1.1/24",
            )
        elif not any(lan.network.subnet_of(block) for block in NOBODYS):
            yield (
                f"routers[{i}].lan",
                f"{lan.network} is not private, so its addresses are others' on the Internet",
                "write the router's address inside the home; private are 192.168.0.0/16, "
                "10.0.0.0/8 and 172.16.0.0/12, which is 172.16.0.0 to 172.31.255.255 (RFC 1918); "
                f"for example {_private(lan)}/{max(lan.network.prefixlen, 24)}",
            )
        elif lan.ip in (lan.network.network_address, lan.network.broadcast_address):
            yield (
                f"routers[{i}].lan",
                f"{lan.ip} is the network's own or its broadcast address, not a router's",
                f"write the router's address, for example {lan.network[1]}/{lan.network.prefixlen}",
            )


def _private(lan: IPv4Interface) -> IPv4Address:
    """The private address that may have been meant."""
    if any(lan.ip in block for block in NOBODYS):
        return lan.ip
    first, _, third, fourth = lan.ip.packed
    beginnings = {10: (10, 0), 172: (172, 16), 192: (192, 168)}
    if first in beginnings:
        near = (*beginnings[first], third, fourth)
        return IPv4Address(bytes(near))
    return IPv4Address("192.168.1.1")


def lan6_is_a_network(site: Any) -> Iterator[Found]:
    """Refuse an IPv6 LAN that nobody can use, and an address that no router can have in it."""
    for i, lan6 in each(site.routers, "lan6"):
        if lan6 is None:
            continue
        key, network = f"routers[{i}].lan6", lan6.network
        if network.prefixlen > LONGEST_LAN6_PREFIX:
            yield (
                key,
                f"{lan6} leaves no room for a server",
                f"write the prefix length of the whole LAN, for example {lan6.ip}/64",
            )
        elif not any(network.subnet_of(block) for block in LAN6):
            yield (
                key,
                f"{lan6} is in a block that no LAN can use",
                "write the router's address with the provider's prefix, for example "
                "2001:db8:2::1/64",
            )
        elif network.prefixlen < SHORTEST_LAN6_PREFIX:
            yield (
                key,
                f"{lan6} is more than a provider gives a home, which is a "
                f"/{SHORTEST_LAN6_PREFIX} at most (RFC 6177)",
                f"write the prefix length of this LAN, which mostly is 64: {lan6.ip}/64",
            )
        elif lan6.ip == network.network_address:
            yield (
                key,
                f"{lan6.ip} is the network's own address, not a router's",
                f"write the router's address, for example {network[1]}/{network.prefixlen}",
            )


def lans_do_not_overlap(site: Any) -> Iterator[Found]:
    """Refuse two LANs that share addresses: a router between them could not tell them apart."""
    for field in ("lan", "lan6"):
        lans = [x for x in each(site.routers, field, "name") if x[1] is not None]
        for (_, outer, name), (i, inner, _) in combinations(lans, 2):
            if outer.network.overlaps(inner.network):
                yield (
                    f"routers[{i}].{field}",
                    f"{inner.network} overlaps the LAN {outer.network} of {name}",
                    _another(lans, field),
                )


def _another(lans: Any, field: str) -> str:
    if field == "lan6":
        return "give this LAN another /64 of the prefix that the provider gave"
    taken = IPSet(str(lan.network) for _, lan, _ in lans)
    for block in PRIVATE:
        for free in (IPSet([block]) - taken).iter_cidrs():
            if free.prefixlen <= 24:
                return f"give this LAN other addresses, for example {free[1]}/24"
    return "make the LANs smaller, which is to say their prefixes longer, for example /24"


def wan_is_in_the_outer_lan(site: Any) -> Iterator[Found]:
    """Refuse a router behind another one without a fixed, free address in that one's LAN."""
    for fields in (_V4, _V6):
        for i in range(1, len(site.routers)):
            try:
                wan = getattr(site.routers[i], fields.wan)
                yield from _place(site, f"routers[{i}].{fields.wan}", wan, i - 1, fields)
            except RefusedFieldError:
                continue


def server_is_behind_a_router(site: Any) -> Iterator[Found]:
    """Refuse a server behind a router that the Site does not have."""
    names = [router.name for router in site.routers]
    for i, router in each(site.servers, "behind"):
        if router is not None and router not in names:
            yield (
                f"servers[{i}].behind",
                f"there is no router named {router!r}",
                f"write one of: {', '.join(names)}",
            )


def server_is_in_the_lan(site: Any) -> Iterator[Found]:
    """Refuse a server address that its router's LAN does not hold or that somebody else has."""
    for fields in (_V4, _V6):
        for i, server in enumerate(site.servers):
            try:
                address, at = getattr(server, fields.address), behind(site, server)
                key = f"servers[{i}].{fields.address}"
                yield from _place(site, key, address, at, fields, what="server")
            except RefusedFieldError:
                continue


@dataclass(frozen=True)
class _Fields:
    """What the fields with addresses are called."""

    lan: str
    wan: str
    address: str


_V4, _V6 = _Fields("lan", "wan", "address"), _Fields("lan6", "wan6", "address6")


def _place(
    site: Any, key: str, address: Any, i: int, fields: _Fields, what: str = "router"
) -> Iterator[Found]:
    """Refuse an address that is not a free one of the LAN of router i."""
    outer = site.routers[i]
    lan = getattr(outer, fields.lan)
    if fields is _V6 and None in (lan, address):
        return  # IPv6 is not for everybody; ipv6_is_complete tells what a server needs
    if lan.network.prefixlen > (LONGEST_LAN_PREFIX if fields is _V4 else LONGEST_LAN6_PREFIX):
        return  # refused already; no address in it could be suggested
    free = _free(site, i, fields)
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
        # Of two that clash, the second is told.
        for other, name, taken in _occupants(site, i, fields):
            if other < key and taken == address:
                yield (key, f"{address} is the address of {name} already", give)


def _occupants(site: Any, i: int, fields: _Fields) -> Iterator[tuple[str, str, Any]]:
    """The devices in the LAN of router i: key, name, address."""
    if i + 1 < len(site.routers):
        for _, name, wan in each(site.routers[i + 1 : i + 2], "name", fields.wan):
            yield f"routers[{i + 1}].{fields.wan}", name, wan
    for j, server in enumerate(site.servers):
        try:
            if behind(site, server) == i:
                yield f"servers[{j}].{fields.address}", server.name, getattr(server, fields.address)
        except RefusedFieldError:
            continue


def _free(site: Any, i: int, fields: _Fields) -> Any:
    lan = getattr(site.routers[i], fields.lan)
    taken = {lan.ip, *(address for _, _, address in _occupants(site, i, fields))}
    return next((host for host in lan.network.hosts() if host not in taken), None)


def ipv6_is_complete(site: Any) -> Iterator[Found]:
    """Refuse IPv6 that ends somewhere on the way to a server."""
    told = set()
    for i, server in enumerate(site.servers):
        try:
            if server.address6 is None:
                continue
            last = behind(site, server)
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
                if getattr(router, field) is None and key not in told:
                    told.add(key)
                    yield (
                        key,
                        f"is missing, and {server.name} has an IPv6 address behind it",
                        "write the router's IPv6 address there, or leave the server's out",
                    )

    for j, (lan6, wan6, name) in enumerate(_across(site)):
        key = f"routers[{j}].lan6"
        if wan6 and lan6 is None and key not in told:
            yield (
                key,
                f"is missing, and {name} has the IPv6 address {wan6} in that LAN (wan6)",
                f"write the router's IPv6 address there, or leave out wan6 of {name}",
            )


def _across(site: Any) -> Iterator[tuple[Any, Any, str]]:
    """Between two routers: the outer one's lan6, the inner one's wan6 and name."""
    for outer, inner in pairwise(site.routers):
        try:
            yield outer.lan6, inner.wan6, inner.name
        except RefusedFieldError:
            yield None, None, ""
