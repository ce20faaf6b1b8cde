"""The text in each box of the picture of a home; :mod:`hotshoe.show.diagram.layout` places it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import groupby
from typing import Literal

from hotshoe.plan.model import (
    AddressFollower,
    FetcherPlan,
    HomeAccess,
    Plan,
    Push,
    RecordUpdate,
    RouterPlan,
    ServerPlan,
)
from hotshoe.show import library
from hotshoe.show.diagram import paragraphs
from hotshoe.show.diagram.paragraphs import TIE, Paragraph
from hotshoe.site.fields import DYNAMIC
from hotshoe.site.sizes import written

Icon = Literal["internet", "router", "server", "home", "computer"]

TITLES = {
    "explicit": "FTPS, explicit TLS",
    "implicit": "FTPS, implicit TLS",
    "both": "FTPS, explicit or implicit",
    "none": "FTP without TLS",
}
_MANAGERS = {"linux": "Debian", "openwrt": "OpenWrt", "hand": "by hand"}


@dataclass(frozen=True)
class BoxContent:
    """The text of a box.

    :param icon: the kind of device
    :param title: its name
    :param subtitle: what it is
    :param body: its properties
    :param network: the networks in its LAN
    :param camera: whether a camera is drawn in it
    """

    icon: Icon
    title: str
    subtitle: str
    body: tuple[Paragraph, ...]
    network: tuple[Paragraph, ...] = ()
    camera: bool = False


def internet_box(plan: Plan) -> BoxContent:
    """The box of the Internet: what a camera dials."""
    direct = any(server.only_on for server in plan.servers)
    cameras = "with no way in for a camera" if direct else "with a camera anywhere"
    return BoxContent("internet", "Internet", cameras, tuple(_internet(plan)), camera=not direct)


def router_box(plan: Plan, index: int) -> BoxContent:
    """The box of a router.

    :param index: its place, from the Internet inwards
    """
    router = plan.routers[index]
    place = f"router {index + 1} of {len(plan.routers)}, " if len(plan.routers) > 1 else "router, "
    return BoxContent(
        "router",
        router.name,
        place + _MANAGERS[router.managed_by],
        tuple(_router(router)),
        (
            Paragraph(f"network {router.lan.network}"),
            *([Paragraph(str(router.lan6.network))] if router.lan6 else []),
        ),
    )


def server_box(plan: Plan, server: ServerPlan) -> BoxContent:
    """The box of a server.

    :param server: a server of the Plan
    """
    return BoxContent("server", server.name, "server, Debian", tuple(_server(plan, server)))


def home_box(plan: Plan, router: RouterPlan) -> BoxContent | None:
    """The box of the home behind a router: what servers outside of it may open there.

    :param router: a router of the Plan
    :returns: None where there is nothing to draw
    """
    body = tuple(_home(plan, router))
    return BoxContent("home", "home", f"behind {router.name}", body) if body else None


def share_box(server: ServerPlan) -> BoxContent | None:
    """The box of those at home who see a server's library as a network folder.

    :returns: None for a server without a share
    """
    if server.share is None:
        return None
    rights = "to change" if server.share.may_change else "to read"
    body = (paragraphs.heading(f"share of {server.name}"), Paragraph(f"SMB, {rights}"))
    return BoxContent("home", "home", "sees photos", body)


def fetcher_box(fetcher: FetcherPlan) -> BoxContent:
    """The box of a computer at home that fetches photos."""
    return BoxContent(
        "computer",
        fetcher.name,
        f"computer, {_MANAGERS['hand' if fetcher.by_hand else 'linux']}",
        tuple(_fetcher(fetcher)),
    )


def peer_box(server: ServerPlan, push: Push) -> BoxContent:
    """The box of a place that a server sends photos to."""
    icon: Icon = "computer" if push.home_address else "internet"
    return BoxContent(icon, push.name, "gets photos", tuple(_peer(server, push)))


def summary(plan: Plan) -> str:
    """The picture in a few sentences, for those who cannot see it."""
    routers = ", then ".join(router.name for router in plan.routers)
    servers = " ".join(
        f"The server {server.name} ({server.address}) is behind {server.behind}, "
        f"with {_control_ports(server)} and passive range {server.passive}."
        for server in plan.servers
    )
    record = f"Its DNS record is updated by {_updater(plan, plan.ddns)}. " if plan.ddns else ""
    only_on = plan.servers[0].only_on
    dials = (
        f"A camera on a direct link dials the server's address on {only_on}. The home is "
        if only_on
        else "A camera on the Internet dials "
    )
    shared = "".join(
        f" The home sees the photos of {server.name} as a network folder (SMB)."
        for server in plan.servers
        if server.share
    )
    fetched = "".join(
        f" {fetcher.name} ({fetcher.address}) fetches photos from {fetcher.server}."
        for fetcher in plan.fetchers
    )
    sent = "".join(
        f" {server.name} sends photos to {push.name} ({_place(push)[0]})."
        for server in plan.servers
        for push in server.pushes
    )
    return (
        f"{dials}{plan.hostname}, which is {plan.public_address or 'a dynamic address'}. "
        f"{record}From the Internet inwards, the routers are {routers}. {servers}"
        f"{shared}{fetched}{sent}"
    )


# -- the boxes


def _internet(plan: Plan) -> Iterator[Paragraph]:
    only_on = plan.servers[0].only_on
    if only_on:
        yield paragraphs.heading("the camera dials")
        yield Paragraph(f"the server on {only_on}, by a direct link")
    yield paragraphs.heading("this home is" if only_on else "the camera dials")
    yield Paragraph(plan.hostname)
    yield paragraphs.heading("which leads to")
    yield Paragraph(str(plan.public_address or "a dynamic address"))
    for address in dict.fromkeys(server.address6 for server in plan.servers):
        if address:
            yield Paragraph(str(address))
    if plan.ddns:
        yield paragraphs.heading("DNS record updated by")
        yield Paragraph(_updater(plan, plan.ddns))
    # All servers use the same protocol.
    yield paragraphs.heading(TITLES[plan.servers[0].tls])
    for server in plan.servers:
        if len(plan.servers) > 1:
            yield Paragraph(f"to{TIE}{server.name}:", kind="purpose")
        both = len(server.control_ports) > 1
        for control in server.control_ports:
            way = f",{TIE}{control.tls}" if both else ""
            yield Paragraph(f"control TCP {control.port}{way}")
        yield Paragraph(f"passive TCP {server.passive}")
    if plan.port_set:
        yield paragraphs.heading("of a shared address, only these ports are this home's")
        yield Paragraph(paragraphs.list_ranges(plan.port_set))
        yield Paragraph(f"{sum(map(len, plan.port_set))} ports")


def _control_ports(server: ServerPlan) -> str:
    """The control ports of a server, in words."""
    if len(server.control_ports) == 1:
        return f"control port {server.control_port}"
    ports = (f"{control.port} ({control.tls} TLS)" for control in server.control_ports)
    return f"control ports {' and '.join(ports)}"


def _updater(plan: Plan, record: RecordUpdate) -> str:
    """Who updates the record of the home's name."""
    updating = [router.name for router in plan.routers if router.ddns]
    updating += [
        server.name for server in plan.servers if server.follower and server.follower.update
    ]
    return ", ".join(
        [*(updating or ["somebody else"]), *([record.provider] if record.provider else [])]
    )


