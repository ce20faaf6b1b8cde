"""Sessions of the FTP server: who holds them, and what watches over them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home


class Strangers:
    """Connections from a device that never log in, and what becomes of them.

    :param sources: the addresses that they come from
    :param each: how many from each of them
    :param pause: between two commands that each of them sends; 0 for none
    :param ports: at each of which they open as many; one but the first greets nobody in clear
    """

    def __init__(
        self,
        home: Home,
        sources: Sequence[str],
        each: int,
        pause: float = 0,
        ports: Sequence[int] = (21,),
    ) -> None:
        script = f"""
import select, socket, sys
def dial(source, port):
    return socket.create_connection(("{home.server_plan.public_address}", port), 20, (source, 0))
sources, ports = {list(sources)}, {list(ports)}
alive = [dial(source, port) for source in sources for _ in range({each}) for port in ports]
greeting = [s for s in alive if s.getpeername()[1] == ports[0]]
print(*(s.recv(100).decode()[:3] for s in greeting), flush=True)
while True:
    ready, _, _ = select.select([sys.stdin, *alive], [], [], {pause or None})
    if sys.stdin in ready:
        break
    for s in set(ready) - {{sys.stdin}}:
        try: gone = not s.recv(1000)
        except ConnectionError: gone = True
        if gone:
            alive.remove(s)
            print("gone", len(alive), flush=True)
    for s in [] if ready else alive:
        s.sendall(b"NOOP\\r\\n")
"""
        container = home.stage.container(CAMERA)
        command = podman.inside(container, "python3", "-c", script)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self._lines = self._process.stdout
        self.greetings = self._lines.readline().split()

    def wait_until_left(self, number: int) -> None:
        """Wait until so many of them are still there."""
        while self._lines.readline() != f"gone {number}\n":
            assert self._process.poll() is None

    def leave(self) -> None:
        self._process.communicate("\n")


@contextmanager
def watching(home: Home, **limits: int) -> Iterator[None]:
    """A watcher with some limits lowered, so that a test need not wait for the real ones."""
    unit = home.sh(home.server, "cat /etc/systemd/system/hotshoe-sessions.service")
    (command,) = re.findall(r"^ExecStart=(.*)", unit, re.MULTILINE)
    for name, limit in limits.items():
        command = re.sub(rf"\b{name}=\d+", f"{name}={limit}", command)
    folder = "/run/systemd/system/hotshoe-sessions.service.d"
    restart = "systemctl daemon-reload; systemctl restart hotshoe-sessions"
    lines = f"[Service]\nExecStart=\nExecStart={command}\n"
    home.sh(home.server, f"mkdir -p {folder}; printf '{lines}' >{folder}/test.conf; {restart}")
    try:
        yield
    finally:
        home.sh(home.server, f"rm -r {folder}; {restart}")


def sessions(home: Home) -> int:
    """How many sessions the server has."""
    return int(
        home.sh(home.server, "grep -l '[:] connected' /proc/[0-9]*/cmdline 2>/dev/null | wc -l")
    )


# The highest exposures.
EXPOSURE = {"hotshoe-vsftpd": 2.5, "hotshoe-sessions": 1.0}
