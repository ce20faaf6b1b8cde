"""What becomes of a program that is run: each way in which it may go wrong, in plain words."""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hotshoe_message import runner
from hotshoe_message.runner import Result, run
from tests.conftest import PROJECT

PHOTOS = b'[{"camera": "r5", "path": "/srv/hotshoe/library/r5/A.JPG"}]\n'


@pytest.fixture
def program(tmp_path):
    """Writes a program."""

    def write(text: str, mode: int = 0o755) -> Path:
        path = tmp_path / "program"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def wait_until_gone(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = select.poll()
    ended.register(process, select.POLLIN)
    assert ended.poll(30_000), f"{pid} still runs"
    os.close(process)


def test_it_reads_the_photos(program):
    result = run(program("#!/bin/sh\ncat\n"), PHOTOS, 20)
    assert (result.failure, result.output) == ("", PHOTOS.decode().strip())
    assert 0 < result.seconds < 20


def test_it_need_not_read_them(program):
    """However many there are: a pipe would have been full."""
    assert run(program("#!/bin/sh\nexit 0\n"), PHOTOS * 50_000, 20).failure == ""


def test_it_knows_nothing_of_what_runs_it(program, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/usr/local/lib/hotshoe")
    monkeypatch.setenv("LISTEN_FDS", "1")
    result = run(program("#!/bin/sh\nenv; pwd; ls /proc/$$/fd\n"), PHOTOS, 20)
    said = result.output.split("\n")
    assert not [line for line in said if line.startswith(("PYTHONPATH", "LISTEN_"))]
    assert "/tmp" in said
    # Its standard streams, and dash's own for the file that it reads.
    assert set(said) & set("0123456789") <= {"0", "1", "2"}


def test_it_fails(program):
    result = run(program("#!/bin/sh\necho 'no such topic' >&2\nexit 3\n"), PHOTOS, 20)
    assert (result.failure, result.output) == ("failed with exit status 3", "no such topic")


def test_it_is_killed(program):
    assert run(program("#!/bin/sh\nkill -SEGV $$\n"), PHOTOS, 20).failure == "was ended by SIGSEGV"
    said = run(program("#!/bin/sh\nkill -KILL $$\n"), PHOTOS, 20).failure
    assert said == "was ended by SIGKILL, perhaps since it took too much memory"


def test_it_hangs(program):
    """It does not heed what asks it to end, nor does what it has started."""
    path = program("#!/bin/sh\ntrap '' TERM INT HUP\necho $$\nsleep 600 & echo $!\nwait\n")
    result = run(path, PHOTOS, 0.5)
    assert result.failure == "was still running after 0.5 s, and was ended"
    assert result.seconds < 10
    for pid in result.output.split():
        wait_until_gone(int(pid))


def test_it_closes_its_output_and_hangs(program):
    result = run(program("#!/bin/sh\nexec >/dev/null 2>&1\nsleep 600\n"), PHOTOS, 0.5)
    assert result.failure == "was still running after 0.5 s, and was ended"


def test_its_children_hold_nobody_up(program):
    """They have its output open, so that this never ends by itself."""
    result = run(program("#!/bin/sh\nsleep 600 &\necho $!\n"), PHOTOS, 20)
    assert result.failure == ""
    assert result.seconds < 10
    wait_until_gone(int(result.output))


def test_it_floods_its_output(program):
    result = run(program("#!/bin/sh\nyes 'no such topic'\n"), PHOTOS, 60)
    assert result.failure == "printed more than 1 MiB, and was ended"
    assert len(result.output) < 3000
    assert result.seconds < 30


def test_what_it_printed_last_is_told(program):
    result = run(program("#!/bin/sh\nseq 100000\necho 'the reason'\nexit 1\n"), PHOTOS, 60)
    assert result.output.endswith("100000\nthe reason")
    assert result.output.startswith("… ")


def test_output_that_is_no_text(program):
    assert run(program("#!/bin/sh\nprintf '\\377x'\n"), PHOTOS, 20).output == "\\xffx"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/usr/bin/none -x\n", "it begins with #!/usr/bin/none, which this server lacks"),
        ("#! /usr/bin/none\n", "it begins with #!/usr/bin/none, which this server lacks"),
        (
            "#!/bin/sh\r\necho\r\n",
            "its first line ends as Windows writes lines; save it with the line ends of Unix (LF)",
        ),
        (
            "echo hello\n",
            "it neither begins with #! and the path of an interpreter nor is a program for this "
            "computer",
        ),
        ("#!/etc/passwd\n", "Permission denied"),
    ],
)
def test_it_cannot_be_started(program, text, reason):
    result = run(program(text), PHOTOS, 20)
    assert (result.failure, result.output) == (f"could not be started: {reason}", "")


