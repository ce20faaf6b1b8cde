"""Which firewall zone of an OpenWrt router is its WAN, and which is its LAN.

Zones and interfaces have whatever names their owner gave them; what a Site says of a router are its
addresses. So the zones are found by the addresses of their interfaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.rules import is_enabled
from hotshoe.openwrt.uci.data import Package, list_items
from hotshoe.plan.model import RouterPlan


class UnfitRouterError(HotshoeError):
    """A router that does not fit the Site.

    :param reason: what is wrong
    :param remedy: what to do about it
    """

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}\n    -> {remedy}")


@dataclass(frozen=True)
class Zone:
    """A firewall zone, and the interface in it that a Site is about.

    :param name: the zone's name
    :param section: where it is in /etc/config/firewall: a section's name, or ``@zone[1]``
    :param interface: the logical interface
    :param device: the device that carries that interface's IP packets
    :param protocol: of the interface
    :param names_interface: whether the zone names the interface, and not its device alone; then fw4
        knows the interface's addresses
    """

    name: str
    section: str
    interface: str
    device: str
    protocol: str = ""
    names_interface: bool = True


@dataclass(frozen=True)
class Zones:
    """The two zones of a router that a Site is about.

    :param wan: the zone towards the Internet
    :param lan: the zone towards the home
    :param addresses: the router's addresses on devices other than the WAN's
    """

    wan: Zone
    lan: Zone
    addresses: tuple[IPv4Address, ...] = ()


def find_zones(router: RouterPlan, interfaces: Iterable[Interface], firewall: Package) -> Zones:
    """Find the WAN's and the LAN's zone of a router.

    :param router: what is planned for it
    :param interfaces: its interfaces
    :param firewall: /etc/config/firewall
    :raises UnfitRouterError: if it is another router, has no default route, or one of the two
        interfaces is in no zone or in an unsuitable one
    """
    up = [interface for interface in interfaces if interface.up and interface.device]
    addresses = ", ".join(str(own) for interface in up for own in interface.own) or "none"
    for address6 in (router.lan6 and router.lan6.ip, router.wan6):
        if address6 and not any(address6 in interface.own for interface in up):
            raise UnfitRouterError(
                f"has no address {address6} (it has {addresses})",
                "give it that fixed address, or correct its lan6 or wan6 in the Site",
            )
    inside = next((i for i in up if router.lan.ip in i.own), None)
    if inside is None:
        raise UnfitRouterError(
            f"has no address {router.lan.ip}, so it is not this router of the Site "
            f"(it has {addresses})",
            "correct the router's lan in the Site",
        )
    outside = next((i for i in up if router.wan_address in i.own), None)
    if outside is None and router.gateway:
        raise UnfitRouterError(
            f"has no address {router.wan_address}, to which the router outside of it sends the "
            f"cameras (it has {addresses})",
            "give it that fixed address, or correct its wan in the Site",
        )
    defaults = sorted((i for i in up if i.default), key=lambda i: i.metric)
    outside = outside or next(iter(defaults), None)
    if outside is None:
        down = [i.name for i in interfaces if i not in up and i.name != "loopback"]
        are = f", and {', '.join(down)} {'is' if len(down) == 1 else 'are'} down" if down else ""
        raise UnfitRouterError(
            f"has no default route{are}",
            "connect it to the Internet first",
        )
    zones = Zones(
        _zone_of(outside, firewall), _zone_of(inside, firewall), _addresses_inside(up, outside)
    )
    if zones.wan.interface == zones.lan.interface:
        raise UnfitRouterError(
            f"its default route leaves by {outside.name}, the interface of its LAN",
            "give the router a separate interface towards the Internet",
        )
    if zones.wan.name == zones.lan.name:
        raise UnfitRouterError(
            f"its interfaces {outside.name} and {inside.name} are in one firewall zone, "
            f"{zones.wan.name}",
            "give each a zone of its own: LuCI, Network, Firewall",
        )
    if any(rule.to.version == 6 for rule in router.accept_rules):
        _refuse_another_zone_for_ipv6(router, up, zones.wan, firewall)
    return zones


def _addresses_inside(up: Iterable[Interface], outside: Interface) -> tuple[IPv4Address, ...]:
    # Whatever gave it (a VPN, a modem's DHCP): it is not the one that cameras dial.
    others = (each for each in up if each.device != outside.device)
    own = {address for each in others for address in each.own if isinstance(address, IPv4Address)}
    return tuple(sorted(address for address in own if not address.is_loopback))


def _refuse_another_zone_for_ipv6(
    router: RouterPlan, up: Iterable[Interface], wan: Zone, firewall: Package
) -> None:
    """The WAN's zone gets the rules for IPv6, so IPv6 has to enter by it.

    :raises UnfitRouterError: if it enters by another
    """
    ways = [each for each in up if router.wan6 in each.own or (not router.wan6 and each.default6)]
    for way in sorted(ways, key=lambda each: each.metric)[:1]:
        zone = wan.name if way.device == wan.device else _zone_of(way, firewall).name
        if zone != wan.name:
            raise UnfitRouterError(
                f"IPv6 leaves by its interface {way.name}, which is in the firewall zone {zone}, "
                f"and IPv4 by {wan.interface}, in {wan.name}",
                f"put both into {wan.name}: LuCI, Network, Interfaces, Firewall settings",
            )


def _zone_of(interface: Interface, firewall: Package) -> Zone:
    for section, zone in firewall.addressed("zone"):
        name = zone.options.get("name")
        if not isinstance(name, str) or not is_enabled(zone):
            continue
        listed = list_items(zone.options.get("network"))
        names_interface = interface.name in listed or interface.zone == name
        devices = list_items(zone.options.get("device"))
        if names_interface or any(_is_device(interface.device, each) for each in devices):
            return Zone(
                name,
                section,
                interface.name,
                interface.device,
                interface.protocol,
                names_interface,
            )
    said = (zone.options.get("name") for zone in firewall.of_type("zone"))
    names = ", ".join(str(name) for name in said if name) or "none"
    raise UnfitRouterError(
        f"its interface {interface.name} ({interface.device}) is in no firewall zone; the zones "
        f"are {names}",
        "give it one: LuCI, Network, Interfaces, Firewall settings",
    )


def _is_device(device: str, said: str) -> bool:
    # As fw4 does, which leaves out a lone `+`.
    return device.startswith(said[:-1]) if said.endswith("+") and said != "+" else device == said
