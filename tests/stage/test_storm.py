"""The storm: whatever breaks, a photo that was acknowledged is in the library, and once."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from hotshoe import paths
from tests.stage.conftest import deployed
from tests.stage.home import Home
from tests.stage.storm import HABITS
from tests.stage.storming import Storm, Verdict, library, under_way, unproven
from tests.stage.test_firewall import wait_until

CAMERAS = ["r5", "a7", *(f"camera{n}" for n in range(3, 31))]
# Cameras that need not close TLS properly.
UNCLEAN = ("a7", "camera30")
SECONDS = float(os.environ.get("HOTSHOE_STORM_SECONDS", "60"))
SEED = int(os.environ.get("HOTSHOE_STORM_SEED", f"{time.time_ns() % 10**6}"))
# What of the disk may be taken without doing anybody harm, in bytes. Most of it is what the intake
# keeps for uploads that may begin.
SPARE = min(20 * 10**9, shutil.disk_usage("/").free // 2)
FILLER = f"{paths.PHOTOS}/filler"


def site(said: str) -> str:
    """Thirty cameras, on a disk that is full when some of what is free now is taken."""
    head, _ = said.split("cameras:\n")
    more = ", tolerates_unclean_close: true"
    rows = [f"  - {{name: {name}{more if name in UNCLEAN else ''}}}" for name in CAMERAS]
    floor = shutil.disk_usage("/").free - SPARE
    return "\n".join([f"{head}photos: {{keep_free: {floor}}}", "cameras:", *rows, ""])


def passwords(said: str) -> str:
    """What the vault says of them."""
    lines = [f"  {name}: stormy-{number}-Xq7vR" for number, name in enumerate(CAMERAS)]
    (passphrase,) = (line for line in said.splitlines() if line.startswith("ca_passphrase:"))
    return "\n".join([passphrase, "camera_passwords:", *lines, ""])


@pytest.fixture
def home() -> Iterator[Home]:
    """A home with thirty cameras; of its own, since it is killed and rebooted all the time."""
    yield from deployed("test-storm", change=site, vault=passwords)


# -- what happens meanwhile


def kill_main(home: Home, unit: str) -> None:
    """Kill the main process of a unit; while systemd waits to start it anew, there is none."""
    kill = f"systemctl kill --kill-whom=main --signal=KILL {unit} 2>&1 || true"
    wait_until(lambda: not home.sh(home.server, kill), 30)


def kill_daemon(home: Home, _: Storm) -> None:
    kill_main(home, "hotshoe-vsftpd")


def kill_intake(home: Home, _: Storm) -> None:
    kill_main(home, "hotshoe-intake")


def kill_sessions(home: Home, _: Storm) -> None:
    """Some of them, each by one of its processes."""
    pids = home.sh(home.server, "pgrep -x vsftpd -u hotshoe || true").split()
    some = random.Random(SEED).sample(pids, min(len(pids), 20))
    home.sh(home.server, f"kill -9 {' '.join(some)} 2>/dev/null || true")


def fill_disk(home: Home, storm: Storm) -> None:
    """Until cameras are refused, and are told so; then free it, and wait until they are not."""
    before = len(storm.tries)
    home.sh(home.server, f"fallocate -l {SPARE + 2 * 10**9} {FILLER}")
    try:
        wait_until(lambda: open_doors(home) == 0, 30)
        wait_until(lambda: any(t.reply.startswith("553") for t in storm.tries[before:]), 30)
    finally:
        home.sh(home.server, f"rm {FILLER}")
    wait_until(lambda: open_doors(home) == len(CAMERAS), 30)


def served(storm: Storm, since: int) -> set[str]:
    """The cameras that got a photo through after so many tries."""
    return {each.camera for each in storm.tries[since:] if each.acknowledged}


def redeploy(home: Home, _: Storm) -> None:
    home.deploy()


def reboot_server(home: Home, _: Storm) -> None:
    home.stage.reboot(home.server)


def reboot_router(home: Home, _: Storm) -> None:
    home.stage.reboot(home.router)


EVENTS: tuple[Callable[[Home, Storm], None], ...] = (
    kill_daemon,
    kill_intake,
    kill_sessions,
    fill_disk,
    redeploy,
    reboot_server,
    reboot_router,
    kill_intake,
)


def open_doors(home: Home) -> int:
    """How many cameras may upload."""
    find = f"find {paths.PHOTOS}/*/{paths.UPLOAD} -maxdepth 0 -perm -g=w | wc -l"
    return int(home.sh(home.server, find))


def thunder(home: Home, storm: Storm, seconds: float) -> None:
    """Everything that may happen to a home, in an order that the seed decides."""
    order = random.Random(SEED).sample(EVENTS, len(EVENTS))
    started = time.monotonic()
    pause = seconds / (len(order) + 1)
    for number, event in enumerate(cycle(order), 1):
        if number * pause >= seconds and number > len(order):
            break
        time.sleep(max(0, started + number * pause - time.monotonic()))
        at, before = time.monotonic(), storm.acknowledged
        event(home, storm)
        print(
            f"{at - started:5.1f} s: {event.__name__}, {time.monotonic() - at:.1f} s; "
            f"{before} photos acknowledged before"
        )
    time.sleep(max(0, started + seconds - time.monotonic()))


@pytest.mark.timeout(SECONDS + 400)
def test_the_storm(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    print(f"HOTSHOE_STORM_SEED={SEED} HOTSHOE_STORM_SECONDS={SECONDS:.0f}")
    storm = Storm(home, SEED, UNCLEAN)
    try:
        thunder(home, storm, SECONDS)
        # Then each camera gets photos through.
        calm = len(storm.tries)
        wait_until(lambda: served(storm, calm) == {*CAMERAS}, 60)
    finally:
        storm.end()
    # A session whose camera is gone holds its upload for a minute.
    wait_until(lambda: not under_way(home), 120)
    verdict = Verdict.of(storm.tries, library(home), unproven(home))
    print(storm.summary())
    with capsys.disabled():
        print(f"\n{verdict}")
    assert {each.habit for each in storm.tries} >= {*HABITS}
    where = [
        (
            home.sh(
                home.server,
                f"find {paths.PHOTOS} -path '*/{n.camera}/*' -name '{n.name[:8]}*' -ls",
            ),
            [each for each in storm.tries if (each.camera, each.name) == (n.camera, n.name)],
        )
        for n in {*verdict.lost, *verdict.duplicated, *verdict.foreign}
    ]
    assert (verdict.lost, verdict.duplicated, verdict.foreign) == (set(), set(), set()), where
    assert verdict.found + verdict.kept == verdict.acknowledged
    # Some of those that ended in the moment in which the power was cut.
    assert verdict.kept < 10
