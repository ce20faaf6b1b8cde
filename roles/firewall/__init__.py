"""The server's firewall: nftables tables of our own, and nobody else's."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe.debian.vsftpd import OWNER, UNPRIVILEGED
from hotshoe.plan.model import ServerPlan
from hotshoe.render import render
from roles.base import rulesets
from roles.base.device import device_of
from roles.firewall.facts import FOOTPRINT, INCOMING, OUTGOING
from roles.firewall.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "refuse_unfit", "server"]


@deploy("Firewall")
def server(plan: ServerPlan) -> None:
    """Let in the FTP ports, and from the LAN what the Site names; drop and count the rest.

    vsftpd's processes answer connections and open none, so whoever takes one over gets no further.
    That is a table of its own: it names users, and where one of them is gone it does not load.
    """
    rulesets.install()
    timeouts = device_of(host)[rulesets.TIMEOUTS]
    rulesets.load(
        INCOMING,
        render("firewall/server.nft.j2", server=plan, timeouts=timeouts),
        "incoming connections",
    )
    rulesets.load(
        OUTGOING,
        render("firewall/outgoing.nft.j2", users=(OWNER, UNPRIVILEGED)),
        "connections that vsftpd opens",
    )
