"""What is worth a warning about a router, and no reason to refuse it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface

from hotshoe.openwrt.rules import OFF
from hotshoe.openwrt.uci.data import Package
from hotshoe.openwrt.zones import Interface, Sides
from hotshoe.plan.model import RouterPlan


def doubts(
    router: RouterPlan, sides: Sides, firewall: Package, having: Iterable[Interface]
) -> Iterator[str]:
    """Find what may keep a router from doing what is meant, or somebody else from going on.

    :param router: what is planned for it
    :param sides: its interfaces and zones
    :param firewall: as it is
    :param having: its interfaces
    :returns: each doubt, in a line
    """
    having = tuple(having)
    if not any(router.wan_address in interface.own for interface in having):
        yield (
            f"none of its interfaces has the public address {router.wan_address}; cameras get "
            "through only if something in front forwards everything to it"
        )
    yield from _left_untranslated(router, sides, firewall, having)


def _left_untranslated(
    router: RouterPlan, sides: Sides, firewall: Package, having: Iterable[Interface]
) -> Iterator[str]:
    """Networks that the Site does not know: its routes lead to the LAN only."""
    zone = dict(firewall.addressed("zone"))[sides.wan.section]
    if router.masquerade or zone.options.get("masq", "0") in OFF:
        return
    for interface in having:
        if interface.up and interface.device not in (sides.wan.device, sides.lan.device, "lo"):
            for address in interface.addresses:
                if isinstance(address, IPv4Interface):
                    yield (
                        f"once it translates nothing, what is in its network {interface.name} "
                        f"({address.network}) reaches the Internet only if the router in front "
                        "has a route to it"
                    )
