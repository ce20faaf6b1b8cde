"""What lies behind what the probe met, where the home's machines tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from hotshoe.check.case import Case
from hotshoe.check.hops import Place
from hotshoe.check.places import first_loss
from hotshoe.check.problems.ports import ports_of
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result
from hotshoe.site.routability import why_unreachable

Root = Callable[[Case, Result], Problem | None]


def root_of(case: Case, result: Result) -> Problem | None:
    """What lies behind a result; None if nothing is known to."""
    if result.problem is None or result.status is Status.UNKNOWN or case.inside is None:
        return None
    root = _ROOTS.get(result.problem)
    return root(case, result) if root else None


def corrected(case: Case, result: Result) -> Result:
    """A result with what only the home's machines know: where a name should lead that changes."""
    # Of several, a camera may take any.
    found = {result.data.get("address"), *result.data.get("truth", ())} - {None}
    wrong = (
        result.layer is Layer.NAME
        and result.status is Status.FINE
        and case.plan.public_address is None
        and not case.at_home
        and (home := home_addresses(case))
        and found - set(home)
    )
    if not wrong:
        return result
    evidence = f"{result.evidence}; the home is at {' or '.join(home)}"
    return replace(result, status=Status.FAIL, problem=Problem.NAME_ELSEWHERE, evidence=evidence)


def home_addresses(case: Case) -> tuple[str, ...]:
    """The home's public address, as far as its machines know it; several if they disagree."""
    if case.plan.public_address:
        return (str(case.plan.public_address),)
    outside = tuple(str(a) for a in outside_addresses(case) if not why_unreachable(a))
    return outside or ((case.view.announced,) if case.view and case.view.announced else ())


def unseen(case: Case) -> Iterator[Result]:
    """What cannot be seen from where the probe was."""
    if case.at_home and case.chain:
        chain = " and ".join(router.name for router in case.chain)
        evidence = (
            "checked from inside the home: whether the provider, the WAN address and the port "
            f"forwards of {chain} let the Internet in cannot be seen from here"
        )
        yield Result(Layer.PORT, Status.UNKNOWN, evidence, None, {"skipped": True})


def _of_a_port(case: Case, result: Result) -> Problem | None:
    ports = ports_of(result) or (case.server.control_port,)
    loss = first_loss(case, ports)
    if loss.place is Place.UNKNOWN or (loss.place is Place.BEFORE and not loss.after):
        return wan_problem(case)
    if loss.place is Place.THERE and case.view and not set(ports) & case.view.listening:
        return Problem.DAEMON_STOPPED
    return None


def outside_addresses(case: Case) -> tuple[IPv4Address, ...]:
    """The addresses of the outermost router that are in none of the home's networks."""
    outer = case.box(case.outermost)
    addresses = map(IPv4Address, outer.addresses) if outer else ()
    return tuple(address for address in addresses if not _inside(case, address))


def wan_problem(case: Case) -> Problem | None:
    """What is the matter with the address of the outermost router; None if nothing is."""
    if case.at_home or not case.chain or not (outer := case.box(case.outermost)):
        return None
    outside = outside_addresses(case)
    wanted = case.plan.public_address or case.seen(Layer.NAME, "address")
    if not outer.addresses or str(wanted) in outer.addresses:
        return None
    if outside and all(why_unreachable(address) for address in outside):
        return Problem.WAN_SHARED
    # Where the name leads is the name's fault, if the address changes.
    return Problem.WAN_ELSEWHERE if case.plan.public_address and outside else None


def _inside(case: Case, address: IPv4Address) -> bool:
    return any(address in router.lan.network for router in case.plan.routers)


def _of_the_name(case: Case, _: Result) -> Problem | None:
    if case.plan.ddns is None:
        return None
    if (wan := wan_problem(case)) is Problem.WAN_SHARED:
        return wan
    return Problem.DDNS_FAILING if case.view and case.view.ddns else None


def _of_pasv(case: Case, result: Result) -> Problem | None:
    announced = result.data.get("announced")
    said = case.view.announced if case.view else ""
    if said and announced and not case.at_home and announced != said:
        return Problem.PASV_REWRITTEN
    return None


def _of_no_room(case: Case, _: Result) -> Problem | None:
    return Problem.ROOM_FULL if case.view and is_full(case) else None


def is_full(case: Case) -> bool:
    """Whether the server takes no photos of this camera, since there is no room."""
    view = case.view
    return bool(view and (case.camera in view.closed or view.free < view.keep_free))


def _of_the_library(case: Case, _: Result) -> Problem | None:
    return Problem.INTAKE_STOPPED if case.view and intake_stopped(case) else None


def intake_stopped(case: Case) -> bool:
    """Whether nothing takes photos into the library."""
    return case.view is not None and "hotshoe-intake" in case.view.stopped


_ROOTS: Mapping[Problem, Root] = {
    Problem.NAME_MISSING: _of_the_name,
    Problem.NAME_ELSEWHERE: _of_the_name,
    Problem.NAME_PRIVATE: _of_the_name,
    Problem.PORT_SILENT: _of_a_port,
    Problem.PORT_REFUSED: _of_a_port,
    Problem.PORT_RESET: _of_a_port,
    Problem.PORT_UNREACHABLE: _of_a_port,
    Problem.BANNER_NONE: _of_a_port,
    Problem.PASV_PRIVATE: _of_pasv,
    Problem.PASV_ELSEWHERE: _of_pasv,
    Problem.UPLOAD_FULL: _of_no_room,
    Problem.LIBRARY_MISSING: _of_the_library,
    Problem.SAME_NAME_REFUSED: _of_the_library,
}
