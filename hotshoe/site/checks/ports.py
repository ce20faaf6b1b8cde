"""Which ports are used for what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from hotshoe.ports.allocation import (
    LOWEST_PASSIVE_PORT,
    PASSIVE_PORTS,
    SESSIONS_PER_CAMERA,
    AllocationError,
    FtpPorts,
    default_range,
    sessions_at_once,
    summary,
)
from hotshoe.ports.ranges import PortRange, Service
from hotshoe.site.checks.base import (
    Finding,
    inner_router_of,
    inward,
    nat_routers_between,
    peer_key,
    router_index,
)
from hotshoe.site.checks.outside import port_set_is_valid
from hotshoe.site.delivery import SHARE_SERVICES
from hotshoe.site.ftp_ports import (
    cameras_of,
    control_ports_of,
    demand,
    ftp_ports,
    key_of,
    own_ports,
    usual_port,
)
from hotshoe.site.validation import RefusedFieldError

NOT_NEEDED = "remove it; the FTP ports are opened by themselves"


def control_port_is_free(site: Any) -> Iterator[Finding]:
    """Refuse a control port that is a passive port too, or one that both daemons have."""
    passive, shared = site.ftp.passive_ports, _is_shared(site)
    with suppress(AllocationError):  # reported by ports_suffice
        passive = passive if shared else _passive_range(site)
    taken: dict[int, str] = {}
    for way, said in control_ports_of(site.ftp).items():
        control, key = said if shared else said or usual_port(way), key_of(way)
        if control and passive and control in passive:
            yield (
                f"ftp.{key}",
                f"{control} is inside the passive range {passive}",
                _another_control_port(site, way, "take a control port outside the range"),
            )
        elif control and control in taken:
            yield (
                f"ftp.{key}",
                f"{control} is ftp.{taken[control]} too, and each has a daemon of its own",
                _another_control_port(site, way, "take another port"),
            )
        elif control:
            taken[control] = key


def control_ports_are_used(site: Any) -> Iterator[Finding]:
    """Refuse a control port of a kind of FTP that is not offered."""
    used = {key_of(way) for way in control_ports_of(site.ftp)}
    for key in ("control_port", "implicit_port"):
        if key not in used and getattr(site.ftp, key) is not None:
            others = " and ".join(f"ftp.{name}" for name in sorted(used))
            yield (
                f"ftp.{key}",
                f"is not used with tls: {site.ftp.tls}, whose port is {others}",
                f"write {sorted(used)[0]} instead, or remove it",
            )


def _another_control_port(site: Any, way: str, remedy: str) -> str:
    usual = "or leave it out" if _is_shared(site) else f"for example {usual_port(way)}"
    return f"{remedy}, {usual}"


def _is_shared(site: Any) -> bool:
    """Whether only some ports of the public address are this home's."""
    return _own_ports(site) is not None


def _own_ports(site: Any) -> tuple[PortRange, ...] | None:
    """The ports of the public address that are this home's, if the port set is valid."""
    if next(port_set_is_valid(site), None):
        raise RefusedFieldError("port_set")
    return own_ports(site)


def _passive_range(site: Any) -> PortRange:
    """The range of all servers, where the home has all ports of its address."""
    return site.ftp.passive_ports or _default_range(site)


def _default_range(site: Any) -> PortRange:
    wanted = demand(site)
    return default_range(wanted.cameras, len(wanted.control_ports))


def passive_range_suits_vsftpd(site: Any) -> Iterator[Finding]:
    """Refuse a passive range that vsftpd would not take."""
    passive = site.ftp.passive_ports
    if passive is not None and passive.first < LOWEST_PASSIVE_PORT:
        yield (
            "ftp.passive_ports",
            f"{passive} begins below {LOWEST_PASSIVE_PORT}, which vsftpd refuses",
            f"write for example: passive_ports: {PASSIVE_PORTS}",
        )


def ftp_ports_are_this_homes(site: Any) -> Iterator[Finding]:
    """Refuse FTP ports that belong to somebody else who shares the public address."""
    own = _own_ports(site)
    if own is None:
        return
    ours = {port for ports in own for port in ports}
    passive = site.ftp.passive_ports
    for key, given, ports in (
        *((key_of(way), port, [port]) for way, port in control_ports_of(site.ftp).items()),
        ("passive_ports", passive, passive or ()),
    ):
        if given and not ours.issuperset(ports):
            yield (
                f"ftp.{key}",
                f"{given} is not among the ports that are this home's ({summary(own)})",
                "leave it out; hotshoe then picks one of them",
            )


def ports_suffice(site: Any) -> Iterator[Finding]:
    """Refuse ports that are too few for the cameras."""
    _require_own_ports(site)
    try:
        ftp_ports(site)
    except AllocationError as error:
        yield error.finding


