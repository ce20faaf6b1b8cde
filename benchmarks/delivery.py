"""A fleet of cameras at an event: whether delivery keeps up with the line, and leaves room on it.

A server sends to a computer on the Internet by SFTP, over the home's line, of a known speed. What
the line itself does is measured beside it, with OpenSSH's own ``sftp`` and the same photos.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from benchmarks.distance import distant
from benchmarks.figures import Figure
from benchmarks.hosts import write_project
from benchmarks.line import Line
from benchmarks.upload import FOLDER, send, wait_for_library
from hotshoe import paths
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.secrets import Secrets, load_secrets
from hotshoe.secrets.delivery_keys import KeyPair, sftp_key
from hotshoe.site.reading import load_site
from hotshoe.stage import actions, podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

T = TypeVar("T")
ROUNDS = 3
SESSIONS, PHOTOS_A_SESSION, PHOTO_BYTES = 4, 8, 5_000_000
PHOTOS = SESSIONS * PHOTOS_A_SESSION
# How many photos are under way to a destination at once (LANES of hotshoe_delivery).
AT_ONCE = 3
SERVER, DESTINATIONS, USER = "darkroom", ("desk", "shelf"), "ann"
# One computer is all of them.
_HOST = "desk.example.net"
# Seconds; the slowest line takes 40.
_LONGEST = 300


class Scenario(NamedTuple):
    """What is measured at once.

    :param name: the last word of the figures' names
    :param up: how fast the line out of the home is, in bytes a second
    :param down: how fast it is into the home
    :param order: which photos go first
    :param limit: ``bytes_per_second`` of each delivery; 0 is none
    :param destinations: how many there are
    :param round_trip: to them and back, in seconds, besides what waits in front of the line
    :param by_mark: whether the home's router sends last what is marked as lower effort
    """

    name: str
    up: int
    down: int
    order: str = "oldest"
    limit: int = 0
    destinations: int = 1
    round_trip: float = 0
    by_mark: bool = False


SCENARIOS = (
    # 90 GB an hour each way.
    Scenario("event", 25_000_000, 25_000_000),
    Scenario("event_two_destinations", 25_000_000, 25_000_000, destinations=2),
    Scenario("event_from_afar", 25_000_000, 25_000_000, round_trip=0.05),
    # A home's line: less goes out than comes in.
    Scenario("home", 5_000_000, 25_000_000, "newest"),
    Scenario("home_by_mark", 5_000_000, 25_000_000, "newest", by_mark=True),
    Scenario("home_limited", 5_000_000, 25_000_000, "newest", limit=4_000_000),
)


def home_with(*deliveries: dict[str, Any]) -> dict[str, Any]:
    """A Site, as YAML reads it: a server behind a router, with these deliveries."""
    return {
        "hostname": "photos.example.net",
        "public_address": "203.0.113.20",
        "routers": [{"name": "gateway", "managed_by": "linux", "lan": "192.168.1.1/24"}],
        "server": {"name": SERVER, "behind": "gateway", "address": "192.168.1.10"},
        "cameras": [{"name": "r5"}],
        "delivery": [*deliveries],
    }


def home(host_key: KeyPair, scenario: Scenario) -> dict[str, Any]:
    """A Site, as YAML reads it: a server that delivers to a computer on the Internet."""
    limit = {"bytes_per_second": scenario.limit} if scenario.limit else {}
    return home_with(
        *(
            {
                "name": name,
                "by": "sftp",
                "address": _HOST,
                "username": USER,
                "folder": _there(name),
                "host_key": host_key.public,
                "order": scenario.order,
                **limit,
            }
            for name in DESTINATIONS[: scenario.destinations]
        )
    )


class Delivered(NamedTuple):
    """A photo that a destination has.

    :param at: since when, in seconds of the server's monotonic clock
    :param destination: its name
    :param path: of the photo, from the library on
    """

    at: float
    destination: str
    path: str


_DELIVERED = re.compile(r"^\[ *([\d.]+)\] \S+ \S+: (\S+): (.+) is delivered, \d+ bytes$", re.M)


def read_journal(said: str) -> list[Delivered]:
    """What hotshoe-delivery says that it has delivered.

    :param said: by ``journalctl --output=short-monotonic``
    """
    return [Delivered(float(at), name, path) for at, name, path in _DELIVERED.findall(said)]


def why_not_in_order(went: Sequence[str], came: Sequence[str], order: str) -> str:
    """Why photos cannot have gone in the order of the Site; empty if they have.

    So many are under way at once, and the next one begins when one of them is there: so the first
    that is there is one of the first three, the second one of the first four.

    :param went: in the order in which they were delivered
    :param came: in the order in which they came into the library
    :param order: ``oldest`` or ``newest``
    """
    places = {path: place for place, path in enumerate(came if order == "oldest" else came[::-1])}
    for number, path in enumerate(went):
        if places[path] >= number + AT_ONCE:
            return f"{path} is number {places[path]} of the {order}, and was delivered as {number}"
    return ""


class Round(NamedTuple):
    """What was measured right after each other, in bytes a second.

    :param upload: of photos, by a fleet of cameras alone
    :param delivery: of photos, by hotshoe alone, to all destinations together
    :param sftp: of photos, by OpenSSH's sftp
    :param sent: all that left the home while it delivered
    :param upload_beside: as ``upload``, while photos are delivered
    :param sent_beside: as ``sent``, while photos are uploaded
    """

    upload: float
    delivery: float
    sftp: float
    sent: float
    upload_beside: float
    sent_beside: float


def figures_of(scenario: Scenario, rounds: Sequence[Round]) -> Iterator[Figure]:
    """The figures; a ratio is the median of the rounds' own."""
    name = scenario.name
    ratios: dict[str, Callable[[Round], float]] = {
        f"delivery_{name}_vs_sftp": lambda r: r.delivery / r.sftp,
        f"delivery_{name}_vs_line": lambda r: r.delivery / scenario.up,
        f"sftp_{name}_vs_line": lambda r: r.sftp / scenario.up,
        f"upload_beside_delivery_{name}_vs_alone": lambda r: r.upload_beside / r.upload,
        f"delivery_beside_upload_{name}_vs_alone": lambda r: r.sent_beside / r.sent,
    }
    if scenario.limit:
        limit = scenario.limit * scenario.destinations
        ratios[f"sent_{name}_vs_limit"] = lambda r: r.sent / limit
    for what, ratio in ratios.items():
        yield Figure(what, median(map(ratio, rounds)), "times")
    yield Figure(f"delivery_{name}", median(r.delivery for r in rounds) / 1e6, "MB/s")
    yield Figure(f"upload_{name}", median(r.upload for r in rounds) / 1e6, "MB/s")


