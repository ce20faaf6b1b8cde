"""Ports that do not answer, or where another program does: where on the way their packets end."""

from __future__ import annotations

from hotshoe.check.case import Case, Entries, Explanation
from hotshoe.check.hops import Loss, Place
from hotshoe.check.places import first_loss
from hotshoe.plan.manual_setup import Menu, rows
from hotshoe.plan.model import Plan, RouterPlan
from hotshoe.ports.ranges import PortRange
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.ranges import as_ranges
from hotshoe.probe.result import Result

# What data calls the ports of which a result tells.
_LISTS = ("lost", "silent", "refused", "unreachable", "foreign")


def ports_of(result: Result) -> tuple[int, ...]:
    """The ports of which a result tells that they do not work."""
    lists = [value for key in _LISTS if isinstance(value := result.data.get(key), list)]
    lists = lists[:1] if "lost" in result.data else lists
    if found := sorted({int(port) for ports in lists for port in ports}):
        return tuple(found)
    port = result.data.get("port")
    return (int(port),) if port else ()


def _lost(case: Case, result: Result) -> Explanation:
    """Where the packets of these ports end, and why there."""
    ports = ports_of(result) or _planned(case, result)
    loss = first_loss(case, ports)
    of = _what(case, ports)
    match loss.place:
        case Place.BEFORE if loss.after:
            return _between(case, loss, ports, of)
        case Place.BEFORE:
            return _outside(case, loss, of)
        case Place.AT:
            return _not_forwarded(case, loss, ports, of)
        case Place.AMONG:
            return _somewhere(case, loss, ports, of)
        case Place.REFUSED:
            return _not_let_in(case, of)
        case Place.THERE:
            return _reached(case, result, of)
        case Place.UNKNOWN:
            return _unknown(case, result, loss, of)


def _planned(case: Case, result: Result) -> tuple[int, ...]:
    if result.layer is Layer.PASSIVE:
        return tuple(range(case.server.passive.first, case.server.passive.last + 1))
    return (case.server.control_port,)


def _what(case: Case, ports: tuple[int, ...]) -> str:
    """These ports, in words."""
    passive = case.server.passive
    if set(ports) >= set(range(passive.first, passive.last + 1)):
        return f"the passive range {passive}"
    return f"port{'s' if len(ports) > 1 else ''} {as_ranges(ports)}"


def _outside(case: Case, loss: Loss, of: str) -> Explanation:
    outer = loss.boxes[0]
    if case.server.only_on:
        return _not_linked(case, of)
    if case.at_home:
        return Explanation(
            outer,
            f"packets for {of} do not reach {outer}, though this was checked from inside: its "
            "cable, its Wi-Fi, or its address",
            f"compare the address of {outer} with the Site's, {case.server.address}",
        )
    return Explanation(
        "",
        f"packets for {of} do not reach {outer}, the first box of the home: the provider or the "
        "network that was checked from blocks them, the line is down, or the address is not the "
        "home's",
        f"check from another network; compare the WAN address of {outer} with the name's; some "
        "providers block ports, above all 21: try another control port",
    )


def _not_linked(case: Case, of: str) -> Explanation:
    name, link = case.server.name, case.server.only_on
    return Explanation(
        "",
        f"packets for {of} do not reach {name} by {link}: the computer that this was checked from "
        "is not on that link, or the link is down",
        "check from a computer on the link: --from ssh://HOST; see whether it is up: ip address "
        f"show dev {link} on {name}",
    )


def _between(case: Case, loss: Loss, ports: tuple[int, ...], of: str) -> Explanation:
    first, last = loss.after, loss.boxes[0]
    return Explanation(
        f"{first} or {last}",
        f"packets for {of} left {first} and did not arrive at {last}: {first} sends them to "
        "another address, or the cable or network between them is down",
        f"see whether {last} is connected; {_remedy(case, (first, last), ports)}",
    )


def _somewhere(case: Case, loss: Loss, ports: tuple[int, ...], of: str) -> Explanation:
    names = loss.boxes
    box = " or ".join(names)
    at = f"{' and '.join(names)}, which cannot be asked" if len(names) > 1 else f"{box}"
    where = f"between {loss.after or 'the Internet'} and {loss.before}, at {at}"
    return Explanation(
        box,
        f"packets for {of} vanish {where}: most likely a port forward of {box} is missing, or goes "
        "to another address or port",
        _remedy(case, names, ports),
    )


def _not_forwarded(case: Case, loss: Loss, ports: tuple[int, ...], of: str) -> Explanation:
    name = loss.boxes[0]
    router = case.plan.router(name)
    rule = "port forward" if router.forwards else "rule"
    return Explanation(
        name,
        f"packets for {of} arrive at {name}, and it does not send them on: its {rule} is missing, "
        f"or is for another port or address{_stale(case, name)}",
        _remedy(case, loss.boxes, ports),
    )


def _stale(case: Case, name: str) -> str:
    box = case.box(name)
    return f" ({'; '.join(box.stale)})" if box and box.stale else ""


