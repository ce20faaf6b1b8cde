"""How packets pass a chain of routers."""

from __future__ import annotations

from ipaddress import IPv4Address

from hotshoe.site.checks.base import nat_routers_between
from hotshoe.site.model import Site


def next_address(site: Site, i: int, lan: int, host: IPv4Address) -> IPv4Address:
    """The address that a packet for a host has between the routers i and i + 1.

    That of the next router which translates; or the host's own, across routed routers.

    :param lan: the index of the router in whose LAN the host is
    """
    for k in nat_routers_between(site, i, lan):
        wan = site.routers[k].wan
        assert wan is not None, "checked: every router behind another one says its WAN address"
        return wan
    return host
