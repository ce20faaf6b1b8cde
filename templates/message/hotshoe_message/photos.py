"""Photos, and what the program reads of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# The fields of a tree, such as ``{camera}/{date}/{name}``.
_FIELD = re.compile(r"\{(\w+)\}")
# What stands in the place of a date's fields, so that no camera's name takes a part of one.
_DATES = {"year": r"\d{4}", "month": r"\d\d", "day": r"\d\d", "date": r"\d{4}-\d\d-\d\d"}
# In the place of the time at which a photo was written, if it was moved before that was seen.
UNSEEN = 0


@dataclass(frozen=True)
class Photo:
    """A photo that has come into the library.

    :param camera: which camera it is from; empty if nothing tells
    :param path: where it was put, as os.fsdecode() gives it
    :param size: in bytes
    :param mtime_ns: when its content was written, in nanoseconds since 1970, or
        ``UNSEEN``
    :param at: when it came into the library, in seconds since 1970
    """

    camera: str
    path: str
    size: int
    mtime_ns: int
    at: float


def message(photos: Sequence[Photo]) -> bytes:
    """What the program reads from its standard input: a list of photos, as JSON (RFC 8259).

    A name that is no UTF-8 is told as Python tells it, with surrogates for its bytes (PEP 383).
    """
    told = [
        {
            "camera": each.camera,
            "path": each.path,
            "size": each.size,
            "time": datetime.fromtimestamp(int(each.at), UTC).isoformat().replace("+00:00", "Z"),
        }
        for each in photos
    ]
    return json.dumps(told).encode() + b"\n"


def camera_of(tree: str, path: str) -> str:
    """Which camera a photo is from, by where it is.

    :param tree: of the library, such as ``{camera}/{date}/{name}``
    :param path: from the library on
    :returns: empty if the tree does not tell
    """
    pattern, end, known = "", 0, False
    for field in _FIELD.finditer(tree):
        pattern += re.escape(tree[end : field.start()])
        if field[1] == "camera":
            pattern += "(?P=camera)" if known else "(?P<camera>[^/]+)"
            known = True
        else:
            pattern += _DATES.get(field[1], "[^/]+")
        end = field.end()
    found = re.fullmatch(pattern + re.escape(tree[end:]), path) if known else None
    return found["camera"] if found else ""
