"""What a person enters on a router that hotshoe does not configure: a page to print.

First as data (:func:`rows`), which is complete: a router that is set up from its rows alone does
all that the Plan wants of it. Then as HTML (:func:`html`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from itertools import groupby

from hotshoe.plan.model import AcceptRule, Network, Plan, RouterPlan
from hotshoe.ports.ranges import Service
from hotshoe.render import render

TEMPLATE = "worksheet/worksheet.html.j2"


class Menu(StrEnum):
    """Where on a router something is entered, in the words that most consumer routers use."""

    WAN = "Internet / WAN"
    LAN = "LAN / local network"
    RESERVATION = "Address reservation (DHCP)"
    NAT = "NAT"
    ROUTE = "Static route"
    FORWARD = "Port forwarding / Virtual server"
    DEFAULT_HOST = "DMZ host / exposed host"
    SERVICE = "Services of the router itself"
    FIREWALL = "Firewall rule"
    PINHOLE = "IPv6 firewall / pinholes"
    HAIRPIN = "NAT loopback / hairpin"
    HELPER = "Application layer gateway (FTP ALG)"


# For the small print: what other routers call it, and what one may stumble over there.
ALSO = {
    Menu.WAN: "Internet connection, account information, WAN interface. Where a DNS server is "
    "asked for beside a static address, the default gateway usually is one.",
    Menu.LAN: "home network, IPv4 configuration, LAN interface. If the router's own address "
    "changes here, open its menus again at the new one.",
    Menu.RESERVATION: "static lease, address binding, “always assign this device the same IPv4 "
    "address” (FRITZ!Box). Pick the device from the router's list.",
    Menu.NAT: "masquerading, router mode. On for the router's own network as it comes; a further "
    "network here is one that is behind the next router.",
    Menu.ROUTE: "static routing table, IPv4 routes, IPv6 routes.",
    Menu.FORWARD: "port mapping, port sharing, NAT rule, “Permit access” or “Freigaben” "
    "(FRITZ!Box). The port is the same outside and inside.",
    Menu.DEFAULT_HOST: "default server, “open this device completely” (FRITZ!Box, below “Permit "
    "access” or “Freigaben”).",
    Menu.SERVICE: "remote access, remote management, VPN server.",
    Menu.FIREWALL: "traffic rule, access rule, inbound rule, packet filter. Most routers block "
    "everything else as they come.",
    Menu.PINHOLE: "inbound rule, IPv6 filter, “Permit access” or “Freigaben” for IPv6 (FRITZ!Box). "
    "Where an interface ID is asked for, it is the last four groups of the address.",
    Menu.HAIRPIN: "NAT reflection, hairpin NAT. Many routers have no switch for it because it is "
    "always on.",
    Menu.HELPER: "FTP helper, NAT helper, NAT passthrough. Many routers have no switch for it "
    "because they have no such thing.",
}


@dataclass(frozen=True)
class Row:
    """One entry of a router's menus.

    :param menu: where it belongs
    :param fields: the boxes to fill in, from left to right: label, and what to type
    """

    menu: Menu
    fields: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its boxes."""
        return tuple(label for label, _ in self.fields)


@dataclass(frozen=True)
class Section:
    """One menu of a page.

    :param menu: its name
    :param also: the small print
    :param tables: its rows, those with the same labels together
    """

    menu: Menu
    also: str
    tables: tuple[tuple[Row, ...], ...]


@dataclass(frozen=True)
class Page:
    """What there is to print for one router.

    :param router: its name
    :param place: where it is, in a few words
    :param purpose: what it does, in a sentence
    :param sections: what to enter
    :param checks: how to see that it works
    """

    router: str
    place: str
    purpose: str
    sections: tuple[Section, ...]
    checks: tuple[str, ...]


def by_hand(plan: Plan) -> tuple[RouterPlan, ...]:
    """The routers that a person sets up, from the Internet inwards."""
    return tuple(router for router in plan.routers if router.by_hand)


def html(plan: Plan, site: str) -> str:
    """The worksheet: a page for each router that a person sets up.

    :param site: the Site's name
    :returns: an HTML document that needs no other file
    """
    pages = [_page(plan, router) for router in by_hand(plan)]
    return render(TEMPLATE, plan=plan, site=site, pages=pages)


