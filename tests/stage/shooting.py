"""Cameras that upload all the time, while something happens to the home."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from hotshoe.stage import actions, podman
from hotshoe.stage.topology import CAMERA
from tests.stage import shooter
from tests.stage.home import Home

SIZE, SECONDS = 100_000, 0.8


class Try(NamedTuple):
    """One try to upload one photo.

    :param at: when it ended, by the kernel's clock
    :param camera: which camera
    :param photo: the photo's name
    :param address: that the name led to; empty for nowhere
    :param announced: by PASV; empty if it did not come to that
    :param problem: what went wrong; empty for nothing
    """

    at: float
    camera: str
    photo: str
    address: str
    announced: str
    problem: str


class Shooting:
    """Four cameras, two users' two each, until :meth:`end`.

    :param sources: their addresses, in turn: an address may open 30 control connections a minute
    """

    def __init__(self, home: Home, sources: Sequence[str], node: str = CAMERA) -> None:
        self._home, self.tries = home, list[Try]()
        self._news = threading.Condition()
        users = (home.plan.servers[0].cameras * 4)[:4]
        passwords = home.secrets.camera_passwords
        # Names of their own for each run, since a photo that is there is never overwritten.
        run = time.time_ns() % 10**9
        self._users = {f"{user}-{i}-{run}": user for i, user in enumerate(users)}
        order = {
            "host": home.plan.hostname,
            "ca": actions.ROOT_ON_CAMERA,
            "size": SIZE,
            "seconds": SECONDS,
            "cameras": [
                [name, user, passwords[user], sources[i % len(sources)]]
                for i, (name, user) in enumerate(self._users.items())
            ],
        }
        container = home.stage.container(node)
        text = Path(shooter.__file__).read_text()
        podman.execute(container, "sh", "-c", "cat >/root/shooter.py", input_text=text)
        self._process = subprocess.Popen(
            podman.inside(container, "python3", "/root/shooter.py"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            with self._news:
                self.tries.append(Try(*json.loads(line)))
                self._news.notify_all()

    def arrivals(self, address: object, since: float = 0) -> list[Try]:
        """The photos that arrived by an address of the home."""
        return [
            each
            for each in list(self.tries)
            if not each.problem and each.address == f"{address}" and each.at > since
        ]

    def wait(self, arrived: Callable[[], object], seconds: float) -> None:
        """Wait until that is so; each try is a reason to look."""
        with self._news:
            ended = self._news.wait_for(lambda: bool(arrived()), seconds)
        assert ended, "\n".join(map(str, self.tries[-12:]))

    def wait_for_first(self, address: object, since: float, seconds: float) -> float:
        """Wait until a photo has arrived by that address, and return when it had."""
        self.wait(lambda: self.arrivals(address, since), seconds)
        return self.arrivals(address, since)[0].at

    def wait_for_everybody(self, address: object, since: float, seconds: float) -> None:
        """Wait until each camera has uploaded by that address."""

        def all_cameras() -> bool:
            return len({each.camera for each in self.arrivals(address, since)}) == len(self._users)

        self.wait(all_cameras, seconds)

    def end(self) -> None:
        """Let them send again what failed, and stop."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        # What it has said to the end has one reader.
        self._reader.join()

    def lost(self) -> set[str]:
        """The photos of all tries whose bytes are not all on the server."""
        there: dict[str, str] = {}
        for user in set(self._users.values()):
            there |= actions.arrived(self._home.stage, self._home.server_plan, user)
        names = {each.photo for each in self.tries}
        assert names
        return {name for name in names if there.get(name) != _digest(name)}


def _digest(name: str) -> str:
    return hashlib.sha256(shooter.content(name, SIZE)).hexdigest()