def _router(router: RouterPlan) -> Iterator[Paragraph]:
    yield Paragraph(_mode(router))
    yield Paragraph(str(router.wan_address or DYNAMIC), "WAN")
    if router.wan6:
        yield Paragraph(str(router.wan6), "")
    yield Paragraph(str(router.lan), "LAN")
    if router.lan6:
        yield Paragraph(str(router.lan6), "")
    if router.notices:
        yield paragraphs.heading("tells its WAN address")
        for notice in router.notices:
            yield paragraphs.arrow(f"TCP{TIE}{notice.port}", notice.to)
    yield from _record(router.ddns)
    yield from paragraphs.list_rules("port forwards", router.forwards)
    if router.default_host:
        yield paragraphs.heading("default host")
        yield paragraphs.arrow("all else" if router.forwards else "everything", router.default_host)
    yield from paragraphs.list_rules("accept rules, no NAT", router.accept_rules)
    if router.routes:
        yield paragraphs.heading("static routes")
        for route in router.routes:
            yield Paragraph(f"{route.to} via{TIE}{route.via}")
    if router.masquerade:
        yield paragraphs.heading("masquerade")
        for network in router.masquerade:
            yield Paragraph(str(network))
        if router.masquerade_ports:
            yield Paragraph("with this home's ports")
        if router.hairpin:
            yield Paragraph("hairpin NAT for the same")
    if router.leases:
        yield paragraphs.heading("static leases (DHCP)")
        for lease in router.leases:
            yield Paragraph(f"{lease.address} to{TIE}{lease.name}")
    if router.other_forwards:
        yield paragraphs.heading("other forwards")
        yield Paragraph(paragraphs.list_services(router.other_forwards))
    if router.open_to_wan:
        yield paragraphs.heading("own services")
        yield Paragraph(paragraphs.list_services(router.open_to_wan))