def rows(plan: Plan, router: RouterPlan) -> tuple[Row, ...]:
    """Everything that a router has to be told, in the order in which to enter it.

    :param router: one of the Plan's
    """
    return (
        *_wan(plan, router),
        *_lan(router),
        *_reservations(plan, router),
        *_nat(router),
        *_routes(router),
        *_forwards(router),
        *_default_host(router),
        *_services(router),
        *_firewall(router),
        *_pinholes(router),
        *_hairpin(router),
        _helper(router),
    )


def _wan(plan: Plan, router: RouterPlan) -> Iterator[Row]:
    outer = _outer(plan, router)
    if outer is None:
        provided = ("Address assignment", "as the provider says")
        yield Row(Menu.WAN, (provided, ("IPv4 address", str(router.wan_address))))
        if router.masquerade_ports:
            ports = ", ".join(str(ports) for ports in router.masquerade_ports)
            yield Row(Menu.WAN, (("Ports of the shared address (MAP-E)", ports),))
        if router.wan6:
            yield Row(Menu.WAN, (provided, ("IPv6 address", str(router.wan6))))
        elif router.lan6:
            yield Row(Menu.WAN, (provided, ("IPv6", "on")))
        return
    static = ("Address assignment", "static")
    wan = IPv4Interface((router.wan_address, outer.lan.network.prefixlen))
    yield Row(Menu.WAN, (static, *_own(wan), ("Default gateway", str(outer.lan.ip))))
    if router.wan6 and outer.lan6:
        wan6 = IPv6Interface((router.wan6, outer.lan6.network.prefixlen))
        yield Row(Menu.WAN, (static, *_own(wan6), ("Default gateway", str(outer.lan6.ip))))


def _lan(router: RouterPlan) -> Iterator[Row]:
    yield Row(Menu.LAN, _own(router.lan))
    if router.lan6:
        yield Row(Menu.LAN, _own(router.lan6))


def _reservations(plan: Plan, router: RouterPlan) -> Iterator[Row]:
    """Whoever is dialled in its LAN must keep its address."""
    devices = _neighbours(plan, router)
    for server in plan.servers:
        for access in server.may_open:
            if access.host in router.lan.network:
                devices.setdefault(access.host, f"what {server.name} may open")
    macs = {lease.address: (("MAC address", lease.mac),) for lease in router.leases}
    for address, name in devices.items():
        mac = macs.get(address, ())
        yield Row(Menu.RESERVATION, (("Device", name), *mac, ("IPv4 address", str(address))))


def _nat(router: RouterPlan) -> Iterator[Row]:
    for network in router.masquerade:
        yield Row(Menu.NAT, (("NAT", "on"), *_network("Network", network)))
    if not router.masquerade:
        yield Row(Menu.NAT, (("NAT", "off"),))


def _routes(router: RouterPlan) -> Iterator[Row]:
    for route in router.routes:
        to = _network("Destination network", route.to)
        yield Row(Menu.ROUTE, (*to, ("Gateway", str(route.via))))


def _forwards(router: RouterPlan) -> Iterator[Row]:
    for forward in router.forwards:
        ports = str(forward.service.ports)
        source = (("Allowed source", str(forward.source)),) if forward.source else ()
        yield Row(
            Menu.FORWARD,
            (
                # With the port, since many routers refuse a second entry of the same name.
                ("Name", f"{forward.purpose} {ports}"),
                ("Protocol", _protocol(forward.service)),
                *source,
                ("External port", ports),
                ("Internal address", str(forward.to)),
                ("Internal port", ports),
                ("Enabled", "yes"),
            ),
        )
    for service in router.other_forwards:
        kept = ("Existing forward to another device", "leave it as it is")
        yield Row(
            Menu.FORWARD, (kept, ("Protocol", _protocol(service)), ("Port", str(service.ports)))
        )


def _default_host(router: RouterPlan) -> Iterator[Row]:
    if router.default_host:
        to = ("Internal address", str(router.default_host))
        yield Row(Menu.DEFAULT_HOST, (to, ("Enabled", "yes")))


def _services(router: RouterPlan) -> Iterator[Row]:
    for service in router.open_to_wan:
        what = (("Protocol", _protocol(service)), ("Port", str(service.ports)))
        yield Row(Menu.SERVICE, (*what, ("Reachable from the WAN side", "yes")))


def _firewall(router: RouterPlan) -> Iterator[Row]:
    yield from (_accept_rule(Menu.FIREWALL, p) for p in router.accept_rules if p.to.version == 4)
    # Otherwise the default host gets everything else.
    if not router.default_host:
        yield _nothing_else(Menu.FIREWALL)


