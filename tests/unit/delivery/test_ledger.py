"""What the ledger remembers."""

from __future__ import annotations

import os
import time

import pytest

from hotshoe_delivery.ledger import _ORDERED, Found, Ledger


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield ledger
    ledger.close()


def found(path: str, size: int = 1, mtime_ns: int = 1, arrived: float = 1.0) -> Found:
    return Found(path, size, mtime_ns, arrived)


def paths(photos) -> list[str]:
    return [photo.path for photo in photos]


def test_what_is_there_waits_for_a_new_destination_and_what_comes_for_all(ledger):
    ledger.see([found("a"), found("b")])
    ledger.configure({"nas": "here"})
    ledger.see([found("c")])
    assert paths(ledger.waiting("nas", "oldest", 9)) == ["a", "b", "c"]
    assert paths(ledger.waiting("nas", "newest", 2)) == ["c", "b"]
    assert paths(ledger.waiting("nas", "oldest", 1, without={1})) == ["b"]


def test_names_may_be_any_bytes(ledger):
    name = os.fsdecode(b"r5/\xff\n'.JPG")
    ledger.configure({"nas": "here"})
    ledger.see([found(name)])
    assert paths(ledger.waiting("nas", "oldest")) == [name]
    ledger.delivered(1, "nas", name)
    assert ledger.at(1)["nas"][0] == name
    assert ledger.latest(1)[0]["path"] == name


def test_at_another_place_nothing_counts(ledger):
    ledger.configure({"nas": "here", "desk": "there"})
    ledger.see([found("a")])
    for name in ("nas", "desk"):
        ledger.delivered(1, name, "a")
    ledger.configure({"nas": "elsewhere", "desk": "there"})
    assert paths(ledger.waiting("nas", "oldest")) == ["a"]
    assert ledger.waiting("desk", "oldest") == []
    ledger.configure({"desk": "there"})
    assert paths(ledger.removable(None, 9)) == ["a"]


def test_what_comes_back_is_not_delivered_again_and_what_changes_is(ledger):
    ledger.configure({"nas": "here"})
    ledger.see([found("a")])
    ledger.delivered(1, "nas", "a")
    ledger.gone([1], "moved")
    assert ledger.see([found("a")]) == [1]
    assert ledger.waiting("nas", "oldest") == []
    assert ledger.see([found("a", mtime_ns=2)]) == [2]
    assert paths(ledger.waiting("nas", "oldest")) == ["a"]
    assert [each["why_gone"] for each in ledger.latest(9)] == ["replaced", None]


def test_numbers_are_never_given_again(ledger):
    ledger.see([found("a")])
    ledger.gone([1], "moved")
    with ledger._change() as db:
        db.execute("UPDATE photos SET gone = 1")
    ledger.gone([], "moved")
    assert ledger.latest(9) == []
    assert ledger.see([found("a")]) == [2]


def test_one_that_is_put_off_waits_until_then_and_not_for_ever(ledger):
    ledger.configure({"nas": "here"})
    ledger.see([found("a"), found("b")])
    now = time.time()
    ledger.failed("nas", "why", now + 100, 1)
    assert paths(ledger.waiting("nas", "oldest", now=now)) == ["b"]
    assert paths(ledger.waiting("nas", "oldest", now=now + 101)) == ["a"]
    assert ledger.tries(1, "nas") == 1
    # The clock was years ahead when it failed.
    assert paths(ledger.waiting("nas", "oldest", now=now - 10**8)) == ["a"]


def test_nothing_is_removable_that_one_of_them_lacks(ledger):
    ledger.see([found("a"), found("b", arrived=2)])
    assert ledger.removable(None, 9) == []
    ledger.configure({"nas": "here", "desk": "there"})
    ledger.delivered(1, "nas", "a")
    ledger.delivered(2, "nas", "b")
    ledger.delivered(2, "desk", "b")
    assert paths(ledger.removable(None, 9)) == ["b"]
    ledger.delivered(1, "desk", "a")
    assert paths(ledger.removable(None, 9)) == ["a", "b"]
    assert paths(ledger.removable(2, 9)) == ["a"]
    ledger.lost(1, "nas", "it is gone")
    assert paths(ledger.removable(None, 9)) == ["b"]


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_the_next_one_is_found_at_once_however_many_there_are(ledger, order):
    plan = [
        row[-1]
        for row in ledger._db.execute(f"EXPLAIN QUERY PLAN {_ORDERED[order]}", ("nas", 1, 1))
    ]
    assert "deliveries_waiting" in plan[0]
    assert not any("TEMP B-TREE" in step or "SCAN" in step for step in plan)


@pytest.mark.parametrize("content", [b"nonsense" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_one_that_cannot_be_read_is_begun_anew(tmp_path, content):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    ledger = Ledger(path)
    assert ledger.begun_anew
    ledger.see([found("a")])
    ledger.close()
    assert path.with_name("ledger.sqlite.unreadable").read_bytes() == content
    again = Ledger(path)
    assert not again.begun_anew
    assert len(again.present()) == 1
    again.close()


def test_one_that_is_broken_in_the_middle_is_begun_anew(tmp_path):
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.configure({"nas": "here"})
    ledger.see(found(f"r5/2024-02-29/IMG_{n:04}.JPG") for n in range(2000))
    ledger.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        # All but the first page, which has the tables' names.
        file.seek(1 << 15)
        file.write(b"\xff" * (size - (2 << 15)))
    again = Ledger(path)
    assert again.begun_anew
    assert again.present() == {}
    again.configure({"nas": "here"})
    again.see([found("a")])
    again.close()


def test_who_only_looks_makes_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        Ledger(tmp_path / "none", read_only=True)
    assert list(tmp_path.iterdir()) == []
