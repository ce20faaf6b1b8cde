"""Runs the owner's program once, and tells what came of it.

Usage: python3 -m hotshoe_message.runner PROGRAM SECONDS

Its standard input is a connection from hotshoe-message: the photos come over it, and how it ended
goes back. systemd has started it in a unit of its own, and ends whatever the program leaves behind
together with it. The program reads the photos from a file in memory, so whether it reads them or
not holds nobody up.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# The most that a program may print, in bytes. One that prints more is ended.
MOST_OUTPUT = 1 << 20
# How much of it is told.
TOLD = 2000
PIECE = 1 << 16
# What stands in the place of a secret.
HIDDEN = "(secret)"
# What a shebang line of a text from Windows ends with.
_RETURN = b"\r"
# What the environment has for the runner alone.
_OF_THE_RUNNER = ("PYTHON", "LISTEN_")
# The longest line that the kernel reads (BINPRM_BUF_SIZE of Linux).
_LONGEST_SHEBANG = 256


@dataclass(frozen=True)
class Result:
    """What came of a run.

    :param failure: what the program did wrong, as the rest of a sentence about it; empty if nothing
    :param output: the end of what it printed, without the secret
    :param seconds: how long it took
    """

    failure: str
    output: str
    seconds: float


def run(program: Path, photos: bytes, seconds: float, peer: socket.socket | None = None) -> Result:
    """Run a program, and end it when its time is up.

    :param program: the program
    :param photos: what it reads from its standard input
    :param seconds: how long it may take
    :param peer: the connection of whoever wants it to run; without it, nobody does
    """
    began = time.monotonic()
    with os.fdopen(os.memfd_create("photos"), "wb+") as file:
        file.write(photos)
        file.seek(0)
        try:
            process = subprocess.Popen(
                [program],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/tmp",  # noqa: S108 - of this unit alone
                env={k: v for k, v in os.environ.items() if not k.startswith(_OF_THE_RUNNER)},
                start_new_session=True,
            )
        except OSError as error:
            return Result(why_not_started(program, error), "", time.monotonic() - began)
    assert process.stdout
    output = bytearray()
    try:
        failure = _watch(process, output, began + seconds, peer)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    os.set_blocking(process.stdout.fileno(), False)
    with suppress(OSError):
        output += os.read(process.stdout.fileno(), PIECE)
    if failure is None:
        failure = _ended(process.returncode)
    elif not failure:
        failure = f"was still running after {seconds:g} s, and was ended"
    return Result(failure, _told(bytes(output)), time.monotonic() - began)


def _watch(
    process: subprocess.Popen[bytes],
    output: bytearray,
    until: float,
    peer: socket.socket | None,
) -> str | None:
    """Read what a program prints until it ends.

    :param output: what it has printed
    :param until: when its time is up, as time.monotonic() counts
    :returns: None if it has ended by itself, why it must not go on, or empty if its time is up
    """
    assert process.stdout
    pipe, ended = process.stdout.fileno(), os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(ended, select.POLLIN)
    if peer:
        # Whether it is still there: that it has nothing more to say was clear before.
        poll.register(peer, 0)
    try:
        while (left := until - time.monotonic()) > 0:
            for fd, _ in poll.poll(left * 1000):
                if fd == ended:
                    return None
                if fd != pipe:
                    return "is not waited for any more"
                if piece := os.read(pipe, PIECE):
                    output += piece
                else:
                    poll.unregister(pipe)
                if len(output) > MOST_OUTPUT:
                    return f"printed more than {MOST_OUTPUT >> 20} MiB, and was ended"
        return ""
    finally:
        os.close(ended)


def _ended(status: int) -> str:
    """What is wrong with how a program ended: its exit status, or the negative of a signal."""
    if status >= 0:
        return f"failed with exit status {status}" if status else ""
    name = signal.Signals(-status).name
    perhaps = ", perhaps since it took too much memory" if -status == signal.SIGKILL else ""
    return f"was ended by {name}{perhaps}"


def why_not_started(program: Path, error: OSError) -> str:
    """Why a program could not be started.

    :param program: the program
    :param error: of execve(2)
    """
    line = _shebang(program)
    if line is None:
        return f"could not be started: {error.strerror}"
    if not line:
        return (
            "could not be started: it neither begins with #! and the path of an interpreter nor is "
            "a program for this computer"
        )
    if line.endswith(_RETURN):
        return (
            "could not be started: its first line ends as Windows writes lines; save it with the "
            "line ends of Unix (LF)"
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        interpreter = os.fsdecode(line.split()[0]) if line.split() else "nothing"
        return f"could not be started: it begins with #!{interpreter}, which this server lacks"
    return f"could not be started: {error.strerror}"


def _shebang(program: Path) -> bytes | None:
    """What stands behind ``#!`` in the first line; empty if there is none, None if it is gone."""
    try:
        with program.open("rb") as file:
            begins, _, _ = file.read(_LONGEST_SHEBANG).partition(b"\n")
    except OSError:
        return None
    return begins.removeprefix(b"#!") if begins.startswith(b"#!") else b""


def _told(output: bytes) -> str:
    """The end of what a program printed, as text without its secret."""
    text = output.decode(errors="backslashreplace").strip()
    for form in _secrets():
        text = text.replace(form, HIDDEN)
    return text if len(text) <= TOLD else f"… {text[-TOLD:]}"


def _secrets() -> Iterator[str]:
    """The program's secret, in the forms in which a program may print it."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return
    with suppress(OSError):
        secret = (Path(folder) / "secret").read_text(errors="backslashreplace").strip()
        if secret:
            yield secret
            yield json.dumps(secret)[1:-1]
            yield urllib.parse.quote(secret, safe="")
            yield base64.b64encode(secret.encode()).decode()


def receive(peer: socket.socket) -> bytes:
    """All that comes over a connection until the other side has said all."""
    pieces = iter(lambda: peer.recv(PIECE), b"")
    return b"".join(pieces)


def main() -> None:
    """Run the program for the photos that come over the connection."""
    program, seconds = sys.argv[1:]
    with socket.socket(fileno=os.dup(0)) as peer:
        photos = receive(peer)
        # Half of it, if the other side was ended in the middle.
        json.loads(photos)
        result = run(Path(program), photos, float(seconds), peer)
        with suppress(OSError):
            peer.sendall(json.dumps(asdict(result)).encode())


if __name__ == "__main__":
    main()
