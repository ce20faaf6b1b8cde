"""An OpenWrt router: outbound routing first, port forwards last."""

from __future__ import annotations

from pyinfra import host, logger
from pyinfra.api.deploy import deploy
from pyinfra.api.operation import OperationMeta

from hotshoe.debian import record_update
from hotshoe.openwrt import ddns, paths, sections
from hotshoe.openwrt.zones import Zones
from hotshoe.plan.model import RouterPlan
from hotshoe.render import render
from roles.base.operations import changes
from roles.base.plans import plan_of, secrets_of
from roles.base.servers import are_ready
from roles.openwrt import operations
from roles.openwrt.preflight import leftovers, refuse_unfit, zones_of
from roles.openwrt.state import state_at_start

__all__ = ["port_forwards", "refuse_unfit", "remove_leftovers", "routing"]


@deploy("Router")
def routing(plan: RouterPlan) -> None:
    """Route and masquerade for the LAN, and give the servers static leases."""
    zones = zones_of(plan)
    operations.service(name="Install the service that rolls back unconfirmed changes")
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
    put = _record(plan, zones)
    follows = plan.notices or plan.ddns
    operations.hotplug(
        render(
            "openwrt/wan.sh.j2",
            paths=paths,
            router=plan,
            wan=zones.wan.interface,
            record=ddns.SECTION,
        )
        if follows
        else "",
        name="Follow the WAN address" if follows else "Follow no WAN address",
    )
    if put:
        # What was refused with the old secret waits for an hour.
        operations.begin_anew(
            zones.wan.interface,
            name="Update the record anew",
            _if=lambda: any(changes(each) for each in put),
        )
    included = (sections.source_ports_path(plan, zones), path)
    stale = sections.stale_files(state_at_start(host).digests, included)
    operations.absent(stale, name="Remove rules that nothing includes any more", _if=are_ready)


@deploy("Router")
def remove_leftovers() -> None:
    """Remove sections that no role has any more, as any other change: it rolls back by itself."""
    gone = leftovers()
    for wanted in gone:
        for name in sorted(wanted.only or ()):
            logger.warning(f"{host.name}: leftover: section {wanted.package}.{name}")
    operations.configuration(gone, name="Remove leftovers")


def _record(plan: RouterPlan, zones: Zones) -> tuple[OperationMeta, ...]:
    """Keep the record of the home's name at the WAN address, or leave that to others.

    :returns: the operations that put what an update needs; none without one
    """
    put: tuple[OperationMeta, ...] = ()
    hostname = plan_of(host.data.site).hostname
    files = (paths.UPDATE_SCRIPT, paths.UPDATE_RECORD, paths.RECORD_CONFIGURATION)
    if plan.ddns:
        operations.packages(ddns.packages(plan.ddns), name="Install ddns-scripts")
        put = (
            operations.put(
                paths.RECORD_CONFIGURATION,
                record_update.configuration(
                    plan.ddns, hostname, secrets_of(host.data.site).ddns_secret or ""
                ),
                "600",
                name="Put the secret of the record",
            ),
            operations.put(
                paths.UPDATE_RECORD,
                render(record_update.PROGRAM, **record_update.values(plan.ddns, hostname)),
                "755",
                name="Put the program that updates the record",
            ),
            operations.put(
                paths.UPDATE_SCRIPT,
                render("openwrt/update_script.sh.j2", paths=paths),
                name="Put what ddns-scripts calls",
            ),
        )
    elif not set(files) & set(state_at_start(host).digests):
        return put
    operations.configuration(
        (ddns.wanted(plan.ddns, hostname, zones),), name="Configure who updates the record"
    )
    if not plan.ddns:
        operations.absent(files, name="Remove what updated the record")
    return put
