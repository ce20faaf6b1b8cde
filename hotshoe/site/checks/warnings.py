"""What works, though not as well as one may think."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from hotshoe.site.checks.base import Finding, router_index, with_fields
from hotshoe.site.checks.lans import NOT_ON_THE_INTERNET

_EXAMPLES = ("example.com", "example.net", "example.org")  # RFC 2606
_DOCUMENTATION = tuple(  # RFC 5737
    map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
)


def source_is_masked(site: Any) -> Iterator[Finding]:
    """Warn of a router that replaces source addresses (source NAT)."""
    for i, masks, name in with_fields(site.routers, "masks_source", "name"):
        last = max(router_index(site, server) for server in site.servers)
        if masks and i <= last:
            yield (
                f"routers[{i}].masks_source",
                f"{name} replaces the source of all connections from outside by its own address, "
                "so the server cannot distinguish cameras from others: limits for each address are "
                "off, and anybody who hits an open passive port passes vsftpd's check that both "
                "connections come from the same address",
                "switch that off on the router if it lets you (source NAT of forwarded "
                "connections), and remove masks_source",
            )


def server_is_exposed(site: Any) -> Iterator[Finding]:
    """Warn of a server that gets everything from the Internet."""
    *_, (i, mode, name) = with_fields(site.routers, "mode", "name")
    if mode == "default-host" and i == len(site.routers) - 1:
        yield (
            f"routers[{i}].mode",
            f"{name} sends everything from the Internet to the server, whose own firewall is then "
            "the only one",
            "write mode: nat if the router can forward single ports",
        )


def ssh_is_exposed(site: Any) -> Iterator[Finding]:
    """Warn of a server that gets everything from the Internet and allows SSH from there."""
    innermost, server = site.routers[-1], site.servers[0]
    others = [
        net for net in server.ssh_from if not any(net.subnet_of(b) for b in NOT_ON_THE_INTERNET)
    ]
    if innermost.mode == "default-host" and others:
        yield (
            "servers[0].ssh_from",
            f"{innermost.name} sends everything from the Internet to {server.name}, so "
            f"{' and '.join(map(str, others))} may log in there from the Internet",
            f"remove it from ssh_from, or write mode: nat for {innermost.name}",
        )


def example_values_are_left(site: Any) -> Iterator[Finding]:
    """Warn of a real home that still has the name or the address of an example."""
    named = ".".join(site.hostname.split(".")[-2:]) in _EXAMPLES
    address = site.public_address
    addressed = address is not None and any(address in block for block in _DOCUMENTATION)
    if named and not addressed:
        yield (
            "hostname",
            f"{site.hostname} is for documentation (RFC 2606), so no camera finds this home by it",
            f"write a name of your own that leads to {address or 'this home'}",
        )
    elif addressed and not named:
        yield (
            "public_address",
            f"{site.public_address} is for documentation (RFC 5737), so nobody on the Internet "
            "reaches it",
            "write the address that the provider gave the outermost router",
        )


def no_dhcp_server_gives_the_address(site: Any) -> Iterator[Finding]:
    """Warn of a hardware address that no DHCP server of hotshoe uses."""
    for i, mac, name in with_fields(site.servers, "mac", "name"):
        router = site.routers[router_index(site, site.servers[i])]
        if mac and router.managed_by == "linux":
            yield (
                f"servers[{i}].mac",
                f"{router.name} runs Debian, on which hotshoe sets up no DHCP server, so {name} "
                "has to keep its address by itself",
                "give the server a fixed address in its own settings, and remove mac",
            )


def one_name_leads_to_several_servers(site: Any) -> Iterator[Finding]:
    """Warn of a host name that leads to one of several servers over IPv6, whatever the port is."""
    for i, address6, name in with_fields(site.servers, "address6", "name"):
        others = " and ".join(server.name for server in site.servers if server.name != name)
        if address6 and others:
            yield (
                f"servers[{i}].address6",
                f"over IPv6, {site.hostname} leads to {name} on every port, so a client that "
                f"prefers IPv6 looks for {others} there too",
                "leave address6 out; over IPv4 the port distinguishes the servers",
            )
