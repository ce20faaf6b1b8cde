"""The Plan: everything that follows from a Site, per device.

Plain frozen data. Making one touches no host, no file and no clock. Roles, templates and the stage
read it and decide nothing themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from hotshoe.ports import PortRange, Service
from hotshoe.site import Router, Site

# A camera may hold two connections open while it retries; a third is room for a phone's or a
# computer's client with the same user name.
SESSIONS_PER_CAMERA = 3
# New control connections from one address, beyond which they are dropped for a while. A camera
# opens a handful a minute even when it retries.
NEW_CONNECTIONS_PER_MINUTE = 60


@dataclass(frozen=True)
class PortForward:
    """What one router does with connections that arrive for the server.

    The port is the same outside and inside: PASV announces the outside one.

    :param ports: a port or a range
    :param to: the address that it is forwarded to
    """

    ports: PortRange
    to: IPv4Address


@dataclass(frozen=True)
class ServerPlan:
    """What the FTP server has to be.

    :param name: its name
    :param address: its address inside the home
    :param lan: the network it is in
    :param gateway: the router's address in that network
    :param ssh_user: who hotshoe logs in as
    :param ssh_port: where SSH answers
    :param ssh_from: the networks that may log in
    :param hostname: what cameras dial; the name on the certificate
    :param public_address: what PASV announces
    :param control_port: where the camera connects first
    :param passive: where its transfers connect
    :param cameras: the users
    :param open_to_lan: other services that the home may reach
    :param max_clients: sessions at once
    :param max_per_address: sessions at once from one address; every camera may be behind one NAT
    :param bytes_per_second: the most that one transfer may take; 0 is no limit
    :param new_connections_per_minute: from one address to the control port, beyond which they are
        dropped
    """

    name: str
    address: IPv4Address
    lan: IPv4Network
    gateway: IPv4Address
    ssh_user: str
    ssh_port: int
    ssh_from: tuple[IPv4Network, ...]
    hostname: str
    public_address: IPv4Address
    control_port: int
    passive: PortRange
    cameras: tuple[str, ...]
    open_to_lan: tuple[Service, ...]
    max_clients: int
    max_per_address: int
    bytes_per_second: int
    new_connections_per_minute: int = NEW_CONNECTIONS_PER_MINUTE

    @property
    def ftp_ports(self) -> tuple[PortRange, ...]:
        """The control port and the passive range."""
        return (PortRange(self.control_port, self.control_port), self.passive)


@dataclass(frozen=True)
class RouterPlan:
    """What one router has to do.

    :param name: its name
    :param ssh_user: who hotshoe logs in as
    :param ssh_port: where SSH answers
    :param lan: its address and network inside
    :param wan_address: its address on the Internet side
    :param forwards: the port forwards, each towards the server
    :param server: where they lead
    :param open_to_internet: what else it answers on the Internet side
    """

    name: str
    ssh_user: str
    ssh_port: int
    lan: IPv4Interface
    wan_address: IPv4Address
    forwards: tuple[PortForward, ...]
    server: IPv4Address
    open_to_internet: tuple[Service, ...]


@dataclass(frozen=True)
class Plan:
    """A whole home, device by device.

    :param routers: from the Internet inwards
    """

    server: ServerPlan
    routers: tuple[RouterPlan, ...]

    def router(self, name: str) -> RouterPlan:
        """The router of that name.

        :raises KeyError: if there is none
        """
        for router in self.routers:
            if router.name == name:
                return router
        raise KeyError(name)


def make_plan(site: Site) -> Plan:
    """Derive the Plan of a checked Site."""
    server = _server(site, _behind(site))
    return Plan(server, tuple(_router(router, site, server) for router in site.routers))


def _behind(site: Site) -> Router:
    for router in site.routers:
        if router.name == site.server.behind:
            return router
    return site.routers[-1]


def _server(site: Site, behind: Router) -> ServerPlan:
    sessions = SESSIONS_PER_CAMERA * len(site.cameras)
    return ServerPlan(
        name=site.server.name,
        address=site.server.address,
        lan=behind.lan.network,
        gateway=behind.lan.ip,
        ssh_user=site.server.ssh_user,
        ssh_port=site.server.ssh_port,
        ssh_from=(behind.lan.network, *site.server.ssh_from),
        hostname=site.hostname,
        public_address=site.public_address,
        control_port=site.ftp.control_port,
        passive=site.ftp.passive_ports,
        cameras=tuple(camera.name for camera in site.cameras),
        open_to_lan=site.server.open_to_lan,
        # Strangers who connect and never log in must not use up the cameras' places.
        max_clients=2 * sessions + 10,
        max_per_address=sessions,
        bytes_per_second=int(site.ftp.bytes_per_second or 0),
    )


def _router(router: Router, site: Site, server: ServerPlan) -> RouterPlan:
    return RouterPlan(
        name=router.name,
        ssh_user=router.ssh_user,
        ssh_port=router.ssh_port,
        lan=router.lan,
        wan_address=site.public_address,
        forwards=tuple(PortForward(ports, server.address) for ports in server.ftp_ports),
        server=server.address,
        open_to_internet=router.open_to_internet,
    )
