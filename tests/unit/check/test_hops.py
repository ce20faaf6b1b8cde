"""Where connections were lost, by what each box saw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.check.hops import Hop, Loss, Place, trace
from hotshoe.check.model import Packet
from hotshoe.ports.ranges import PortRange

CAMERA, STRANGER, GATEWAY = "198.51.100.7", "198.51.100.8", "192.168.1.1"


def saw(*ports: int, source: str = CAMERA) -> frozenset[Packet]:
    return frozenset(Packet(source, port) for port in ports)


def fate(*hops: Hop, port: int = 21) -> str:
    (loss,) = trace(hops, [port], [CAMERA], [GATEWAY])
    return str(loss)


ALL = saw(21)
NONE = saw()
OUTER = Hop("outer", ALL, ALL)
INNER = Hop("inner", ALL, ALL)
BY_HAND, OTHER = Hop("box"), Hop("bridge")
SERVER = Hop("darkroom", ALL, ALL)


@pytest.mark.parametrize(
    ("hops", "said"),
    [
        ((Hop("outer", NONE, NONE), Hop("darkroom", NONE, NONE)), "21 never arrived at outer"),
        (
            (Hop("outer", ALL, NONE), Hop("darkroom", NONE, NONE)),
            "21 arrived at outer and did not leave it",
        ),
        (
            (OUTER, Hop("inner", NONE, NONE), Hop("darkroom", NONE, NONE)),
            "21 never arrived at inner, though it left outer",
        ),
        (
            (OUTER, Hop("inner", ALL, NONE), Hop("darkroom", NONE, NONE)),
            "21 arrived at inner and did not leave it",
        ),
        (
            (BY_HAND, Hop("darkroom", NONE, NONE)),
            "21 vanished between the Internet and darkroom, at box or beside it",
        ),
        (
            (BY_HAND, OTHER, Hop("darkroom", NONE, NONE)),
            "21 vanished between the Internet and darkroom, at box or bridge or beside it",
        ),
        (
            (OUTER, BY_HAND, Hop("darkroom", NONE, NONE)),
            "21 vanished between outer and darkroom, at box or beside it",
        ),
        (
            (BY_HAND, Hop("inner", ALL, NONE), Hop("darkroom", NONE, NONE)),
            "21 arrived at inner and did not leave it",
        ),
        (
            (BY_HAND, Hop("darkroom", ALL, NONE)),
            "21 arrived at darkroom, and its firewall did not let it in",
        ),
        ((BY_HAND, SERVER), "21 arrived at darkroom and was let in"),
        # A server that cannot be asked.
        ((OUTER, Hop("darkroom")), "nobody can tell how far 21 got, though it left outer"),
        # What is unknown in between has let it pass.
        ((OUTER, BY_HAND, INNER, SERVER), "21 arrived at darkroom and was let in"),
    ],
)
def test_the_first_box_that_saw_nothing_is_named(hops, said):
    assert fate(*hops) == said


def test_what_strangers_dial_says_nothing():
    strangers = saw(21, source=STRANGER)
    assert (
        fate(Hop("outer", strangers, strangers), SERVER) == "21 arrived at darkroom and was let in"
    )
    assert fate(Hop("outer", strangers, strangers)) == "21 never arrived at outer"
    (anybody,) = trace([Hop("outer", strangers, strangers)], [21], None)
    assert anybody.place is Place.THERE


def test_a_router_that_masks_sources_stands_for_the_camera():
    masked = saw(21, source=GATEWAY)
    assert fate(OUTER, Hop("darkroom", masked, NONE)).startswith("21 arrived at darkroom, and its")


def test_ports_of_one_fate_are_told_together():
    there = saw(21, *range(50000, 50100))
    some = saw(21, *range(50000, 50050), 50060)
    hops = [Hop("outer", there, there), Hop("inner", there, some), Hop("darkroom", some, some)]
    losses = trace(hops, [21, *range(50000, 50100)], [CAMERA])
    assert [str(loss) for loss in losses] == [
        "21, 50000-50049, 50060 arrived at darkroom and was let in",
        "50050-50059, 50061-50099 arrived at inner and did not leave it",
    ]
    assert losses[1] == Loss(
        (PortRange(50050, 50059), PortRange(50061, 50099)),
        Place.AT,
        ("inner",),
        "outer",
        "inner",
    )


# -- whatever the chain


@st.composite
def journeys(draw: st.DrawFn) -> tuple[list[Hop], int, list[bool]]:
    """A chain, the point at which a connection was lost, and which boxes can be asked."""
    count = draw(st.integers(1, 5))
    known = [draw(st.booleans()) for _ in range(count)]
    # Two points at each box; one more means that it was let in.
    lost = draw(st.integers(0, 2 * count))
    hops = []
    for i in range(count):
        arrived, passed = (ALL if point < lost else NONE for point in (2 * i, 2 * i + 1))
        hops.append(Hop(f"b{i}", arrived, passed) if known[i] else Hop(f"b{i}"))
    return hops, lost, known


@given(journeys())
def test_the_guilty_one_is_always_among_those_named(journey):
    hops, lost, known = journey
    (loss,) = trace(hops, [21], [CAMERA])
    last = f"b{len(hops) - 1}"
    if loss.place is Place.THERE:
        assert lost == 2 * len(hops)
        assert known[-1]
        return
    # Lost at point 2i on the cable before box i; at 2i + 1 in box i.
    box = lost // 2
    if loss.place is Place.UNKNOWN:
        assert not any(known[box:])
        return
    assert lost < 2 * len(hops)
    around = {f"b{box}"} if lost % 2 else {f"b{box - 1}", f"b{box}"}
    named = {*loss.boxes, loss.after, loss.before}
    assert named & around
    if loss.place is Place.AT:
        assert (loss.boxes, lost % 2) == ((f"b{box}",), 1)
    if loss.place is Place.REFUSED:
        assert (loss.boxes, lost % 2) == ((last,), 1)
    if loss.place is Place.BEFORE:
        assert (loss.boxes, lost % 2) == ((f"b{box}",), 0)
    if loss.place is Place.AMONG:
        # Nobody is suspected who could have been asked.
        assert not any(known[int(name[1:])] for name in loss.boxes)
        assert not known[box] or lost % 2 == 0
