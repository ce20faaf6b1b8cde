"""Many hosts in one run that changes nothing: beside Ansible, beside pyinfra itself, from afar.

One home with a router and as many servers as it takes: every host is a container with systemd.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.distance import distant
from benchmarks.figures import Figure, Round, compare
from benchmarks.rounds import rounds_without_change, unchanged
from benchmarks.stopwatch import Run
from benchmarks.tools import FOR_ANSIBLE, Ansible, Floor, Hotshoe, Laptop
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets.making import make_vault
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import image, podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import LAPTOP

SITE = "hosts"
VARIABLE = "HOTSHOE_BENCH_HOSTS"
HOSTS = int(os.environ.get(VARIABLE) or 20)
MOST_HOSTS = 100
ROUNDS, ROUNDS_OF_ONE, ROUNDS_FROM_AFAR = 2, 7, 1
ROUND_TRIP = 0.05
# What a computer has to allow for some twenty of them; the default is 128.
_INOTIFY_INSTANCES = 16 * MOST_HOSTS


def home(hosts: int) -> dict[str, Any]:
    """A Site, as YAML reads it: a router, and servers behind it, each with a camera of its own."""
    servers = [
        {"name": f"server{i}", "address": f"192.168.1.{i + 10}"} for i in range(1, max(hosts, 2))
    ]
    return {
        "hostname": "photos.example.net",
        "public_address": "203.0.113.20",
        "routers": [{"name": "gateway", "managed_by": "linux", "lan": "192.168.1.1/24"}],
        "servers": servers,
        "cameras": [{"name": f"camera{i}", "server": s["name"]} for i, s in enumerate(servers)],
    }


def write_project(folder: Path, site: dict[str, Any]) -> SiteFiles:
    """A folder like that which holds deploy.py, with one Site of its own.

    :param folder: is made
    :param site: as YAML reads it
    :returns: the Site's files
    :raises HotshoeError: if ansible-vault fails
    """
    files = SiteFiles(SITE, folder)
    files.site.parent.mkdir(parents=True)
    (folder / "inventories").mkdir()
    for name in ("deploy.py", "roles", "templates"):
        (folder / name).symlink_to(Path(name).resolve())
    (folder / "inventories" / f"{SITE}.py").write_text(
        "from roles.inventory import hosts\n\n"
        f'servers, routers, openwrt_routers, fetchers = hosts("{SITE}")\n'
    )
    # JSON is YAML.
    files.site.write_text(json.dumps(site))
    make_vault(files)
    return files


@contextmanager
def enough_inotify_instances() -> Iterator[None]:
    """Allow root as many as containers need, and no more than before in the end."""
    allowed = podman.INOTIFY.read_text()
    try:
        if int(allowed) < _INOTIFY_INSTANCES:
            podman.INOTIFY.write_text(str(_INOTIFY_INSTANCES))
        yield
    finally:
        podman.INOTIFY.write_text(allowed)


class ManyHosts:
    """One run of this part of the benchmark.

    :param folder: for what it writes; there are secrets in it
    :param hosts: how many
    """

    def __init__(self, folder: Path, hosts: int = HOSTS) -> None:
        if not 2 <= hosts <= MOST_HOSTS:
            raise HotshoeError(f"{VARIABLE}: {hosts} is not 2 to {MOST_HOSTS}")
        files = write_project(folder / SITE, home(hosts))
        image.PACKAGES["prepared"] += FOR_ANSIBLE
        self._plan = make_plan(load_site(files))
        self.stage = Stage.of(SITE, self._plan, files.root, prepared=True)
        self._folder = folder
        self._one = [self._plan.servers[0].name]
        self._all = [r.name for r in self._plan.routers] + [s.name for s in self._plan.servers]

    def figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        """Measure; the figures come as soon as they are known.

        :param say: told what is going on
        :raises HotshoeError: if something fails, or if the two have not done the same work
        """
        with enough_inotify_instances():
            try:
                self.stage.up(say=say)
                yield from self._figures(say)
            finally:
                self.stage.down()

    def _figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        near = Laptop(self.stage, self._plan, self._folder)
        watched = Laptop(self.stage, self._plan, self._folder, watches_memory=True)
        near.write_ssh_config()
        hotshoe, ansible, floor = Hotshoe(near), Ansible(near), Floor(near)
        say(f"deploying to {len(self._all)} hosts")
        for host in self._all:
            # The image has all packages: Ansible need not fetch lists of them, once an hour.
            podman.execute(self.stage.container(host), "touch", "/var/lib/apt/lists")
        hotshoe.deploy(self._all)
        ansible.take_files()
        ansible.deploy(self._all)
        unchanged(hotshoe, self._all, after=ansible)

        one = self._beside_floor(hotshoe, floor, say, "")
        yield from _one_host("noop_1_host", one)
        name = f"noop_{len(self._all)}_hosts"
        rounds = list(rounds_without_change(hotshoe, ansible, self._all, ROUNDS, say))
        yield from compare(name, rounds)
        yield from _per_host(name, rounds, len(self._all))
        say("memory of all processes")
        together = Round(Hotshoe(watched).deploy(self._all), Ansible(watched).deploy(self._all))
        yield Figure(
            f"{name}_memory_of_all_vs_ansible",
            together.ansible.peak_bytes / together.hotshoe.peak_bytes,
            "times",
        )
        for tool, run in together._asdict().items():
            yield Figure(f"{name}_memory_of_all_{tool}", run.peak_bytes / 1e6, "MB")

        with distant(self.stage, LAPTOP, ROUND_TRIP):
            where = f"_at_{ROUND_TRIP * 1000:.0f}_ms"
            far = self._beside_floor(hotshoe, floor, say, where)
            yield from _one_host(f"noop_1_host{where}", far)
            yield Figure(
                f"noop_1_host{where}_beyond_floor", _round_trips_beyond(one, far), "round trips"
            )
            rounds = list(rounds_without_change(hotshoe, ansible, self._all, ROUNDS_FROM_AFAR, say))
            yield from compare(f"{name}{where}", rounds)
            yield from _per_host(f"{name}{where}", rounds, len(self._all))

    def _beside_floor(
        self, hotshoe: Hotshoe, floor: Floor, say: Callable[[str], None], where: str
    ) -> list[tuple[Run, Run]]:
        say(f"one host beside pyinfra itself{where.replace('_', ' ')}")
        return [
            (unchanged(hotshoe, self._one, after=hotshoe), floor.deploy(self._one))
            for _ in range(ROUNDS_OF_ONE)
        ]


def _one_host(name: str, rounds: Sequence[tuple[Run, Run]]) -> Iterator[Figure]:
    """What one host takes, and how many times as much as pyinfra's start and one SSH command."""
    ratio = median(hotshoe.seconds / floor.seconds for hotshoe, floor in rounds)
    yield Figure(f"{name}_vs_floor", ratio, "times")
    ratio = median(hotshoe.cpu_seconds / floor.cpu_seconds for hotshoe, floor in rounds)
    yield Figure(f"{name}_cpu_vs_floor", ratio, "times")
    yield Figure(f"{name}_hotshoe", median(hotshoe.seconds for hotshoe, _ in rounds), "seconds")
    yield Figure(f"{name}_floor", median(floor.seconds for _, floor in rounds), "seconds")


def _per_host(name: str, rounds: Sequence[Round], hosts: int) -> Iterator[Figure]:
    seconds = median(each.hotshoe.cpu_seconds for each in rounds) / hosts
    yield Figure(f"{name}_cpu_per_host_hotshoe", seconds, "seconds")


def _round_trips_beyond(near: Sequence[tuple[Run, Run]], far: Sequence[tuple[Run, Run]]) -> float:
    """How many round trips more than one SSH command a deploy waits for."""

    def added(which: int) -> float:
        times = [median(run[which].seconds for run in runs) for runs in (far, near)]
        return (times[0] - times[1]) / ROUND_TRIP

    return added(0) - added(1)
