"""The line of a home, of a known speed, and a long way beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hotshoe.stage import podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import INTERNET

# How much waits in front of it before packets are dropped, in milliseconds of its own speed: first
# in, first out. Boxes in homes have as much, and more.
QUEUE = 100
_TABLE = "hotshoe_line"
# DSCP LE (RFC 8622) is 1.
_BY_MARK = f"""
table ip {_TABLE} {{
    chain forward {{
        type filter hook forward priority 0
        ip dscp 1 meta priority set 1:20
    }}
}}
"""
_NOT = f"table ip {_TABLE}\ndelete table ip {_TABLE}\n"


class Line:
    """The line between a home and the Internet.

    :param stage: is up
    :param router: the name of the outermost router, or of what else has the line at its ``eth0``
    """

    def __init__(self, stage: Stage, router: str) -> None:
        self._stage, self._router = stage, router

    @contextmanager
    def as_slow_as(self, up: int, down: int, *, by_mark: bool = False) -> Iterator[None]:
        """Have it be as slow as that.

        :param up: out of the home, with all headers, in bytes a second
        :param down: into it, likewise
        :param by_mark: whether its router sends last what is marked as lower effort
        :raises HotshoeError: if the kernel has no tbf, or no htb
        """
        try:
            self._shape(INTERNET, "home0", down)
            if by_mark:
                self._prefer(up)
            else:
                self._shape(self._router, "eth0", up)
            yield
        finally:
            self._tc(self._router, "qdisc delete dev eth0 root", check=False)
            self._tc(INTERNET, "qdisc delete dev home0 root", check=False)
            if by_mark:
                podman.execute(
                    self._stage.container(self._router), "nft", "-f", "-", input_text=_NOT
                )

    def _shape(self, node: str, interface: str, rate: int) -> None:
        shape = f"tbf rate {rate * 8} burst 128kb latency {QUEUE}ms"
        self._tc(node, f"qdisc replace dev {interface} root {shape}")

    def _prefer(self, rate: int) -> None:
        """Two classes, either of which takes what the other leaves."""
        bits = rate * 8
        self._tc(self._router, "qdisc replace dev eth0 root handle 1: htb default 10")
        for parent, number, part, prio in (("1:", 1, 10, 0), ("1:1", 10, 9, 0), ("1:1", 20, 1, 1)):
            htb = f"htb rate {bits * part // 10} ceil {bits} prio {prio}"
            self._tc(self._router, f"class add dev eth0 parent {parent} classid 1:{number} {htb}")
        container = self._stage.container(self._router)
        podman.execute(container, "nft", "-f", "-", input_text=_BY_MARK)

    def sent(self) -> int:
        """How much has left the home so far, with all headers, in bytes."""
        counter = "/sys/class/net/eth0/statistics/tx_bytes"
        return int(podman.execute(self._stage.container(self._router), "cat", counter))

    def _tc(self, node: str, words: str, *, check: bool = True) -> None:
        holder = podman.pid(self._stage.container(node))
        command = ("nsenter", f"--target={holder}", "--net", "tc", *words.split())
        podman.run(*command, check=check)
