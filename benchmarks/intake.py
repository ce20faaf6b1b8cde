"""What hotshoe-intake costs, and how long a photo takes from 226 to the library.

Bursts of small photos of one camera, by several sessions at once, into a folder of the library that
has 1,000 photos already, and into one that has 100,000; the two take turns. What a photo costs
shall not depend on that.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from statistics import median, quantiles

from benchmarks.figures import Figure
from benchmarks.upload import FOLDER, send, wait_for_library
from hotshoe import paths
from hotshoe.debian.vsftpd import OWNER
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import ServerPlan
from hotshoe.remote.events import UNIT, Kind, read_event
from hotshoe.stage import podman
from hotshoe.stage.photos import jpeg
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

SIZES = (1_000, 100_000)
ROUNDS = 5
SESSIONS, PHOTOS_A_SESSION = 4, 250
PHOTOS = SESSIONS * PHOTOS_A_SESSION

# Folders that are in the library by turns wait beside it, in the same file system.
_ASIDE = f"{paths.PHOTOS}.bench"
# Make a folder like one of the library, with so many photos.
_MAKE = """
import os, pwd, shutil, sys
like, folder, count, owner = sys.argv[1], sys.argv[2], int(sys.argv[3]), pwd.getpwnam(sys.argv[4])
os.makedirs(folder)
shutil.copystat(like, folder)
os.chown(folder, os.stat(like).st_uid, os.stat(like).st_gid)
os.chdir(folder)
for number in range(count):
    name = f"FILL{number:06}.JPG"
    with open(name, "w") as photo:
        photo.write(name)
    os.chown(name, owner.pw_uid, owner.pw_gid)
    os.chmod(name, 0o440)
"""
# The time that the daemon has used, in clock ticks: utime and stime of proc_pid_stat(5).
_TICKS = f"awk '{{print $14 + $15}}' /proc/$(systemctl show --property=MainPID --value {UNIT})/stat"
_SENT = re.compile(r'OK UPLOAD: Client "[^"]*", "/(?:.*/)?([^"/]*)"')


@dataclass(frozen=True)
class Burst:
    """A burst that has come in.

    :param per_second: photos, from the begin of the first until the last is in the library
    :param delays: of each photo, from vsftpd's line to the daemon's in the journal, in seconds
    :param cpu_seconds: of the daemon, for each photo
    :param folder: of the library
    """

    per_second: float
    delays: list[float]
    cpu_seconds: float
    folder: str


class Intake:
    """The daemon of a home's server at work.

    :param server: the home's; its first camera sends
    :param password: of that camera
    :param folder: on this computer, for a photo
    """

    def __init__(self, stage: Stage, server: ServerPlan, password: str, folder: Path) -> None:
        self._stage, self._server, self._password = stage, server, password
        self._camera = server.cameras[0]
        (folder / "photo").write_bytes(jpeg(1))
        podman.put([folder / "photo"], stage.container(CAMERA), PurePosixPath(FOLDER))

    def figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        """What a photo takes, at each size of the library.

        :raises HotshoeError: if an upload fails, or a photo does not get into the library
        """
        # The first photos show where the others go.
        folder = self._burst(1).folder
        for size in SIZES:
            say(f"intake: making {size} photos")
            self._on("python3", "-", folder, f"{_ASIDE}/{size}", str(size), OWNER, given=_MAKE)
        self._on("mv", folder, f"{_ASIDE}/first")
        rounds = []
        for number in range(ROUNDS):
            say(f"intake: bursts of {PHOTOS}, round {number + 1} of {ROUNDS}")
            rounds.append([self._with(folder, size) for size in SIZES])
        for size, bursts in zip(SIZES, zip(*rounds, strict=True), strict=True):
            delays = [delay for burst in bursts for delay in burst.delays]
            rate = median(burst.per_second for burst in bursts)
            yield Figure(f"intake_{size}_rate", rate, "photos/s")
            yield Figure(f"intake_{size}_to_library_median", median(delays), "seconds")
            yield Figure(f"intake_{size}_to_library_99th", quantiles(delays, n=100)[98], "seconds")
            cpu = median(burst.cpu_seconds for burst in bursts)
            yield Figure(f"intake_{size}_cpu", cpu * 1000, "ms/photo")
        small, large = SIZES
        ratio = median(many.cpu_seconds / few.cpu_seconds for few, many in rounds)
        yield Figure(f"intake_cpu_{large}_vs_{small}", ratio, "times")

    def _with(self, folder: str, size: int) -> Burst:
        """A burst into a folder that has so many photos."""
        aside = f"{_ASIDE}/{size}"
        self._on("sh", "-c", f"mv {aside} {folder} && systemctl restart {UNIT}")
        burst = self._burst(PHOTOS_A_SESSION)
        self._on("sh", "-c", f"find {folder} -type f -name '*-*' -delete && mv {folder} {aside}")
        return burst

    def _burst(self, photos_a_session: int) -> Burst:
        began = time.time()
        stamp = f"{time.time_ns()}"
        names = [
            [("photo", f"{stamp}-{session}-{number}.JPG") for number in range(photos_a_session)]
            for session in range(SESSIONS)
        ]
        before = self._cpu_seconds()
        account = f"{self._camera}:{self._password}"
        send(self._stage, account, f"{self._server.hostname}:{self._server.control_port}", names)
        wait_for_library(self._stage, self._server.name, self._camera)
        used = self._cpu_seconds() - before
        self._on("journalctl", "--sync")
        begins, sent, safe = self._journal(began, stamp)
        wanted = {name for session in names for _, name in session}
        for what, found in (("sent", sent.keys()), ("in the library", safe.keys())):
            if found != wanted:
                told = "\n".join(self._told(min(wanted - found)))
                raise HotshoeError(f"of {len(wanted)} photos, {len(found)} are {what}\n{told}")
        last = max(at for at, _ in safe.values())
        return Burst(
            len(wanted) / (last - min(begins.values())),
            [safe[name][0] - sent[name] for name in wanted],
            used / len(wanted),
            str(PurePosixPath(next(path for _, path in safe.values())).parent),
        )

    def _journal(
        self, since: float, stamp: str
    ) -> tuple[dict[str, float], dict[str, float], dict[str, tuple[float, str]]]:
        """When each photo began, was sent and was safe, as journald counts; and where it is."""
        begins, sent, safe = {}, {}, {}
        for line in self._on(
            "journalctl",
            "--output=json",
            f"--since=@{int(since)}",
            "_SYSTEMD_UNIT=hotshoe-vsftpd.service",
            f"_SYSTEMD_UNIT={UNIT}",
        ).splitlines():
            entry = json.loads(line)
            at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            event = read_event(line.encode())
            if event is None:
                found = _SENT.search(str(entry.get("MESSAGE")))
                if found and found[1].startswith(stamp):
                    sent[found[1]] = at
            elif not event.name.startswith(stamp):
                continue
            elif event.kind is Kind.ARRIVING:
                begins[event.name] = at
            elif event.kind is Kind.LIBRARY:
                safe[event.name] = at, event.path
        return begins, sent, safe

    def _told(self, name: str) -> list[str]:
        """What the journal has about a photo."""
        lines = self._on("journalctl", "--output=short-precise", "--no-hostname").splitlines()
        return [line for line in lines if name in line]

    def _cpu_seconds(self) -> float:
        ticks = self._on("sh", "-c", _TICKS)
        return int(ticks) / os.sysconf("SC_CLK_TCK")

    def _on(self, *command: str, given: str | None = None) -> str:
        return podman.execute(self._stage.container(self._server.name), *command, input_text=given)
