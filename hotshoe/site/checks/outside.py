"""What the Internet sees of the home."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.ports import portset
from hotshoe.site.checks.base import Finding, with_fields
from hotshoe.site.fields import DYNAMIC
from hotshoe.site.routability import why_unreachable

# Names that the Internet's DNS does not answer, or not with this home's address, and why.
_INSIDE_ONLY = "is only used inside networks (RFC 6762, appendix G)"
_NOT_PUBLIC = {
    "alt": "is for names outside of DNS (RFC 9476)",
    "arpa": "is for the Internet's own infrastructure (RFC 3172)",
    "corp": _INSIDE_ONLY,
    "example": "is for documentation (RFC 6761)",
    "fritz.box": "is for names in the network of a FRITZ!Box (AVM)",
    "home": _INSIDE_ONLY,
    "home.arpa": "is for names inside a home (RFC 8375)",
    "internal": "is for names inside a network (ICANN, July 2024)",
    "intranet": _INSIDE_ONLY,
    "invalid": "is a name that never exists (RFC 6761)",
    "lan": _INSIDE_ONLY,
    "local": "is for multicast DNS in a single network (RFC 6762)",
    "localdomain": "is only used inside networks (no such domain)",
    "localhost": "is the computer itself (RFC 6761)",
    "onion": "is for Tor, which cameras do not speak (RFC 7686)",
    "private": _INSIDE_ONLY,
    "test": "is for tests (RFC 6761)",
}


def inside_domain(hostname: str) -> str | None:
    """The domain of a name that the Internet's DNS does not answer; None for other names."""
    labels = hostname.split(".")
    domains = (".".join(labels[i:]) for i in range(len(labels)))
    return next((domain for domain in domains if domain in _NOT_PUBLIC), None)


def hostname_is_public(site: Any) -> Iterator[Finding]:
    """Refuse a name that cameras outside of the home cannot look up."""
    if domain := inside_domain(site.hostname):
        yield (
            "hostname",
            f"{site.hostname} leads nowhere on the Internet: .{domain} {_NOT_PUBLIC[domain]}",
            "write a name that everybody can look up, in a domain of yours or of a dynamic DNS "
            "provider, such as photos.example.net",
        )


def public_address_is_reachable(site: Any) -> Iterator[Finding]:
    """Refuse an address that nobody on the Internet can reach."""
    address = site.public_address
    if address and (reason := why_unreachable(address)):
        yield (
            "public_address",
            f"{address} cannot be reached from the Internet: {reason}",
            "write the address that the provider gave the outermost router; if the provider gives "
            "only an address like this one, ask for a public one",
        )


def outermost_wan_is_public(site: Any) -> Iterator[Finding]:
    """Refuse an outermost router whose WAN address shows another NAT in front of it."""
    wan, public = site.routers[0].wan, site.public_address
    if wan is None or wan == public:
        return
    if public is None:
        yield (
            "routers[0].wan",
            f"{wan} is an address that stays, and public_address says {DYNAMIC}",
            "leave wan out, or write that address as public_address",
        )
        return
    if wan in site.routers[0].lan.network:
        yield (
            "routers[0].wan",
            f"{wan} is inside its own LAN",
            "leave wan out; the outermost router's address outside is the public_address",
        )
    elif reason := why_unreachable(wan):
        yield (
            "routers[0].wan",
            f"{wan} cannot be reached from the Internet: {reason}; so nothing that is sent to "
            f"{public} arrives at {site.routers[0].name}",
            "ask the provider for a public IPv4 address; if another router of yours is in front, "
            "add it to the list, before this one",
        )
    else:
        yield (
            "routers[0].wan",
            f"{wan} is not the public_address {public}: something between them translates",
            "write the same address in both, or leave wan out here",
        )


def outermost_wan6_is_outside(site: Any) -> Iterator[Finding]:
    """Refuse an outside IPv6 address that is in a LAN. (IPv4 LANs are private.)"""
    wan6 = site.routers[0].wan6
    for _, lan6, name in with_fields(site.routers, "lan6", "name"):
        if wan6 and lan6 and wan6 in lan6.network:
            yield (
                "routers[0].wan6",
                f"{wan6} is inside the LAN of {name}",
                "write the address on the Internet side of the outermost router, or leave it out",
            )


def port_set_is_valid(site: Any) -> Iterator[Finding]:
    """Refuse a port set that is neither three numbers nor a list, or that RFC 7597 forbids."""
    shared = site.port_set
    if shared is None:
        return
    numbers = (shared.offset, shared.psid_length, shared.psid)
    if shared.ports and any(number is not None for number in numbers):
        yield (
            "port_set",
            "has both a list of ports and numbers to compute them from",
            "keep one of the two",
        )
    elif not shared.ports and None in numbers:
        yield (
            "port_set",
            "needs offset, psid_length and psid, or the list of ports",
            "write for example: port_set: {offset: 6, psid_length: 8, psid: 0x34}, or "
            "port_set: {ports: [5136-5151, 9232-9247]}",
        )
    elif not shared.ports:
        try:
            portset.port_set(*numbers)
        except ValueError as error:
            yield ("port_set", str(error), "write the numbers that the provider's router shows")