class Deliveries:
    """One run of this part of the benchmark.

    :param folder: for what it writes; there are secrets in it
    """

    def __init__(self, folder: Path) -> None:
        self._host_key = sftp_key("of a benchmark", "peer", "home")
        # The stage and the secrets are those of the most that is there.
        most = max(SCENARIOS, key=lambda each: each.destinations)
        self._files = write_project(folder / "delivery", home(self._host_key, most))
        site = load_site(self._files)
        self._plan = make_plan(site)
        self._secrets = load_secrets(self._files, site)
        self.stage = Stage.of(self._files.name, self._plan, self._files.root, prepared=True)
        self._line = Line(self.stage, self._plan.routers[0].name)

    def figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        """Measure; the figures come as soon as they are known.

        :param say: told what is going on
        :raises HotshoeError: if something fails, or a photo does not get there
        """
        try:
            self.stage.up(say=say)
            self._prepare()
            for scenario in SCENARIOS:
                say(f"deploying for {scenario.name}")
                self._files.site.write_text(json.dumps(home(self._host_key, scenario)))
                actions.deploy(self.stage)
                root = AuthorityFiles.of(self._plan, self.stage.folder).certificate
                actions.give_root_certificate(self.stage, root, CAMERA)
                rounds = []
                for number in range(ROUNDS):
                    say(f"deliveries, {scenario.name}, round {number + 1} of {ROUNDS}")
                    rounds.append(self._round(scenario))
                yield from figures_of(scenario, rounds)
        finally:
            self.stage.down()

    # -- what is measured

    def _round(self, scenario: Scenario) -> Round:
        self._clear()
        self._on(SERVER, f"find {paths.LIBRARY} -type f -delete")
        line = self._line.as_slow_as(scenario.up, scenario.down, by_mark=scenario.by_mark)
        with line, self._way(scenario):
            uploads = self._upload()
            deliveries, sent = self._deliver(scenario)
            sftp = self._send_by_sftp(scenario)
            self._clear()
            uploads_beside, sent_beside = self._both(scenario)
        size = PHOTOS * PHOTO_BYTES
        return Round(
            upload=size / uploads,
            delivery=size * scenario.destinations / deliveries,
            sftp=size * scenario.destinations / sftp,
            sent=sent,
            upload_beside=size / uploads_beside,
            sent_beside=sent_beside,
        )

    def _way(self, scenario: Scenario) -> AbstractContextManager[None]:
        """Have the other side be as far away as it is said to be."""
        if not scenario.round_trip:
            return nullcontext()
        return distant(self.stage, SERVER, scenario.round_trip)

    def _upload(self) -> float:
        return upload_all(self.stage, self._plan, self._secrets)

    def _deliver(self, scenario: Scenario) -> tuple[float, float]:
        """Deliver what is in the library.

        :returns: how long that takes, in seconds, and what leaves the home meanwhile, from the
            first photo that is there on, in bytes a second
        :raises HotshoeError: if something else gets there, or not in the order of the Site
        """
        self._start()
        self._wait(1)
        delivered, sent = self._while(lambda: self._wait(PHOTOS * scenario.destinations))
        show = "systemctl show --value --property=ActiveEnterTimestampMonotonic hotshoe-delivery"
        began = int(self._on(SERVER, show)) / 1e6
        by_time = f"find {paths.LIBRARY} -type f -printf '%C@ %P\\n' | sort -n | sed 's/^[^ ]* //'"
        came = self._on(SERVER, by_time).splitlines()
        there = [self._digests(SERVER, paths.LIBRARY)]
        for name in DESTINATIONS[: scenario.destinations]:
            went = [each.path for each in delivered if each.destination == name]
            if why := why_not_in_order(went, came, scenario.order):
                raise HotshoeError(f"{name}: {why}")
            there.append(self._digests(CAMERA, _there(name)))
        if any(each != there[0] for each in there):
            raise HotshoeError("the photos that were delivered are not those of the library")
        return max(each.at for each in delivered) - began, sent

    def _wait(self, photos: int) -> list[Delivered]:
        """Wait until so many have been delivered.

        :raises HotshoeError: if that takes too long
        """
        count = f"{_JOURNAL} | grep -c ' is delivered, '"
        script = f'until [ "$({count})" -ge {photos} ]; do sleep 0.2; done'
        self._on(SERVER, f"timeout {_LONGEST} sh -c {shlex.quote(script)}")
        return self._delivered()

    def _delivered(self) -> list[Delivered]:
        """What has been delivered since the service was started."""
        return read_journal(self._on(SERVER, _JOURNAL))

    def _send_by_sftp(self, scenario: Scenario) -> float:
        """How long OpenSSH's own sftp takes for the same photos, in seconds."""
        options = "-i /root/bench-key -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null"
        command = f"sftp -q {options} -b - {USER}@{_HOST}"
        batches = []
        for name in DESTINATIONS[: scenario.destinations]:
            there = f"/home/{USER}/{name}-by-sftp"
            self._on(CAMERA, f"install -d -o {USER} {there}")
            batches.append(f"put -r {paths.LIBRARY}/r5 {there}\n")
        started = time.monotonic()
        with ThreadPoolExecutor(len(batches)) as pool:
            list(pool.map(lambda batch: self._on(SERVER, command, batch), batches))
        return time.monotonic() - started

    def _both(self, scenario: Scenario) -> tuple[float, float]:
        """Have a fleet upload while what it has uploaded before is delivered.

        :returns: how long it takes to upload, in seconds, and what leaves the home meanwhile, in
            bytes a second
        :raises HotshoeError: if nothing was left to be delivered at the end
        """
        self._start()
        self._wait(1)
        seconds, sent = self._while(self._upload)
        there = int(self._on(SERVER, f"find {paths.LIBRARY} -type f | wc -l"))
        if len(self._delivered()) >= there * scenario.destinations:
            raise HotshoeError("the delivery was over before the uploads were")
        return seconds, sent

    def _while(self, do: Callable[[], T]) -> tuple[T, float]:
        """Do something.

        :returns: what it returns, and what leaves the home meanwhile, in bytes a second
        """
        before, began = self._line.sent(), time.monotonic()
        done = do()
        return done, (self._line.sent() - before) / (time.monotonic() - began)

    # -- the stage

    def _prepare(self) -> None:
        """Have the other side let the server in, and a fleet have photos."""
        secret = self._secrets.delivery_secret
        assert secret is not None
        keys = [sftp_key(secret, self._plan.hostname, name) for name in DESTINATIONS]
        self._on(
            CAMERA,
            f"useradd --create-home {USER} && cd /home/{USER} && "
            f"install -d -m 700 -o {USER} .ssh && cat >.ssh/authorized_keys && "
            f"chown {USER} .ssh/authorized_keys",
            "".join(f"restrict {key.public}\n" for key in keys),
        )
        key = "/root/host-key"
        begin = f"umask 077; cat >{key}; mkdir -p /run/sshd; /usr/sbin/sshd -oHostKey={key}"
        self._on(CAMERA, begin, self._host_key.private)
        address = self.stage.node(CAMERA).ports[0].address.ip
        self._on(SERVER, f"echo {address} {_HOST} >>/etc/hosts")
        self._on(SERVER, "umask 077; cat >/root/bench-key", keys[0].private)
        give_photos(self.stage)

    def _clear(self) -> None:
        """Forget what was delivered, on both sides, and deliver nothing."""
        self._on(SERVER, f"systemctl stop hotshoe-delivery; rm -f {paths.LEDGER}*")
        for name in DESTINATIONS:
            there = f"{_there(name)} {_there(name)}-by-sftp"
            self._on(CAMERA, f"rm -rf {there}; install -d -o {USER} {_there(name)}")

    def _start(self) -> None:
        self._on(SERVER, "systemctl start hotshoe-delivery")

    def _digests(self, node: str, folder: str) -> str:
        return self._on(node, f"cd {folder} && find . -type f -exec sha256sum {{}} + | sort")

    def _on(self, node: str, script: str, text: str | None = None) -> str:
        return podman.execute(self.stage.container(node), "sh", "-c", script, input_text=text)


