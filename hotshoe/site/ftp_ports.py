"""Which FTP ports a Site's servers get, and what of the Site that follows from.

For the checks, some fields of the Site may be missing because they are invalid (see
:mod:`hotshoe.site.validation`).
"""

from __future__ import annotations

from typing import Any, Literal

from hotshoe.ports import allocation, portset
from hotshoe.ports.allocation import CONTROL_PORT, IMPLICIT_PORT, Demand, FtpPorts
from hotshoe.ports.ranges import PortRange


def cameras_of(site: Any, index: int) -> list[Any]:
    """The cameras that upload to the server of that index."""
    name, single = site.servers[index].name, len(site.servers) == 1
    return [
        camera
        for camera in site.cameras
        if camera.server == name or (camera.server is None and single)
    ]


def own_ports(site: Any) -> tuple[PortRange, ...] | None:
    """The ports of the public address that are this home's; None if all are."""
    shared = site.port_set
    if shared is None:
        return None
    if shared.ports:
        return portset.merged(shared.ports)
    if shared.psid_length == 0:
        return None  # nobody shares the address (RFC 7599, appendix A, example 4)
    return portset.port_set(shared.offset, shared.psid_length, shared.psid)


Way = Literal["explicit", "implicit", "none"]


def control_ports_of(ftp: Any) -> dict[Way, int | None]:
    """The control ports that each server has, by how TLS begins there; None where none is said.

    :param ftp: of a Site, checked or not
    """
    said: dict[Way, int | None] = {
        "explicit": ftp.control_port,
        "implicit": ftp.implicit_port,
        "none": ftp.control_port,
    }
    ways: tuple[Way, ...] = ("explicit", "implicit") if ftp.tls == "both" else (ftp.tls,)
    return {way: said[way] for way in ways}


def key_of(way: str) -> str:
    """The key by which a person says a control port.

    :param way: how TLS begins there
    """
    return "implicit_port" if way == "implicit" else "control_port"


def usual_port(way: str) -> int:
    """The control port where nothing else is said.

    :param way: how TLS begins there
    """
    return IMPLICIT_PORT if way == "implicit" else CONTROL_PORT


def demand(site: Any) -> Demand:
    """What the FTP ports of a Site follow from."""
    own, controls = own_ports(site), control_ports_of(site.ftp)
    return Demand(
        cameras=tuple(len(cameras_of(site, i)) for i in range(len(site.servers))),
        control_ports=tuple(controls.values()),
        usual=tuple(map(usual_port, controls)),
        passive_ports=site.ftp.passive_ports,
        port_set=own,
        # Where the home has all ports, the person's choice is checked instead.
        taken=frozenset() if own is None else _taken(site),
    )


def ftp_ports(site: Any) -> tuple[FtpPorts, ...]:
    """The ports of each server, in the Site's order.

    :raises AllocationError: if they do not suffice
    """
    return allocation.allocate(demand(site))


def _taken(site: Any) -> frozenset[int]:
    """TCP ports that something else answers on, or that go elsewhere."""
    services = [s for r in site.routers for s in (*r.open_to_wan, *r.other_forwards)]
    for server in site.servers:
        services += [*server.open_to_lan, *(s for to in server.may_open for s in to.services)]
    taken = {port for s in services if s.protocol == "tcp" for port in s.ports}
    return frozenset(taken | {server.ssh_port for server in site.servers})