def ports_limit_cameras(site: Any) -> Iterator[Finding]:
    """Warn of ports that suffice, though not for as many sessions at once as cameras open."""
    said = site.ftp.passive_ports
    for i, ports in enumerate(_allocated_ports(site)):
        sessions = sessions_at_once(len(cameras_of(site, i)), len(ports.passive))
        if sessions == SESSIONS_PER_CAMERA:
            continue
        if said:
            key, remedy = "ftp.passive_ports", "leave it out"
        elif _is_shared(site):
            key = "port_set"
            remedy = "ask the provider for an address of your own or for more ports in a row"
        else:
            key, remedy = "cameras", "use several servers at different public addresses"
        if said and not _is_shared(site):
            remedy = f"write for example: passive_ports: {_default_range(site)}; or "
            remedy += "leave it out"
        yield (
            key,
            f"{site.servers[i].name} gets the passive ports {ports.passive}, which suffice for "
            f"{sessions} transfer{'s' * (sessions > 1)} of each camera at once; where a camera "
            f"opens more, of up to {SESSIONS_PER_CAMERA} as some do, the server may now and then "
            "end one that finds no free port, and the camera has to dial again",
            remedy,
        )


def _require_own_ports(site: Any) -> None:
    """End a check that needs the FTP ports, where they were refused."""
    if next(ftp_ports_are_this_homes(site), None):
        raise RefusedFieldError("ftp")


def _allocated_ports(site: Any) -> tuple[FtpPorts, ...]:
    _require_own_ports(site)
    try:
        return ftp_ports(site)
    except AllocationError as error:
        raise RefusedFieldError("ftp") from error  # reported by ports_suffice


def ssh_port_is_not_an_ftp_port(site: Any) -> Iterator[Finding]:
    """Refuse FTP on a port of a server where SSH answers, which would be open to everybody."""
    for i, (server, ports) in enumerate(zip(site.servers, _allocated_ports(site), strict=True)):
        if server.ssh_port in ports.controls and i == 0:
            way = [*control_ports_of(site.ftp)][ports.controls.index(server.ssh_port)]
            yield (
                f"ftp.{key_of(way)}",
                f"{server.ssh_port} is where the SSH of {server.name} answers",
                _another_control_port(site, way, "take another control port"),
            )
        elif server.ssh_port in ports.controls or server.ssh_port in ports.passive:
            yield (
                "ftp.passive_ports",
                f"{_passive_range(site)} holds {server.ssh_port}, where the SSH of {server.name} "
                "answers",
                "take a range without it, or let SSH answer on another port",
            )


def other_services_use_other_ports(site: Any) -> Iterator[Finding]:
    """Refuse another service, or another forward, on a port that FTP uses there."""
    ports = _allocated_ports(site)
    at = [router_index(site, server) for server in site.servers]

    def through(i: int) -> list[FtpPorts]:
        return [p for p, k in zip(ports, at, strict=True) if k >= i]

    for i, server in enumerate(site.servers):
        for service, clash in _clashes(server.open_to_lan, [ports[i]]):
            yield (f"servers[{i}].open_to_lan", _is_in_use(service, clash), NOT_NEEDED)
        for key, host, services in _dialled(site, i):
            inner = inner_router_of(site, at[i], host)
            nat_routers = nat_routers_between(site, at[i], inner) if inner else []
            passing = through(nat_routers[0]) if nat_routers else []
            for service, clash in _clashes(services, passing):
                yield (key, _is_in_use(service, clash), f"let {host} answer on another port")
    for i, router in enumerate(site.routers):
        for service, clash in _clashes(router.open_to_wan, through(i)):
            yield (f"routers[{i}].open_to_wan", _is_in_use(service, clash), NOT_NEEDED)
        for service, clash in _clashes(router.other_forwards, through(i)):
            yield (
                f"routers[{i}].other_forwards",
                f"{service} is forwarded elsewhere already, and the cameras need {clash}",
                "take other FTP ports (ftp.control_port, ftp.passive_ports), or remove that "
                "forward from the router and from here",
            )


def _dialled(site: Any, i: int) -> Iterator[tuple[str, Any, Iterable[Service]]]:
    """What the server of index i may dial inwards, with the key that says so."""
    for j, target in enumerate(site.servers[i].may_open):
        yield f"servers[{i}].may_open[{j}].services", target.to, target.services
    with suppress(RefusedFieldError):
        for j, host, port, _ in inward(site, i):
            yield peer_key(site, j), host, (Service.tcp(port),)


def share_has_its_ports(site: Any) -> Iterator[Finding]:
    """Refuse a share whose ports something else on a server uses."""
    if site.library.share == "none":
        return
    for server, ports in zip(site.servers, _allocated_ports(site), strict=True):
        for service, clash in _clashes(SHARE_SERVICES, [ports]):
            yield (
                "library.share",
                f"the share needs {service} of {server.name}, which its FTP uses ({clash})",
                "take other FTP ports (ftp.control_port, ftp.passive_ports)",
            )
        for service in SHARE_SERVICES:
            if service.protocol == "tcp" and server.ssh_port in service.ports:
                yield (
                    "library.share",
                    f"the share needs {service} of {server.name}, where its SSH answers",
                    "let SSH answer on another port",
                )


def _clashes(
    services: Iterable[Service], ports: list[FtpPorts]
) -> Iterator[tuple[Service, PortRange]]:
    """The services on FTP ports, each with the first of those ports that it meets."""
    used = [PortRange(control, control) for p in ports for control in p.controls]
    used += [p.passive for p in ports]
    for service in services:
        clash = next((p for p in used if service.ports.overlaps(p)), None)
        if service.protocol == "tcp" and clash:
            yield service, clash


def _is_in_use(service: Service, clash: PortRange) -> str:
    return f"{service} is a port that the cameras' FTP connections use ({clash})"
