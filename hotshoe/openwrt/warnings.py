"""What to warn about on a router without refusing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.rules import OFF
from hotshoe.openwrt.uci.data import Package
from hotshoe.openwrt.zones import Zones
from hotshoe.plan.model import RouterPlan
from hotshoe.site.routability import unreachable_wan, without_public_wan


def warnings(
    router: RouterPlan, zones: Zones, firewall: Package, interfaces: Iterable[Interface]
) -> Iterator[str]:
    """Warn of what may keep cameras, or others in the home, from getting through a router.

    :param router: what is planned for it
    :param zones: the WAN's and the LAN's zone
    :param firewall: /etc/config/firewall, as it is
    :param interfaces: its interfaces
    :returns: the warnings, a line each
    """
    interfaces = tuple(interfaces)
    if unreached := _why_no_camera_gets_through(router, zones, interfaces):
        yield f"{unreached}; {without_public_wan(changes=router.wan_address is None)}"
    yield from _losing_masquerading(router, zones, firewall, interfaces)


def _why_no_camera_gets_through(
    router: RouterPlan, zones: Zones, interfaces: Iterable[Interface]
) -> str | None:
    if router.wan_address is None:
        outside = [each for each in interfaces if each.name == zones.wan.interface]
        own = (address for each in outside for address in each.own)
        return unreachable_wan(each for each in own if isinstance(each, IPv4Address))
    if not any(router.wan_address in interface.own for interface in interfaces):
        return f"none of its interfaces has the public address {router.wan_address}"
    return None


def _losing_masquerading(
    router: RouterPlan, zones: Zones, firewall: Package, interfaces: Iterable[Interface]
) -> Iterator[str]:
    """Networks beside the LAN: by the Site, the router in front has a route to the LAN only."""
    zone = dict(firewall.addressed("zone"))[zones.wan.section]
    if router.masquerade or zone.options.get("masq", "0") in OFF:
        return
    for interface in interfaces:
        if interface.up and interface.device not in (zones.wan.device, zones.lan.device, "lo"):
            for address in interface.addresses:
                if isinstance(address, IPv4Interface):
                    yield (
                        f"its network {interface.name} ({address.network}) is no longer "
                        "masqueraded, and reaches the Internet only if the router in front has a "
                        "route to it"
                    )
