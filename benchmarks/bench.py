"""The rounds: cold deploys, deploys that change nothing, and an upload through what they made."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Round, compare
from benchmarks.intake import Intake
from benchmarks.rounds import rounds_without_change, unchanged
from benchmarks.stopwatch import Run
from benchmarks.tools import FOR_ANSIBLE, Ansible, Hotshoe, Laptop, Tool
from benchmarks.upload import Uploads
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.secrets import load_secrets
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage import actions, image, podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

SITE = "home"
COLD_ROUNDS = 3
NOOP_ROUNDS = 5
HOME_ROUNDS = 3
UPLOADS = 3
UPLOAD_BYTES = 30_000_000


class Bench:
    """One run of the benchmark.

    :param folder: for what it writes; there are secrets in it
    """

    def __init__(self, folder: Path) -> None:
        files = SiteFiles(SITE)
        site = load_site(files)
        image.PACKAGES["device"] += FOR_ANSIBLE
        self._plan = make_plan(site)
        self._secrets = load_secrets(files, site)
        self._folder = folder
        self._server = self._plan.servers[0].name
        self._routers = [router.name for router in self._plan.routers]
        self.stage = Stage.of(SITE, self._plan, Path())
        laptop = Laptop(self.stage, self._plan, folder)
        laptop.write_ssh_config()
        self._hotshoe, self._ansible = Hotshoe(laptop), Ansible(laptop)
        self._ups: list[float] = []

    def run(self, parts: Collection[str]) -> Iterator[Figure]:
        """Measure; the figures come as soon as they are known.

        :param parts: of ``deploy``, ``upload`` and ``intake``
        :raises HotshoeError: if something fails, or if the two have not done the same work
        """
        # The first time may have to make the images.
        self.stage.up(say=say)
        if "deploy" in parts:
            yield from self._deploys()
        else:
            say("deploying")
            self._hotshoe.deploy([*self._routers, self._server])
        server = self._plan.servers[0]
        password = self._secrets.camera_passwords[server.cameras[0]]
        root = AuthorityFiles.of(self._plan, self.stage.folder).certificate
        actions.give_root_certificate(self.stage, root, CAMERA)
        if "upload" in parts:
            yield Figure("upload_throughput", self._upload() / 1e6, "MB/s")
            uploads = Uploads(self.stage, server, password, self._routers[0])
            yield from uploads.figures(say)
        if "intake" in parts:
            yield from Intake(self.stage, server, password, self._folder).figures(say)

    def _deploys(self) -> Iterator[Figure]:
        yield from compare("cold", self._cold())
        yield Figure("stage_up", median(self._ups), "seconds")
        yield from compare("noop", self._noop([self._server], NOOP_ROUNDS))
        home = [self._server, *self._routers]
        yield from compare("noop_home", self._noop(home, HOME_ROUNDS))
        yield from self._ssh_commands(home)

    def _cold(self) -> list[Round]:
        """A server as it was delivered, each time. What it installs comes over the network."""
        rounds = []
        for number in range(COLD_ROUNDS):
            say(f"cold deploy of one host, round {number + 1} of {COLD_ROUNDS}")
            hotshoe = self._cold_deploy(self._hotshoe)
            if number == 0:
                self._ansible.take_files()
            rounds.append(Round(hotshoe, self._cold_deploy(self._ansible)))
        return rounds

    def _cold_deploy(self, tool: Tool) -> Run:
        self.stage.down()
        started = time.monotonic()
        self.stage.up(say=say)
        self._ups.append(time.monotonic() - started)
        for device in (self._server, *self._routers):
            # Ansible takes the empty lists of an image that was made just now for fresh ones.
            touch = ("touch", "--date=yesterday", "/var/lib/apt/lists")
            podman.execute(self.stage.container(device), *touch)
        tool.deploy(self._routers)
        run = tool.deploy([self._server])
        if not tool.changes(run):
            raise HotshoeError(f"{tool.name} changed nothing on a new server")
        # Whoever deployed: the home is what hotshoe would have made it.
        unchanged(self._hotshoe, [self._server, *self._routers], after=tool)
        return run

    def _noop(self, hosts: Sequence[str], count: int) -> list[Round]:
        return list(rounds_without_change(self._hotshoe, self._ansible, hosts, count, say))

    def _ssh_commands(self, hosts: Sequence[str]) -> Iterator[Figure]:
        """What sshd itself has logged, so that it holds for any tool."""
        say("counting SSH commands")
        for host in hosts:
            verbose = "echo LogLevel VERBOSE >/etc/ssh/sshd_config.d/benchmark.conf"
            podman.execute(
                self.stage.container(host), "sh", "-c", f"{verbose} && systemctl reload ssh"
            )
        for tool in (self._hotshoe, self._ansible):
            before = self._sessions(hosts)
            tool.deploy(hosts)
            commands = (self._sessions(hosts) - before) / len(hosts)
            yield Figure(f"noop_ssh_commands_per_host_{tool.name}", commands, "commands")

    def _sessions(self, hosts: Sequence[str]) -> int:
        logs = (podman.execute(self.stage.container(h), "journalctl", "-o", "cat") for h in hosts)
        return sum(log.count("Starting session: ") for log in logs)

    def _upload(self) -> float:
        """Bytes a second from a camera on the Internet, through the router, TLS and log-in."""
        say("uploading")
        server = self._plan.servers[0]
        camera = server.cameras[0]
        password = self._secrets.camera_passwords[camera]
        seconds, photos = [], []
        for number in range(UPLOADS):
            photo = self._folder / f"PHOTO{number}.RAW"
            photo.write_bytes(os.urandom(UPLOAD_BYTES))
            photos.append(photo)
            seconds.append(actions.upload(self.stage, server, camera, password, [photo]))
        if actions.arrived(self.stage, server, camera) != actions.digests(photos):
            raise HotshoeError("the photos on the server are not those that were sent")
        return UPLOAD_BYTES / median(seconds)


def say(what: str) -> None:
    """Tell whoever watches; the figures alone go to standard output."""
    print(what, file=sys.stderr, flush=True)
