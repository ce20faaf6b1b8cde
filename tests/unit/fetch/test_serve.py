"""What is answered to whoever has a fetch key, whatever he asks."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from hotshoe_delivery.exchange import RefusedError
from hotshoe_delivery.serve import LONGEST, Session
from tests.unit.fetch.conftest import Asked, content


def ask(served: list[str], *requests: bytes) -> list[bytes]:
    """The lines that are answered, until the session ends."""
    done = subprocess.run(
        served, input=b"".join(each + b"\n" for each in requests), capture_output=True, timeout=30
    )
    assert b"Traceback" not in done.stderr
    return done.stdout.splitlines()


TASKS = b'{"do": "tasks", "most": 9, "seconds": 0}'


@pytest.mark.parametrize(
    "request_",
    [
        *(b"", b"x", b"[]", b"7", b"null", b'"do"', b"{}", b'{"do": "write"}', b"[" * 20_000),
        *(b"\xff\xfe", b'{"do": "tasks"}', b'{"do": "tasks", "most": "9", "seconds": 0}'),
        b'{"do": "tasks", "most": true, "seconds": 0}',
        b'{"do": "read", "id": 7, "offset": 0}',
        b'{"do": "read", "id": 1, "offset": -1}',
        b'{"do": "read", "id": 1, "offset": 10}',
        b'{"do": "read", "id": "1", "offset": 0}',
        b'{"do": "read", "id": "../../etc/passwd", "offset": 0}',
        b'{"do": "read", "path": "/etc/passwd", "offset": 0}',
        b'{"do": "right", "id": 7, "sha256": ""}',
        b'{"do": "fetched", "id": 7, "sha256": "", "name": ""}',
        b'{"do": "proved", "id": 7, "nonce": "", "sha256": null}',
        b'{"do": "failed", "reason": 7, "id": null}',
        b'{"do": "failed", "reason": "x", "id": 7}',
        b'{"do": "read", "id": 1, "offset": 0, "x": "' + b"y" * LONGEST + b'"}',
    ],
    ids=lambda said: said[:40].decode(errors="replace"),
)
def test_what_makes_no_sense_ends_the_session(asked: Asked, served, request_):
    asked.add("a.jpg", content(9))
    tasks, *answers = ask(served, TASKS, request_, TASKS)
    assert len(json.loads(tasks)["tasks"]) == 1
    assert ["refused" in json.loads(each) for each in answers] == [True]


def test_what_was_not_given_in_this_session_is_not_given_away(asked: Asked, served):
    """Not even what waits."""
    asked.add("a.jpg", content(9))
    (answer,) = ask(served, b'{"do": "read", "id": 1, "offset": 0}')
    assert "refused" in json.loads(answer)


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_link_that_somebody_put_into_the_library_leads_nowhere(
    asked: Asked, served, tmp_path, link
):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.jpg").write_bytes(b"secret")
    number = asked.add("r5/a.jpg", b"public")
    photo = asked.library / "r5" / "a.jpg"
    os.utime(tmp_path / "secret" / "a.jpg", ns=(photo.stat().st_mtime_ns,) * 2)
    photo.unlink()
    if link == "file":
        photo.symlink_to(tmp_path / "secret" / "a.jpg")
    else:
        photo.parent.rmdir()
        photo.parent.symlink_to(tmp_path / "secret")
    read = json.dumps({"do": "read", "id": number, "offset": 0}).encode()
    _, answer = ask(served, TASKS, read)
    assert json.loads(answer) == {"gone": True}
    assert asked.told == [("gone", number)]


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "r5/../../secret", "", "a\0b"])
def test_no_path_leads_out_of_the_library(asked: Asked, served, tmp_path, path):
    """Not even one that the service itself would tell."""
    (tmp_path / "secret").write_bytes(b"123456789")
    number = asked.add("a.jpg", content(9))
    task = asked.photos[number]
    asked.photos[number] = type(task)(number, path, task.size, task.mtime_ns)
    read = json.dumps({"do": "read", "id": number, "offset": 0}).encode()
    _, answer = ask(served, TASKS, read)
    assert json.loads(answer) == {"gone": True}


def test_a_fifo_in_the_library_holds_nobody_up(asked: Asked, served):
    number = asked.add("a.jpg", b"")
    (asked.library / "a.jpg").unlink()
    os.mkfifo(asked.library / "a.jpg")
    read = json.dumps({"do": "read", "id": number, "offset": 0}).encode()
    _, answer = ask(served, TASKS, read)
    assert json.loads(answer) == {"gone": True}


def test_a_photo_that_changed_is_not_sent(asked: Asked, served):
    number = asked.add("a.jpg", content(9))
    (asked.library / "a.jpg").write_bytes(content(9, 2))
    os.utime(asked.library / "a.jpg", (1, 1))
    read = json.dumps({"do": "read", "id": number, "offset": 0}).encode()
    _, answer = ask(served, TASKS, read)
    assert json.loads(answer) == {"gone": True}


def test_a_photo_that_becomes_shorter_ends_the_session(asked: Asked, tmp_path):
    """So many bytes were promised."""
    number = asked.add("a.jpg", content(5_000_000))
    task = asked.photos[number]

    class Truncating:
        def tasks(self, most, seconds):
            return [task]

    library = os.open(asked.library, os.O_RDONLY)
    reader, writer = os.pipe()
    session = Session(Truncating(), library, writer)
    session._tasks = {number: task}
    handle = session._open(task)
    os.truncate(asked.library / "a.jpg", 100)
    with pytest.raises(OSError, match="shorter"):
        session._send(handle, 0, task.size)
    for each in (library, reader, writer, handle):
        os.close(each)


def test_whoever_is_asked_in_vain_is_told_in_plain_words(served, tmp_path):
    (tmp_path / "library").mkdir()
    done = subprocess.run(served, input="", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "hotshoe-delivery does not run on the server\n")


def test_whoever_has_too_many_sessions_is_told_so(asked: Asked, served):
    asked.greeting = {"refused": "this delivery has too many sessions"}
    done = subprocess.run(served, input="", capture_output=True, text=True)
    told = "the server refuses: this delivery has too many sessions\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_what_the_service_refuses_is_refused(asked: Asked, tmp_path):
    class Refusing:
        def tasks(self, most, seconds):
            raise RefusedError("no such fetcher")

    reader, writer = os.pipe()
    source = os.fdopen(os.open("/dev/null", os.O_RDONLY), "rb")
    session = Session(Refusing(), 0, writer)
    with source, pytest.raises(RefusedError):
        session._answer(json.loads(TASKS))
    os.close(reader)
    os.close(writer)