def _mode(router: RouterPlan) -> str:
    if router.mode == "routed":
        return "routed, no NAT"
    if router.mode == "default-host":
        return "NAT, default host"
    forwards = router.forwards or router.other_forwards
    return "NAT, port forwards" if forwards else "NAT, no port forwards"


def _server(plan: Plan, server: ServerPlan) -> Iterator[Paragraph]:
    yield Paragraph(str(server.address), "IPv4")
    if server.address6:
        yield Paragraph(str(server.address6), "IPv6")
    yield Paragraph(
        ", ".join(map(str, server.ftp_ports)), "FTP" if server.tls == "none" else "FTPS"
    )
    if server.only_on:
        yield Paragraph(f"{server.only_on} alone", "by")
    else:
        yield Paragraph(str(server.public_address or DYNAMIC), "PASV")
    others = [network for network in server.ssh_from if network not in server.inside]
    yield Paragraph(", ".join([f"{server.ssh_port} from the home", *map(str, others)]), "SSH")
    yield paragraphs.heading("cameras")
    yield Paragraph(", ".join(server.cameras))
    if server.only_from:
        yield Paragraph(f"only from {', '.join(map(str, server.only_from))}")
    yield paragraphs.heading("library")
    yield Paragraph(server.intake.library)
    yield from _limits(server)
    yield from _out_of_the_library(server)
    if server.open_to_lan:
        yield paragraphs.heading("other services")
        yield Paragraph(paragraphs.list_services(server.open_to_lan))
    yield from paragraphs.list_rules("accept rules", server.accept_rules)
    if server.follower:
        yield from _follower(server.follower)
    innermost = plan.routers[-1]
    if server.behind == innermost.name:
        return
    for access in _by_host(server.may_open):
        if _is_server(plan, access[0].host):
            yield paragraphs.heading("may open inwards")
            yield from _opened(access)
    # The box of a home behind the innermost router says the same.
    if not server.may_open and plan.servers_behind(innermost):
        yield paragraphs.heading("may open inwards")
        yield Paragraph("nothing")


