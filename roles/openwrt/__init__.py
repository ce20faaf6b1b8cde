"""An OpenWrt router: the way out first, the way in last."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe.openwrt import sections
from hotshoe.plan.model import RouterPlan
from roles.base.servers import are_ready
from roles.openwrt import operations
from roles.openwrt.operations import look
from roles.openwrt.preflight import sides_of


@deploy("Router")
def routing(plan: RouterPlan) -> None:
    """Route and masquerade for the LAN, and give the servers their addresses."""
    sides = sides_of(plan)
    operations.service(name="Service that undoes what nobody confirms")
    # Without a package manager, preflight has seen that the helper is there.
    if plan.ftp_helper and look(host).manager:
        operations.packages(("kmod-nf-nathelper",), name="FTP helper of the kernel")
    path = sections.source_ports_path(plan, sides)
    if path:
        rules = sections.source_ports(plan, sides)
        operations.put(path, rules, name="Ports of the shared address")
    operations.configuration(
        sections.way_out(plan, sides), name="Configuration: routing and masquerading"
    )
    rules_of_before = {each for each in look(host).digests if each.endswith(".nft")} - {path}
    operations.absent(tuple(rules_of_before), name="Rules that nothing includes any more")


@deploy("Router")
def port_forwards(plan: RouterPlan) -> None:
    """Lead the control port and the passive range to the server, if the server is ready."""
    operations.configuration(
        sections.way_in(plan, sides_of(plan)),
        label=sections.LABEL,
        name="Configuration: port forwards to the server",
        _if=are_ready,
    )
