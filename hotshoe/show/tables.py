"""The Plan as a person reads it on a terminal, device by device.

Only words and layout; all facts come from the Plan. Plain ASCII, since the output of
a command ends up in all kinds of files and mails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hotshoe.paths import LIBRARY
from hotshoe.plan.model import (
    AcceptRule,
    Acme,
    AddressFollower,
    ClientRule,
    FetcherPlan,
    HomeAccess,
    Intake,
    Plan,
    PortForward,
    RecordUpdate,
    RouterPlan,
    ServerPlan,
)
from hotshoe.show import library
from hotshoe.site.certificate import HTTP_PORT
from hotshoe.site.fields import DYNAMIC
from hotshoe.site.sizes import written

MANAGED_BY = {
    "linux": "Debian, configured by hotshoe",
    "openwrt": "OpenWrt, configured by hotshoe",
    "hand": "set up by hand from the worksheet",
}
TLS = {
    "explicit": "explicit FTPS: TLS begins with AUTH TLS",
    "implicit": "implicit FTPS: TLS begins at once",
    "none": "plain FTP, which everybody on the way can read",
}

# A line of a device's table: label and text.
Line = tuple[str, RenderableType]


def tables(plan: Plan) -> Iterator[RenderableType]:
    """A Plan as tables, one after another.

    :returns: what a :class:`rich.console.Console` of any width can print
    """
    yield _heading(plan.hostname, str(plan.public_address or "dynamic public address"))
    yield Text(_overview(plan))
    if plan.ddns and plan.ddns.updated_by == "none":
        yield Text("The DNS record of that name is updated by somebody else.")
    if plan.port_set:
        yield Text(f"Ports of that address that are this home's: {_list(plan.port_set)}")
    for router in plan.routers:
        yield Text()
        yield _heading(f"Router {router.name}", MANAGED_BY[router.managed_by])
        yield _device(_router(router))
    for server in plan.servers:
        yield Text()
        yield _heading(f"Server {server.name}", f"behind {server.behind}")
        yield _device(_server(server))
    for fetcher in plan.fetchers:
        yield Text()
        yield _heading(f"Computer {fetcher.name}", f"behind {fetcher.behind}")
        yield _device(_fetcher(fetcher))
    if plan.client_firewall:
        yield Text()
        yield _heading("Outgoing connections that a camera's network must allow")
        yield _rows(_outgoing(plan, rule) for rule in plan.client_firewall)


def _overview(plan: Plan) -> str:
    """The routers from the Internet inwards, each with the other hosts in its LAN."""
    path = ["Internet"]
    for router in plan.routers:
        names = [server.name for server in plan.servers_behind(router)]
        here = _list([*names, *(fetcher.name for fetcher in plan.fetchers_behind(router))])
        path.append(f"{router.name} [{here}]" if here else router.name)
    return " -> ".join(path)


def _router(router: RouterPlan) -> Iterator[Line]:
    gateway = f", gateway {router.gateway}" if router.gateway else ""
    yield "WAN", f"{router.wan_address or DYNAMIC}{gateway}"
    if router.wan6:
        yield "", str(router.wan6)
    yield "LAN", str(router.lan)
    if router.lan6:
        yield "", str(router.lan6)
    if router.ddns:
        yield "DNS record", f"updated here, {_updates(router.ddns)}"
    if router.notices:
        notices = ((f"{notice.port}/tcp", f"to {notice.to}") for notice in router.notices)
        yield "WAN notices", _rows(notices)
    yield "NAT", f"masquerade {_list(router.masquerade)}" if router.masquerade else "none: routed"
    if router.masquerade_ports:
        yield "", f"with these source ports only: {_list(router.masquerade_ports)}"
    if router.routes:
        yield "static routes", _rows((f"{route.to} via {route.via}",) for route in router.routes)
    if router.leases:
        leases = ((str(lease.address), f"for {lease.name}, {lease.mac}") for lease in router.leases)
        yield "static leases", _rows(leases)
    if router.forwards:
        yield "port forwards", _rows(_rule(forward) for forward in router.forwards)
    if router.default_host:
        yield "default host", f"{router.default_host} gets everything else"
    if router.accept_rules:
        yield "accept rules", _rows(_rule(rule) for rule in router.accept_rules)
    if router.other_forwards:
        yield "other forwards", f"{_list(router.other_forwards)} to other devices"
    yield "own services", _list(router.open_to_wan) or "none"
    if router.managed_by == "openwrt":
        yield "", "what else gets in is up to its own firewall"
    else:
        yield "", f"nothing else gets in{', over IPv6' if router.default_host else ''}"
    yield "hairpin NAT", f"from {_list(router.hairpin)}" if router.hairpin else "none"
    yield "FTP helper", "off"


def _rule(rule: PortForward | AcceptRule) -> tuple[str, str]:
    only = f", only from {rule.source}" if rule.source else ""
    return str(rule.service), f"to {rule.to}{only} ({rule.purpose})"


def _server(server: ServerPlan) -> Iterator[Line]:
    yield "address", f"{server.address} in {server.lan}, gateway {server.gateway}"
    if server.address6:
        yield "", str(server.address6)
    address = server.public_address or DYNAMIC
    if server.only_on:
        yield "cameras dial", f"its address on {server.only_on}, a direct link, and nowhere else"
    else:
        yield "cameras dial", f"{server.hostname} ({address})"
    if server.follower:
        yield from _follower(server.follower)
    ports = ((str(control.port), TLS[control.tls]) for control in server.control_ports)
    yield "control ports" if len(server.control_ports) > 1 else "control port", _rows(ports)
    yield "passive range", f"{server.passive} ({len(server.passive)} ports)"
    yield from _encryption(server)
    if server.only_from:
        yield "cameras from", f"{_list(server.only_from)} only"
    yield "cameras", _list(server.cameras) or "none"
    yield "at once", f"{server.max_clients} sessions, {server.max_per_address} from one address"
    yield (
        "",
        f"{server.max_per_camera} idle ones of one camera; {server.login_seconds} s to log in",
    )
    if server.bytes_per_second:
        yield "", f"{written(server.bytes_per_second)} a second for each transfer"
    if server.total_bytes_per_second:
        yield "", f"{written(server.total_bytes_per_second)} a second for all together"
    yield from _intake(server.intake)
    yield from _out_of_the_library(server)
    yield "SSH", f"{server.ssh_user}, port {server.ssh_port}, from {_list(server.ssh_from)}"
    to_whom = f" to {_list(server.inside)}" if server.open_to_lan else ""
    yield "other services", f"{_list(server.open_to_lan) or 'none'}{to_whom}"
    if server.accept_rules:
        yield "accept rules", _rows(_rule(rule) for rule in server.accept_rules)
    if server.may_open:
        yield "may open", _rows(_opens(access) for access in server.may_open)
    else:
        yield "may open", "nothing behind further routers"


def _encryption(server: ServerPlan) -> Iterator[Line]:
    if encryption := server.encryption:
        suites = encryption.ciphers
        some = "" if all(name.startswith("ECDHE-") for name in suites) else ", some without it"
        yield "TLS", _list(encryption.versions)
        yield "", f"{len(suites)} cipher suites up to 1.2, with forward secrecy{some}"
    if not server.certificate:
        return
    if server.certificate.acme:
        yield from _acme(server.certificate.acme)
    elif server.certificate.files:
        yield "certificate", f"your own: {server.certificate.files.chain}"
    else:
        yield "certificate", "of an authority of this home's own"


def _acme(acme: Acme) -> Iterator[Line]:
    yield "certificate", f"by ACME from {acme.directory}"
    if acme.challenge == "http-01":
        yield "", f"which asks at port {HTTP_PORT}, open only while it does"
    elif acme.update:
        yield "", f"which asks for a DNS record, set by RFC 2136 at {acme.update.server}"
    else:
        yield "", f"which asks for a DNS record, set by {acme.hook}"


def _intake(intake: Intake) -> Iterator[Line]:
    yield "photos go to", f"{LIBRARY}/{intake.library}"
    yield "", f"uploads that broke off stay aside for {intake.keep_incomplete_days} days"
    unclean = [camera.name for camera in intake.cameras if camera.tolerates_unclean_close]
    if unclean:
        yield "", f"also without a TLS close if content proves them whole: of {_list(unclean)}"
    limits = [(camera.name, camera.limit) for camera in intake.cameras if camera.limit]
    yield "room", f"{written(intake.keep_free)} of the disk stay free"
    if intake.limit:
        yield "", f"{written(intake.limit)} for all photos"
    for name, limit in limits:
        yield "", f"{written(limit)} for those of {name}"


def _out_of_the_library(server: ServerPlan) -> Iterator[Line]:
    if server.share:
        yield "share", library.share(server.share)
    if server.readers:
        yield "readers", f"{_list(server.readers)}, on the server"
    if server.message:
        yield "message", library.message(server.message)
    if server.delivers:
        fetched = (
            (access.name, f"fetches, from {access.source} on {server.fetch_port}/tcp")
            for access in server.fetchers
        )
        sent = ((push.name, library.pushes_to(push)) for push in server.pushes)
        yield "photos to", _rows((*fetched, *sent))
    if server.retention:
        yield "", library.retention(server.retention)


def _fetcher(fetcher: FetcherPlan) -> Iterator[Line]:
    yield "address", str(fetcher.address)
    if fetcher.removed:
        yield "removed", "all that hotshoe put there goes; the photos stay"
    else:
        yield "fetches from", library.fetches_from(fetcher)
        yield "photos go to", fetcher.folder
        yield "", library.pace(fetcher.order, fetcher.bytes_per_second)
    if fetcher.by_hand:
        yield "set up", f"by hand, with what hotshoe delivery --fetcher {fetcher.name} writes"
    else:
        yield "SSH", f"{fetcher.ssh_user}, port {fetcher.ssh_port}"


def _follower(follower: AddressFollower) -> Iterator[Line]:
    sources = _list(follower.sources)
    yield "public address", f"asked of two of these every {follower.seconds} s: {sources}"
    if follower.router:
        yield "", f"told by {follower.router} on {follower.notice_port}/tcp"
    if follower.update:
        yield "DNS record", f"updated here, {_updates(follower.update)}"


def _updates(record: RecordUpdate) -> str:
    """By which protocol a record is updated, and as whom; never the secret."""
    parts: tuple[tuple[str, object], ...] = (
        ("by", record.provider or "RFC 2136 (nsupdate)"),
        ("at", record.server),
        ("in the zone", record.zone),
        ("as", record.username),
        ("with the key", record.key_name and f"{record.key_name} ({record.algorithm})"),
        ("TTL", f"{record.ttl} s" if record.updated_by == "nsupdate" else None),
    )
    return " ".join(f"{word} {value}" for word, value in parts if value)


def _opens(access: HomeAccess) -> tuple[str, str]:
    dialled = "" if access.dial == access.host else f" by dialling {access.dial}"
    return str(access.service), f"of {access.host}{dialled}"


def _outgoing(plan: Plan, rule: ClientRule) -> tuple[str, str]:
    # A dynamic address is known by its name alone.
    to = rule.to if plan.public_address else (plan.hostname, *rule.to)
    return f"for {rule.server}", f"{_list(rule.services)} to {_list(to)}"


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _heading(name: str, about: str = "") -> Text:
    return Text.assemble((name, "bold"), (f" ({about})" if about else "", "dim"))


def _device(lines: Iterable[Line]) -> Table:
    """The lines of a device: label and text."""
    table = _table()
    table.add_column(style="dim", width=14, overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    for label, text in lines:
        table.add_row(Text(label), Text(text) if isinstance(text, str) else text)
    return table


def _rows(rows: Iterable[Sequence[str]]) -> Table:
    """Rows of equal length, in columns."""
    table = _table()
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    for column in table.columns:
        column.overflow = "fold"
    return table


def _table() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=False)
