"""How uploads end, whatever is heard of first."""

from __future__ import annotations

from types import SimpleNamespace

from hotshoe_intake.arrivals import Arrival, Arrivals
from hotshoe_intake.evidence import Evidence
from hotshoe_intake.journal import Barrier, Ended


def test_a_line_that_is_read_before_the_upload_is_known_counts():
    """Small photos may be there as a whole before anything of them is handled."""
    arrivals, known = Arrivals(), []
    arrival = Arrival("r5", "place", "a.JPG", 7, began=99, ended=True)

    def catch_up():
        if not list(arrivals):
            arrivals.add(arrival)

    evidence = Evidence(1000, arrivals, lambda _: 5, known.append, catch_up)
    line = Ended(pid=3, ours=True, camera="r5", name="a.JPG", size=5, at=100.0)
    evidence._journal = SimpleNamespace(read=lambda: iter([line, Barrier("another")]))
    evidence._read()
    assert arrival.sent == 5
    assert known == [arrival]
