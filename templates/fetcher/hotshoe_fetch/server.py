"""The server: a program there that is asked over SSH, line by line.

The lines are those of ``serve`` in hotshoe_delivery.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from hotshoe_fetch.words import in_words

# Of a line, in bytes: sixty-four photos, whose names are as long as Linux has them, at the most.
LONGEST = 1 << 21
# How much arrives at a time, in bytes.
PIECE = 1 << 18
# How long the server may be silent beyond what it was asked to wait, in seconds.
SILENCE = 60.0
# How long the program may take to end, in seconds.
ENDING = 5.0
# Of what it says before it ends, the end is kept, in bytes.
LAST_WORDS = 4096
# Of why it refuses something, in characters.
LONGEST_REASON = 200
# The largest number of bytes that a file has, and the latest time, in nanoseconds (Linux).
HIGHEST = (1 << 63) - 1
NONSENSE = "the server's answer makes no sense: is it of another release of hotshoe? Deploy to both"


class LostError(Exception):
    """The connection has ended, or there was none; the message says why in plain words."""


@dataclass(frozen=True)
class Task:
    """What the server wants.

    :param id: the number of the photo
    :param path: from the root of the library on
    :param size: in bytes
    :param mtime_ns: when it was changed last, in nanoseconds since 1970
    :param nonce: None if it is to be fetched; else, in hexadecimal digits, what its digest has to
        begin with, to prove that it is still here
    :param name: of one that is to be proved, what it is called here, from the folder on
    """

    id: int
    path: str
    size: int
    mtime_ns: int
    nonce: str | None
    name: str | None


def _task(told: Any) -> Task:
    """What the server says to do.

    :raises ValueError: if that makes no sense
    """
    match told:
        case {
            "id": int(number),
            "path": str(path),
            "size": int(size),
            "mtime_ns": int(mtime_ns),
            "nonce": str() | None as nonce,
            "name": str() | None as name,
        } if 0 <= size <= HIGHEST and abs(mtime_ns) <= HIGHEST:
            os.fsencode(path), os.fsencode(name or ""), bytes.fromhex(nonce or "")
            return Task(number, path, size, mtime_ns, nonce, name)
    raise ValueError("no task")


class Server:
    """A connection.

    Whatever the server answers, everything here raises :class:`LostError`, and nothing else.

    :param command: connects standard input and output to the server's program
    """

    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
            )
        except OSError as error:
            raise LostError(f"{command[0]} cannot be run: {error.strerror}") from None
        assert self._process.stdin
        assert self._process.stdout
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._buffer = b""
        self._said = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._process.kill()
        self._process.wait()
        self._listener.join(ENDING)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def tasks(self, most: int, seconds: float) -> list[Task]:
        """What there is to do; waits until there is something.

        :param most: how many at most
        :param seconds: how long to wait; then there is nothing
        :raises LostError: if the server has gone
        """
        answer = self._ask(seconds, do="tasks", most=most, seconds=seconds)
        try:
            return [_task(each) for each in answer["tasks"]]
        except (KeyError, TypeError, ValueError):
            raise LostError(NONSENSE) from None

    def read(self, task: Task, offset: int) -> Iterator[bytes] | None:
        """The rest of a photo, piece by piece; None if the server does not have it any more.

        :param task: which photo
        :param offset: how much of it is here already, in bytes
        """
        answer = self._ask(do="read", id=task.id, offset=offset)
        if answer.get("gone"):
            return None
        if answer.get("length") != task.size - offset:
            raise LostError(NONSENSE)
        return self._bytes(task.size - offset)

    def right(self, number: int, sha256: str) -> bool:
        """Whether a photo has this digest, in hexadecimal digits."""
        return self._is_right(do="right", id=number, sha256=sha256)

    def fetched(self, number: int, sha256: str, name: str) -> bool:
        """Tell that a photo is on the disk.

        :param name: what it is called here, from the folder on
        :returns: whether the server agrees that it is that photo
        """
        return self._is_right(do="fetched", id=number, sha256=sha256, name=name)

    def proved(self, task: Task, sha256: str | None) -> None:
        """Prove that a photo is still here.

        :param sha256: of the task's nonce and the photo's content; None if it is not here any more
        """
        self._ask(do="proved", id=task.id, nonce=task.nonce, sha256=sha256)

    def failed(self, reason: str, number: int | None = None) -> None:
        """Tell what is wrong here, in plain words.

        :param number: of the photo that it is about; None if it is about all
        """
        self._ask(do="failed", reason=reason, id=number)

    def _is_right(self, **request: Any) -> bool:
        match self._ask(**request):
            case {"right": bool(right)}:
                return right
        raise LostError(NONSENSE)

    def _ask(self, wait: float = 0, /, **request: Any) -> dict[str, Any]:
        self._send(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + wait + SILENCE
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST:
                raise LostError(NONSENSE)
            self._buffer += self._receive(deadline)
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise LostError(NONSENSE) from None
        match answer:
            case {"refused": reason}:
                raise LostError(in_words(f"the server refuses: {reason}"[:LONGEST_REASON]))
            case dict():
                return answer
        raise LostError(NONSENSE)

    def _send(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._input, data) :]
        except BrokenPipeError:
            raise LostError(self._why()) from None

    def _bytes(self, length: int) -> Iterator[bytes]:
        while length:
            deadline = time.monotonic() + SILENCE
            piece = self._buffer[:length] or self._receive(deadline, min(length, PIECE))
            self._buffer = self._buffer[len(piece) :]
            length -= len(piece)
            yield piece

    def _receive(self, deadline: float, most: int = PIECE) -> bytes:
        left = max(deadline - time.monotonic(), 0)
        if not select.select([self._output], [], [], left)[0]:
            raise LostError("the server does not answer any more")
        data = os.read(self._output, most)
        if not data:
            raise LostError(self._why())
        return data

    def _why(self) -> str:
        """Why the program has ended."""
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            return "the server has hung up"
        self._listener.join(ENDING)
        return in_words(self._said.decode(errors="replace"))

    def _listen(self) -> None:
        assert self._process.stderr
        while data := self._process.stderr.read(LAST_WORDS):
            self._said = (self._said + data)[-LAST_WORDS:]
