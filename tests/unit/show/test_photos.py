"""What has come in, on a terminal."""

from __future__ import annotations

import io
import re
from datetime import datetime

import pytest
from rich.console import Console

from hotshoe.remote.deliveries import Deliveries, Delivery, Destination, PhotoDeliveries
from hotshoe.remote.events import Event, Kind
from hotshoe.remote.photos import Lately
from hotshoe.remote.ssh import RemoteError
from hotshoe.show.photos import line, table

AT = datetime(2024, 2, 29, 12, 0, 1)
LIBRARY = "/srv/hotshoe/library/r5/2024-02-29"


def printed(lately: Lately, width: int = 100) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(*table("darkroom", lately), sep="\n")
    return "\n".join(each.rstrip() for each in file.getvalue().splitlines())


def photo(
    kind: Kind, name: str, path: str = "", reason: str = "", size: int | None = 3_000
) -> Event:
    return Event(kind, AT, "r5", name, size, path, reason)


def test_each_photo_has_a_row_that_says_where_it_is():
    events = (
        photo(Kind.LIBRARY, "IMG_0001.JPG", f"{LIBRARY}/IMG_0001.JPG"),
        photo(Kind.LIBRARY, "IMG_0001.JPG", f"{LIBRARY}/IMG_0001-2.JPG"),
        photo(Kind.LIBRARY, "IMG_0002.JPG", f"{LIBRARY}/IMG_0002.JPG"),
        photo(Kind.COPY, "IMG_0001.JPG", f"{LIBRARY}/IMG_0001.JPG", size=None),
        photo(Kind.INCOMPLETE, "IMG_0003.JPG", "/srv/hotshoe/r5/incomplete/1/IMG_0003.JPG", "why"),
        photo(Kind.UNPROVEN, "IMG_0004.CR3", "/srv/hotshoe/r5/unproven/2/IMG_0004.CR3", "why"),
        photo(Kind.REMOVED, "IMG_0005.CR3", reason="its 14 days are over"),
        Event(Kind.FULL, AT, reason="5 GB are free"),
    )
    gone = {f"{LIBRARY}/IMG_0002.JPG", "/srv/hotshoe/r5/unproven/2/IMG_0004.CR3"}
    present = frozenset(event.path for event in events) - gone
    coming = photo(Kind.ARRIVING, "IMG_0006.JPG", "/srv/hotshoe/r5/arriving/3/IMG_0006.JPG")
    assert (
        printed(Lately(events, present, (coming,)))
        == """\
darkroom (folders are below /srv/hotshoe)
time                 camera  name            size  where it is now
2024-02-29 12:00:01  r5      IMG_0001.JPG  3.0 kB  library/r5/2024-02-29
2024-02-29 12:00:01  r5      IMG_0001.JPG  3.0 kB  library/r5/2024-02-29/IMG_0001-2.JPG
2024-02-29 12:00:01  r5      IMG_0002.JPG  3.0 kB  moved or removed; was in library/r5/2024-02-29
2024-02-29 12:00:01  r5      IMG_0001.JPG          was there already: library/r5/2024-02-29
2024-02-29 12:00:01  r5      IMG_0003.JPG  3.0 kB  incomplete: why; kept in r5/incomplete/1
2024-02-29 12:00:01  r5      IMG_0004.CR3  3.0 kB  unproven: why; was in r5/unproven/2
2024-02-29 12:00:01  r5      IMG_0005.CR3  3.0 kB  removed: its 14 days are over
2024-02-29 12:00:01                                full: 5 GB are free
2024-02-29 12:00:01  r5      IMG_0006.JPG  3.0 kB  on its way"""
    )


def test_where_each_photo_has_been_delivered_to_what_waits_and_why():
    names = [f"IMG_000{number}.JPG" for number in range(1, 7)]
    safe, waits, odd, gone, taken, broken = (
        photo(Kind.LIBRARY, name, f"{LIBRARY}/{name}") for name in names
    )
    broken = photo(Kind.INCOMPLETE, names[5], "/srv/hotshoe/r5/incomplete/1/x", "why")
    there, waiting = Delivery("nas", "delivered", "x", AT, AT), Delivery("desk", "waiting")
    told = Deliveries(
        False,
        (
            Destination("nas", "fetch", "", 2, 0, 0, succeeded=AT),
            Destination(
                *("desk", "sftp", "sftp://ann@192.168.1.30/in", 1, 2, 6_000),
                error="the password is wrong",
                failing_since=AT,
                next_try=AT,
            ),
        ),
        {
            safe.path: PhotoDeliveries((there, Delivery("desk", "delivered"))),
            waits.path: PhotoDeliveries((there, waiting)),
            odd.path: PhotoDeliveries((Delivery("nas", "waiting", error="too large"), waiting)),
            gone.path: PhotoDeliveries((there,), removed=AT),
        },
        "too little has been delivered",
    )
    present = frozenset(event.path for event in (safe, waits, odd, broken))
    events = (safe, waits, odd, gone, taken, broken)
    rows = printed(Lately(events, present, (), told), 200).splitlines()[1:]
    cells = [re.sub(r"^.*(JPG|size)  (3.0 kB)? *", "", row) for row in rows]
    assert [re.sub(r"\b {2,}", " | ", cell) for cell in cells] == [
        "where it is now | delivered to",
        "library/r5/2024-02-29 | nas, desk",
        "library/r5/2024-02-29 | nas; waits for desk",
        "library/r5/2024-02-29 | waits for nas (too large), desk",
        "removed after delivery; was in library/r5/2024-02-29 | nas",
        "moved or removed; was in library/r5/2024-02-29",
        "incomplete: why; kept in r5/incomplete/1/x",
        "hotshoe-delivery does not run there: journalctl -u hotshoe-delivery",
        "nas (fetch): nothing waits; it last worked 2024-02-29 12:00:01",
        "desk (sftp, sftp://ann@192.168.1.30/in): 2 wait (6.0 kB)",
        "    the password is wrong (since 2024-02-29 12:00:01); it is tried again "
        "2024-02-29 12:00:01",
        "retention: too little has been delivered",
    ]


