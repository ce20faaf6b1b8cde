"""Whether a computer at home that fetches keeps up with the line to the server.

The line, of a known speed, leads out of the server. What it does itself is measured beside, with
OpenSSH's own ``sftp``, which gets the same photos over it.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.delivery import (
    PHOTO_BYTES,
    PHOTOS,
    ROUNDS,
    SERVER,
    give_photos,
    home_with,
    upload_all,
)
from benchmarks.figures import Figure
from benchmarks.hosts import write_project
from benchmarks.line import Line
from hotshoe import paths
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import load_site
from hotshoe.stage import actions, podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

# How fast the line is, in bytes a second: 90 GB an hour.
SPEED = 25_000_000
NAS, FOLDER, BY_SFTP = "nas", "/srv/photos", "/srv/by-sftp"
_KEY = "/root/bench-key"
# Seconds.
_LONGEST = 300


def home() -> dict[str, Any]:
    """A Site, as YAML reads it: a computer beside the server fetches from it."""
    fetch = {"name": NAS, "by": "fetch", "address": "192.168.1.20", "folder": FOLDER}
    return home_with(fetch)


class Round(NamedTuple):
    """What was measured right after each other, in bytes a second.

    :param fetch: of photos, by hotshoe, from its start to the last photo that is there
    :param sftp: of photos, by OpenSSH's sftp
    """

    fetch: float
    sftp: float


def figures_of(rounds: Sequence[Round]) -> Iterator[Figure]:
    """The figures; a ratio is the median of the rounds' own."""
    ratios: dict[str, Callable[[Round], float]] = {
        "fetch_event_vs_sftp": lambda r: r.fetch / r.sftp,
        "fetch_event_vs_line": lambda r: r.fetch / SPEED,
        "sftp_get_event_vs_line": lambda r: r.sftp / SPEED,
    }
    for what, ratio in ratios.items():
        yield Figure(what, median(map(ratio, rounds)), "times")
    yield Figure("fetch_event", median(r.fetch for r in rounds) / 1e6, "MB/s")


_FETCHED = re.compile(r"^\[ *([\d.]+)\] \S+ \S+: nas: .+ is fetched$", re.M)


def read_journal(said: str) -> list[float]:
    """When photos were there, in seconds of the monotonic clock.

    :param said: by hotshoe-delivery, as ``journalctl --output=short-monotonic`` has it
    """
    return [float(at) for at in _FETCHED.findall(said)]


class Fetches:
    """One run of this part of the benchmark.

    :param folder: for what it writes; there are secrets in it
    """

    def __init__(self, folder: Path) -> None:
        files = write_project(folder / "fetching", home())
        site = load_site(files)
        self._plan = make_plan(site)
        self._secrets = load_secrets(files, site)
        self.stage = Stage.of(files.name, self._plan, files.root, prepared=True)
        self._line = Line(self.stage, SERVER)

    def figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        """Measure.

        :param say: told what is going on
        :raises HotshoeError: if something fails, or a photo does not get there
        """
        try:
            self.stage.up(say=say)
            say("deploying for fetches")
            actions.deploy(self.stage)
            self._prepare()
            rounds = []
            for number in range(ROUNDS):
                say(f"fetches, round {number + 1} of {ROUNDS}")
                rounds.append(self._round())
            yield from figures_of(rounds)
        finally:
            self.stage.down()

    def _round(self) -> Round:
        size = PHOTOS * PHOTO_BYTES
        self._on(NAS, "systemctl stop hotshoe-fetcher")
        self._clear()
        with self._line.as_slow_as(SPEED, SPEED):
            return Round(fetch=size / self._fetch(), sftp=size / self._get_by_sftp())

    def _clear(self) -> None:
        """Have nothing of the library be on the computer that fetches, nor count as fetched."""
        self._on(NAS, f"rm -rf {FOLDER}/r5 {BY_SFTP}; install -d {BY_SFTP}")
        begin = f"systemctl stop hotshoe-delivery; rm -f {paths.LEDGER}*"
        self._on(SERVER, f"{begin}; systemctl start hotshoe-delivery")
        count = "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
        look = f"sqlite3.connect('file:{paths.LEDGER}?mode=ro', uri=True).execute(\"{count}\")"
        waits = f"python3 -c {shlex.quote(f'import sqlite3; print(*{look}.fetchone())')}"
        self._until(f'[ "$({waits} 2>/dev/null)" = {PHOTOS} ]')

    def _fetch(self) -> float:
        """How long it takes to fetch all that is in the library, in seconds."""
        self._on(NAS, "systemctl start hotshoe-fetcher")
        self._until(f'[ "$({_JOURNAL} | grep -c " is fetched$")" -ge {PHOTOS} ]')
        show = "systemctl show --value --property=ActiveEnterTimestampMonotonic hotshoe-fetcher"
        began = int(self._on(NAS, show)) / 1e6
        self._is_there(FOLDER)
        return max(read_journal(self._on(SERVER, _JOURNAL))) - began

    def _get_by_sftp(self) -> float:
        """How long OpenSSH's own sftp takes for the same photos, in seconds."""
        options = f"-i {_KEY} -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null"
        command = f"sftp -q {options} -b - root@{self._plan.servers[0].address}"
        started = time.monotonic()
        self._on(NAS, command, f"get -r {paths.LIBRARY}/r5 {BY_SFTP}\n")
        seconds = time.monotonic() - started
        self._is_there(BY_SFTP)
        return seconds

    def _is_there(self, folder: str) -> None:
        """Make sure that all of the library is in a folder.

        :raises HotshoeError: if it is not
        """
        digest = "find r5 -type f -exec sha256sum {} + | sort"
        here = self._on(SERVER, f"cd {paths.LIBRARY} && {digest}")
        if self._on(NAS, f"cd {folder} && {digest}") != here:
            raise HotshoeError(f"what is in {folder} is not what is in the library")

    def _prepare(self) -> None:
        """Fill the library, and let the computer that fetches in by an SSH of the server's own."""
        root = AuthorityFiles.of(self._plan, self.stage.folder).certificate
        actions.give_root_certificate(self.stage, root, CAMERA)
        give_photos(self.stage)
        upload_all(self.stage, self._plan, self._secrets)
        make = f"ssh-keygen -q -t ed25519 -N '' -f {_KEY} && cat {_KEY}.pub"
        public = self._on(NAS, make)
        begin = "mkdir -p /run/sshd; [ -e /run/sshd.pid ] || /usr/sbin/sshd"
        self._on(SERVER, f"cat >>/root/.ssh/authorized_keys; {begin}", public)

    def _until(self, condition: str) -> None:
        script = f"until {condition}; do sleep 0.1; done"
        self._on(SERVER, f"timeout {_LONGEST} sh -c {shlex.quote(script)}")

    def _on(self, node: str, script: str, text: str | None = None) -> str:
        return podman.execute(self.stage.container(node), "sh", "-c", script, input_text=text)


# What it has said since it was started.
_JOURNAL = (
    "journalctl --quiet --output=short-monotonic "
    "_SYSTEMD_INVOCATION_ID=$(systemctl show --value --property=InvocationID hotshoe-delivery)"
)
