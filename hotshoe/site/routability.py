"""Which addresses the Internet can reach."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from netaddr import IPNetwork, smallest_matching_cidr

# From the IANA special-purpose registry (RFC 6890). The three documentation blocks are left out on
# purpose: examples and rehearsals use them as their simulated Internet.
UNREACHABLE = {
    "0.0.0.0/8": "it means 'this network' (RFC 791)",
    "10.0.0.0/8": "it is private (RFC 1918)",
    "100.64.0.0/10": "it is behind the provider's carrier-grade NAT (RFC 6598)",
    "127.0.0.0/8": "it is loopback (RFC 1122)",
    "169.254.0.0/16": "it is link-local (RFC 3927)",
    "172.16.0.0/12": "it is private (RFC 1918)",
    "192.0.0.0/24": "it is reserved; 192.0.0.0/29 is DS-Lite (RFC 6333)",
    "192.168.0.0/16": "it is private (RFC 1918)",
    "198.18.0.0/15": "it is for benchmarks (RFC 2544)",
    "224.0.0.0/4": "it is multicast (RFC 5771)",
    "240.0.0.0/4": "it is reserved (RFC 1112)",
}


def why_unreachable(address: IPv4Address) -> str | None:
    """Say why nobody on the Internet can reach an address.

    :returns: the reason as a clause, or None for an address that can be reached
    """
    block: IPNetwork | None = smallest_matching_cidr(str(address), list(UNREACHABLE))
    return None if block is None else UNREACHABLE[str(block)]


def unreachable_wan(addresses: Iterable[IPv4Address]) -> str | None:
    """Say why nobody on the Internet can reach a router that has these addresses outside.

    :returns: the reason as a clause, or None if one of them can be reached
    """
    reasons = {address: why_unreachable(address) for address in addresses}
    if not all(reasons.values()):
        return None
    said = (
        f"its WAN address {address} cannot be reached from the Internet: {reason}"
        for address, reason in reasons.items()
    )
    return "; ".join(said) or "it has no IPv4 address outside"


def without_public_wan(*, changes: bool) -> str:
    """Say what it means for cameras that a router has no public address outside.

    :param changes: whether the public address is dynamic, and so followed and published
    """
    if changes:
        return (
            "as long as it has no other, nothing is published and no camera gets in; a box of "
            "yours in front belongs into routers, before this one"
        )
    return "cameras get through only if something in front forwards everything to it"
