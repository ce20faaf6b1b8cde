"""Where on the way the packets of a check ended, as far as the boxes can tell."""

from __future__ import annotations

from collections.abc import Iterable

from hotshoe.check import hops
from hotshoe.check.case import Case
from hotshoe.check.hops import Hop, Loss, Place
from hotshoe.probe.layers import Layer


def lost(case: Case, ports: Iterable[int]) -> tuple[Loss, ...]:
    """What became of the packets for some ports, the outermost loss first."""
    wanted = tuple(ports)
    if case.inside is None:
        return (Loss((), Place.UNKNOWN),)
    way = hops.chain(case.plan, case.server, case.inside)
    # From inside, a packet meets the server alone.
    way = way[-1:] if case.at_home else way
    order = {hop.name: number for number, hop in enumerate(way)}
    masks = hops.addresses(case.plan, case.inside)
    found = hops.trace(way, wanted, _sources(case, way), masks)
    return tuple(sorted(found, key=lambda loss: _depth(loss, order)))


def first_loss(case: Case, ports: Iterable[int]) -> Loss:
    """The outermost place at which packets for some ports ended."""
    return lost(case, ports)[0]


def _depth(loss: Loss, order: dict[str, int]) -> tuple[bool, int]:
    unknown = loss.place is Place.UNKNOWN
    at = min((order[box] for box in loss.boxes), default=len(order))
    return unknown, at * 2 + (loss.place is not Place.BEFORE)


def _sources(case: Case, way: tuple[Hop, ...]) -> tuple[str, ...] | None:
    """The probe's own address, unless a NAT on its side hides it."""
    own = case.seen(Layer.NAME, "own")
    if not isinstance(own, str):
        return None
    seen = {packet.source for hop in way for packet in (*(hop.arrived or ()), *(hop.passed or ()))}
    return (own,) if own in seen else None
