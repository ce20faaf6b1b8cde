"""What the program that delivers photos is told on a server, and what it needs there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from hotshoe import paths
from hotshoe.debian.fetch import USER as FETCH_USER
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import Push, ServerPlan

# The user that it runs as, whose group is that of those who may read the library.
USER = "hotshoe-delivery"
# What systemd calls the secrets that it hands on.
CREDENTIAL = "delivery"
PACKAGES = ("python3", "python3-systemd")
# SFTP is OpenSSH's, with paramiko's protocol; rclone 1.60 is no use for it (see ARCHITECTURE.md).
_SFTP = ("openssh-client", "python3-paramiko")
_RCLONE = ("ca-certificates", "rclone")
EVERY_PACKAGE = (*PACKAGES, *_SFTP, *_RCLONE)


def packages(plan: ServerPlan) -> tuple[str, ...]:
    """The Debian packages that a server needs for its deliveries."""
    ways = {push.by for push in plan.pushes}
    sftp = _SFTP if "sftp" in ways else ()
    return (*PACKAGES, *sftp, *(_RCLONE if ways - {"sftp"} else ()))


def configuration(plan: ServerPlan) -> str:
    """The text of the program's configuration; it has no secret.

    :param plan: of the server
    """
    values = {
        "library": paths.LIBRARY,
        "intake": OWNER,
        "ledger": paths.LEDGER,
        "exchange": paths.DELIVERY_EXCHANGE,
        "asks": FETCH_USER,
        "pushes": [_push(push) for push in plan.pushes],
        "fetchers": [
            {"name": each.name, "to": each.to, "order": each.order} for each in plan.fetchers
        ],
        "retention": asdict(plan.retention) if plan.retention else None,
    }
    return json.dumps(values, indent=2, default=str) + "\n"


def _push(push: Push) -> dict[str, Any]:
    values = {key: "" if value is None else value for key, value in asdict(push).items()}
    # That is about the way there, which routers open.
    del values["home_address"]
    return values


def secrets(plan: ServerPlan, passwords: Mapping[str, str], key: Callable[[str], str]) -> str:
    """The text of the file with its secrets.

    :param plan: of the server
    :param passwords: those that deliveries have, by their names
    :param key: the private key of a delivery by SFTP that has none, by its name
    """
    values = {
        push.name: {"password": passwords[push.name]}
        if push.name in passwords
        else {"key": key(push.name)}
        for push in plan.pushes
    }
    return json.dumps(values) + "\n"