def give_photos(stage: Stage) -> None:
    """Have a fleet of cameras have photos."""
    names = " ".join(f"photo{i}-{j}" for i in range(SESSIONS) for j in range(PHOTOS_A_SESSION))
    make = f"for n in {names}; do head -c {PHOTO_BYTES} /dev/urandom >$n; done"
    container = stage.container(CAMERA)
    podman.execute(container, "sh", "-c", f"mkdir -p {FOLDER}; cd {FOLDER}; {make}")


def upload_all(stage: Stage, plan: Plan, secrets: Secrets) -> float:
    """Have a fleet upload its photos to the first server.

    :returns: how long that takes, in seconds
    :raises HotshoeError: if an upload fails
    """
    camera = plan.servers[0].cameras[0]
    began = time.monotonic_ns()
    names = [
        [(f"photo{i}-{j}", f"{began}-{i}-{j}") for j in range(PHOTOS_A_SESSION)]
        for i in range(SESSIONS)
    ]
    account = f"{camera}:{secrets.camera_passwords[camera]}"
    server = f"{plan.hostname}:{plan.servers[0].control_port}"
    seconds = send(stage, account, server, names)
    wait_for_library(stage, plan.servers[0].name, camera)
    return seconds


def _there(destination: str) -> str:
    return f"/home/{USER}/{destination}"


# What it has said since it was started.
_JOURNAL = (
    "journalctl --quiet --output=short-monotonic "
    "_SYSTEMD_INVOCATION_ID=$(systemctl show --value --property=InvocationID hotshoe-delivery)"
)
