"""Refuse a server that vsftpd cannot run on, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe.debian import intake
from hotshoe.debian.vsftpd import OWNER, UNPRIVILEGED
from hotshoe.plan.model import ServerPlan
from roles.base.device import device_of
from roles.base.plans import refuse
from roles.vsftpd.facts import DAEMON, DEBIANS_OWN, LISTENERS

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
                f"{_ACCOUNTS[name]}",
                "rename that account",
            )
    holder = device[LISTENERS].get(plan.control_port)
    ours = device.units.get(DAEMON.name, "").startswith("active")
    if device.units.get(DEBIANS_OWN, "").startswith("active"):
        refuse(
            host,
            f"already runs Debian's own {DEBIANS_OWN}, which hotshoe did not set up",
            "stop it if it may go: systemctl disable --now vsftpd",
        )
    if holder and not (ours and holder == "vsftpd"):
        refuse(
            host,
            f"port {plan.control_port} is taken by {holder}",
            "stop that program, or choose another ftp.control_port",
        )