def _pinholes(router: RouterPlan) -> Iterator[Row]:
    yield from (_accept_rule(Menu.PINHOLE, p) for p in router.accept_rules if p.to.version == 6)
    if router.lan6:
        yield _nothing_else(Menu.PINHOLE)


def _accept_rule(menu: Menu, rule: AcceptRule) -> Row:
    source = (("Allowed source", str(rule.source)),) if rule.source else ()
    return Row(
        menu,
        (
            ("Name", f"{rule.purpose} {rule.service.ports}"),
            ("Action", "allow"),
            ("Protocol", _protocol(rule.service)),
            *source,
            ("Destination address", str(rule.to)),
            ("Destination port", str(rule.service.ports)),
            ("Enabled", "yes"),
        ),
    )


def _nothing_else(menu: Menu) -> Row:
    return Row(menu, (("Name", "everything else from the WAN side"), ("Action", "block")))


def _hairpin(router: RouterPlan) -> Iterator[Row]:
    for network in router.hairpin:
        yield Row(Menu.HAIRPIN, (("NAT loopback", "on"), *_network("Network", network)))


def _helper(router: RouterPlan) -> Row:
    if not router.ftp_helper:
        return Row(Menu.HELPER, (("FTP ALG", "off"),))
    ports = ", ".join(map(str, router.ftp_helper))
    return Row(Menu.HELPER, (("FTP ALG", "on"), ("Port", ports)))


def _own(interface: IPv4Interface | IPv6Interface) -> tuple[tuple[str, str], ...]:
    """A router's own address, and how large its network is."""
    address = (f"IPv{interface.version} address", str(interface.ip))
    return (address, _size(interface.network))


def _network(label: str, network: Network) -> tuple[tuple[str, str], ...]:
    return ((label, str(network.network_address)), _size(network))


def _size(network: Network) -> tuple[str, str]:
    if isinstance(network, IPv4Network):
        return ("Subnet mask", str(network.netmask))
    return ("Prefix length", str(network.prefixlen))


def _protocol(service: Service) -> str:
    return service.protocol.upper()


def _outer(plan: Plan, router: RouterPlan) -> RouterPlan | None:
    i = plan.routers.index(router)
    return plan.routers[i - 1] if i else None


def _neighbours(plan: Plan, router: RouterPlan) -> dict[IPv4Address, str]:
    """The next router and the servers in a router's LAN, by their addresses there."""
    inner = plan.routers[plan.routers.index(router) + 1 :]
    found = {next_.wan_address: next_.name for next_ in inner[:1]}
    return found | {server.address: server.name for server in plan.servers_behind(router)}


def _page(plan: Plan, router: RouterPlan) -> Page:
    sections = tuple(
        Section(
            menu,
            ALSO[menu],
            tuple(tuple(alike) for _, alike in groupby(entries, key=lambda row: row.labels)),
        )
        for menu, entries in groupby(rows(plan, router), key=lambda row: row.menu)
    )
    place = f"router {plan.routers.index(router) + 1} of {len(plan.routers)} from the Internet"
    return Page(router.name, place, _purpose(plan, router), sections, _checks(plan, router))


def _purpose(plan: Plan, router: RouterPlan) -> str:
    outer = _outer(plan, router)
    outside = outer.name if outer else "the Internet"
    neighbours = _neighbours(plan, router)
    inside = " and ".join(neighbours.values()) or "the home"
    between = f"Between {outside} on one side and {inside} on the other: "
    if not router.masquerade:
        return f"{between}translates no addresses, and lets in what is allowed below."
    if router.default_host:
        to = neighbours[router.default_host]
        return f"{between}translates addresses (NAT), and sends all that arrives to {to}."
    if router.forwards or router.other_forwards:
        return f"{between}translates addresses (NAT), and forwards the ports below."
    return f"{between}translates addresses (NAT), and lets nothing in."


def _checks(plan: Plan, router: RouterPlan) -> tuple[str, ...]:
    if inside := plan.servers_through(router):
        ports = " or ".join(str(server.control_port) for server in inside)
        return (
            f"From outside, with a phone whose Wi-Fi is off: an FTP app reaches {plan.hostname}, "
            f"port {ports}, and is asked for a password.",
            "From the home's own Wi-Fi: the same.",
        )
    outside = " and ".join(server.name for server in plan.servers)
    return (
        f"A computer behind {router.name} still reaches the Internet.",
        f"From {outside}, nothing behind {router.name} answers that is not allowed above.",
    )
