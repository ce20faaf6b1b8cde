"""Which tests share a stage: pytest's workers take these together, the longest group first.

A stage with a deployed home costs about as much as ten tests, so each worker keeps one, and what
needs the same one runs there. More than a few minutes of that would keep the other workers waiting
at the end; so it becomes several groups, each with a stage of its own.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections import defaultdict
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

TOLD = Path(__file__).parents[2] / ".stage" / "groups.json"

# How long a test of each file takes, on average, beside three other workers on two cores.
SECONDS = {
    "test_acme": 12,
    "test_address": 3,
    "test_again": 6,
    "test_cameras": 7,
    "test_check": 18,
    "test_check_faults": 8,
    "test_certificates": 5,
    "test_check_inside": 6,
    "test_delivery": 15,
    "test_direct_link": 4,
    "test_drift": 8,
    "test_dynamic": 14,
    "test_fetch": 9,
    "test_firewall": 9,
    "test_host_keys": 6,
    "test_images": 6,
    "test_intake_attacks": 17,
    "test_many_homes": 60,
    "test_message": 12,
    "test_molecule": 70,
    "test_openwrt": 8,
    "test_photos": 8,
    "test_pipeline": 30,
    "test_pull": 25,
    "test_refused": 1,
    "test_secrets": 3,
    "test_sessions": 8,
    "test_shapes": 4,
    "test_share": 4,
    "test_space": 40,
    "test_stage": 5,
    "test_storm": 125,
    "test_standin": 2,
    "test_tls_modes": 5,
    "test_tls_switches": 90,
    "test_tls_clients": 4,
    "test_tls_versions": 9,
    "test_upload": 2,
    "test_wan": 5,
}
PUT_UP = 25
LONGEST = 180
# The fixtures that lead to a home which tests share. All others have a stage for themselves.
SHARED = {
    *("home", "home13", "home12", "either_home", "shaped", "by_http", "by_dns", "changing"),
    "sharing",
}


class Scheduling(LoadScopeScheduling):
    """Hands out groups, in their order, to whichever worker has none left."""

    def _split_scope(self, nodeid: str) -> str:
        return _groups().get(nodeid, nodeid)


@functools.cache
def _groups() -> dict[str, str]:
    """The group of each test, as the workers tell it, who alone collect tests."""
    found: dict[str, str] = json.loads(TOLD.read_text())
    return found


def arrange(items: list[pytest.Item]) -> None:
    """Put the tests of each group together, the longest group first, and tell the scheduler."""
    shared: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        shared[_stage(item)].append(item)
    groups = [group for stage in shared for group in _parts(stage, shared[stage])]
    groups.sort(key=lambda group: -group[0])
    items[:] = [item for _, members in groups for item in members]
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        told = {m.nodeid: f"{number}" for number, (_, ms) in enumerate(groups) for m in ms}
        new = TOLD.with_suffix(f".{worker}")
        # The folder may be root's, and whoever runs only other tests be somebody else.
        with contextlib.suppress(PermissionError):
            new.parent.mkdir(exist_ok=True)
            new.write_text(json.dumps(told))
            new.replace(TOLD)


def _stage(item: pytest.Item) -> str:
    """What tests of one stage have in common."""
    assert isinstance(item, pytest.Function)
    used = SHARED.intersection(item.fixturenames)
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if "shaped" in used:
        return f"shape {parameters['shaped']}"
    if "either_home" in used:
        return str(parameters["either_home"])
    if "sharing" in used:
        return f"share {parameters['sharing']}"
    if "home12" in used:
        return "12"
    if used & {"by_http", "by_dns", "changing"}:
        return used.pop()
    if not used:
        return item.nodeid
    module = item.path.stem
    return module if hasattr(item.module, "home") else "13"


def _seconds(item: pytest.Item) -> int:
    return SECONDS.get(item.path.stem, 5)


def _parts(stage: str, items: list[pytest.Item]) -> list[tuple[float, list[pytest.Item]]]:
    """These tests in groups of no more than the longest time, with that time."""
    total = sum(_seconds(item) for item in items)
    number = -(-total // LONGEST)
    parts: list[tuple[float, list[pytest.Item]]] = [(PUT_UP, []) for _ in range(number)]
    before = 0
    for item in items:
        at = before * number // total
        seconds, members = parts[at]
        parts[at] = (seconds + _seconds(item), [*members, item])
        before += _seconds(item)
    return [part for part in parts if part[1]]
