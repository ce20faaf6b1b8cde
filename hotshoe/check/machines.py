"""What the home's own machines tell of themselves, as results like those of the probe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hotshoe import paths
from hotshoe.check.case import Case
from hotshoe.check.model import BoxView, ServerView, Stored
from hotshoe.check.root_causes import intake_stopped, is_full, outside_addresses, wan_problem
from hotshoe.errors import escaped
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result

# Cameras' clocks are worse; more than this is a clock that nobody sets.
CLOCK_SECONDS = 60
# As hotshoe-certificate warns.
CERTIFICATE_DAYS = 21
# Units of a server by what it means when they do not run.
_RULES = ("hotshoe-firewall", "hotshoe-outgoing")
_INTAKE, _ADDRESS = "hotshoe-intake", "hotshoe-address"


def told_by_machines(case: Case, now: datetime) -> Iterator[Result]:
    """What they tell, layer by layer.

    :param now: with a time zone
    """
    if case.inside is None:
        for layer in (Layer.LIBRARY, Layer.BOXES, Layer.SERVER):
            yield _unknown(layer, "the home's machines were not asked", skipped=True)
        return
    yield from _library(case)
    yield from _boxes(case)
    if case.view is None:
        yield _unknown(Layer.SERVER, f"{case.server.name} could not be asked")
        return
    problems = list(_server(case, case.view, now))
    yield from problems or [_fine_server(case, case.view, now)]


def _library(case: Case) -> Iterator[Result]:
    """Is each photo that was told 226 in the library, byte for byte?"""
    sent = sent_photos(case)
    layer = Layer.LIBRARY
    if any(result.layer is layer for result in case.results):
        return
    if not sent:
        yield _unknown(layer, "no photo was told 226")
    elif case.view is None:
        yield _unknown(layer, f"{case.server.name} could not be asked")
    else:
        stored = {name: case.view.photos.get(name) for name in sent}
        missing = [name for name, photo in stored.items() if not in_library(photo)]
        wrong = [
            name
            for name, photo in stored.items()
            if photo and in_library(photo) and photo.sha256 != sent[name]
        ]
        if missing:
            evidence = f"{len(missing)} of {len(sent)} photos that were told 226 are not there"
            problem = Problem.LIBRARY_MISSING
            yield Result(layer, Status.FAIL, evidence, problem, {"missing": missing})
        if wrong:
            evidence = f"{len(wrong)} of {len(sent)} photos have another content there"
            problem = Problem.LIBRARY_DIFFERS
            yield Result(layer, Status.FAIL, evidence, problem, {"differs": wrong})
        if not missing and not wrong:
            several = f"all {len(sent)} photos" if len(sent) > 1 else "the photo"
            evidence = f"{several} found there, byte for byte"
            yield Result(layer, Status.FINE, evidence)


def sent_photos(case: Case) -> dict[str, str]:
    """The photos that the probe was told 226 for, and the SHA-256 of each."""
    sent: dict[str, str] = {}
    for result in case.results:
        sent |= result.data.get("photos", {})
    return sent


def in_library(photo: Stored | None) -> bool:
    """Whether a photo has got into the library."""
    return photo is not None and photo.path.startswith(f"{paths.LIBRARY}/")


def _boxes(case: Case) -> Iterator[Result]:
    assert case.inside
    found: list[Result] = []
    for box in case.inside.boxes:
        found += _box(box)
    if wan := wan_problem(case):
        found.append(_wan(case, wan))
    if found:
        yield from found
        return
    asked = [box.name for box in case.inside.boxes if not box.error]
    by_hand = [router.name for router in case.chain if router.by_hand]
    words = [f"{', '.join(asked)} as planned"] if asked else []
    words += [f"{', '.join(by_hand)} set up by hand, which nobody can ask"] if by_hand else []
    yield Result(Layer.BOXES, Status.FINE, "; ".join(words))


def _box(box: BoxView) -> Iterator[Result]:
    about = {"box": box.name}
    if box.error:
        reason, _, remedy = box.error.partition("\n    -> ")
        reason = reason.removeprefix(f"{box.name}: ")
        data = about | {"remedy": remedy}
        evidence = f"{box.name}: {reason}"
        yield Result(Layer.BOXES, Status.UNKNOWN, evidence, Problem.BOX_UNASKED, data)
    if box.helper:
        evidence = f"an FTP helper is on at {box.name}"
        yield Result(Layer.BOXES, Status.WARNING, evidence, Problem.HELPER_ON, about)
    if box.stale:
        gone = any(clause.endswith("is not loaded") for clause in box.stale)
        status = Status.FAIL if gone else Status.WARNING
        evidence = f"{box.name}: {'; '.join(box.stale)}"
        yield Result(Layer.BOXES, status, evidence, Problem.FIREWALL_MISSING, about)


def _wan(case: Case, problem: Problem) -> Result:
    outside = outside_addresses(case)
    has = ", ".join(map(str, outside))
    status = Status.FAIL if Layer.PORT in case.failed else Status.WARNING
    evidence = f"{case.outermost} has {has} outside"
    return Result(Layer.BOXES, status, evidence, problem)


def _server(case: Case, view: ServerView, now: datetime) -> Iterator[Result]:
    yield from _services(case, view)
    yield from _room(case, view)
    if view.ddns:
        yield _warning(Problem.DDNS_FAILING, escaped(view.ddns))
    if abs(view.clock) >= CLOCK_SECONDS:
        way = "ahead of" if view.clock > 0 else "behind"
        evidence = f"its clock is {abs(view.clock):.0f} s {way} this computer's"
        yield _warning(Problem.SERVER_CLOCK, evidence)
    told = {result.problem for result in case.results}
    known = told & {Problem.CERTIFICATE_ENDS, Problem.CERTIFICATE_EXPIRED}
    if view.certificate_ends and not known:
        days = (view.certificate_ends - now).days
        if days < CERTIFICATE_DAYS:
            evidence = f"its certificate ends in {days} days"
            yield _warning(Problem.SERVER_CERTIFICATE_ENDS, evidence)


def _services(case: Case, view: ServerView) -> Iterator[Result]:
    stopped = list(view.stopped)
    deaf = [c.port for c in case.server.control_ports if c.port not in view.listening]
    if deaf:
        evidence = f"nothing of vsftpd listens at port {', '.join(map(str, deaf))}"
        yield _fail(Problem.DAEMON_STOPPED, evidence)
        stopped = [unit for unit in stopped if not unit.startswith("hotshoe-vsftpd")]
    if intake_stopped(case):
        yield _fail(Problem.INTAKE_STOPPED, f"{_INTAKE} does not run")
    rules = [unit for unit in stopped if unit in _RULES]
    if rules:
        evidence = f"{', '.join(rules)} did not load rules"
        yield _fail(Problem.FIREWALL_MISSING, evidence, box=case.server.name)
    if _ADDRESS in stopped:
        yield _fail(Problem.DDNS_FAILING, f"{_ADDRESS} does not run")
    others = [unit for unit in stopped if unit not in (*_RULES, _INTAKE, _ADDRESS)]
    if others:
        yield _fail(Problem.DAEMON_STOPPED, f"{', '.join(others)} does not run", units=others)


def _room(case: Case, view: ServerView) -> Iterator[Result]:
    closed = [camera for camera in case.server.cameras if camera in view.closed]
    if is_full(case) or closed:
        about = f" of {', '.join(closed)}" if closed else ""
        evidence = f"uploads{about} are refused; {_size(view.free)} are free"
        yield _fail(Problem.ROOM_FULL, evidence)
    elif view.free < 2 * view.keep_free:
        evidence = f"{_size(view.free)} are free, and {_size(view.keep_free)} stay free"
        yield _warning(Problem.SPACE_LOW, evidence)


def _fine_server(case: Case, view: ServerView, now: datetime) -> Result:
    words = [f"{_size(view.free)} free"]
    if view.certificate_ends:
        words.append(f"certificate for {(view.certificate_ends - now).days} days more")
    if case.server.follower:
        words.append(f"follows the public address {view.announced}")
    return Result(Layer.SERVER, Status.FINE, ", ".join(words))


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _fail(problem: Problem, evidence: str, **data: Any) -> Result:
    return Result(Layer.SERVER, Status.FAIL, evidence, problem, data)


def _warning(problem: Problem, evidence: str) -> Result:
    return Result(Layer.SERVER, Status.WARNING, evidence, problem)


def _unknown(layer: Layer, evidence: str, **data: Any) -> Result:
    return Result(layer, Status.UNKNOWN, evidence, None, data)
