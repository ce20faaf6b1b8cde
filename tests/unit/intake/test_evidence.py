"""How uploads end, whatever is heard of first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from hotshoe_intake import evidence
from hotshoe_intake.arrivals import Arrival, Arrivals
from hotshoe_intake.evidence import Evidence
from hotshoe_intake.journal import Barrier, Ended


def test_a_line_that_is_read_before_the_upload_is_known_counts():
    """Small photos may be there as a whole before anything of them is handled."""
    arrivals, known = Arrivals(), []
    arrival = Arrival("r5", "place", "a.JPG", began=99, ended=True)

    def catch_up():
        if not list(arrivals):
            arrivals.add(arrival)

    proof = Evidence(
        1000,
        arrivals,
        size_of=lambda _: 5,
        writer_of=lambda _: None,
        known=known.append,
        catch_up=catch_up,
        unanswered=known.clear,
    )
    line = Ended(pid=3, ours=True, camera="r5", name="a.JPG", size=5, at=100.0)
    proof._journal = SimpleNamespace(read=lambda: iter([line, Barrier("another")]))
    proof._read()
    assert arrival.sent == 5
    assert known == [arrival]


def test_a_journal_that_never_answers_is_not_waited_for_for_ever(monkeypatch):
    """Such as one that keeps nothing (Storage=none), or not what we say (MaxLevelStore=)."""
    arrivals, known, unanswered = Arrivals(), [], []
    arrival = Arrival("r5", "place", "a.JPG", began=99)
    arrivals.add(arrival)
    proof = Evidence(
        1000,
        arrivals,
        size_of=lambda _: 5,
        writer_of=lambda _: None,
        known=known.append,
        catch_up=lambda: None,
        unanswered=lambda: unanswered.append(True),
    )
    monkeypatch.setattr(evidence, "send_barrier", lambda _: True)

    async def wait() -> None:
        proof.ended(arrival)
        proof._send_barrier()
        for _ in range(evidence.MOST_ASKED):
            assert known == []
            (token,) = proof._barriers
            proof._send_again(token)

    asyncio.run(wait())
    assert known == [arrival]
    assert unanswered == [True]
    assert not arrival.witnessed
