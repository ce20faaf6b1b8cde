"""The text in each box of the picture of a home; :mod:`.layout` places it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import groupby
from typing import Literal

from hotshoe.plan.model import (
    AcceptRule,
    Address,
    HomeAccess,
    Plan,
    PortForward,
    RouterPlan,
    ServerPlan,
)
from hotshoe.ports.ranges import PortRange, Service

Icon = Literal["internet", "router", "server", "home"]

_MANAGERS = {"linux": "Debian", "openwrt": "OpenWrt", "hand": "by hand"}
_TIE = "\N{NO-BREAK SPACE}"
# As many ranges as the usual PSID offset of 6 makes. A longer list tells a reader nothing more.
_MOST_RANGES = 63


@dataclass(frozen=True)
class Paragraph:
    """A paragraph in a box.

    :param text: its text
    :param label: a word before it, of at most four letters
    :param kind: a heading is above the paragraphs that follow; a use is a smaller heading
    """

    text: str
    label: str | None = None
    kind: Literal["plain", "heading", "use"] = "plain"


@dataclass(frozen=True)
class BoxContent:
    """The text of a box.

    :param icon: what kind of thing it is
    :param title: its name
    :param subtitle: what it is
    :param body: its properties
    :param network: the networks in its LAN
    """

    icon: Icon
    title: str
    subtitle: str
    body: tuple[Paragraph, ...]
    network: tuple[Paragraph, ...] = ()


def internet(plan: Plan) -> BoxContent:
    """The box of the Internet: what a camera dials."""
    return BoxContent("internet", "Internet", "with a camera anywhere", tuple(_internet(plan)))


def router(plan: Plan, index: int) -> BoxContent:
    """The box of a router.

    :param index: its place, from the Internet inwards
    """
    one = plan.routers[index]
    place = f"router {index + 1} of {len(plan.routers)}, " if len(plan.routers) > 1 else "router, "
    return BoxContent(
        "router",
        one.name,
        place + _MANAGERS[one.managed_by],
        tuple(_router(one)),
        (
            Paragraph(f"network {one.lan.network}"),
            *([Paragraph(str(one.lan6.network))] if one.lan6 else []),
        ),
    )


def server(plan: Plan, one: ServerPlan) -> BoxContent:
    """The box of a server.

    :param one: a server of the Plan
    """
    return BoxContent("server", one.name, "server, Debian", tuple(_server(plan, one)))


def home(plan: Plan, one: RouterPlan) -> BoxContent | None:
    """The box of the home behind a router: what servers outside of it may open there.

    :param one: a router of the Plan
    :returns: None where there is nothing to draw
    """
    body = tuple(_home(plan, one))
    return BoxContent("home", "home", f"behind {one.name}", body) if body else None


def summary(plan: Plan) -> str:
    """The picture in a few sentences, for those who cannot see it."""
    routers = ", then ".join(one.name for one in plan.routers)
    servers = " ".join(
        f"The server {one.name} ({one.address}) is behind {one.behind}, "
        f"with control port {one.control_port} and passive range {one.passive}."
        for one in plan.servers
    )
    return (
        f"A camera on the Internet dials {plan.hostname}, which is {plan.public_address}. "
        f"From the Internet inwards, the routers are {routers}. {servers}"
    )


# -- the boxes


def _internet(plan: Plan) -> Iterator[Paragraph]:
    yield _heading("the camera dials")
    yield Paragraph(plan.hostname)
    yield _heading("which leads to")
    yield Paragraph(str(plan.public_address))
    for address in dict.fromkeys(one.address6 for one in plan.servers):
        if address:
            yield Paragraph(str(address))
    # All servers use the same protocol.
    yield _heading("FTP without TLS" if plan.servers[0].tls == "none" else "FTPS, explicit TLS")
    for one in plan.servers:
        if len(plan.servers) > 1:
            yield Paragraph(f"to{_TIE}{one.name}:", kind="use")
        yield Paragraph(f"control TCP {one.control_port}")
        yield Paragraph(f"passive TCP {one.passive}")
    if plan.port_set:
        yield _heading("of a shared address, only these ports are this home's")
        yield Paragraph(_ranges(plan.port_set))
        yield Paragraph(f"{sum(map(len, plan.port_set))} ports")


def _router(one: RouterPlan) -> Iterator[Paragraph]:
    yield Paragraph(_mode(one))
    yield Paragraph(str(one.wan_address), "WAN")
    if one.wan6:
        yield Paragraph(str(one.wan6), "")
    yield Paragraph(str(one.lan), "LAN")
    if one.lan6:
        yield Paragraph(str(one.lan6), "")
    yield from _rules("port forwards", one.forwards)
    if one.default_host:
        yield _heading("default host")
        yield _arrow("all else" if one.forwards else "everything", one.default_host)
    yield from _rules("accept rules, no NAT", one.accept_rules)
    if one.routes:
        yield _heading("static routes")
        for route in one.routes:
            yield Paragraph(f"{route.to} via{_TIE}{route.via}")
    if one.masquerade:
        yield _heading("masquerade")
        for network in one.masquerade:
            yield Paragraph(str(network))
        if one.masquerade_ports:
            yield Paragraph("with this home's ports")
        if one.hairpin:
            yield Paragraph("hairpin NAT for the same")
    if one.leases:
        yield _heading("static leases (DHCP)")
        for lease in one.leases:
            yield Paragraph(f"{lease.address} to{_TIE}{lease.name}")
    if one.other_forwards:
        yield _heading("other forwards")
        yield Paragraph(_services(one.other_forwards))
    if one.open_to_wan:
        yield _heading("own services")
        yield Paragraph(_services(one.open_to_wan))
    if one.ftp_helper:
        yield _heading("FTP helper (ALG)")
        yield Paragraph("reads and changes FTP")


def _mode(one: RouterPlan) -> str:
    if one.mode == "routed":
        return "routed, no NAT"
    if one.mode == "default-host":
        return "NAT, default host"
    forwards = one.forwards or one.other_forwards
    return "NAT, port forwards" if forwards else "NAT, no port forwards"


def _rules(title: str, rules: Sequence[PortForward | AcceptRule]) -> Iterator[Paragraph]:
    """Port forwards or accept rules, those of the same purpose and destination together."""
    if rules:
        yield _heading(title)
    uses: dict[tuple[str, Address, IPv4Address | None], list[Service]] = {}
    for rule in rules:
        uses.setdefault((rule.purpose, rule.to, rule.source), []).append(rule.service)
    purposes = {purpose for purpose, _, _ in uses}
    for (purpose, to, source), services in uses.items():
        if len(purposes) > 1:
            yield Paragraph(f"{purpose}:", kind="use")
        yield _arrow(_services(services), to)
        if source:
            yield Paragraph(f"only from {source}")


def _server(plan: Plan, one: ServerPlan) -> Iterator[Paragraph]:
    yield Paragraph(str(one.address), "IPv4")
    if one.address6:
        yield Paragraph(str(one.address6), "IPv6")
    yield Paragraph(f"{one.control_port}, {one.passive}", "FTP" if one.tls == "none" else "FTPS")
    yield Paragraph(str(one.public_address), "PASV")
    others = [network for network in one.ssh_from if network not in one.inside]
    yield Paragraph(", ".join([f"{one.ssh_port} from the home", *map(str, others)]), "SSH")
    yield _heading("cameras")
    yield Paragraph(", ".join(one.cameras))
    if one.open_to_lan:
        yield _heading("other services")
        yield Paragraph(_services(one.open_to_lan))
    yield from _rules("accept rules", one.accept_rules)
    innermost = plan.routers[-1]
    if one.behind == innermost.name:
        return
    for access in _by_host(one.may_open):
        if _is_server(plan, access[0].host):
            yield _heading("may open inwards")
            yield from _opened(access)
    # The box of a home behind the innermost router says the same.
    if not one.may_open and plan.servers_behind(innermost):
        yield _heading("may open inwards")
        yield Paragraph("nothing")


def _home(plan: Plan, one: RouterPlan) -> Iterator[Paragraph]:
    protected = one == plan.routers[-1] and not plan.servers_behind(one)
    for server in plan.servers:
        here = [
            access
            for access in server.may_open
            if access.host in one.lan.network and not _is_server(plan, access.host)
        ]
        if here or protected:
            yield _heading(f"{server.name} may open inwards")
        if protected and not here:
            yield Paragraph("nothing")
        for same in _by_host(here):
            yield from _opened(same)


def _is_server(plan: Plan, host: IPv4Address) -> bool:
    return any(server.address == host for server in plan.servers)


def _by_host(accesses: Sequence[HomeAccess]) -> Iterator[list[HomeAccess]]:
    for _, same in groupby(accesses, key=lambda access: access.host):
        yield list(same)


def _opened(accesses: Sequence[HomeAccess]) -> Iterator[Paragraph]:
    """The services of one host that a server may open."""
    host, dial = accesses[0].host, accesses[0].dial
    yield _arrow(_services(access.service for access in accesses), host)
    if dial != host:
        yield Paragraph(f"dialled as {dial}")


# -- words


def _heading(text: str) -> Paragraph:
    return Paragraph(text, kind="heading")


def _arrow(what: str, to: Address) -> Paragraph:
    return Paragraph(f"{what} →{_TIE}{to}")


def _services(services: Iterable[Service]) -> str:
    """Ports by protocol, such as ``TCP 21, 50000-50099; UDP 51820``."""
    ports: dict[str, list[str]] = {}
    for service in services:
        ports.setdefault(service.protocol.upper(), []).append(str(service.ports))
    return "; ".join(f"{protocol}{_TIE}{', '.join(each)}" for protocol, each in ports.items())


def _ranges(ranges: Sequence[PortRange]) -> str:
    if len(ranges) <= _MOST_RANGES:
        return " ".join(map(str, ranges))
    return f"{ranges[0]} {ranges[1]} … {ranges[-1]}: {len(ranges)} ranges,"
