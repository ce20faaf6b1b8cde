"""What runs behind a fetch key: a fetcher asks over SSH, and is answered.

Its arguments: the service's socket, the library's folder, and the delivery's name
with where photos go there.

It runs as a user of its own, to whom the library is read-only, and gives away photos that the
service has said wait for this fetcher, and nothing else: a request names a photo by its number,
never by a path. It writes nothing; what is delivered, the service decides.

A request is a JSON object on a line, and so is its answer:

================================================  ===============================================
``{"do": "tasks", "most", "seconds"}``            ``{"tasks": [{"id", "path", "size", "mtime_ns",
                                                  "nonce", "name"}, …]}``, as
                                                  :class:`~hotshoe_delivery.exchange.Task` has them
``{"do": "read", "id", "offset"}``                ``{"length"}`` and so many bytes, the rest of the
                                                  photo; or ``{"gone": true}``
``{"do": "right", "id", "sha256"}``               ``{"right"}``: whether that is its digest
``{"do": "fetched", "id", "sha256", "name"}``     ``{"right"}``, and it counts as delivered
``{"do": "proved", "id", "nonce", "sha256"}``     ``{"right"}``, and it counts as verified again
``{"do": "failed", "reason", "id"}``              ``{}``; without a photo, the number is null
anything                                          ``{"refused": why}``, and the session ends
================================================  ===============================================
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from hotshoe_delivery.exchange import Client, RefusedError, Task
from hotshoe_delivery.folders import below, closing, open_file

# Of a line, in bytes: a name of Linux with each of its bytes escaped, and the rest.
LONGEST = 1 << 15
# How much of a photo is sent at a time, in bytes.
PIECE = 1 << 20
# Of tasks, at a time; and how long a fetcher may wait for one, in seconds.
MOST_TASKS, LONGEST_WAIT = 64, 20.0
NOT_RUNNING = "hotshoe-delivery does not run on the server"


class NonsenseError(Exception):
    """A request that no fetcher of ours makes."""


class Session:
    """One fetcher's session.

    :param service: what knows what waits for it
    :param library: a handle of the library's folder
    :param target: a handle for what the fetcher gets
    """

    def __init__(self, service: Client, library: int, target: int) -> None:
        self._service, self._library, self._target = service, library, target
        self._tasks: dict[int, Task] = {}

    def run(self, source: BinaryIO) -> None:
        """Answer requests until there are no more.

        :param source: where they come from
        :raises OSError: if the service or the fetcher has gone, or a photo has become shorter
        """
        while line := source.readline(LONGEST):
            try:
                request = json.loads(line)
                if not isinstance(request, dict):
                    raise NonsenseError("no request")
                self._answer(request)
            except (ValueError, RecursionError, NonsenseError, RefusedError) as error:
                self._say({"refused": str(error)})
                return

    def _answer(self, request: Mapping[str, Any]) -> None:
        # A bool is an int to Python.
        if any(isinstance(value, bool) for value in request.values()):
            raise NonsenseError("no request")
        match request:
            case {"do": "tasks", "most": int(most), "seconds": int(seconds) | float(seconds)}:
                self._give(min(max(most, 1), MOST_TASKS), min(max(seconds, 0.0), LONGEST_WAIT))
            case {"do": "read", "id": int(number), "offset": int(offset)}:
                self._read(self._task(number), offset)
            case {"do": "right", "id": int(number), "sha256": str(sha256)}:
                self._judged(self._service.right(self._task(number).id, sha256))
            case {"do": "fetched", "id": int(number), "sha256": str(sha256), "name": str(name)}:
                self._judged(self._service.fetched(self._task(number).id, sha256, name))
            case {"do": "proved", "id": int(n), "nonce": str(nonce), "sha256": str() | None as has}:
                self._judged(self._service.proved(self._task(n).id, nonce, has))
            case {"do": "failed", "reason": str(reason), "id": int() | None as number}:
                about = None if number is None else self._task(number).id
                self._service.failed(reason, about)
                self._say({})
            case _:
                raise NonsenseError("no request")

    def _task(self, number: int) -> Task:
        if number not in self._tasks:
            raise NonsenseError("no photo that waits for this fetcher")
        return self._tasks[number]

    def _give(self, most: int, seconds: float) -> None:
        tasks = self._service.tasks(most, seconds)
        self._tasks = {task.id: task for task in tasks}
        self._say({"tasks": [dataclasses.asdict(task) for task in tasks]})

    def _judged(self, right: bool) -> None:
        self._say({"right": right})

    def _read(self, task: Task, offset: int) -> None:
        if not 0 <= offset <= task.size:
            raise NonsenseError("beyond the end of the photo")
        handle = self._open(task)
        if handle is None:
            self._service.gone(task.id)
            self._say({"gone": True})
            return
        with closing(handle):
            self._say({"length": task.size - offset})
            self._send(handle, offset, task.size)

    def _open(self, task: Task) -> int | None:
        """Open a photo; None if the library does not have it any more as it was."""
        *folders, name = task.path.split("/")
        try:
            with below(self._library, folders) as handles:
                handle = open_file(handles[-1], name)
        except OSError:
            return None
        seen = os.fstat(handle)
        if (seen.st_size, seen.st_mtime_ns) == (task.size, task.mtime_ns):
            return handle
        os.close(handle)
        return None

    def _send(self, handle: int, offset: int, end: int) -> None:
        while offset < end:
            sent = os.sendfile(self._target, handle, offset, min(end - offset, PIECE))
            if not sent:
                raise OSError("a photo has become shorter while it was sent")
            offset += sent

    def _say(self, told: Mapping[str, Any]) -> None:
        line = json.dumps(told).encode() + b"\n"
        while line:
            line = line[os.write(self._target, line) :]


def main(arguments: Sequence[str]) -> None:
    """Serve one fetcher over standard input and output.

    :param arguments: the service's socket, the library's folder, and the delivery's name with
        where photos go there
    """
    where, library, name = arguments
    try:
        service = Client(where, name)
    except OSError:
        sys.exit(NOT_RUNNING)
    except RefusedError as error:
        sys.exit(f"the server refuses: {error}")
    handle = os.open(library, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        Session(service, handle, sys.stdout.fileno()).run(sys.stdin.buffer)
    except BrokenPipeError:
        pass
    except OSError as error:
        sys.exit(error.strerror or str(error))
