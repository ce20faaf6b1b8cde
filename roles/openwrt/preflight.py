"""Refuse what cannot work, before anything is changed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from pyinfra import host, logger

from hotshoe.errors import HotshoeError
from hotshoe.openwrt import sections
from hotshoe.openwrt.conflicts import Conflict, conflicts
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.warnings import warnings
from hotshoe.openwrt.zones import UnfitRouterError, Zones, find_zones
from hotshoe.plan.model import RouterPlan
from hotshoe.ports.ranges import Service
from roles.base.plans import RefusedError, plan_of, refuse, secrets_of
from roles.openwrt.change import LOAD_IT
from roles.openwrt.facts import RouterState
from roles.openwrt.facts.router import PACKAGES
from roles.openwrt.state import current_state, drift_of, reason_to_change, state_at_start

# fw4 came with 22.03, of which nothing was tested.
RELEASES = ("23.05", "24.10", "25.12")
# Seconds: what fw4 may need after an interface came up; what a look at the router may take.
SETTLING, LOOKING = 2, 60


def refuse_unfit(plan: RouterPlan) -> None:
    """Refuse a router that is not OpenWrt, not this one, or not in a state to be changed.

    :raises RefusedError: with the reason and what to do
    """
    try:
        state = state_at_start(host)
    except HotshoeError as error:
        refuse(host, str(error), "correct that file on the router first")
    _refuse_other_systems(state)
    _refuse_unready_files(state, PACKAGES if plan.leases else ("network", "firewall"))
    if plan.ddns:
        # A vault that does not open, or lacks it, ends the run here.
        secrets_of(host.data.site)
        if not state.package_manager:
            refuse(
                host,
                "has neither opkg nor apk, by which ddns-scripts could be installed",
                "write updated_by: server in the Site",
            )
    try:
        zones = find_zones(plan, state.interfaces, state.packages["firewall"])
    except UnfitRouterError as unfit:
        refuse(host, unfit.reason, unfit.remedy)
    _refuse_conflicts(
        conflicts(plan, zones, state.packages, state.interfaces, _services_through(plan))
    )
    _refuse_drift(plan, zones, state)
    for warning in warnings(plan, zones, state.packages["firewall"], state.interfaces):
        logger.warning(f"{host.name}: {warning}")


def _refuse_conflicts(found: Iterable[Conflict]) -> None:
    """Refuse once, with all of them, so that a person can correct all before the next run."""
    said = [f"{host.name}: {each.reason}\n    -> {each.remedy}" for each in found]
    if said:
        raise RefusedError("\n".join(said))


def _refuse_drift(plan: RouterPlan, zones: Zones, state: RouterState) -> None:
    """Refuse to load a change that others have committed and not loaded; warn of it in any case."""
    wanted = (*sections.outbound(plan, zones), *sections.inbound(plan, zones))
    found = drift_of(state, wanted, sections.LABEL)
    if found:
        # fw4 may have been about to reload, as it does when an interface comes up.
        time.sleep(SETTLING)
        try:
            again = current_state(host, PACKAGES, LOOKING, compare=True)
        except HotshoeError as error:
            refuse(host, str(error), "see whether the router still answers")
        else:
            found = tuple(each for each in drift_of(again, wanted, sections.LABEL) if each in found)
    if not found:
        return
    listed = "\n".join(f"       {each}" for each in found)
    gone = leftovers()
    if reason_to_change(state, wanted, sections.LABEL) or reason_to_change(state, gone):
        refuse(host, f"what is in force there differs from its files:\n{listed}", LOAD_IT)
    logger.warning(
        f"{host.name}: what is in force there differs from its files; before hotshoe can change "
        f"anything, load or revert them:\n{listed}"
    )


def zones_of(plan: RouterPlan) -> Zones:
    """The WAN's and the LAN's zone, once :func:`refuse_unfit` has accepted the router."""
    state = state_at_start(host)
    return find_zones(plan, state.interfaces, state.packages["firewall"])


def leftovers() -> tuple[Wanted, ...]:
    """What takes away sections that no role of the router has any more."""
    return sections.leftovers(state_at_start(host).ours)


def _refuse_other_systems(state: RouterState) -> None:
    board = state.board
    if board.distribution != "OpenWrt":
        refuse(
            host,
            f"runs {board.distribution or 'an unknown system'} {board.release}".rstrip()
            + ", not OpenWrt",
            "correct the router's managed_by in the Site",
        )
    # 24.10.2, 24.10.0-rc4, 24.10-SNAPSHOT
    if not re.match(rf"({'|'.join(map(re.escape, RELEASES))})\b", board.release):
        refuse(
            host,
            f"runs OpenWrt {board.release or 'of an unknown release'}; hotshoe knows "
            f"{', '.join(RELEASES)}",
            "bring it to one of these releases, or write managed_by: hand and use the worksheet",
        )
    if state.missing:
        refuse(
            host,
            f"lacks {', '.join(state.missing)}, which every image of OpenWrt has as it comes",
            "install what is missing (fw4 is in the package firewall4)",
        )


def _services_through(router: RouterPlan) -> Iterator[Service]:
    """The FTP services that cameras reach through a router."""
    plan = plan_of(host.data.site)
    for server in plan.servers_through(plan.router(router.name)):
        yield from (Service("tcp", ports) for ports in server.ftp_ports)


def _refuse_unready_files(state: RouterState, needed: tuple[str, ...]) -> None:
    if not state.writable:
        refuse(
            host,
            "its /etc/config cannot be written to",
            "see why the overlay is read-only: mount, logread",
        )
    # Those of a killed run go with it.
    if state.changes and not state.pending:
        listed = "\n".join(f"       {change}" for change in state.changes)
        refuse(
            host,
            f"others have staged changes there that are not committed:\n{listed}",
            "commit them or take them back on the router: uci commit, uci revert PACKAGE",
        )
    for name in needed:
        if not state.packages[name].sections:
            refuse(
                host,
                f"uci finds nothing in /etc/config/{name}",
                f"uci show {name} tells on the router whether that file is broken; correct or "
                "restore it first",
            )
