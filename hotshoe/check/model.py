"""What a check finds. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hotshoe.probe.layers import Layer, Problem, Status


@dataclass(frozen=True)
class Finding:
    """What is to be said of one layer.

    :param layer: the layer
    :param status: how it is
    :param evidence: what was seen
    :param problem: what is wrong; None if nothing is
    :param box: the router or server at which it is wrong, or two of them, such as ``gateway or
        darkroom``, if one of them is; empty if it is none of the home's
    :param cause: why, most likely; empty if nothing is wrong
    :param remedy: what to do about it; empty if there is nothing to do
    :param data: the evidence for programs
    """

    layer: Layer
    status: Status
    evidence: str
    problem: Problem | None = None
    box: str = ""
    cause: str = ""
    remedy: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection (SYN), as a box saw it.

    :param source: its source address
    :param port: its destination port
    """

    source: str
    port: int


@dataclass(frozen=True)
class BoxView:
    """What a router or server that hotshoe manages says of itself.

    :param name: the box
    :param error: why it cannot be asked; empty if it was
    :param arrived: connections to the home's FTP ports that reached it, before it translated them;
        None if it cannot record them
    :param passed: those that left it, or that it let in to itself; None if it cannot record them
    :param addresses: its IPv4 addresses
    :param helper: whether an FTP helper of its kernel reads control connections
    :param stale: what of hotshoe's is not in force there, each as a clause
    :param idle_seconds: after how many seconds without a packet it forgets a connection that is
        established; None if it cannot tell
    """

    name: str
    error: str = ""
    arrived: frozenset[Packet] | None = None
    passed: frozenset[Packet] | None = None
    addresses: tuple[str, ...] = ()
    helper: bool = False
    stale: tuple[str, ...] = ()
    idle_seconds: int | None = None


@dataclass(frozen=True)
class Stored:
    """A test photo on the server.

    :param path: where it is
    :param sha256: of its content
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class ServerView:
    """What the server says besides.

    :param journal: vsftpd's lines since the check began
    :param listening: the control ports at which vsftpd listens
    :param announced: the address that PASV announces to new sessions; empty if it cannot be told
    :param stopped: services of ours that do not run, such as ``hotshoe-intake``
    :param clock: by how many seconds its clock is ahead of this computer's
    :param certificate_ends: when its certificate ends; None if it has none
    :param photos: this run's test photos, by name
    :param free: bytes that are free on the disk of the photos
    :param keep_free: bytes that have to stay free there
    :param closed: cameras whose folder takes no photo now, since a limit is reached
    :param ddns: what is the matter with following the public address; empty if nothing is
    """

    journal: tuple[str, ...]
    listening: frozenset[int]
    announced: str
    stopped: tuple[str, ...]
    clock: float
    certificate_ends: datetime | None
    photos: dict[str, Stored]
    free: int
    keep_free: int
    closed: tuple[str, ...]
    ddns: str


@dataclass(frozen=True)
class InsideView:
    """What the home's machines saw of a check.

    :param boxes: routers from the Internet inwards, then the server; only those that hotshoe
        manages
    :param server: what the server says besides; None if it cannot be asked
    """

    boxes: tuple[BoxView, ...]
    server: ServerView | None
