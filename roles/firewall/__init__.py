"""The server's firewall: an nftables table of our own, and nobody else's."""

from __future__ import annotations

from pyinfra.api.deploy import deploy

from hotshoe.plan import ServerPlan
from hotshoe.render import render
from roles.base import rulesets


@deploy("Firewall")
def server(plan: ServerPlan) -> None:
    """Let in the FTP ports, and from the LAN what the Site names; drop and count the rest."""
    rulesets.load(
        "hotshoe_firewall",
        render("firewall/server.nft.j2", server=plan),
        "what may reach the server",
    )
