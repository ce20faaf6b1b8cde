"""A fleet of cameras at an event: whether delivery keeps up with the line, and leaves room on it.

A server sends to a computer at home by SFTP, over a line of a known speed (tbf). What the line
itself does is measured beside it, with OpenSSH's own ``sftp`` and the same photos.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from benchmarks.hosts import write_project
from benchmarks.upload import FOLDER, send, wait_for_library
from hotshoe import paths
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import load_secrets
from hotshoe.secrets.delivery_keys import KeyPair, sftp_key
from hotshoe.site.reading import load_site
from hotshoe.stage import actions, podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

ROUNDS = 3
SESSIONS, PHOTOS_A_SESSION, PHOTO_BYTES = 4, 8, 5_000_000
PHOTOS = SESSIONS * PHOTOS_A_SESSION
# Of the line, in bytes a second each way: 90 GB an hour.
LINE = 25_000_000
SERVER, PEER, USER, THERE = "darkroom", "desk", "ann", "/home/ann/in"
_ADDRESS = "192.168.1.30"
# Seconds; a line of that speed takes 7.
_LONGEST = 120


def home(host_key: KeyPair, order: str) -> dict[str, Any]:
    """A Site, as YAML reads it: a server that delivers to a computer in the same LAN."""
    return {
        "hostname": "photos.example.net",
        "public_address": "203.0.113.20",
        "routers": [{"name": "gateway", "managed_by": "linux", "lan": "192.168.1.1/24"}],
        "server": {"name": SERVER, "behind": "gateway", "address": "192.168.1.10"},
        "cameras": [{"name": "r5"}],
        "delivery": [
            {
                "name": PEER,
                "by": "sftp",
                "address": _ADDRESS,
                "username": USER,
                "folder": THERE,
                "host_key": host_key.public,
                "order": order,
            }
        ],
    }


class Deliveries:
    """One run of this part of the benchmark.

    :param folder: for what it writes; there are secrets in it
    """

    def __init__(self, folder: Path) -> None:
        self._host_key = sftp_key("of a benchmark", "peer", PEER)
        self._files = write_project(folder / "delivery", home(self._host_key, "oldest"))
        site = load_site(self._files)
        self._plan = make_plan(site)
        self._secrets = load_secrets(self._files, site)
        self.stage = Stage.of(self._files.name, self._plan, self._files.root, prepared=True)

    def figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        """Measure; the figures come as soon as they are known.

        :param say: told what is going on
        :raises HotshoeError: if something fails, or a photo does not get there
        """
        try:
            self.stage.up(say=say)
            say("deploying")
            self._prepare()
            actions.deploy(self.stage)
            root = AuthorityFiles.of(self._plan, self.stage.folder).certificate
            actions.give_root_certificate(self.stage, root, CAMERA)
            yield from self._figures(say)
        finally:
            self.stage.down()

    def _figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        size = PHOTOS * PHOTO_BYTES / 1e6
        for order in ("oldest", "newest"):
            if order == "newest":
                self._files.site.write_text(json.dumps(home(self._host_key, order)))
                actions.deploy(self.stage)
            rounds = []
            for number in range(ROUNDS):
                say(f"delivery, {order} first, round {number + 1} of {ROUNDS}")
                rounds.append((self._deliver(order), self._send_by_sftp()))
                self._clear()
            ratio = median(sftp / ours for ours, sftp in rounds)
            yield Figure(f"delivery_{order}_first_vs_line", ratio, "times")
            yield Figure(f"delivery_{order}_first", size / median(d for d, _ in rounds), "MB/s")
            yield Figure(f"delivery_{order}_line", size / median(s for _, s in rounds), "MB/s")
        shares = []
        for number in range(ROUNDS):
            say(f"uploads beside a delivery, round {number + 1} of {ROUNDS}")
            shares.append(self._share())
            self._clear()
        yield Figure("upload_beside_delivery_vs_alone", median(shares), "times")

    # -- what is measured

    def _deliver(self, order: str) -> float:
        """How long it takes to deliver photos that are there, in seconds."""
        self._stop()
        self._upload()
        with self._line():
            started = time.monotonic()
            self._start()
            self._wait()
            seconds = time.monotonic() - started
        self._check(order)
        return seconds

    def _share(self) -> float:
        """How fast uploads are while others are delivered, as a part of how fast they are alone.

        :raises HotshoeError: if the delivery was over before the uploads were
        """
        self._stop()
        with self._line():
            alone = self._upload()
            self._start()
            beside = self._upload()
            if self._left() == 0:
                raise HotshoeError("the delivery was over before the uploads were")
            self._wait()
        return alone / beside

    def _left(self) -> int:
        """How many photos are not delivered yet."""
        library = self._on(SERVER, f"find {paths.LIBRARY} -type f | wc -l")
        there = self._on(PEER, f"find {THERE} -type f ! -name '*.part' | wc -l")
        return int(library) - int(there)

    def _wait(self) -> None:
        """Wait until nothing waits any more.

        :raises HotshoeError: if something still does after a while
        """
        deadline = time.monotonic() + _LONGEST
        while left := self._left():
            if time.monotonic() > deadline:
                raise HotshoeError(f"{left} photos are not delivered after {_LONGEST} s")
            time.sleep(0.1)

    def _check(self, order: str) -> None:
        """Compare every byte, and the order.

        Some are under way at once, so neighbours may change places.
        """
        digests = "find . -type f -exec sha256sum {} + | sort"
        if self._on(SERVER, f"cd {paths.LIBRARY} && {digests}") != self._on(
            PEER, f"cd {THERE} && {digests}"
        ):
            raise HotshoeError("the photos that were delivered are not those of the library")
        by_time = "find . -type f -printf '%C@ %f\\n' | sort -n | sed 's/.* //'"
        came = self._on(SERVER, f"cd {paths.LIBRARY} && {by_time}").split()
        went = self._on(PEER, f"cd {THERE} && {by_time}").split()
        first = set(came[: PHOTOS // 4] if order == "oldest" else came[-PHOTOS // 4 :])
        if len(first.intersection(went[: PHOTOS // 4])) < PHOTOS // 8:
            raise HotshoeError(f"the {order} did not go first: {went}")

    def _send_by_sftp(self) -> float:
        """How long OpenSSH's own sftp takes for the same photos, in seconds."""
        batch = f"put -r {paths.LIBRARY}/r5 /home/{USER}/line\n"
        self._on(PEER, f"rm -rf /home/{USER}/line; install -d -o {USER} /home/{USER}/line")
        options = "-i /root/bench-key -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null"
        with self._line():
            started = time.monotonic()
            self._on(SERVER, f"sftp -q {options} -b - {USER}@{_ADDRESS}", batch)
            return time.monotonic() - started

    def _upload(self) -> float:
        """How long a fleet takes to upload as many photos, in seconds."""
        camera = self._plan.servers[0].cameras[0]
        began = time.monotonic_ns()
        names = [
            [(f"photo{i}-{j}", f"{began}-{i}-{j}") for j in range(PHOTOS_A_SESSION)]
            for i in range(SESSIONS)
        ]
        account = f"{camera}:{self._secrets.camera_passwords[camera]}"
        server = f"{self._plan.hostname}:{self._plan.servers[0].control_port}"
        seconds = send(self.stage, account, server, names)
        wait_for_library(self.stage, SERVER, camera)
        return seconds

    # -- the stage

    def _prepare(self) -> None:
        """Have the computer at home let the server in, and a fleet have photos."""
        secret = self._secrets.delivery_secret
        assert secret is not None
        key = sftp_key(secret, self._plan.hostname, PEER)
        self._on(
            PEER,
            f"useradd --create-home {USER} && cd /home/{USER} && install -d -o {USER} in && "
            f"install -d -m 700 -o {USER} .ssh && cat >.ssh/authorized_keys && "
            f"chown {USER} .ssh/authorized_keys",
            f"restrict {key.public}\n",
        )
        host_key = "/etc/ssh/ssh_host_ed25519_key"
        show = f"umask 077; cat >{host_key}; ssh-keygen -yf {host_key} >{host_key}.pub"
        self._on(PEER, f"{show}; systemctl restart ssh", self._host_key.private)
        self._on(SERVER, "umask 077; cat >/root/bench-key", key.private)
        names = " ".join(f"photo{i}-{j}" for i in range(SESSIONS) for j in range(PHOTOS_A_SESSION))
        make = f"for n in {names}; do head -c {PHOTO_BYTES} /dev/urandom >$n; done"
        self._on(CAMERA, f"mkdir -p {FOLDER}; cd {FOLDER}; {make}")

    @contextmanager
    def _line(self) -> Iterator[None]:
        """Have all that leaves the server, and all that comes to it, pass a line of that speed.

        :raises HotshoeError: if the kernel has no tbf
        """
        shape = f"root tbf rate {LINE * 8} burst 64kb latency 100ms"
        ends = ((SERVER, "eth0"), (self._plan.routers[0].name, "eth1"))
        try:
            for node, interface in ends:
                self._tc(node, f"replace dev {interface} {shape}")
            yield
        finally:
            for node, interface in ends:
                self._tc(node, f"delete dev {interface} root")

    def _tc(self, node: str, words: str) -> None:
        holder = podman.pid(self.stage.container(node))
        command = ("nsenter", "--net", f"--target={holder}", "tc", "qdisc", *words.split())
        podman.run(*command)

    def _clear(self) -> None:
        """Begin anew."""
        self._on(SERVER, f"find {paths.LIBRARY} -type f -delete")
        self._on(PEER, f"rm -rf /home/{USER}/line {THERE}/*")

    def _stop(self) -> None:
        self._on(SERVER, "systemctl stop hotshoe-delivery")

    def _start(self) -> None:
        self._on(SERVER, "systemctl start hotshoe-delivery")

    def _on(self, node: str, script: str, text: str | None = None) -> str:
        return podman.execute(self.stage.container(node), "sh", "-c", script, input_text=text)
