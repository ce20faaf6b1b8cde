"""Checks that never were: what a probe and the home's machines would tell of a home."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hotshoe.check.causes import diagnose
from hotshoe.check.model import BoxView, Finding, InsideView, Packet, ServerView, Stored
from hotshoe.plan.model import Plan
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result
from tests.homes import home

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CAMERA = "198.51.100.250"
PUBLIC = "203.113.213.220"
PHOTO = "hotshoe-check-abcdefgh-small.bin"
SHA256 = "ab" * 32

# Two Debian routers; one that a person set up in front of a Debian one.
MANAGED = home(("nat", "nat"), (1,), managers=("linux",))
BY_HAND = home(("nat", "nat"), (1,), managers=("hand", "linux"))
OUTER, INNER, SERVER = "router0", "router1", "server0"


def fine(layer: Layer, **data: Any) -> Result:
    return Result(layer, Status.FINE, "as it should be", None, data)


def fail(problem: Problem, layer: Layer, **data: Any) -> Result:
    return Result(layer, Status.FAIL, "not as it should be", problem, data)


def warning(problem: Problem, layer: Layer, **data: Any) -> Result:
    return Result(layer, Status.WARNING, "nearly as it should be", problem, data)


def healthy_results() -> dict[Layer, list[Result]]:
    """What a probe tells of a home where all is well."""
    data: dict[Layer, dict[str, Any]] = {
        Layer.NAME: {"address": PUBLIC, "own": CAMERA, "inside": False},
        Layer.PORT: {"address": PUBLIC, "port": 21},
        Layer.UPLOAD: {"port": 21, "photos": {PHOTO: SHA256}},
    }
    layers = list(Layer)[: list(Layer).index(Layer.LIBRARY)]
    return {layer: [fine(layer, **data.get(layer, {}))] for layer in layers}


@dataclass
class Scene:
    """A check of a home, of which a test changes what it is about.

    :param plan: the home
    :param results: what the probe tells, by layer
    :param boxes: what the boxes saw, by name
    :param server: what the server says
    """

    plan: Plan = MANAGED
    results: dict[Layer, list[Result]] = field(default_factory=healthy_results)
    boxes: dict[str, BoxView] = field(default_factory=dict)
    server: ServerView | None = None
    inside: bool = True
    at_home: bool = False

    def __post_init__(self) -> None:
        server = self.plan.servers[0]
        ports = (server.control_port, *server.passive)
        packets = frozenset(Packet(CAMERA, port) for port in ports)
        addresses = {
            router.name: (str(router.wan_address or PUBLIC), str(router.lan.ip))
            for router in self.plan.routers
        } | {server.name: (str(server.address),)}
        managed = [router.name for router in self.plan.routers if not router.by_hand]
        self.boxes = {
            name: BoxView(name, "", packets, packets, addresses[name])
            for name in (*managed, server.name)
        }
        self.server = ServerView(
            journal=(),
            listening=frozenset({server.control_port}),
            announced=PUBLIC,
            stopped=(),
            clock=0.4,
            certificate_ends=NOW + timedelta(days=400),
            photos={PHOTO: Stored(f"/srv/hotshoe/library/camera0-0/2026/{PHOTO}", SHA256)},
            free=50 * 10**9,
            keep_free=10**9,
            closed=(),
            ddns="",
        )

    def met(self, *results: Result) -> Scene:
        """The probe met this; later layers were not tried where that is so."""
        for result in results:
            self.results[result.layer] = [result]
            if result.status is Status.FAIL and result.layer in STOPS:
                self._stop_after(result.layer)
        return self

    def _stop_after(self, layer: Layer) -> None:
        layers = list(self.results)
        for later in layers[layers.index(layer) + 1 :]:
            not_tried = Result(later, Status.UNKNOWN, f"not tried, since {layer.value} failed")
            self.results[later] = [not_tried]

    def lost(self, ports: Iterable[int], box: str, *, arrived: bool) -> Scene:
        """Packets to these ports got to a box, or did not, and no further."""
        gone = set(ports)
        names = list(self.boxes)
        every = [router.name for router in self.plan.routers] + [self.plan.servers[0].name]
        for name in names:
            view = self.boxes[name]
            assert view.arrived is not None
            assert view.passed is not None
            came, went = (
                frozenset(p for p in packets if p.port not in gone)
                for packets in (view.arrived, view.passed)
            )
            if every.index(name) > every.index(box) or (name == box and not arrived):
                self.boxes[name] = replace(view, arrived=came, passed=went)
            elif name == box:
                self.boxes[name] = replace(view, passed=went)
        return self

    def box(self, name: str, **different: Any) -> Scene:
        self.boxes[name] = replace(self.boxes[name], **different)
        return self

    def says(self, **different: Any) -> Scene:
        """The server says this instead."""
        assert self.server
        self.server = replace(self.server, **different)
        return self

    def findings(self) -> tuple[Finding, ...]:
        server = self.plan.servers[0]
        inside = InsideView(tuple(self.boxes.values()), self.server) if self.inside else None
        results = [result for results in self.results.values() for result in results]
        return diagnose(
            self.plan, server, server.cameras[0], results, inside, NOW, at_home=self.at_home
        )

    def faults(self) -> list[tuple[Problem | None, str]]:
        """Problem and box of what is broken or may be."""
        serious = (Status.FAIL, Status.WARNING)
        return [(f.problem, f.box) for f in self.findings() if f.status in serious]


# Without these, a probe does not go on.
STOPS = (Layer.PORT, Layer.BANNER, Layer.TLS, Layer.CERTIFICATE, Layer.LOGIN)
