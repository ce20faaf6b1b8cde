"""Where a static route leads."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from hotshoe.openwrt.uci.data import Section


def route_target(section: Section) -> IPv4Network | IPv6Network:
    """The network of a ``route`` or ``route6`` section.

    As netifd reads it (interface-ip.c, interface_ip_add_route): the length in ``target`` goes
    before ``netmask``; without either it is a single address.

    :raises ValueError: if it cannot be read
    """
    target, mask = str(section.options.get("target", "")), section.options.get("netmask")
    return ip_network(f"{target}/{mask}" if mask and "/" not in target else target, strict=False)
