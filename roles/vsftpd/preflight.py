"""Refuse a server that vsftpd cannot run on, before anything is changed."""

from __future__ import annotations

from ipaddress import ip_address

from pyinfra import host, logger

from hotshoe.debian import daemons, intake
from hotshoe.debian.listeners import LISTENERS
from hotshoe.debian.vsftpd import OWNER, UNPRIVILEGED
from hotshoe.plan.model import ServerPlan
from hotshoe.site.ftp_ports import key_of
from roles.base.device import device_of
from roles.base.plans import refuse
from roles.vsftpd.facts import DEBIANS_OWN, LISTENING

# Debian's system users have smaller numbers (policy manual, section 9.2.2).
FIRST_PERSON = 1000
_ACCOUNTS = {
    OWNER: "the owner of the photos",
    UNPRIVILEGED: "the user of vsftpd's unprivileged process",
    intake.USER: "the user who takes photos in",
}


def refuse_unfit(plan: ServerPlan) -> None:
    """Refuse a server with a person's account of our names, or busy with another FTP server.

    :raises RefusedError: with the reason and what to do
    """
    device = device_of(host)
    for name, entry in device.accounts.items():
        if int(entry.split(":")[2]) >= FIRST_PERSON:
            refuse(
                host,
                f"has a person's account named {name}, the name that hotshoe gives "
                f"{_ACCOUNTS.get(name, 'a program of its own')}",
                "rename that account",
            )
    if device.runs(DEBIANS_OWN):
        refuse(
            host,
            f"already runs Debian's own {DEBIANS_OWN}, which hotshoe did not set up",
            "stop it if it may go: systemctl disable --now vsftpd",
        )
    _refuse_direct_link(plan)
    for control in plan.control_ports:
        holder = device[LISTENERS].get(control.port)
        if holder and control.port not in device[LISTENING].values():
            refuse(
                host,
                f"port {control.port} is taken by {holder}",
                f"stop that program, or choose another ftp.{key_of(control.tls)}",
            )


def _refuse_direct_link(plan: ServerPlan) -> None:
    """Refuse an interface that leads further than to one computer; say if it is not there."""
    network, link = device_of(host).network, plan.only_on
    if link is None:
        return
    # A second one in the same network leads there as well.
    at_home = (
        ip_address(address) in lan
        for address, interface in network.addresses.items()
        if interface == link
        for lan in plan.inside
    )
    if link in network.uplinks or any(at_home):
        refuse(
            host,
            f"{link} is no direct link: it leads to the home's network, where everybody on the way "
            "could read passwords and photos",
            "name the interface of a cable or a Wi-Fi to one computer in ftp.only_on, or write "
            "another ftp.tls",
        )
    if not network.interfaces.get(link):
        logger.warning(
            f"{host.name}: the interface {link} (ftp.only_on) is not there or has no address, so "
            "nobody can upload until it has"
        )


def in_the_way(plan: ServerPlan) -> tuple[str, ...]:
    """The units of our daemons that hold a port which another of them is to have now.

    Those that are not wanted any more are removed anyway, and then there is nothing to stop.

    :param plan: of the server
    """
    held, wanted = device_of(host)[LISTENING], daemons.wanted(plan)
    return tuple(
        other.unit.name
        for other in wanted
        for daemon, control in wanted.items()
        if daemon.ipv6 == other.ipv6
        and daemon != other
        and held.get(other.unit.name) == control.port
    )
