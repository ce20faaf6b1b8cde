"""Which addresses the Internet cannot reach."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

# Of RFC 6890. Without the blocks for documentation, in which rehearsals play the Internet.
_UNREACHABLE = {
    "0.0.0.0/8": "it means 'this network' (RFC 791)",
    "10.0.0.0/8": "it is private (RFC 1918)",
    "100.64.0.0/10": "it is of a provider's carrier-grade NAT (RFC 6598)",
    "127.0.0.0/8": "it is loopback (RFC 1122)",
    "169.254.0.0/16": "it is link-local (RFC 3927)",
    "172.16.0.0/12": "it is private (RFC 1918)",
    "192.0.0.0/29": "it is of DS-Lite (RFC 6333)",
    "192.0.0.0/24": "it is reserved (RFC 6890)",
    "192.168.0.0/16": "it is private (RFC 1918)",
    "198.18.0.0/15": "it is for benchmarks (RFC 2544)",
    "224.0.0.0/4": "it is multicast (RFC 5771)",
    "240.0.0.0/4": "it is reserved (RFC 1112)",
}


def why_unreachable(address: str) -> str | None:
    """Why nobody on the Internet can reach an IPv4 address; None if they can."""
    for block, reason in _UNREACHABLE.items():
        if ip_address(address) in ip_network(block):
            return reason
    return None


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 address."""
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False


def within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is in one of these networks."""
    return any(ip_address(address) in ip_network(network) for network in networks)
