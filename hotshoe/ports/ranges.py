"""TCP ports and ranges of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hotshoe.errors import shown

HIGHEST_PORT = 65535


@dataclass(frozen=True, order=True)
class PortRange:
    """An inclusive range of ports; a single port is a range of one.

    :param first: the lowest port
    :param last: the highest port
    :raises ValueError: if the range is empty or leaves 1-65535
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= HIGHEST_PORT or not 1 <= self.last <= HIGHEST_PORT:
            raise ValueError(f"ports run from 1 to {HIGHEST_PORT}, not {self}")
        if self.first > self.last:
            raise ValueError(f"the range {self} ends before it starts")

    @classmethod
    def parse(cls, text: str | int) -> PortRange:
        """Read ``50000-50199`` or ``21``.

        :raises ValueError: if the text is neither
        """
        match = re.fullmatch(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?", str(text).strip())
        if not match:
            raise ValueError(f"{shown(text)} is neither a port nor a range such as 50000-50199")
        first, last = match[1], match[2] or match[1]
        return cls(int(first), int(last))

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        """As nftables and people write it: ``50000-50199``, or ``21`` for a single port."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def overlaps(self, other: PortRange) -> bool:
        """Whether any port is in both ranges."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, order=True)
class Service:
    """A transport protocol and its port or ports; as text, ``445/tcp`` or ``60000-61000/udp``.

    :param protocol: ``tcp`` or ``udp``
    :param ports: its port or ports
    """

    protocol: str
    ports: PortRange

    @classmethod
    def tcp(cls, ports: PortRange | int) -> Service:
        """TCP at some ports, or at one."""
        return cls("tcp", PortRange(ports, ports) if isinstance(ports, int) else ports)

    @classmethod
    def parse(cls, text: str | int) -> Service:
        """Read ``445/tcp``.

        :raises ValueError: if the text is anything else
        """
        ports, slash, protocol = str(text).strip().partition("/")
        if not slash or protocol not in ("tcp", "udp"):
            raise ValueError(f"{shown(text)} is not a port with its protocol, such as 445/tcp")
        return cls(protocol, PortRange.parse(ports))

    def __str__(self) -> str:
        return f"{self.ports}/{self.protocol}"
