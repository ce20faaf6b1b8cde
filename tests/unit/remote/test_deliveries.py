"""How a server is asked about its deliveries, and what its answer means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from hotshoe.remote.deliveries import (
    NONE,
    Deliveries,
    Delivery,
    Destination,
    PhotoDeliveries,
    deliveries,
    read_deliveries,
)
from hotshoe.remote.photos import Lately, ask
from hotshoe.remote.ssh import Host, RemoteError
from tests.unit.remote.journal import line
from tests.unit.remote.status import PHOTO, destination, photo, status

ATTIC = Host("attic", "192.168.1.10", "root", 22)
AT = datetime(2026, 5, 31, 18, 0, tzinfo=UTC)


def test_what_a_server_answers_is_read():
    at = AT.timestamp()
    answer = status(
        destination("nas", waiting=2, waiting_bytes=9, delivered=7, succeeded=at),
        destination(
            *("desk", "sftp"),
            to="sftp://ann@192.168.1.30/in",
            error="the password is wrong",
            failing_since=at,
            next_try=at + 60,
        ),
        photos=[photo(PHOTO, nas=at, desk=None), photo("/gone", removed=at)],
        retention={"after_days": 30, "keep_free": None, "error": "nas has too little"},
    )
    assert read_deliveries(answer) == Deliveries(
        True,
        (
            Destination("nas", "fetch", "", 7, 2, 9, succeeded=AT),
            Destination(
                *("desk", "sftp", "sftp://ann@192.168.1.30/in", 0, 0, 0, None),
                *("the password is wrong", AT, AT + timedelta(minutes=1)),
            ),
        ),
        {
            PHOTO: PhotoDeliveries(
                (
                    Delivery("nas", "delivered", "r5/nas.JPG", AT, AT),
                    Delivery("desk", "waiting"),
                )
            ),
            "/gone": PhotoDeliveries(removed=AT),
        },
        "nas has too little",
    )


def test_what_somebody_moved_was_not_removed_by_retention():
    moved = photo(PHOTO, removed=AT.timestamp()) | {"why_gone": "moved"}
    assert read_deliveries(status(photos=[moved])).of(PHOTO).removed is None


def test_a_library_that_keeps_everything_has_nothing_to_tell_of_retention():
    assert read_deliveries(status()) == NONE
    assert read_deliveries(status(retention={"after_days": 30, "error": None})) == NONE


def test_a_photo_of_which_nothing_is_known_has_no_deliveries():
    assert NONE.of(PHOTO) == PhotoDeliveries()


def test_exactly_the_photos_in_the_library_are_asked_about(programs):
    told = [
        line(EVENT="library", PATH="/srv/hotshoe/library/r5/a\nb.JPG"),
        line(EVENT="copy", PATH="/srv/hotshoe/library/r5/é".encode() + b"\xff.JPG"),
        line(EVENT="incomplete", PATH="/srv/hotshoe/r5/incomplete/1/c.JPG"),
    ]
    folder = programs("\n".join(told), status())
    ((_, answer),) = ask([ATTIC], None, None, ["attic"])
    assert isinstance(answer, Lately)
    assert answer.deliveries == NONE
    paths = (folder / "asked-about").read_bytes().split(b"\0")
    assert paths == [
        b"/srv/hotshoe/library/r5/a\nb.JPG",
        "/srv/hotshoe/library/r5/é".encode() + b"\xff.JPG",
        b"",
    ]
    # As nobody with more rights than the service has.
    assert (folder / "as").read_text().startswith("-u hotshoe-delivery -- env PYTHONPATH=/usr/")


def test_a_server_that_delivers_nothing_is_not_asked(programs):
    folder = programs("", b"nonsense")
    ((_, answer),) = ask([ATTIC], None, None, ["cellar"])
    assert isinstance(answer, Lately)
    assert answer.deliveries == NONE
    assert not (folder / "asked-about").exists()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        status(destination("nas", waiting="many")),
        status(photos=[photo(PHOTO, nas="yesterday")]),
        json.dumps({**json.loads(status()), "destinations": [7]}).encode(),
        # A server that is taken over may say whatever it likes.
        status(destination("nas", succeeded=1e300)),
        status(destination("nas", next_try=10**17)),
        status(destination("nas", waiting=float("inf"))),
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_told_and_what_has_come_in_as_well(programs, answer):
    programs(line(EVENT="library", PATH="/nowhere"), answer)
    with pytest.raises(RemoteError, match="does not answer as this release"):
        deliveries(ATTIC, [])
    ((_, lately),) = ask([ATTIC], None, None, ["attic"])
    assert isinstance(lately, Lately)
    assert isinstance(lately.deliveries, RemoteError)
    assert len(lately.events) == 1


def test_a_server_that_was_not_deployed_to_since_is_told(programs):
    folder = programs("")
    (folder / "id").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(RemoteError, match=r"^attic: delivers nothing yet; deploy to it$"):
        deliveries(ATTIC, [])