def _out_of_the_library(server: ServerPlan) -> Iterator[Paragraph]:
    if server.readers:
        yield paragraphs.heading("readers")
        yield Paragraph(", ".join(server.readers))
    if server.message:
        yield paragraphs.heading("message")
        yield Paragraph(f"{server.message.program} per {server.message.per}")
    if server.share or server.delivers:
        yield paragraphs.heading("photos go to")
        if server.share:
            yield Paragraph(f"SMB →{TIE}the home")
        for access in server.fetchers:
            yield Paragraph(f"{access.name}, which fetches")
        for push in server.pushes:
            yield Paragraph(f"{library.WAYS[push.by]} →{TIE}{push.name}")
    if server.retention:
        yield paragraphs.heading("then removed")
        if server.retention.after_days is not None:
            yield Paragraph(f"after {server.retention.after_days} days")
        if server.retention.keep_free is not None:
            yield Paragraph(f"so that {written(server.retention.keep_free)} are free")


def _fetcher(fetcher: FetcherPlan) -> Iterator[Paragraph]:
    yield Paragraph(str(fetcher.address), "IPv4")
    if not fetcher.by_hand:
        yield Paragraph(f"{fetcher.ssh_port} from the home", "SSH")
    if fetcher.removed:
        yield paragraphs.heading("is being removed from")
        yield Paragraph(fetcher.server)
        return
    yield paragraphs.heading(f"fetches from {fetcher.server}")
    yield paragraphs.arrow(f"TCP{TIE}{fetcher.port}", fetcher.dial)
    yield from _pace(fetcher)
    yield paragraphs.heading("to")
    yield Paragraph(fetcher.folder)


def _peer(server: ServerPlan, push: Push) -> Iterator[Paragraph]:
    if push.home_address:
        yield Paragraph(str(push.home_address), "IPv4")
    yield paragraphs.heading(f"from {server.name}, by {library.WAYS[push.by]}")
    for part in _place(push):
        yield Paragraph(part)
    yield from _pace(push)


def _place(push: Push) -> tuple[str, ...]:
    """Where photos go there. A picture has no links."""
    return tuple(part.removeprefix("https://") for part in library.place(push))


def _pace(delivery: FetcherPlan | Push) -> Iterator[Paragraph]:
    yield Paragraph(library.pace(delivery.order, delivery.bytes_per_second))


def _limits(server: ServerPlan) -> Iterator[Paragraph]:
    """What the person limits; that some of the disk stays free is so everywhere."""
    intake = server.intake
    limits = [
        *([f"{written(intake.limit)} in all"] if intake.limit else []),
        *(f"{written(cam.limit)} for{TIE}{cam.name}" for cam in intake.cameras if cam.limit),
        *(
            f"{written(rate)} a second {whose}"
            for rate, whose in (
                (server.total_bytes_per_second, "in all"),
                (server.bytes_per_second, "each"),
            )
            if rate
        ),
    ]
    if limits:
        yield paragraphs.heading("at most")
        yield from map(Paragraph, limits)


def _follower(follower: AddressFollower) -> Iterator[Paragraph]:
    yield paragraphs.heading("follows the address")
    if follower.router:
        yield Paragraph(f"told by {follower.router} on{TIE}TCP{TIE}{follower.notice_port}")
    yield Paragraph(f"asks two every {follower.seconds}{TIE}s:")
    for source in follower.sources:
        yield Paragraph(source.removeprefix("https://"))
    yield from _record(follower.update)


def _record(record: RecordUpdate | None) -> Iterator[Paragraph]:
    if record:
        yield paragraphs.heading("updates the DNS record")
        yield Paragraph(f"by {record.provider or 'RFC 2136 (nsupdate)'}")
        for where in (record.server, record.zone):
            if where:
                yield Paragraph(where)


def _home(plan: Plan, router: RouterPlan) -> Iterator[Paragraph]:
    protected = router == plan.routers[-1] and not plan.servers_behind(router)
    for server in plan.servers:
        here = [
            access
            for access in server.may_open
            if access.host in router.lan.network and not _is_server(plan, access.host)
        ]
        if here or protected:
            yield paragraphs.heading(f"{server.name} may open inwards")
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
    yield paragraphs.arrow(paragraphs.list_services(access.service for access in accesses), host)
    if dial != host:
        yield Paragraph(f"dialled as {dial}")
