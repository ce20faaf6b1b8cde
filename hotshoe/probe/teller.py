"""What the parts of the probe share while they look: whom to tell, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result


class Stop(Exception):  # noqa: N818 - no error, but where to go on
    """What comes later cannot be looked at.

    :param layer: since this one does not work
    :param since: why, as a clause; empty if the layer failed, and it was told how
    """

    def __init__(self, layer: Layer, since: str = "") -> None:
        self.layer, self.told = layer, not since
        self.since = since or f"{layer.value} failed"
        super().__init__(self.since)


@dataclass
class Teller:
    """Tells results as they come.

    :param order: what the probe was told
    :param result: takes a result
    :param progress: takes a line that says what goes on
    """

    order: Order
    result: Callable[[Result], None]
    progress: Callable[[str], None]

    def fine(self, layer: Layer, evidence: str, **data: Any) -> None:
        """Tell that a layer works."""
        self.result(Result(layer, Status.FINE, evidence, None, data))

    def warn(self, layer: Layer, problem: Problem, evidence: str, **data: Any) -> None:
        """Tell of what works, and may not do so for long, or not for everybody."""
        self.result(Result(layer, Status.WARNING, evidence, problem, data))

    def fail(self, layer: Layer, problem: Problem, evidence: str, **data: Any) -> None:
        """Tell of what does not work."""
        self.result(Result(layer, Status.FAIL, evidence, problem, data))

    def unknown(self, layer: Layer, evidence: str, **data: Any) -> None:
        """Tell that something could not be told."""
        self.result(Result(layer, Status.UNKNOWN, evidence, None, data))
