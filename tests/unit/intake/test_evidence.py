"""How uploads end, by what the journal tells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hotshoe_intake import evidence
from hotshoe_intake.arrivals import Arrival, Arrivals
from hotshoe_intake.evidence import Evidence
from hotshoe_intake.journal import Barrier, Ended

LINE = Ended(pid=7, ours=True, camera="r5", name="A.JPG", size=5, at=1000.0)


class FakeJournal:
    """A journal that has these lines, once."""

    def __init__(self, lines: list[Ended | Barrier]) -> None:
        self._lines = lines

    def read(self) -> Iterator[Ended | Barrier]:
        while self._lines:
            yield self._lines.pop(0)


def test_a_line_about_an_upload_that_has_begun_meanwhile_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is there before the event that tells that its upload has begun is handled."""
    arrivals = Arrivals()
    arrival = Arrival("r5", "place", "A.JPG", 1, began=999.0)
    known: list[Arrival] = []

    def catch_up() -> None:
        if arrival not in arrivals:
            arrivals.add(arrival)
            proof.ended(arrival)

    proof = Evidence(1, arrivals, catch_up, lambda _: 5, known.append)
    monkeypatch.setattr(proof, "_journal", FakeJournal([LINE]), raising=False)
    monkeypatch.setattr(evidence, "read_writers", dict)
    proof._read()
    assert arrival.sent == 5
    assert known == [arrival]
