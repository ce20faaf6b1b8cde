"""An OpenWrt router: outbound routing first, port forwards last."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe.openwrt import paths, sections
from hotshoe.plan.model import RouterPlan
from hotshoe.render import render
from roles.base.servers import are_ready
from roles.openwrt import operations
from roles.openwrt.preflight import refuse_unfit, zones_of
from roles.openwrt.state import state_at_start

__all__ = ["port_forwards", "refuse_unfit", "routing"]


@deploy("Router")
def routing(plan: RouterPlan) -> None:
    """Route and masquerade for the LAN, and give the servers static leases."""
    zones = zones_of(plan)
    operations.service(name="Install the service that rolls back unconfirmed changes")
    # Without a package manager, preflight has seen that the helper is there.
    if plan.ftp_helper and state_at_start(host).package_manager:
        operations.packages(("kmod-nf-nathelper",), name="Install the kernel's FTP helper")
    path = sections.source_ports_path(plan, zones)
    if path:
        rules = sections.source_ports(plan, zones)
        operations.put(path, rules, name="Keep to the ports of the shared address")
    operations.configuration(
        sections.outbound(plan, zones), name="Configure routing and masquerading"
    )


@deploy("Router")
def port_forwards(plan: RouterPlan) -> None:
    """Forward the control port and the passive range to the server, if the server is ready."""
    zones = zones_of(plan)
    path = sections.hairpin_path(plan, zones)
    if path:
        rules = sections.hairpin_rules(plan, zones)
        operations.put(path, rules, name="Let the home dial an address outside that changes")
    operations.configuration(
        sections.inbound(plan, zones),
        label=sections.LABEL,
        name="Configure port forwards to the server",
        _if=are_ready,
    )
    operations.hotplug(
        render("openwrt/wan.sh.j2", paths=paths, router=plan) if plan.notices else "",
        name="Tell servers the WAN address" if plan.notices else "Tell nobody the WAN address",
    )
    included = (sections.source_ports_path(plan, zones), path)
    stale = sections.stale_files(state_at_start(host).digests, included)
    operations.absent(stale, name="Remove rules that nothing includes any more", _if=are_ready)
