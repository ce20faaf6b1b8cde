"""Many TCP connections at once, and ports as people read them."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.probe.broken import BrokenError, Trouble
from hotshoe.probe.connection import Connection
from hotshoe.probe.ranges import as_ranges, runs
from hotshoe.probe.scan import scan
from tests.unit.probe.server import Faults, Server


def test_ports_are_open_refused_or_silent():
    with Server(None, Faults(silent=frozenset({1}), foreign=frozenset({2}))) as server:
        first = server.first
        found = scan("127.0.0.1", range(first, first + 4), 0.3, 5)
    assert found == {
        first: Trouble.REFUSED,
        first + 1: Trouble.SILENT,
        first + 2: None,
        first + 3: Trouble.REFUSED,
    }


def test_a_thousand_ports_are_refused_in_no_time():
    started = time.monotonic()
    found = scan("127.0.0.1", range(10_000, 11_000), 2, 20)
    assert len(found) == 1000
    assert time.monotonic() - started < 5


def test_that_there_is_no_way_is_told():
    found = scan("255.255.255.255", [21], 0.5, 1)
    assert found == {21: Trouble.UNREACHABLE}


def test_without_time_nothing_is_tried():
    assert scan("127.0.0.1", range(10_000, 10_010), 1, 0) == {}


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ((), ""),
        ((50000,), "50000"),
        (range(50000, 50050), "50000-50049"),
        ((*range(50000, 50050), 50060), "50000-50049, 50060"),
        (range(50000, 50020, 2), "50000, 50002, 50004, 50006, 50008, 50010, and 4 more ranges"),
    ],
)
def test_ports_are_told_as_ranges(ports, text):
    assert as_ranges(ports) == text


@given(st.sets(st.integers(1, 65535), max_size=200))
def test_runs_hold_the_same_ports(ports):
    found = runs(ports)
    assert [p for first, last in found for p in range(first, last + 1)] == sorted(ports)
    assert all(later[0] > former[1] + 1 for former, later in itertools.pairwise(found))


def said(text: bytes, patience: float = 0.5) -> Connection:
    """A control connection whose server has said this, and is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = Connection("127.0.0.1", listening.getsockname()[1], patience)
        server, _ = listening.accept()
        server.sendall(text)
        server.close()
        return connection


@pytest.mark.parametrize(
    ("text", "code", "reply"),
    [
        (b"220 Ready\r\n", 220, "220 Ready"),
        (b"220\r\n", 220, "220"),
        (b"220-One\r\n220-Two\r\n 220\r\n220 End\r\n", 220, "220-One / 220-Two /  220 / 220 End"),
        (b"211-Features:\n EPSV\n211 End\n", 211, "211-Features: /  EPSV / 211 End"),
    ],
)  # fmt: skip
def test_a_reply_has_a_line_or_several(text, code, reply):
    connection = said(text)
    found = connection.reply("now")
    assert (found.code, found.text) == (code, reply)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (b"", Trouble.ENDED),
        (b"220 Rea", Trouble.ENDED),
        (b"220-Ready\r\n", Trouble.ENDED),
        (b"SSH-2.0\r\n", Trouble.GARBLED),
        (b"\r\n", Trouble.GARBLED),
        (b"220-" + b"x" * 70_000, Trouble.GARBLED),
        (b"220-x\r\n" * 12_000, Trouble.GARBLED),
    ],
)
def test_what_is_no_reply_is_told_as_what_it_is(text, trouble):
    with pytest.raises(BrokenError) as told:
        said(text).reply("now")
    assert told.value.trouble is trouble


def test_a_server_that_drips_does_not_hold_it_for_longer():
    """Each wait has an end, however many bytes come meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = Connection("127.0.0.1", listening.getsockname()[1], 0.3)
        server, _ = listening.accept()

        def drip() -> None:
            with suppress(OSError):
                for _ in range(60):
                    server.sendall(b"220-a\r\n")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        with server, pytest.raises(BrokenError) as told:
            connection.reply("now")
    assert told.value.trouble is Trouble.SILENT
    assert time.monotonic() - began < 2
