"""Where a server has delivered its photos to, what waits, and why.

hotshoe-delivery tells it on the server (``python3 -m hotshoe_delivery status``): one JSON document
with the destinations, and with those photos alone that it is asked about.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

from hotshoe import paths
from hotshoe.remote.events import NONSENSE
from hotshoe.remote.ssh import Host, RemoteError

USER = "hotshoe-delivery"
State = Literal["waiting", "delivered"]

# As the service's own user: what it has written is read by nobody with more rights.
_STATUS = f"""\
id -u {USER} >/dev/null 2>&1 || {{ echo "delivers nothing yet; deploy to it" >&2; exit 1; }}
exec runuser -u {USER} -- env PYTHONPATH={paths.PACKAGES} \\
    python3 -B -P -s -m hotshoe_delivery status {paths.DELIVERY_CONFIGURATION} -
"""


@dataclass(frozen=True)
class Destination:
    """Where a server delivers to, and how that goes.

    Text is as os.fsdecode() gives it, and not fit for a terminal.

    :param name: its name in the Site
    :param by: how: ``fetch``, ``sftp``, ``smb``, ``webdav`` or ``s3``
    :param to: where that leads
    :param delivered: how many photos of the library it has
    :param waiting: how many it does not have yet
    :param waiting_bytes: how many bytes these are
    :param succeeded: when it last did its work; None if it never did
    :param error: why nothing gets there, in plain words; empty if nothing is the matter
    :param failing_since: since when; None if nothing is the matter
    :param next_try: when it is tried again; None for at once, or as soon as it asks
    """

    name: str
    by: str
    to: str
    delivered: int
    waiting: int
    waiting_bytes: int
    succeeded: datetime | None = None
    error: str = ""
    failing_since: datetime | None = None
    next_try: datetime | None = None


@dataclass(frozen=True)
class Delivery:
    """A photo, and whether one destination has it.

    :param destination: its name
    :param state: ``delivered`` once it is there, with the same digest; ``waiting`` before
    :param name: what it is called there, from the destination's folder on; empty before it is there
    :param delivered: when it was seen there first; None before
    :param verified: when its digest was last compared there; None before
    :param error: why it waits, in plain words; empty if nothing is the matter
    """

    destination: str
    state: State
    name: str = ""
    delivered: datetime | None = None
    verified: datetime | None = None
    error: str = ""


@dataclass(frozen=True)
class PhotoDeliveries:
    """A photo, and whether each destination has it.

    :param deliveries: in the order of the destinations' names
    :param removed: when retention removed it from the library; None if it did not
    """

    deliveries: tuple[Delivery, ...] = ()
    removed: datetime | None = None


@dataclass(frozen=True)
class Deliveries:
    """How a server's deliveries go.

    :param running: whether the service runs that delivers
    :param destinations: in the Site's order
    :param photos: those that were asked for and that are known, by their paths
    :param retention_error: why retention cannot remove what it should; empty if nothing is the
        matter, or if the library keeps everything
    """

    running: bool = True
    destinations: tuple[Destination, ...] = ()
    photos: dict[str, PhotoDeliveries] = field(default_factory=dict)
    retention_error: str = ""

    def of(self, path: str) -> PhotoDeliveries:
        """Whether each destination has a photo."""
        return self.photos.get(path, PhotoDeliveries())


NONE = Deliveries()
Told = TypeVar("Told", Destination, Delivery)


def deliveries(host: Host, photos: Iterable[str]) -> Deliveries:
    """Ask a server how its deliveries go.

    :param photos: paths of photos in its library, of which each is told
    :raises RemoteError: if the server cannot be asked, or does not answer as this release does
    """
    asked = sorted({os.fsencode(path) for path in photos})
    answer = host.run(_STATUS, given=b"".join(path + b"\0" for path in asked))
    try:
        return read_deliveries(answer)
    except NONSENSE:
        raise RemoteError(
            f"{host.name}: hotshoe-delivery does not answer as this release of hotshoe expects\n"
            "    -> deploy to it"
        ) from None


def read_deliveries(answer: bytes) -> Deliveries:
    """What a server answers.

    :raises NONSENSE: if it is not what is expected
    """
    told = json.loads(answer)
    retention = told["retention"] or {}
    return Deliveries(
        bool(told["running"]),
        tuple(_read(Destination, each) for each in told["destinations"]),
        {each["path"]: _photo(each) for each in told["photos"]},
        _text(retention.get("error")),
    )


def _photo(told: dict[str, Any]) -> PhotoDeliveries:
    found = tuple(_read(Delivery, each) for each in told["deliveries"])
    return PhotoDeliveries(found, _time(told["gone"] if told["why_gone"] == "retention" else None))


def _read(kind: type[Told], told: dict[str, Any]) -> Told:
    """What is told under the names of a dataclass's fields."""
    return kind(**{each.name: _READ[str(each.type)](told[each.name]) for each in fields(kind)})


def _state(told: str) -> str:
    if told not in get_args(State):
        raise ValueError(told)
    return told


def _text(told: str | None) -> str:
    return str(told or "")


def _time(told: float | None) -> datetime | None:
    """A time in seconds since 1970, as the clock here shows it."""
    return None if told is None else datetime.fromtimestamp(told).astimezone()


# How each kind of field is read, by its annotation.
_READ: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "str": _text,
    "State": _state,
    "datetime | None": _time,
}
