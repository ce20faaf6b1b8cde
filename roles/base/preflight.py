"""Refuse what cannot work, before anything is changed."""

from __future__ import annotations

from pyinfra import host, logger

from hotshoe.debian import vsftpd
from hotshoe.plan.model import RouterPlan, ServerPlan
from roles.base.device import VSFTPD_UNIT, Device, look
from roles.base.plans import refuse

# Debian's system users have smaller numbers (policy manual, section 9.2.2).
FIRST_PERSON = 1000
_ACCOUNTS = {
    vsftpd.OWNER: "the owner of the photos",
    vsftpd.UNPRIVILEGED: "the user of vsftpd's unprivileged process",
}


def server(plan: ServerPlan) -> None:
    """Refuse a server that is another machine, another system, or busy with another FTP server.

    :raises RefusedError: with the reason and what to do
    """
    device = look(host)
    _system(device)
    if str(plan.address) not in device.addresses:
        refuse(
            host,
            f"has no address {plan.address}, so it is not the server of the Site "
            f"(it has {', '.join(device.addresses)})",
            "give it that fixed address, or mend server.address",
        )
    if plan.address6 and str(plan.address6) not in device.addresses:
        refuse(
            host,
            f"has no address {plan.address6}",
            "give it that fixed address, or remove address6 from the Site",
        )
    for name, entry in device.accounts.items():
        if int(entry.split(":")[2]) >= FIRST_PERSON:
            refuse(
                host,
                f"has a person's account named {name}, the name that hotshoe gives "
                f"{_ACCOUNTS[name]}",
                "rename that account",
            )
    holder = device.listeners.get(plan.control_port)
    ours = device.units.get(VSFTPD_UNIT, "").startswith("active")
    if device.units.get("vsftpd.service", "").startswith("active"):
        refuse(
            host,
            "already runs Debian's own vsftpd.service, which hotshoe did not set up",
            "stop it if it may go: systemctl disable --now vsftpd",
        )
    if holder and not (ours and holder == "vsftpd"):
        refuse(
            host,
            f"port {plan.control_port} is taken by {holder}",
            "stop that program, or choose another ftp.control_port",
        )
    for chain in device.refusing:
        logger.warning(
            f"{host.name}: the nftables chain '{chain}', which is not hotshoe's, drops packets by "
            "default; if cameras do not get through, allow the FTP ports there too"
        )


def router(plan: RouterPlan) -> None:
    """Refuse a router that is another machine or that has no way to the Internet.

    :raises RefusedError: with the reason and what to do
    """
    device = look(host)
    _system(device)
    if str(plan.lan.ip) not in device.addresses:
        refuse(
            host,
            f"has no address {plan.lan.ip}, so it is not this router of the Site "
            f"(it has {', '.join(device.addresses)})",
            "mend the router's lan in the Site",
        )
    if not device.default:
        refuse(host, "has no default route", "connect it to the Internet first")
    if device.default == device.addresses[str(plan.lan.ip)]:
        refuse(
            host,
            f"its default route leaves by {device.default}, the interface of its LAN",
            "a router needs an interface of its own towards the Internet",
        )
    for address6 in (plan.lan6 and plan.lan6.ip, plan.wan6):
        if address6 and str(address6) not in device.addresses:
            refuse(
                host,
                f"has no address {address6}",
                "give it that fixed address, or mend its lan6 or wan6 in the Site",
            )
    if plan.gateway and str(plan.wan_address) not in device.addresses:
        refuse(
            host,
            f"has no address {plan.wan_address}, to which the router outside of it sends the "
            f"cameras (it has {', '.join(device.addresses)})",
            "give it that fixed address, or mend its wan in the Site",
        )
    if str(plan.wan_address) not in device.addresses:
        logger.warning(
            f"{host.name}: none of its interfaces has the public address {plan.wan_address}; "
            "cameras get through only if something in front forwards everything to it"
        )
    for chain in device.dropping:
        logger.warning(
            f"{host.name}: the nftables chain '{chain}', which is not hotshoe's, drops forwarded "
            "packets by default; if cameras do not get through, allow them there too"
        )


def _system(device: Device) -> None:
    name, _, release = device.os.partition(" ")
    if name not in ("debian", "raspbian") or release not in vsftpd.VERSIONS:
        known = " and ".join(vsftpd.VERSIONS)
        refuse(
            host,
            f"runs {device.os or 'an unknown system'}; hotshoe knows Debian {known}",
            "install one of these",
        )
