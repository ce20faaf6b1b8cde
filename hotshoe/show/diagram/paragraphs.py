"""Paragraphs of the picture: how ports, addresses and rules are written in a box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from hotshoe.plan.model import AcceptRule, Address, PortForward
from hotshoe.ports.ranges import PortRange, Service

TIE = "\N{NO-BREAK SPACE}"
# As many ranges as the usual PSID offset of 6 makes. A longer list tells a reader nothing more.
_MOST_RANGES = 63


@dataclass(frozen=True)
class Paragraph:
    """A paragraph in a box.

    :param text: its text
    :param label: a word before it, of at most four letters
    :param kind: a heading is above the paragraphs that follow; a purpose is a smaller heading
    """

    text: str
    label: str | None = None
    kind: Literal["plain", "heading", "purpose"] = "plain"


def heading(text: str) -> Paragraph:
    """A heading."""
    return Paragraph(text, kind="heading")


def arrow(what: str, to: Address) -> Paragraph:
    """What goes to an address."""
    return Paragraph(f"{what} →{TIE}{to}")


def list_services(services: Iterable[Service]) -> str:
    """Ports by protocol, such as ``TCP 21, 50000-50199; UDP 51820``."""
    ports: dict[str, list[str]] = {}
    for service in services:
        ports.setdefault(service.protocol.upper(), []).append(str(service.ports))
    return "; ".join(f"{protocol}{TIE}{', '.join(numbers)}" for protocol, numbers in ports.items())


def list_ranges(ranges: Sequence[PortRange]) -> str:
    """Ranges of ports; of very many, the first, the last and their number."""
    if len(ranges) <= _MOST_RANGES:
        return " ".join(map(str, ranges))
    return f"{ranges[0]} {ranges[1]} … {ranges[-1]}: {len(ranges)} ranges,"


def list_rules(title: str, rules: Sequence[PortForward | AcceptRule]) -> Iterator[Paragraph]:
    """Port forwards or accept rules, those of the same purpose and destination together."""
    if rules:
        yield heading(title)
    uses: dict[tuple[str, Address, IPv4Address | None], list[Service]] = {}
    for rule in rules:
        uses.setdefault((rule.purpose, rule.to, rule.source), []).append(rule.service)
    purposes = {purpose for purpose, _, _ in uses}
    for (purpose, to, source), services in uses.items():
        if len(purposes) > 1:
            yield Paragraph(f"{purpose}:", kind="purpose")
        yield arrow(list_services(services), to)
        if source:
            yield Paragraph(f"only from {source}")