def test_what_has_come_in_is_shown_without_the_deliveries_if_need_be():
    event = photo(Kind.LIBRARY, "IMG_0001.JPG", f"{LIBRARY}/IMG_0001.JPG")
    text = printed(Lately((event,), frozenset({event.path}), (), RemoteError("why")))
    assert text.splitlines()[1].endswith("where it is now")


def test_nothing_is_said_to_be_nothing():
    assert printed(Lately((), frozenset(), ())).endswith("\nNothing has come in.")


NASTY = ["\x1b[2J", "\x1b]0;title\x07", "[red]x[/red]", "\udcff", "\u202egpj.exe", "a\rb", "\x9b1m"]


@pytest.mark.parametrize("name", NASTY)
def test_no_name_moves_the_cursor_or_is_taken_for_markup(name):
    event = Event(Kind.INCOMPLETE, AT, name, name, 1, f"/srv/hotshoe/{name}/x", name)
    text = printed(Lately((event,), frozenset(), ())) + line("darkroom", event, ["a", "b"]).plain
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "[red]x[/red]" in text or name != "[red]x[/red]"


@pytest.mark.parametrize("text", NASTY)
def test_no_answer_of_a_destination_does_so(text):
    event = photo(Kind.LIBRARY, "IMG_0001.JPG", f"{LIBRARY}/IMG_0001.JPG")
    told = Deliveries(
        True,
        (Destination("nas", "sftp", text, 1, 1, 1, error=text),),
        {event.path: PhotoDeliveries((Delivery("nas", "waiting", error=text),))},
        text,
    )
    shown = printed(Lately((event,), frozenset(), (), told), 300)
    assert shown.isascii()
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert shown.count("[red]x[/red]") == (4 if text == "[red]x[/red]" else 0)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_character_of_a_long_name_is_cut(width):
    name = "".join(chr(ord("a") + n % 26) for n in range(255))
    event = photo(Kind.LIBRARY, name, f"{LIBRARY}/other")
    text = printed(Lately((event,), frozenset({event.path}), ()), max(width, 60))
    column = re.findall(r"[a-z]{8,}", text)
    assert "".join(column).count(name[:26]) >= 9


def test_on_a_narrow_terminal_it_is_still_read_where_a_photo_is():
    event = photo(Kind.LIBRARY, "800141_21_4_0002.JPG", f"{LIBRARY}/800141_21_4_0002.JPG")
    told = Deliveries(
        True,
        (Destination("nas", "fetch", "", 1, 0, 0, succeeded=AT),),
        {event.path: PhotoDeliveries((Delivery("nas", "delivered"),))},
    )
    rows = printed(Lately((event,), frozenset({event.path}), (), told), 80).splitlines()[1:-1]
    assert len(rows) <= 4
    assert rows[-1].strip() == "delivered to: nas"
    assert "800141_21_4_0002.JPG  3.0 kB  library/r5/2024-02-29" in rows[-2]


def test_on_the_narrowest_terminal_a_name_stays_in_one_line_and_nothing_is_cut():
    events = tuple(
        photo(Kind.LIBRARY, f"IMG_000{n}.JPG", f"{LIBRARY}/IMG_000{n}.JPG", size=24_000_000)
        for n in range(1, 3)
    )
    told = Deliveries(
        True,
        (Destination("nas", "fetch", "", 1, 0, 0), Destination("desk", "sftp", "", 1, 1, 9)),
        {
            e.path: PhotoDeliveries((Delivery("nas", "delivered"), Delivery("desk", "waiting")))
            for e in events
        },
    )
    present = frozenset(event.path for event in events)
    shown = printed(Lately(events, present, (), told), 60)
    rows = shown.splitlines()[3:-2]
    assert [row.split()[2] for row in rows if row.startswith("2024")] == [
        "IMG_0001.JPG",
        "IMG_0002.JPG",
    ]
    assert max(map(len, rows)) <= 60
    places = " ".join(row[46:].strip() for row in rows)
    assert places.count("delivered to: nas; waits for desk") == len(events)


def test_an_event_is_a_line():
    event = photo(Kind.LIBRARY, "IMG_0001.JPG", f"{LIBRARY}/IMG_0001.JPG")
    told = "safe        IMG_0001.JPG  3.0 kB  library/r5/2024-02-29"
    assert line("darkroom", event, ["darkroom"]).plain == f"12:00:01  r5  {told}"
    assert line("attic", event, ["attic", "cellar"]).plain == f"12:00:01  attic   r5  {told}"
    begins = photo(Kind.ARRIVING, "IMG_0001.JPG", size=None)
    assert line("a", begins, ["a"]).plain == "12:00:01  r5  begins      IMG_0001.JPG"
    full = Event(Kind.FULL, AT, reason="5 GB are free")
    assert line("a", full, ["a"]).plain == "12:00:01  all cameras  full        5 GB are free"
