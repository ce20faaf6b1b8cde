"""How a run is asked for, and what is known of one that tells nothing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hotshoe_message import __main__ as service
from hotshoe_message import runs
from hotshoe_message.reports import Reports, journal
from hotshoe_message.runs import Outcome
from tests.conftest import PROJECT

PHOTOS = b'[{"camera": "r5"}]\n'


@pytest.fixture
def entrance(tmp_path, monkeypatch):
    # A Unix socket's path is short.
    monkeypatch.chdir(tmp_path)
    return Path("entrance")


def asked(entrance: Path, answer: Callable, photos: bytes = PHOTOS, seconds: float = 20) -> Outcome:
    """What comes of a run that somebody answers in systemd's place."""

    async def ask() -> Outcome:
        async with await asyncio.start_unix_server(answer, entrance):
            return await runs.run(entrance, photos, seconds)

    return asyncio.run(ask())


def test_the_program_runs(entrance, tmp_path):
    """As systemd has it: a process for the connection."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nwc -c\nexit 4\n")
    program.chmod(0o755)

    def start(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            subprocess.run(
                [sys.executable, "-m", "hotshoe_message.runner", program, "20"],
                stdin=connection,
                env=os.environ | {"PYTHONPATH": str(PROJECT / "templates" / "message")},
                check=True,
            )

    async def ask(photos: bytes) -> Outcome:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(entrance))
            listening.listen()
            starting = asyncio.create_task(asyncio.to_thread(start, listening))
            outcome = await runs.run(entrance, photos, 20)
            await starting
        return outcome

    many = json.dumps([{"camera": "r5"}] * 50_000).encode()
    outcome = asyncio.run(ask(many))
    assert (outcome.failure, outcome.output) == ("failed with exit status 4", f"{len(many)}")


def test_one_that_tells_nothing_has_failed(entrance):
    async def hang_up(reader, writer) -> None:
        await reader.read()
        writer.close()

    said = asked(entrance, hang_up).failure
    assert said == (
        "did not start, or was ended from outside: see journalctl -u 'hotshoe-message-program@*'"
    )


def test_one_that_is_refused_has_failed(entrance):
    """Nobody reads what it is told, however much that is."""

    async def refuse(reader, writer) -> None:
        writer.transport.abort()

    assert asked(entrance, refuse, PHOTOS * 100_000).failure


def test_one_that_never_ends_has_failed(entrance, monkeypatch):
    monkeypatch.setattr(runs, "BESIDES", 0.2)

    async def hang(reader, writer) -> None:
        await reader.read()
        await reader.read()
        await asyncio.sleep(3600)

    said = asked(entrance, hang, seconds=0.1).failure
    assert said == "has not been ended 0.3 s after it was asked for"


@pytest.mark.parametrize("answer", [b"{", b"[]", b'{"failure": ""', b'{"other": 1}', b"\xff"])
def test_an_answer_that_makes_no_sense_is_a_failure(entrance, answer):
    async def tell(reader, writer) -> None:
        await reader.read()
        writer.write(answer)
        writer.close()

    assert asked(entrance, tell).failure.startswith("could not be started: ")


def test_where_nobody_answers(entrance):
    said = asyncio.run(runs.run(entrance, PHOTOS, 20)).failure
    assert said.startswith("could not be started: ")
    assert "No such file or directory" in said


def test_a_state_that_cannot_be_read_any_more_is_kept_aside(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(journal, "send", lambda text, **_: told.append(text), raising=False)
    path = tmp_path / "messages.sqlite"
    path.write_bytes(b"no database " * 1000)
    state = service.open_state(path, Reports("ntfy"))
    assert state.fact("looked") is None
    assert (tmp_path / "messages.sqlite.unreadable").read_bytes().startswith(b"no database")
    assert told[0].endswith(f"the old file is {path}.unreadable")


def test_what_is_told_fits_on_a_terminal(monkeypatch):
    """What a program prints is untrusted text."""
    told: list[str] = []
    monkeypatch.setattr(journal, "send", lambda text, **_: told.append(text), raising=False)
    Reports("ntfy").failed((), Outcome("failed", "\x1b[2Jgone\nand on\u202e"), 7200)
    assert told == [
        "ntfy failed; it was to be told of ; next try in 2 h; it printed: "
        "\\x1b[2Jgone\\nand on\\u202e"
    ]
