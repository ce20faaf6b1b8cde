"""What is wrong with a box, as the boxes themselves tell."""

from __future__ import annotations

from hotshoe.check.case import Case, Entries, Explanation, at_server
from hotshoe.check.root_causes import outside_addresses
from hotshoe.plan.manual_setup import Menu
from hotshoe.probe.layers import Problem
from hotshoe.probe.result import Result
from hotshoe.site.routability import unreachable_wan
from hotshoe.site.sizes import written


def _unasked(_case: Case, result: Result) -> Explanation:
    return Explanation(
        str(result.data["box"]),
        "it cannot be asked by SSH from this computer",
        str(result.data.get("remedy", "")) or "check from where the deploy works",
    )


def _wan_elsewhere(case: Case, _: Result) -> Explanation:
    outer = case.outermost
    planned, has = case.plan.public_address, " and ".join(map(str, outside_addresses(case)))
    return Explanation(
        outer,
        f"cameras dial {planned or case.plan.hostname}, and {outer} has {has or 'another address'} "
        "outside: the provider changed it, or there is another router in front",
        f"write the WAN address of {outer} as public_address, or public_address: dynamic; a router "
        "in front belongs into routers",
    )


def _wan_shared(case: Case, _: Result) -> Explanation:
    return Explanation(
        case.outermost,
        unreachable_wan(outside_addresses(case)) or "its WAN address cannot be reached",
        "ask the provider for a public IPv4 address; a router of your own in front belongs into "
        "routers",
    )


def _stopped(case: Case, result: Result) -> Explanation:
    name, units = case.server.name, result.data.get("units")
    what = ", ".join(units) if isinstance(units, list) else "vsftpd"
    unit = units[0] if isinstance(units, list) else "'hotshoe-vsftpd*'"
    return Explanation(
        name,
        f"{what} does not run on {name}",
        f"see why: journalctl -u {unit} on {name}; start it with systemctl, or deploy again",
    )


def _rules(case: Case, result: Result) -> Explanation:
    box = str(result.data["box"])
    return Explanation(
        box, "somebody flushed or changed its rules, or they did not load", case.again(box)
    )


def _space(case: Case, _: Result) -> Explanation:
    keep = written(case.server.intake.keep_free)
    return Explanation(
        case.server.name,
        f"the disk is nearly full; uploads are refused when less than {keep} is free",
        "move photos elsewhere, or remove them from the library",
    )


def _turned_away(case: Case) -> str:
    """The router at which packets from inside to the home's public address end; empty if unknown.

    They go outwards from the innermost one.
    """
    ports = {control.port for control in case.server.control_ports}
    for router in reversed(case.chain):
        box = case.box(router.name)
        if box is None or box.arrived is None or box.passed is None:
            return ""
        if not any(packet.port in ports for packet in box.passed):
            return box.name if any(packet.port in ports for packet in box.arrived) else ""
    return ""


def _hairpin(case: Case, _: Result) -> Explanation:
    boxes = _turned_away(case) or case.names(lambda router: bool(router.targets))
    return Explanation(
        boxes,
        "from inside, the home's own public address leads nowhere (no hairpin NAT): cameras at "
        "home reach the server by its own address alone",
        f"{case.again(*boxes.split(' or '), menu=Menu.HAIRPIN)}; or give the name the server's "
        "address in the home's own DNS (split DNS)"
        if boxes
        else "give the name the server's address in the home's own DNS (split DNS)",
    )


ENTRIES: Entries = {
    Problem.BOX_UNASKED: _unasked,
    Problem.WAN_ELSEWHERE: _wan_elsewhere,
    Problem.WAN_SHARED: _wan_shared,
    Problem.DAEMON_STOPPED: _stopped,
    Problem.INTAKE_STOPPED: at_server(
        "hotshoe-intake does not run on {server}, so nothing gets from the cameras' folders into "
        "the library",
        "see why: journalctl -u hotshoe-intake on {server}; start it with systemctl, or deploy "
        "again",
    ),
    Problem.FIREWALL_MISSING: _rules,
    Problem.SPACE_LOW: _space,
    Problem.SERVER_CLOCK: at_server(
        "the clock of {server} is wrong, or that of this computer",
        "compare both with a third, and let systemd-timesyncd or chrony set the clock of {server}",
    ),
    Problem.HAIRPIN_MISSING: _hairpin,
}