def _not_let_in(case: Case, of: str) -> Explanation:
    name = case.server.name
    stale = _stale(case, name)
    limits = "" if stale else ", or the address that was checked from is over a limit"
    return Explanation(
        name,
        f"packets for {of} arrive at {name}, and its firewall does not let them in: other rules "
        f"than planned are in force{stale}{limits}",
        f"deploy again; see nft list ruleset on {name}",
    )


def _reached(case: Case, result: Result, of: str) -> Explanation:
    name = case.server.name
    if result.problem in (Problem.BANNER_FOREIGN, Problem.PASSIVE_FOREIGN):
        return Explanation(
            name,
            f"another program has {of} on {name}",
            f"see which one: ss -ltnp on {name}; stop it, and deploy again",
        )
    return Explanation(
        name,
        f"packets for {of} reach {name} and are let in, and nobody answers: vsftpd does not listen "
        "there, is at its limit, or its answers get lost on the way back (a second default "
        "gateway)",
        f"see journalctl -u 'hotshoe-vsftpd*' on {name}, and deploy again",
    )


def _unknown(case: Case, result: Result, loss: Loss, of: str) -> Explanation:
    """The home's machines tell nothing, at least those further inside: what it usually is."""
    boxes = (*(router.name for router in case.chain), case.server.name)
    boxes = boxes[boxes.index(loss.after) + 1 :] if loss.after else boxes
    usually = {
        Problem.PORT_REFUSED: "a box says no: a port forward is missing, so a router answers "
        "itself, or vsftpd does not run",
        Problem.PORT_RESET: "something accepts the connection and drops it: a router's own "
        "service, or vsftpd at its limit",
        Problem.BANNER_NONE: "something accepts the connection and says nothing: vsftpd is at its "
        "limit, or this is another service, or implicit FTPS",
        Problem.BANNER_FOREIGN: "a router's own FTP server or another program answers",
        Problem.PASSIVE_FOREIGN: "another program answers",
    }
    assert result.problem
    if loss.after and result.problem not in usually and boxes == (case.server.name,):
        return _absent(case, loss, of)
    cause = usually.get(
        result.problem, "a port forward is missing, or a firewall or the provider drops packets"
    )
    remedy = _remedy(case, boxes, ports_of(result))
    hint = "" if case.inside else "; where it may ask the boxes by SSH, this check names the one"
    return Explanation(" or ".join(boxes), f"{of}: {cause}", remedy + hint)


def _absent(case: Case, loss: Loss, of: str) -> Explanation:
    """The last router sent the packets on to the server, which answers nobody."""
    name, address = case.server.name, case.server.address
    return Explanation(
        name,
        f"packets for {of} left {loss.after} towards {address}, and {name} does not answer there, "
        "by SSH neither: it is off, not connected, or has another address",
        f"see whether {name} is on and connected, and has the address {address}",
    )


def _remedy(case: Case, boxes: tuple[str, ...], ports: tuple[int, ...]) -> str:
    """How to bring the boxes to what is planned for these ports."""
    routers = [router for router in case.plan.routers if router.name in boxes]
    said = [_row(case.plan, router, ports) for router in routers if router.by_hand]
    if any(not router.by_hand for router in routers) or case.server.name in boxes:
        said.append("deploy again")
    # A deploy leaves rules of others alone.
    if fine := [router.name for router in routers if _as_planned(case, router)]:
        said.append(
            f"hotshoe's own rules are in force on {' and '.join(fine)}, so look for others in "
            "front of them: nft list ruleset"
        )
    return "; ".join(each for each in said if each)


def _as_planned(case: Case, router: RouterPlan) -> bool:
    box = case.box(router.name)
    return bool(box and not box.stale)


def _row(plan: Plan, router: RouterPlan, ports: tuple[int, ...]) -> str:
    """What the worksheet of a router says about these ports."""
    for row in rows(plan, router):
        fields = dict(row.fields)
        text = fields.get("External port") or fields.get("Destination port")
        if text and any(port in _range(text) for port in ports):
            break
        if row.menu is Menu.DEFAULT_HOST:
            break
    else:
        return f"compare {router.name} with its worksheet"
    entered = ", ".join(f"{label} {value}" for label, value in row.fields if label != "Name")
    return f"compare {router.name} with its worksheet, at “{row.menu}”: {entered}"


def _range(text: str) -> range:
    ports = PortRange.parse(text)
    return range(ports.first, ports.last + 1)


ENTRIES: Entries = {
    Problem.PORT_SILENT: _lost,
    Problem.PORT_REFUSED: _lost,
    Problem.PORT_RESET: _lost,
    Problem.PORT_UNREACHABLE: _lost,
    Problem.BANNER_NONE: _lost,
    Problem.BANNER_FOREIGN: _lost,
    Problem.PASSIVE_NONE: _lost,
    Problem.PASSIVE_SOME: _lost,
    Problem.PASSIVE_FOREIGN: _lost,
}
