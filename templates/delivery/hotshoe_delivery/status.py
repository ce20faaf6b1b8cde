"""What ``hotshoe photos`` is told, as one line of JSON on the standard output.

Usage: python3 -m hotshoe_delivery status CONFIGURATION [MOST | -]

``MOST`` is how many photos are told at most, those that came last; 100 if it is not said. With
``-``, photos are told whose paths on the server come on the standard input, each with a zero byte
behind it, as far as the ledger knows them. Times are seconds since 1970. There, and None where it
says so::

    {"at": when this was written,
     "running": whether the service runs,
     "destinations": [one for each delivery of the Site that this server has, in its order
       {"name": of the delivery,
        "by": "fetch" | "sftp" | "smb" | "webdav" | "s3",
        "to": where it leads, such as "sftp://ann@192.168.1.30:22/in"; no secret in it,
        "waiting": how many photos wait, "waiting_bytes": how large they are together,
        "delivered": how many photos of the library it has,
        "error": what is wrong with it in plain words, or None,
        "failing_since": since when, or None,
        "next_try": when it is tried again, or None,
        "succeeded": when it last did its work, or None}],
     "retention": {"after_days": or None, "keep_free": in bytes, or None,
                   "error": why it does not remove what it should, or None} or None,
     "photos": [the latest last
       {"path": on the server, "size": in bytes, "arrived": since when it is in the library,
        "sha256": or None while nobody has read it yet,
        "gone": since when it is not in the library any more, or None,
        "why_gone": "retention" | "moved" | "replaced", or None,
        "deliveries": [
          {"destination": its name, "state": "waiting" | "delivered",
           "name": what it is called there, from its folder on, or None,
           "delivered": when it was seen there first, or None,
           "verified": when it was seen there last, or None,
           "error": why it waits, in plain words, or None}]}]}

Names that are not UTF-8 have their other bytes as lone surrogates, as :func:`os.fsdecode` gives
them. The exit status is 1, with a sentence on the standard error, if there is no ledger.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from hotshoe_delivery.configuration import Configuration, Push
from hotshoe_delivery.ledger import Ledger

MOST = 100


def status(configuration: Configuration, photos: int | Sequence[str]) -> dict[str, Any]:
    """What there is to tell.

    :param photos: how many at most, or their paths on the server
    :raises OSError: if there is no ledger
    """
    ledger = Ledger(Path(configuration.ledger), read_only=True)
    try:
        remarks = ledger.remarks()
        seen = {each["name"]: each for each in ledger.destinations()}
        told = (
            ledger.latest(photos)
            if isinstance(photos, int)
            else ledger.under(path.removeprefix(f"{configuration.library}/") for path in photos)
        )
    finally:
        ledger.close()
    for photo in told:
        photo["path"] = f"{configuration.library}/{photo['path']}"
    retention = configuration.retention
    return {
        "at": time.time(),
        "running": _is_running(configuration.exchange),
        "destinations": [
            {
                "name": each.name,
                "by": each.by if isinstance(each, Push) else "fetch",
                "to": each.to,
                **_NOTHING,
                **{key: seen.get(each.name, {}).get(key) or _NOTHING[key] for key in _NOTHING},
            }
            for each in configuration.destinations
        ],
        "retention": {
            "after_days": retention.after_days,
            "keep_free": retention.keep_free,
            "error": remarks.get("retention"),
        }
        if retention
        else None,
        "photos": told,
    }


_NOTHING: dict[str, Any] = {
    "waiting": 0,
    "waiting_bytes": 0,
    "delivered": 0,
    "error": None,
    "failing_since": None,
    "next_try": None,
    "succeeded": None,
}


def _is_running(path: str) -> bool:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as service:
        return service.connect_ex(path) == 0


def main(arguments: list[str]) -> int:
    """Tell it.

    :param arguments: the file of the configuration, and which photos
    :returns: the exit status
    """
    path, *which = arguments
    photos: int | list[str] = MOST
    try:
        if which == ["-"]:
            given = sys.stdin.buffer.read().split(b"\0")
            photos = [os.fsdecode(each) for each in given if each]
        elif which:
            photos = int(which[0])
        told = status(Configuration.read(path), photos)
    except (OSError, sqlite3.Error, ValueError) as error:
        print(f"hotshoe-delivery: {error}", file=sys.stderr)
        return 1
    print(json.dumps(told))
    return 0
