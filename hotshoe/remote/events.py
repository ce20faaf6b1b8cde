"""What a server's hotshoe-intake has told its journal of uploads."""

from __future__ import annotations

import enum
import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hotshoe.debian.intake import USER

UNIT = "hotshoe-intake.service"


class Kind(enum.Enum):
    """What happened."""

    ARRIVING = "arriving"
    LIBRARY = "library"
    COPY = "copy"
    INCOMPLETE = "incomplete"
    UNPROVEN = "unproven"
    REMOVED = "removed"
    FULL = "full"
    ROOM = "room"


# What may become of an upload, and what else there is to tell; not that one has begun.
OUTCOMES = tuple(kind for kind in Kind if kind is not Kind.ARRIVING)


@dataclass(frozen=True)
class Event:
    """Something that happened to an upload, or to a camera's folder.

    Text is as os.fsdecode() gives it, and not fit for a terminal.

    :param kind: what happened
    :param at: when
    :param camera: whose photo; empty if it is about all cameras
    :param name: as the camera gave it; empty if it is about no photo
    :param size: in bytes; None if that is not told
    :param path: where the photo is since then; empty if it is nowhere
    :param reason: why; empty if nothing is the matter
    """

    kind: Kind
    at: datetime
    camera: str = ""
    name: str = ""
    size: int | None = None
    path: str = ""
    reason: str = ""


# What reading an answer fails with that is none: a server that is taken over says what it likes.
NONSENSE = (
    *(ValueError, TypeError, LookupError, AttributeError),
    # Of a time that no clock shows, and of JSON that is nested too deeply.
    *(ArithmeticError, OSError, RecursionError),
)
FIELDS = ("EVENT", "CAMERA", "NAME", "BYTES", "PATH", "REASON")

# Anybody may send such fields to the journal; journald itself adds the user and the unit of whoever
# does, and no program can set those. (Fields of one name are alternatives.) With --all, journalctl
# also shows long values.
QUERY = f"""\
uid=$(id -u {USER} 2>/dev/null) || {{ echo "takes no photos in yet; deploy to it" >&2; exit 1; }}
exec journalctl --quiet --no-pager --all --output=json \\
    --output-fields={",".join(f"HOTSHOE_{name}" for name in FIELDS)} \\
    _SYSTEMD_UNIT={UNIT} "_UID=$uid" "$@"
"""


def matches(kinds: tuple[Kind, ...]) -> list[str]:
    """What journalctl has to be told for these kinds."""
    return [f"HOTSHOE_EVENT={kind.value}" for kind in kinds]


def read_event(line: bytes) -> Event | None:
    """What a line of ``journalctl --output=json`` tells.

    :returns: None if it is no event that is known here
    """
    try:
        entry = json.loads(line)
        values = {name: _text(entry.get(f"HOTSHOE_{name}", "")) for name in FIELDS}
        return Event(
            kind=Kind(values["EVENT"]),
            at=datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1e6),
            camera=values["CAMERA"],
            name=values["NAME"],
            size=int(values["BYTES"]) if values["BYTES"] else None,
            path=values["PATH"],
            reason=values["REASON"],
        )
    except NONSENSE:
        return None


def _text(value: Any) -> str:
    """A value; one with control characters, or that is not UTF-8, is told as a list of bytes.

    https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format
    """
    if isinstance(value, list):
        return os.fsdecode(bytes(value))
    if isinstance(value, str):
        # As a path, it goes back to the server; half a surrogate pair cannot.
        os.fsencode(value)
        return value
    raise TypeError(value)
