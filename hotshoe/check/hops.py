"""Where connections were lost on their way: at which box, or between which two.

A connection passes each box of a chain in two steps: it arrives, and it goes on. What a box cannot
tell, since a person set it up by hand or since it cannot be asked, is unknown; but whatever arrived
further inside has passed there.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hotshoe.check.model import BoxView, InsideView, Packet
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.ports.portset import merged
from hotshoe.ports.ranges import PortRange

INTERNET = "the Internet"


class Place(enum.Enum):
    """Where a connection was lost, or that it was not."""

    BEFORE = "never arrived"  # before the first box of the home, or between two
    AT = "did not leave"  # at a box that saw it arrive
    AMONG = "vanished"  # at one of several boxes, or between them
    REFUSED = "was not let in"  # by the server's firewall
    THERE = "was let in"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True)
class Hop:
    """A box on the way, and what it saw.

    :param name: the box
    :param arrived: connections that reached it; None if that is not known
    :param passed: those that went on from it, or that a server let in
    """

    name: str
    arrived: frozenset[Packet] | None = None
    passed: frozenset[Packet] | None = None


@dataclass(frozen=True)
class Loss:
    """What became of connections to some ports.

    :param ports: to these
    :param place: what became of them
    :param boxes: at which box it was, or at which of several; for BEFORE, the box at which they did
        not arrive
    :param after: the last box that they are known to have passed; empty for none, which is the
        Internet
    :param before: the first box that they are known not to have reached, or not to have passed;
        empty if that is not known
    """

    ports: tuple[PortRange, ...]
    place: Place
    boxes: tuple[str, ...] = ()
    after: str = ""
    before: str = ""

    def __str__(self) -> str:
        """As a clause: ``50000-50049 never arrived at gateway``."""
        ports = ", ".join(map(str, self.ports))
        box = " or ".join(self.boxes)
        after = f", though it left {self.after}" if self.after else ""
        match self.place:
            case Place.BEFORE:
                return f"{ports} never arrived at {box}{after}"
            case Place.AT:
                return f"{ports} arrived at {box} and did not leave it"
            case Place.AMONG:
                between = f"between {self.after or INTERNET} and {self.before}"
                return f"{ports} vanished {between}, at {box} or beside it"
            case Place.REFUSED:
                return f"{ports} arrived at {box}, and its firewall did not let it in"
            case Place.THERE:
                return f"{ports} arrived at {box} and was let in"
        return f"nobody can tell how far {ports} got{after}"


# A loss without its ports.
_Fate = tuple[Place, tuple[str, ...], str, str]


def chain(plan: Plan, server: ServerPlan, inside: InsideView) -> tuple[Hop, ...]:
    """The boxes on the way to a server, the outermost first and the server last.

    :param inside: what those saw that can be asked
    """
    views = {view.name: view for view in inside.boxes}
    names = (*(router.name for router in plan.routers_to(server)), server.name)
    boxes = (views.get(name) or BoxView(name) for name in names)
    return tuple(Hop(box.name, box.arrived, box.passed) for box in boxes)


def addresses(plan: Plan, inside: InsideView) -> frozenset[str]:
    """The addresses of the home's boxes: a router that masks sources lets it look like its own."""
    routers = (str(router.lan.ip) for router in plan.routers)
    outside = (str(router.wan_address) for router in plan.routers if router.wan_address)
    return frozenset((*routers, *outside, *(a for view in inside.boxes for a in view.addresses)))


def trace(
    hops: Sequence[Hop],
    ports: Iterable[int],
    sources: Iterable[str] | None,
    masks: Iterable[str] = (),
) -> tuple[Loss, ...]:
    """What became of connections to ports; those with the same fate together.

    :param hops: the boxes on the way, the outermost first and the server last
    :param ports: that were dialled
    :param sources: the addresses of whoever dialled, as the home sees them; None for anybody's
    :param masks: the addresses of the home's boxes, which may stand for those
    """
    known = None if sources is None else frozenset((*sources, *masks))
    seen = [_seen(hop, known) for hop in hops]
    fates: dict[_Fate, list[int]] = {}
    for port in sorted(set(ports)):
        fate = _fate(hops, [(_is_in(port, a), _is_in(port, p)) for a, p in seen])
        fates.setdefault(fate, []).append(port)
    return tuple(
        Loss(merged(PortRange(port, port) for port in at), *fate) for fate, at in fates.items()
    )


def _seen(
    hop: Hop, sources: frozenset[str] | None
) -> tuple[frozenset[int] | None, frozenset[int] | None]:
    def ports(packets: frozenset[Packet] | None) -> frozenset[int] | None:
        if packets is None:
            return None
        return frozenset(p.port for p in packets if sources is None or p.source in sources)

    return ports(hop.arrived), ports(hop.passed)


def _is_in(port: int, ports: frozenset[int] | None) -> bool | None:
    return None if ports is None else port in ports


def _fate(hops: Sequence[Hop], seen: Sequence[tuple[bool | None, bool | None]]) -> _Fate:
    # Two points at each box: it arrived, it went on. The last at which it was is where to begin.
    points = [point for pair in seen for point in pair]
    last = max((i for i, point in enumerate(points) if point), default=-1)
    server = len(hops) - 1
    if last == len(points) - 1:
        return Place.THERE, (hops[server].name,), "", ""
    after = hops[(last - 1) // 2].name if last > 0 else ""
    missed = next((i for i in range(last + 1, len(points)) if points[i] is False), None)
    if missed is None:
        return Place.UNKNOWN, (), after, ""
    # What lies between: the box itself, where it arrived and did not leave; and those passed over.
    first_box, last_box = (last + 1) // 2, missed // 2
    suspects = range(first_box, last_box + missed % 2)
    names = tuple(hops[i].name for i in suspects)
    if not names:
        return Place.BEFORE, (hops[last_box].name,), after, hops[last_box].name
    if len(names) == 1 and last % 2 == 0:
        # It was seen there.
        place = Place.REFUSED if suspects[0] == server else Place.AT
        return place, names, after, hops[last_box].name
    return Place.AMONG, names, after, hops[last_box].name
