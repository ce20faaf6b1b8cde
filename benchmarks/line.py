"""A line of a known speed (tbf), between a server and its router."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hotshoe.stage import podman
from hotshoe.stage.stage import Stage

# How much waits in front of it before packets are dropped, in milliseconds of its own speed. Boxes
# in homes have as much, and more.
QUEUE = 100


class Line:
    """What all that leaves the server passes, and all that comes to it.

    :param stage: is up
    :param server: the name of the server
    :param router: the name of the router that it is behind
    """

    def __init__(self, stage: Stage, server: str, router: str) -> None:
        self._stage, self._server, self._router = stage, server, router

    @contextmanager
    def as_slow_as(self, up: int, down: int) -> Iterator[None]:
        """Have it be as slow as that.

        :param up: from the server, with all headers, in bytes a second
        :param down: to the server, likewise
        :raises HotshoeError: if the kernel has no tbf
        """
        ends = ((self._server, "eth0", up), (self._router, "eth1", down))
        try:
            for node, interface, rate in ends:
                shape = f"tbf rate {rate * 8} burst 128kb latency {QUEUE}ms"
                self._tc(node, f"replace dev {interface} root {shape}")
            yield
        finally:
            for node, interface, _ in ends:
                self._tc(node, f"delete dev {interface} root", check=False)

    def sent(self) -> int:
        """How much has left the server so far, with all headers, in bytes."""
        counter = "/sys/class/net/eth0/statistics/tx_bytes"
        return int(podman.execute(self._stage.container(self._server), "cat", counter))

    def from_server(self, *command: str) -> list[str]:
        """A command of this computer, in the server's network."""
        return self._inside(self._server, *command)

    def _inside(self, node: str, *command: str) -> list[str]:
        holder = podman.pid(self._stage.container(node))
        return ["nsenter", "--net", f"--target={holder}", *command]

    def _tc(self, node: str, words: str, *, check: bool = True) -> None:
        podman.run(*self._inside(node, "tc", "qdisc", *words.split()), check=check)
