"""How long plans take: a long chain of routers beside the smallest home, and a hundred homes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from benchmarks.stopwatch import measure
from hotshoe.errors import HotshoeError

ROUTERS, CAMERAS = 20, 50
ROUNDS = 9
SITES, SITES_ROUNDS = 100, 5
_PLANS = str(Path(__file__).with_name("plans.py"))


def home(routers: int, cameras: int) -> dict[str, Any]:
    """A Site, as YAML reads it: every router with NAT, the server behind the last one."""
    chain = [
        {"name": f"router{i}", "lan": f"192.168.{i}.1/24"}
        | ({"wan": f"192.168.{i - 1}.2"} if i else {})
        for i in range(routers)
    ]
    return {
        "hostname": "photos.example.net",
        "public_address": "203.0.113.20",
        "routers": chain,
        "server": {"name": "darkroom", "address": f"192.168.{routers - 1}.10"},
        "cameras": [{"name": f"camera{i}"} for i in range(cameras)],
    }


def figures(folder: Path) -> Iterator[Figure]:
    """Measure the command as a process, from start to end; the two homes take turns.

    :param folder: for the two Sites
    :raises HotshoeError: if the command fails
    """
    sites = {"chain": home(ROUTERS, CAMERAS), "smallest": home(1, 1)}
    (folder / "group_vars").mkdir()
    for name, site in sites.items():
        # JSON is YAML.
        (folder / "group_vars" / f"{name}.yml").write_text(json.dumps(site))
    command = str(Path(sys.executable).with_name("hotshoe"))

    def seconds(site: str) -> float:
        return measure([command, "plan", site], folder, {}).seconds

    # The first run may have to compile Python's files.
    seconds("smallest")
    rounds = [(seconds("chain"), seconds("smallest")) for _ in range(ROUNDS)]
    yield Figure(f"plan_{ROUTERS}_routers", median(chain for chain, _ in rounds), "seconds")
    yield Figure("plan_1_router", median(smallest for _, smallest in rounds), "seconds")
    ratio = median(chain / smallest for chain, smallest in rounds)
    yield Figure(f"plan_{ROUTERS}_routers_vs_1", ratio, "times")
    yield from _many(folder / "many")


def _many(folder: Path) -> Iterator[Figure]:
    """A repository of many homes, each with two routers and two cameras, in one process."""
    for part in ("group_vars", "inventories"):
        (folder / part).mkdir(parents=True)
    for number in range(SITES):
        (folder / "group_vars" / f"home{number}.yml").write_text(json.dumps(home(2, 2)))
        (folder / "inventories" / f"home{number}.py").touch()
    runs = [measure([sys.executable, _PLANS], folder, {}) for _ in range(SITES_ROUNDS)]
    if [int(run.output) for run in runs] != [SITES] * SITES_ROUNDS:
        raise HotshoeError(f"{_PLANS} has not planned {SITES} Sites")
    name = f"plan_{SITES}_sites"
    yield Figure(name, median(run.seconds for run in runs), "seconds")
    yield Figure(f"{name}_cpu", median(run.cpu_seconds for run in runs), "seconds")
    yield Figure(f"{name}_peak_memory", median(run.peak_bytes for run in runs) / 1e6, "MB")
