"""The program that looks at a router, and the parts of its output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hotshoe.openwrt import paths
from hotshoe.render import render
from roles.openwrt.facts.secret_options import NAMES

MARK = "@@hotshoe"
# What the roles call on a router; a default image has all of it.
PROGRAMS = ("uci", "fw4", "nft", "ubus", "ip", "flock", "start-stop-daemon", "sha256sum", "logger")
# The table in which the kernel is shown what the firewall's files make.
COMPARED_TABLE = "hotshoe_from_files"


def look_script(
    parts: Iterable[str] = (),
    packages: Iterable[str] = (),
    *,
    before_change: bool = False,
) -> str:
    """The command that prints parts of what a router is like, and packages as ``uci export`` does.

    :param parts: names of functions ``read_…`` of the template
    :param packages: names of packages under /etc/config; secrets are left out
    :param before_change: whether packages are printed as they were before an unconfirmed change
    """
    return render(
        "openwrt/look.sh.j2",
        paths=paths,
        mark=MARK,
        parts=tuple(parts),
        packages=tuple(packages),
        before_change=before_change,
        programs=PROGRAMS,
        table=COMPARED_TABLE,
        secret_names=NAMES,
    )


def split_parts(output: Iterable[str]) -> dict[str, list[str]]:
    """Split output at the lines that begin with :data:`MARK`.

    :returns: the lines of each part by its name
    """
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output:
        if line.startswith(f"{MARK} "):
            current = found.setdefault(line.removeprefix(MARK).strip(), [])
        else:
            current.append(line)
    return found


def read_json(lines: Iterable[str]) -> dict[str, Any]:
    """Read what ``ubus`` printed; empty if it is no JSON object."""
    try:
        read = json.loads("\n".join(lines))
    except json.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}
