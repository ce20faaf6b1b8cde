"""What a person enters on a router that hotshoe does not configure, as data.

It is complete: a router that is set up from its rows alone does all that the Plan wants of it. The
stage executes them; :mod:`hotshoe.show.worksheet` prints them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface

from hotshoe.plan.model import AcceptRule, Network, Plan, RouterPlan
from hotshoe.ports.ranges import Service
from hotshoe.site.ddns import PROVIDERS


class Menu(StrEnum):
    """Where on a router something is entered, in the words that most consumer routers use."""

    WAN = "Internet / WAN"
    DDNS = "Dynamic DNS"
    LAN = "LAN / local network"
    RESERVATION = "Address reservation (DHCP)"
    NAT = "NAT"
    ROUTE = "Static route"
    FORWARD = "Port forwarding / Virtual server"
    DEFAULT_HOST = "Default host / DMZ host / exposed host"
    SERVICE = "Services of the router itself"
    FIREWALL = "Firewall rule"
    PINHOLE = "IPv6 firewall / pinholes"
    HAIRPIN = "NAT loopback / hairpin NAT"
    HELPER = "Application layer gateway (FTP ALG)"


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


def by_hand(plan: Plan) -> tuple[RouterPlan, ...]:
    """The routers that a person sets up, from the Internet inwards."""
    return tuple(router for router in plan.routers if router.by_hand)


def rows(plan: Plan, router: RouterPlan) -> tuple[Row, ...]:
    """All settings of a router, in the order in which to enter them.

    :param router: one of the Plan's
    """
    return (
        *_wan(plan, router),
        *_dynamic_dns(plan, router),
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
        Row(Menu.HELPER, (("FTP ALG", "off"),)),
    )


def _wan(plan: Plan, router: RouterPlan) -> Iterator[Row]:
    outer = plan.next_outside(router)
    if outer is None:
        provided = ("Address assignment", "as the provider says")
        address = str(router.wan_address or "dynamic, a public one")
        yield Row(Menu.WAN, (provided, ("IPv4 address", address)))
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


def _dynamic_dns(plan: Plan, router: RouterPlan) -> Iterator[Row]:
    """How it updates the record of the home's name; the secret is not on paper."""
    record = router.ddns
    if record is None:
        return
    assert record.provider, "checked: a router updates by a provider's protocol"
    needs = PROVIDERS[record.provider]
    secret = "the one of that user" if record.username else needs.secret
    server = (("Server", record.server),) if record.server else ()
    zone = (("Zone", record.zone),) if record.zone else ()
    username = (("User name", record.username),) if record.username else ()
    name = (("Host name", plan.hostname), ("Enabled", "yes"))
    yield Row(Menu.DDNS, (("Provider", needs.title), *server, *zone, *name))
    update = ("Update", "at each change of the WAN address")
    yield Row(Menu.DDNS, (*username, ("Password", secret), update))


def _lan(router: RouterPlan) -> Iterator[Row]:
    yield Row(Menu.LAN, _own(router.lan))
    if router.lan6:
        yield Row(Menu.LAN, _own(router.lan6))


def _reservations(plan: Plan, router: RouterPlan) -> Iterator[Row]:
    """Hosts in its LAN that others dial must keep their addresses."""
    devices = neighbours(plan, router)
    for server in plan.servers:
        for access in server.may_open:
            if access.host in router.lan.network:
                devices.setdefault(access.host, f"what {server.name} may open")
        for push in server.pushes:
            if push.home_address and push.home_address in router.lan.network:
                devices[push.home_address] = push.name
    devices |= {fetcher.address: fetcher.name for fetcher in plan.fetchers_behind(router)}
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


def neighbours(plan: Plan, router: RouterPlan) -> dict[IPv4Address, str]:
    """The next router and the servers in a router's LAN, by their addresses there."""
    inner = plan.routers[plan.routers.index(router) + 1 :]
    routers = {r.wan_address: r.name for r in inner[:1] if r.wan_address}
    return routers | {server.address: server.name for server in plan.servers_behind(router)}