def test_it_is_not_executable(program):
    said = run(program("#!/bin/sh\n", 0o644), PHOTOS, 20).failure
    assert said == "could not be started: Permission denied"


def test_it_is_gone(tmp_path):
    said = run(tmp_path / "none", PHOTOS, 20).failure
    assert said == "could not be started: No such file or directory"


def test_its_secret_is_not_told(program, tmp_path, monkeypatch):
    """In whichever form it prints it."""
    secret = 'tk_7"e/ev izl+é'
    (tmp_path / "secret").write_text(secret)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = program(
        f"#!{sys.executable}\n"
        "import base64, json, os, urllib.parse\n"
        "secret = open(os.environ['CREDENTIALS_DIRECTORY'] + '/secret').read()\n"
        "print(secret, json.dumps(secret), urllib.parse.quote(secret, safe=''))\n"
        "print(base64.b64encode(secret.encode()).decode(), 'end')\n"
    )
    said = run(path, PHOTOS, 20).output
    assert said == '(secret) "(secret)" (secret)\n(secret) end'
    assert base64.b64encode(secret.encode()).decode() not in said


class TestTheConnection:
    """As systemd starts it: with the connection as its standard input."""

    @pytest.fixture
    def start(self, program):
        started = []

        def begin(text: str, seconds: int = 20) -> socket.socket:
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "hotshoe_message.runner", program(text), str(seconds)]
            environment = os.environ | {"PYTHONPATH": str(PROJECT / "templates" / "message")}
            process = subprocess.Popen(
                command, stdin=theirs, stderr=subprocess.DEVNULL, env=environment
            )
            theirs.close()
            started.append((process, ours))
            ours.settimeout(30)
            begin.process = process  # type: ignore[attr-defined]
            return ours

        yield begin
        for process, ours in started:
            ours.close()
            process.kill()
            process.wait()

    def test_how_it_ended_comes_back(self, start):
        peer = start("#!/bin/sh\ncat\nexit 5\n")
        peer.sendall(PHOTOS)
        peer.shutdown(socket.SHUT_WR)
        result = Result(**json.loads(runner.receive(peer)))
        assert (result.failure, result.output) == (
            "failed with exit status 5",
            PHOTOS.decode().strip(),
        )

    def test_whoever_is_not_waited_for_is_ended(self, start, tmp_path):
        """As when hotshoe-message ends: it will start the program for that message again."""
        began = tmp_path / "began"
        os.mkfifo(began)
        peer = start(f"#!/bin/sh\necho $$ >{began}\nsleep 600\n", 600)
        peer.sendall(PHOTOS)
        peer.shutdown(socket.SHUT_WR)
        pid = int(began.read_text())
        peer.close()
        assert start.process.wait(30) == 0
        wait_until_gone(pid)

    def test_half_a_message_is_none(self, start, tmp_path):
        peer = start(f"#!/bin/sh\ntouch {tmp_path}/began\n")
        peer.sendall(PHOTOS[:-10])
        peer.close()
        assert start.process.wait(30) != 0
        assert not (tmp_path / "began").exists()
