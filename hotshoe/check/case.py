"""All that is known of a check: the home as planned, what the probe met, what the boxes saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from hotshoe.check.model import BoxView, InsideView, ServerView
from hotshoe.plan.manual_setup import Menu
from hotshoe.plan.model import Plan, RouterPlan, ServerPlan
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result


@dataclass(frozen=True)
class Explanation:
    """Where a problem is, why, and what to do about it.

    :param box: the router or server, or two of them; empty if it is none of the home's, or nobody
        can say
    :param cause: most likely
    :param remedy: what to do
    """

    box: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class Case:
    """A check of one server.

    :param plan: the home
    :param server: the server
    :param camera: as which the probe logged in
    :param results: what the probe told
    :param inside: what the home's machines saw; None if they were not asked
    :param at_home: whether the probe ran inside the home
    """

    plan: Plan
    server: ServerPlan
    camera: str
    results: tuple[Result, ...]
    inside: InsideView | None
    at_home: bool

    @cached_property
    def chain(self) -> tuple[RouterPlan, ...]:
        """The routers that a camera's packets pass, from the Internet inwards."""
        return self.plan.routers_to(self.server)

    @property
    def outermost(self) -> str:
        """The router at the line; the server on a direct link."""
        return self.chain[0].name if self.chain else self.server.name

    @property
    def view(self) -> ServerView | None:
        """What the server says; None if it was not asked, or could not be."""
        return self.inside.server if self.inside else None

    def box(self, name: str) -> BoxView | None:
        """What a box saw; None if it was not asked, or could not be."""
        boxes = self.inside.boxes if self.inside else ()
        return next((box for box in boxes if box.name == name and not box.error), None)

    @cached_property
    def failed(self) -> frozenset[Layer]:
        """The layers in which the probe met a failure."""
        return frozenset(r.layer for r in self.results if r.status is Status.FAIL)

    def seen(self, layer: Layer, key: str) -> object:
        """What the probe tells programs of a layer, where it is told."""
        return next((r.data[key] for r in self.results if r.layer is layer and key in r.data), None)

    def by_hand(self, name: str) -> bool:
        """Whether a box is a router that a person sets up."""
        return any(router.name == name and router.by_hand for router in self.plan.routers)

    def names(self, which: Callable[[RouterPlan], bool]) -> str:
        """The routers on the way that are so, such as ``edge or gateway``."""
        return " or ".join(router.name for router in self.chain if which(router))

    def again(self, *boxes: str, menu: Menu = Menu.FORWARD) -> str:
        """How a person brings boxes to what is planned.

        :param menu: of a router by hand, where to look
        """
        by_hand = [name for name in boxes if self.by_hand(name)]
        steps = [f"compare {name} with its worksheet, at “{menu}”" for name in by_hand]
        if len(by_hand) < len(boxes):
            steps.append("deploy again")
        return ", and ".join(steps)


Entry = Callable[[Case, Result], Explanation]
Entries = Mapping[Problem, Entry]


def at_server(cause: str, remedy: str) -> Entry:
    """What is the server's; ``{server}``, ``{camera}`` and ``{hostname}`` are those of the case."""

    def explain(case: Case, _: Result) -> Explanation:
        names = {
            "server": case.server.name,
            "camera": case.camera,
            "hostname": case.plan.hostname,
        }
        return Explanation(case.server.name, cause.format(**names), remedy.format(**names))

    return explain


def at_no_box(cause: str, remedy: str) -> Entry:
    """What is none of the home's boxes'."""
    return lambda _case, _result: Explanation("", cause, remedy)
