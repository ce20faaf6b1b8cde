"""Refuse what keeps a share from working, and readers that are none, before anything is changed."""

from __future__ import annotations

from pyinfra import host

from hotshoe import paths
from hotshoe.debian import share
from hotshoe.debian.listeners import LISTENERS
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import ServerPlan
from roles.base.device import device_of
from roles.base.plans import refuse
from roles.share.facts import groups_query

# By whom each port is held while the share is there, and what else may be there.
_PORTS = ((445, share.SAMBA, "SMB"), (3702, share.DISCOVERY, "WS-Discovery"))
# Debian's own, of the same ports.
_AT_BOOT = ("smbd.service", "wsdd2.service")


def refuse_unfit(plan: ServerPlan) -> None:
    """Refuse a server with another program on the share's ports, and readers that cannot be ones.

    :raises RefusedError: with the reason and what to do
    """
    if plan.share:
        _refuse_listeners()
        _refuse_at_boot()
    _refuse_readers(plan)


def _refuse_listeners() -> None:
    device = device_of(host)
    for port, unit, protocol in _PORTS:
        holder = device[LISTENERS].get(port)
        if holder and not device.runs(unit.name):
            refuse(
                host,
                f"port {port} ({protocol}) is taken by {holder}, which hotshoe did not set up, so "
                "the library's share cannot have it",
                "stop that program if it may go, or leave out library.share and share "
                "/srv/hotshoe/library with it yourself",
            )


def _refuse_at_boot() -> None:
    device = device_of(host)
    # Those that a run which was killed had kept from starting, it had not disabled yet.
    ours = paths.SHARE_KEPT_BACK in device.paths
    for unit in _AT_BOOT:
        if device.units.get(unit, "").endswith(" enabled") and not ours:
            refuse(
                host,
                f"{unit}, which hotshoe did not enable, takes a port of the library's share when "
                "the server boots",
                f"if that program may go, systemctl disable --now {unit}; or leave out "
                "library.share and share /srv/hotshoe/library with it yourself",
            )


def _refuse_readers(plan: ServerPlan) -> None:
    query = groups_query(plan)
    groups = device_of(host)[query] if query else {}
    for reader in plan.readers:
        if not groups.get(reader):
            refuse(
                host,
                f"has no user {reader}, who is to read the library",
                f"make that user (adduser {reader}), or correct library.readers in the Site",
            )
        if reader == "root" or OWNER in groups[reader]:
            refuse(
                host,
                f"{reader}, who is to read the library and not to change it, may change it"
                + ("" if reader == "root" else f" as a member of the group {OWNER}"),
                f"leave {reader} out of library.readers"
                + ("" if reader == "root" else f", or: deluser {reader} {OWNER}"),
            )
