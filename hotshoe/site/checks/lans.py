"""Whether a router can have its LAN."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Network
from itertools import combinations
from typing import Any

from netaddr import IPSet

from hotshoe.site.checks.base import Finding, with_fields

# A network with a longer prefix holds no router and server beside its two reserved addresses.
LONGEST_LAN_PREFIX = 30
LONGEST_LAN6_PREFIX = 126
# This network, loopback, link-local, multicast and reserved (RFC 6890).
UNUSABLE = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))
PRIVATE = ("192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12")  # RFC 1918
# Networks that are not on the Internet: these, and those for providers' NAT (RFC 6598) and for
# benchmarks (RFC 2544), which some homes use.
NOT_ON_THE_INTERNET = tuple(map(IPv4Network, (*PRIVATE, "100.64.0.0/10", "198.18.0.0/15")))
# A provider gives a home no more than this (RFC 6177).
SHORTEST_LAN6_PREFIX = 48
# Global and unique local unicast (RFC 4291, RFC 4193).
GLOBAL6 = IPv6Network("2000::/3")
LAN6 = (GLOBAL6, IPv6Network("fc00::/7"))


def lan_is_usable(site: Any) -> Iterator[Finding]:
    """Refuse a LAN too small for a server, and an address that no router can have in it."""
    for i, lan in with_fields(site.routers, "lan"):
        if lan.network.prefixlen > LONGEST_LAN_PREFIX:
            yield (
                f"routers[{i}].lan",
                f"{lan} leaves no room for a server",
                f"write the prefix length of the whole LAN, for example {lan.ip}/24",
            )
        elif block := next((block for block in UNUSABLE if block.overlaps(lan.network)), None):
            yield (
                f"routers[{i}].lan",
                f"{lan} has addresses of {block}, which no LAN can use",
                "write the router's address inside the home, for example 192.168.1.1/24",
            )
        elif not any(lan.network.subnet_of(block) for block in NOT_ON_THE_INTERNET):
            yield (
                f"routers[{i}].lan",
                f"{lan.network} is not private, so its addresses are others' on the Internet",
                "write the router's address inside the home; private are 192.168.0.0/16, "
                "10.0.0.0/8 and 172.16.0.0/12, which is 172.16.0.0 to 172.31.255.255 (RFC 1918); "
                f"for example {_suggested_address(lan)}/{max(lan.network.prefixlen, 24)}",
            )
        elif lan.ip in (lan.network.network_address, lan.network.broadcast_address):
            yield (
                f"routers[{i}].lan",
                f"{lan.ip} is the network's own or its broadcast address, not a router's",
                f"write the router's address, for example {lan.network[1]}/{lan.network.prefixlen}",
            )


def _suggested_address(lan: IPv4Interface) -> IPv4Address:
    """The private address that the person may have meant."""
    if any(lan.ip in block for block in NOT_ON_THE_INTERNET):
        return lan.ip
    first, _, third, fourth = lan.ip.packed
    beginnings = {10: (10, 0), 172: (172, 16), 192: (192, 168)}
    if first in beginnings:
        near = (*beginnings[first], third, fourth)
        return IPv4Address(bytes(near))
    return IPv4Address("192.168.1.1")


def lan6_is_usable(site: Any) -> Iterator[Finding]:
    """Refuse an IPv6 LAN that nobody can use, and an address that no router can have in it."""
    for i, lan6 in with_fields(site.routers, "lan6"):
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


def lans_do_not_overlap(site: Any) -> Iterator[Finding]:
    """Refuse two LANs that share addresses: a router could not know where to send a packet."""
    for field in ("lan", "lan6"):
        lans = [x for x in with_fields(site.routers, field, "name") if x[1] is not None]
        for (_, outer, name), (i, inner, _) in combinations(lans, 2):
            if outer.network.overlaps(inner.network):
                yield (
                    f"routers[{i}].{field}",
                    f"{inner.network} overlaps the LAN {outer.network} of {name}",
                    _suggested_lan(lans, field),
                )


def _suggested_lan(lans: Any, field: str) -> str:
    if field == "lan6":
        return "give this LAN another /64 of the prefix that the provider gave"
    taken = IPSet(str(lan.network) for _, lan, _ in lans)
    for block in PRIVATE:
        for free in (IPSet([block]) - taken).iter_cidrs():
            if free.prefixlen <= 24:
                return f"give this LAN other addresses, for example {free[1]}/24"
    return "make the LANs smaller, which is to say their prefixes longer, for example /24"
