"""What the journal tells of uploads."""

from __future__ import annotations

from datetime import datetime

import pytest

from hotshoe.remote.events import QUERY, Event, Kind, matches, read_event
from tests.unit.remote.journal import AT, line


def test_an_event_has_all_that_was_told():
    told = line(
        0.25,
        EVENT="incomplete",
        CAMERA="r5",
        NAME="IMG_0001.JPG",
        BYTES="11900000",
        PATH="/srv/hotshoe/r5/incomplete/20240229T120000.1/IMG_0001.JPG",
        REASON="the connection broke off",
    )
    assert read_event(told.encode()) == Event(
        kind=Kind.INCOMPLETE,
        at=datetime.fromtimestamp(AT + 0.25),
        camera="r5",
        name="IMG_0001.JPG",
        size=11_900_000,
        path="/srv/hotshoe/r5/incomplete/20240229T120000.1/IMG_0001.JPG",
        reason="the connection broke off",
    )


def test_what_is_not_told_is_empty():
    event = read_event(line(EVENT="full").encode())
    assert event == Event(Kind.FULL, datetime.fromtimestamp(AT))


@pytest.mark.parametrize("name", [b"\x1b[31m.JPG", b"\xff\xfe.JPG", b"a\nb.JPG", "ä.JPG".encode()])
def test_names_may_have_any_bytes(name):
    event = read_event(line(EVENT="library", NAME=name).encode())
    assert event
    assert event.name.encode(errors="surrogateescape") == name


@pytest.mark.parametrize(
    "told",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        line(EVENT="something new"),
        line(EVENT="library", BYTES="many"),
        line(EVENT="library").replace("__REALTIME", "__OTHER"),
        # Fields of the same name are a list of texts.
        '{"__REALTIME_TIMESTAMP": "1", "HOTSHOE_EVENT": ["library", "copy"]}',
        '{"__REALTIME_TIMESTAMP": "1", "HOTSHOE_EVENT": "library", "HOTSHOE_NAME": null}',
        '{"__REALTIME_TIMESTAMP": "1", "HOTSHOE_EVENT": "library", "HOTSHOE_NAME": [1, 999]}',
        '{"__REALTIME_TIMESTAMP": "9999999999999999999999", "HOTSHOE_EVENT": "library"}',
        # What a server that is taken over may say, and journald does not.
        f'{{"__REALTIME_TIMESTAMP": "{"9" * 400}", "HOTSHOE_EVENT": "library"}}',
        r'{"__REALTIME_TIMESTAMP": "1", "HOTSHOE_EVENT": "library", "HOTSHOE_PATH": "\ud800"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_event_is_passed_over(told):
    assert read_event(told.encode()) is None


def test_only_the_program_itself_is_asked_for():
    assert '_SYSTEMD_UNIT=hotshoe-intake.service "_UID=$uid"' in QUERY
    assert matches((Kind.LIBRARY, Kind.COPY)) == ["HOTSHOE_EVENT=library", "HOTSHOE_EVENT=copy"]
