"""The record of what was applied."""

from __future__ import annotations

import pytest

from hotshoe.deploy.record import Record, Revision
from hotshoe.deploy.results import HostResult, Operation, SiteResult
from hotshoe.errors import HotshoeError

COMMIT = Revision("5f3c0a9e" * 5, False)
WELL = SiteResult(
    "home",
    (
        HostResult("darkroom", (Operation("vsftpd | Start", "changed"),), (), ""),
        HostResult("gateway", (), (), ""),
    ),
)
BADLY = SiteResult(
    "home",
    (
        HostResult("darkroom", (Operation("TLS | Issue", "failed"),), (), "no room: s3cret"),
        HostResult("gateway", (), (), "Could not connect"),
    ),
    error="darkroom: TLS | Issue: no room: s3cret",
)


@pytest.fixture
def record(tmp_path) -> Record:
    return Record(tmp_path, "home")


def test_it_says_when_who_what_commit_and_what_was_changed(record):
    begun, before = record.begin("home", False, "ann@desk", COMMIT)
    record.end(begun, WELL)
    assert before is None
    first, last = record.lines()
    assert first == {
        "event": "begun",
        "apply": begun.apply,
        "when": begun.when,
        "site": "home",
        "stage": False,
        "who": "ann@desk",
        "revision": {"commit": COMMIT.commit, "clean": False},
    }
    assert last == {
        "event": "ended",
        "apply": begun.apply,
        "when": last["when"],
        "outcome": "applied",
        "hosts": ["darkroom", "gateway"],
        "changed": {"darkroom": ["vsftpd | Start"]},
        "failed": {},
    }


def test_what_failed_is_named_without_what_a_host_said(record):
    begun, _ = record.begin("home", False, "ann@desk", None)
    record.end(begun, BADLY)
    *_, last = record.lines()
    assert last["outcome"] == "failed"
    assert last["failed"] == {"darkroom": "TLS | Issue", "gateway": ""}
    assert "s3cret" not in record.path.read_text()


def test_one_that_never_ended_was_interrupted(record):
    killed, _ = record.begin("home", False, "ann@desk", COMMIT)
    begun, before = record.begin("home", True, "bob@desk", COMMIT)
    assert before
    assert (before.apply, before.who, before.when) == (killed.apply, "ann@desk", killed.when)
    record.end(begun, WELL)
    assert [(line["event"], line.get("outcome")) for line in record.lines()] == [
        ("begun", None),
        ("ended", "interrupted"),
        ("begun", None),
        ("ended", "applied"),
    ]
    assert record.begin("home", False, "ann@desk", COMMIT)[1] is None


@pytest.mark.parametrize("rest", ['{"event": "beg', "\x00\x00\x00", "[]\n", "\udcff"])
def test_a_line_that_was_cut_short_says_nothing_and_spoils_no_other(record, rest):
    begun, _ = record.begin("home", False, "ann@desk", COMMIT)
    record.end(begun, WELL)
    with record.path.open("a", errors="surrogateescape") as file:
        file.write(rest)
    again, before = record.begin("home", False, "ann@desk", COMMIT)
    assert before is None
    assert [line["apply"] for line in record.lines()] == [begun.apply, begun.apply, again.apply]


def test_lines_of_others_are_no_reason_to_fail(record):
    record.path.write_text('{"event": "begun"}\n')
    _, before = record.begin("home", False, "ann@desk", COMMIT)
    assert before
    assert before.who == "?"


def test_it_is_nobody_else_s(record):
    record.begin("home", False, "ann@desk", COMMIT)
    assert record.path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / ".hotshoe").symlink_to(tmp_path / "nowhere" / "else")
    with pytest.raises(HotshoeError, match="cannot be made"):
        Record(tmp_path, "home")
