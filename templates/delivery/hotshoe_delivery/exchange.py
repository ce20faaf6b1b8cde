"""What ``serve``, which a fetcher talks to, asks the service: a line of JSON each way, by a socket.

The service alone writes into the ledger, knows digests and believes; what is exposed to the network
gets paths of what waits, and hands on what the fetcher says. The kernel tells who asks; anybody but
``hotshoe-fetch`` and root is refused. The first line says for which fetcher, each of which may have
a few sessions at once.

A fetcher learns a photo's digest by reading it, and so proves that it has read it. Before retention
removes a photo, it has to prove that it has the content at that moment: with the digest of a number
that nobody knew before, followed by the content.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What is answered or asked is no longer than that, in bytes.
LONGEST = 1 << 20
# How long the service may be silent beyond what it was asked to wait, in seconds.
SILENCE = 30


@dataclass(frozen=True)
class Task:
    """What a fetcher has to do.

    :param id: the number of the photo
    :param path: from the root of the library on, as :func:`os.fsdecode` gives it
    :param size: in bytes
    :param mtime_ns: when it was changed last, in nanoseconds since 1970
    :param nonce: None if the photo waits to be fetched; else, in hexadecimal digits, what its
        content has to be digested after, to prove that the fetcher has it still
    :param name: of one with a nonce: what it is called at the fetcher, from its folder on
    """

    id: int
    path: str
    size: int
    mtime_ns: int
    nonce: str | None = None
    name: str | None = None


class RefusedError(Exception):
    """The service does not take what was asked, such as an unknown name of a fetcher."""


class Client:
    """Asks the service, for ``serve``; for one thread.

    :param path: of its socket
    :param fetcher: the name of the fetcher that is served, a space, and where photos go there
    :raises OSError: if the service does not answer; so does everything else here
    :raises RefusedError: if the fetcher has too many sessions, or is none of the Site
    """

    def __init__(self, path: str, fetcher: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(SILENCE)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rb")
        try:
            self._say({"fetcher": fetcher})
        except (OSError, RefusedError):
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def tasks(self, most: int, seconds: float) -> list[Task]:
        """What there is to do, in the order of the Site; waits until there is something.

        What was given before and has not been answered is given again.

        :param most: how many at most
        :param seconds: how long to wait; then there is nothing
        """
        # The service answers in time; if it does not, it is gone.
        self._socket.settimeout(seconds + SILENCE)
        return [Task(**each) for each in self._ask("tasks", most=most, seconds=seconds)]

    def right(self, id: int, sha256: str) -> bool:
        """Whether a photo has this digest; nothing is noted.

        So a photo gets its name at the fetcher only if it is right, and counts as delivered only
        when it has it.

        :param id: the number of the photo
        :param sha256: of what the fetcher has, read back, in hexadecimal digits
        """
        return bool(self._ask("right", id=id, sha256=sha256))

    def gone(self, id: int) -> None:
        """The library does not have a photo any more as the task says; the service looks itself.

        :param id: the number of the photo
        """
        self._ask("gone", id=id)

    def fetched(self, id: int, sha256: str, name: str) -> bool:
        """The fetcher has a photo on its disk.

        :param id: the number of the photo
        :param sha256: of what the fetcher has, read back, in hexadecimal digits
        :param name: what it is called there, from the fetcher's folder on
        :returns: whether that is right; else the photo waits still
        """
        return bool(self._ask("fetched", id=id, sha256=sha256, name=name))

    def proved(self, id: int, nonce: str, sha256: str | None) -> bool:
        """The fetcher answers a task that has a nonce.

        :param id: the number of the photo
        :param nonce: as the task has it
        :param sha256: of the nonce's bytes and of the photo's content after them, in hexadecimal
            digits; None if the fetcher does not have it any more
        :returns: whether that is right; else the photo waits again, to be fetched once more
        """
        return bool(self._ask("proved", id=id, nonce=nonce, sha256=sha256))

    def failed(self, reason: str, id: int | None = None) -> None:
        """The fetcher tells what is wrong there, such as a disk that is full.

        :param reason: in plain words
        :param id: the number of the photo that it is about, such as one whose name that disk does
            not take; None if it is about all
        """
        self._ask("failed", reason=reason, id=id)

    def _ask(self, what: str, **said: Any) -> Any:
        """Ask the service.

        :raises RefusedError: if it refuses
        """
        return self._say({"ask": what, **said})

    def _say(self, asked: Mapping[str, Any]) -> Any:
        self._socket.sendall(json.dumps(asked).encode() + b"\n")
        line = self._lines.readline(LONGEST)
        if not line.endswith(b"\n"):
            raise ConnectionResetError(104, "the service has hung up")
        answer = json.loads(line)
        if "refused" in answer:
            raise RefusedError(answer["refused"])
        return answer["answer"]
