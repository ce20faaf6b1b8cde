"""A check of one server, from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hotshoe.check.case import Case
from hotshoe.check.causes import diagnose
from hotshoe.check.cleaning import clean, empty_folders
from hotshoe.check.inside import Look, watching
from hotshoe.check.machines import in_library, sent_photos
from hotshoe.check.model import Finding, InsideView
from hotshoe.check.order import SESSIONS
from hotshoe.check.root_causes import intake_stopped
from hotshoe.check.vantage import Probing, Vantage
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.probe import code
from hotshoe.probe.bundle import bundle
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.order import Order, photo_name
from hotshoe.probe.result import Result
from hotshoe.remote.ssh import PERSONAL, Access, RemoteError

# How long a photo may take into the library; the intake syncs each to the disk.
_SECONDS = 20.0
_PAUSE = 0.5


@dataclass(frozen=True)
class Checked:
    """A check that is over.

    :param findings: the outermost fault first
    :param left: test photos that could not be removed, each with the reason
    :param at_home: whether it was made from inside the home
    """

    findings: tuple[Finding, ...]
    left: tuple[str, ...]
    at_home: bool


@dataclass(frozen=True)
class Home:
    """What is checked, and how its machines are asked.

    :param plan: the home
    :param server: the server
    :param access: what leads to its machines
    :param asked: whether its machines are asked what they see
    :param site: the Site's name
    """

    plan: Plan
    server: ServerPlan
    access: Access = PERSONAL
    asked: bool = True
    site: str = "home"

    @property
    def command(self) -> str:
        """The command that checks it."""
        return "hotshoe check" if self.site == "home" else f"hotshoe check {self.site}"


def check(
    home: Home, order: Order, vantage: Vantage, tell: Callable[[Result | str], None]
) -> Checked:
    """Check a server, and leave nothing behind.

    :param tell: takes results, and what goes on, as they come
    :raises HotshoeError: if the probe cannot be run from there

    Whatever ends it early has a note (:pep:`678`) for each test photo that could not be removed.
    """
    results: list[Result] = []
    keep, inside = _empty_folders(home), None
    try:
        if home.asked:
            tell("asking the home's machines to look")
            with watching(home.plan, home.server, home.access, order.run) as look:
                _probe(order, vantage, results, tell)
                tell("asking the home's machines what they saw")
                inside = _settled(look, _case(home, order, results, None))
        else:
            _probe(order, vantage, results, tell)
    except BaseException as error:
        # Also when Ctrl-C has ended it.
        for each in _clean(home, order, results, keep):
            error.add_note(each)
        raise
    left = _clean(home, order, results, keep)
    case = _case(home, order, results, inside)
    findings = diagnose(
        case.plan,
        case.server,
        case.camera,
        case.results,
        inside,
        datetime.now(UTC),
        at_home=case.at_home,
    )
    return Checked(findings, left, case.at_home)


def _case(home: Home, order: Order, results: list[Result], inside: InsideView | None) -> Case:
    case = Case(home.plan, home.server, order.user, tuple(results), inside, at_home=False)
    return replace(case, at_home=case.seen(Layer.NAME, "inside") is True)


def _probe(
    order: Order, vantage: Vantage, results: list[Result], tell: Callable[[Result | str], None]
) -> None:
    with Probing(vantage, bundle(), order) as probing:
        for told in probing:
            if isinstance(told, Result):
                results.append(told)
            tell(told)


def _settled(look: Look, case: Case) -> InsideView:
    """What the machines saw, once the photos have had their time to get into the library."""
    deadline = time.monotonic() + _SECONDS
    sent = sent_photos(case)
    while True:
        inside = look.read()
        server = inside.server
        there = server and all(in_library(server.photos.get(name)) for name in sent)
        waits = server and not intake_stopped(replace(case, inside=inside))
        if there or not waits or time.monotonic() > deadline:
            return inside
        time.sleep(_PAUSE)


def _empty_folders(home: Home) -> tuple[str, ...]:
    try:
        return empty_folders(home.server, home.access)
    except RemoteError:
        return ()  # told when it is asked what it sees


def photos_of(run: str, server: ServerPlan) -> tuple[str, ...]:
    """The names of all test photos that a run may send."""
    whats = ("small", "large", "slow", "again", "clear", "held")
    ports = (f"small-{control.port}" for control in server.control_ports)
    sessions = (f"session-{number}" for number in range(1, SESSIONS + 1))
    return tuple(photo_name(run, what) for what in (*whats, *ports, *sessions))


def _clean(
    home: Home, order: Order, results: list[Result], keep: tuple[str, ...]
) -> tuple[str, ...]:
    photos: dict[str, str | None] = {}
    for result in results:
        photos |= result.data.get("photos", {})
    # A probe that was interrupted has not told all that it sent.
    every = dict.fromkeys(photos_of(order.run, home.server)) | photos
    began = any(r.layer is Layer.LOGIN and r.status is Status.FINE for r in results)
    try:
        return clean(home.server, order.run, every, home.access, keep).left
    except RemoteError as error:
        if not began and not photos:
            return ()
        stay = f"stay there ({len(photos)})" if photos else "may stay there"
        return (_left(home, order, results, stay, str(error).partition("\n")[0]),)
    except (KeyboardInterrupt, SystemExit) as error:
        # Whoever is in a hurry, as after a second Ctrl-C, has to know.
        if began or photos:
            reason = "their removal was interrupted"
            error.add_note(_left(home, order, results, "may stay there", reason))
        raise


def _left(home: Home, order: Order, results: list[Result], stay: str, reason: str) -> str:
    """What is told of test photos that were not removed, and how they are."""
    text = code.encode(order, results)
    return (
        f"test photos {stay}, since {reason}\n"
        f"    -> from where it can be asked: {home.command} --explain {text}"
    )
