"""A Debian router: the way out first, the way in last."""

from __future__ import annotations

from pyinfra import host, inventory, state
from pyinfra.api.deploy import deploy

from hotshoe.plan import RouterPlan
from hotshoe.render import render
from hotshoe.vsftpd import FOLDER
from roles.base import operations, rulesets
from roles.base.device import SYSCTL, look


@deploy("Router")
def routing(plan: RouterPlan) -> None:
    """Forward and masquerade for the LAN; let nothing in that nobody asked for."""
    operations.packages(("nftables",), name="nftables")
    operations.folder(FOLDER, name="Folder of hotshoe's configuration")
    operations.put(SYSCTL, render("router_linux/sysctl.j2"), name="Forwarding, at every boot")
    operations.forwarding(SYSCTL, name="Forwarding, now")
    rulesets.load(
        "hotshoe_routing",
        render("router_linux/routing.nft.j2", router=plan, wan=look(host).default),
        "routing and masquerading",
    )


@deploy("Router")
def port_forwards(plan: RouterPlan) -> None:
    """Lead the control port and the passive range to the server, if the server is ready."""
    rulesets.load(
        "hotshoe_forwards",
        render("router_linux/forwards.nft.j2", router=plan),
        "port forwards to the server",
        _if=_server_is_ready,
    )


def _server_is_ready() -> bool:
    """Whether the servers of this run are done and well.

    The barrier before it is enough for a plain run; this also holds when the person chose to go on
    after a failure, or ran one host after the other.
    """
    servers = [h for h in inventory.get_group("server") if h in state.activated_hosts]
    return all(
        server not in state.failed_hosts
        and all(data.operation_meta.is_complete() for data in state.ops[server].values())
        for server in servers
    )
