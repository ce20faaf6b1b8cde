"""How much room photos take, on the disk and on the line, and what a camera is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from hotshoe import paths
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
NO_FILE, NO_FOLDER = "553 Could not create file.", "550 Create directory operation failed."
FILLER = f"{paths.LIBRARY}/by-hand.TIF"
# More than all that these tests upload, so that only what is put there by hand fills it.
LIMIT = 4_000_000_000


@contextmanager
def saying(home: Home, *, ftp: str = "", photos: str = "") -> Iterator[None]:
    """A Site that says more, deployed; put back afterwards."""
    shared = home.project / "group_vars" / "all.yml"
    said = shared.read_text()
    new = said.replace("{tls:", f"{{{ftp}, tls:") if ftp else said
    try:
        shared.write_text(new + (f"photos: {photos}\n" if photos else ""))
        home.deploy()
        yield
    finally:
        shared.write_text(said)
        home.deploy()


# -- on the line


def rate(home: Home, uploads: int, size: int) -> float:
    """The bytes a second of several uploads at once, from before they log in."""
    started = time.monotonic()
    with ThreadPoolExecutor(uploads) as pool:
        orders = [pool.submit(home.ftp, ["stor", f"{started}-{i}", size]) for i in range(uploads)]
        assert [order.result() for order in orders] == [[OK]] * uploads
    return uploads * size / (time.monotonic() - started)


def test_all_uploads_together_keep_to_the_rate(either_home: Home) -> None:
    """They stay near it, and nothing of it stays behind."""
    home, most, rules = either_home, 2_000_000, "nft -s list table inet hotshoe_firewall"
    before = home.sh(home.server, rules)
    assert rate(home, 4, 4_000_000) > 2 * most
    with saying(home, ftp="total_bytes_per_second: 2MB"):
        reached = rate(home, 4, 6_000_000)
        print(f"{reached / most:.2f} of the rate")
        assert 0.5 < reached / most < 1.15
        assert home.would_change() == []
    assert home.sh(home.server, rules) == before


# -- on the disk


def door(home: Home, camera: str) -> str:
    return home.sh(home.server, f"stat -c %a {paths.PHOTOS}/{camera}/upload").strip()


def photos(home: Home) -> str:
    """Every photo of the library, and what is known of it."""
    found = f"find {paths.LIBRARY} -type f ! -path {FILLER} -printf '%p %s %T@ %C@ %m %i\\n'"
    return home.sh(home.server, f"{found} | sort")


def events(home: Home, event: str) -> list[str]:
    """The reasons that the journal has for such events."""
    fields = "--output=json --output-fields=HOTSHOE_REASON,HOTSHOE_CAMERA"
    said = home.sh(home.server, f"journalctl -t hotshoe-intake HOTSHOE_EVENT={event} {fields}")
    return said.splitlines()


@contextmanager
def let_go(home: Home, meeting: str) -> Iterator[None]:
    """If a test fails, the camera does not wait for it for ever."""
    try:
        yield
    finally:
        home.sh(CAMERA, f"touch {meeting}-over")


def refused_until_there_is_room(home: Home, fill: str, make_room: str) -> None:
    """One session from before the disk is full until there is room again.

    :param fill: a command on the server
    :param make_room: another one
    """
    name, meeting = f"space-{time.time_ns()}", f"/tmp/{time.time_ns()}"
    one, other = [f"{name}-{i}.JPG" for i in (1, 2)]
    trip = f"trip-{name}"
    with ThreadPoolExecutor() as pool, let_go(home, meeting):
        session = pool.submit(
            home.ftp,
            *[["stor", one, 1000], ["send", f"MKD {trip}"]],
            *[["meet", f"{meeting}-1"], ["stor", one, 1000], ["stor", f"{trip}/{other}", 1000]],
            *[["send", f"MKD {trip}/x"], ["send", f"MKD x{trip}"], ["send", "NOOP"]],
            *[["meet", f"{meeting}-2"], ["stor", one, 2000], ["stor", f"{trip}/{other}", 3000]],
        )
        met = [f"test -e {meeting}-{i}" for i in (1, 2)]
        wait_until(lambda: home.succeeds(CAMERA, met[0]), 30)
        assert home.size(one) == 1000
        before = photos(home)
        home.sh(home.server, fill)
        # Counting again is due within a minute or so as long as nobody is refused.
        wait_until(lambda: door(home, home.user) == "750", 90)
        assert home.would_change() == []
        home.sh(CAMERA, f"rm {meeting}-1")
        wait_until(lambda: home.succeeds(CAMERA, met[1]), 30)
        assert photos(home) == before
        home.sh(home.server, make_room)
        wait_until(lambda: door(home, home.user) == "770", 30)
        home.sh(CAMERA, f"rm {meeting}-2")
        first, _, _, *refused, alive, _, again, inside = session.result()
    assert (first, again, inside) == (OK, OK, OK)
    assert refused == [NO_FILE, NO_FILE, NO_FOLDER, NO_FOLDER]
    assert alive.startswith("200")
    assert (home.size(one.replace(".JPG", "-2.JPG")), home.size(other)) == (2000, 3000)


SPARSE = f"truncate -s {LIMIT} {FILLER}", f"truncate -s 0 {FILLER}"


def test_all_are_refused_before_the_limit_and_their_sessions_go_on(either_home: Home) -> None:
    home, other = either_home, either_home.server_plan.cameras[1]
    full, room = len(events(home, "full")), len(events(home, "room"))
    with ExitStack() as cleanup:
        cleanup.callback(home.sh, home.server, f"rm -f {FILLER}")
        with saying(home, photos="{limit: 4GB}"):
            refused_until_there_is_room(home, *SPARSE)
            said = events(home, "full")
            assert len(said) == full + 1
            assert len(events(home, "room")) == room + 1
            assert re.search(r"the photos of all cameras take 4\S* GB of 4 GB; ", said[-1])
            home.sh(home.server, SPARSE[0])
            wait_until(lambda: door(home, other) == "750", 90)
        # Without a limit, nothing of it is left.
        wait_until(lambda: door(home, other) == door(home, home.user) == "770", 30)
        assert home.would_change() == []
        home.uploads_work()


def test_one_camera_is_refused_and_the_others_are_not(home: Home) -> None:
    camera, other = home.server_plan.cameras
    fill = f"mkdir -p {paths.LIBRARY}/{camera}; truncate -s {LIMIT} {paths.LIBRARY}/{camera}/x.TIF"
    make_room = f"rm {paths.LIBRARY}/{camera}/x.TIF"
    with home.saying(f"name: {camera}", f"name: {camera}, limit: 4GB"):
        home.sh(home.server, fill)
        wait_until(lambda: door(home, camera) == "750", 90)
        assert door(home, other) == "770"
        password = home.secrets.camera_passwords[other]
        stor = ["stor", f"{time.time_ns()}.JPG", 1000]
        assert home.ftp(stor) == [NO_FILE]
        assert home.ftp(stor, user=other, password=password) == [OK]
        home.sh(home.server, make_room)
        wait_until(lambda: door(home, camera) == "770", 30)
        assert home.ftp(stor) == [OK]


@pytest.fixture
def small_disk(home: Home) -> Iterator[None]:
    """A disk of 200 MB for photos, with nothing else on it."""
    daemons = "hotshoe-intake hotshoe-vsftpd"
    stop = f"systemctl stop {daemons}"
    home.sh(home.server, f"{stop}; mount -t tmpfs -o size=200M,mode=755 tmpfs {paths.PHOTOS}")
    try:
        home.deploy()
        home.sh(home.server, f"systemctl restart {daemons}")
        yield
    finally:
        home.sh(home.server, f"{stop}; umount {paths.PHOTOS}; systemctl start {daemons}")
        home.deploy()


@pytest.mark.usefixtures("small_disk")
def test_some_of_the_disk_stays_free_whoever_takes_it(home: Home) -> None:
    """What others put on it counts as well; 150 MB of 200 stay free."""
    fill = f"fallocate -l 45M {paths.PHOTOS}/of-others"
    with saying(home, photos="{keep_free: 150MB}"):
        refused_until_there_is_room(home, fill, f"rm {paths.PHOTOS}/of-others")
        assert "150 MB stay free" in events(home, "full")[-1]


def test_an_upload_that_outgrows_its_limit_ends_and_the_limit_holds(either_home: Home) -> None:
    """vsftpd itself would write until the disk is full."""
    home = either_home
    camera, limit = home.server_plan.cameras[1], 60_000_000
    name = f"large-{time.time_ns()}.MOV"
    password = home.secrets.camera_passwords[camera]
    aside = f"{paths.PHOTOS}/{camera}/incomplete"
    used = f"du -sbc {paths.PHOTOS}/{camera} {paths.LIBRARY}/{camera} | tail -n 1 | cut -f 1"
    with home.saying(f"name: {camera}", f"name: {camera}, limit: 60MB"):
        order = ["stor-slowly", name, 100_000_000, 20, 40]
        (reply,) = home.ftp(order, user=camera, password=password)
        assert not reply.startswith("226"), reply
        find = f"find {aside} -name {name}"
        wait_until(lambda: home.sh(home.server, find) != "", 30)
        size = int(home.sh(home.server, f"{find} -printf %s"))
        print(f"ended at {size / limit:.2f} of the limit")
        assert limit / 4 < size < limit
        assert int(home.sh(home.server, used)) <= limit
        said = home.sh(home.server, "journalctl -o cat -t hotshoe-intake")
        assert f"{name}: it was larger than the room that there was" in said
        ended = home.sh(home.server, "journalctl -o cat -u hotshoe-sessions")
        assert f"its upload to camera {camera} outgrows the room for photos" in ended
        home.sh(home.server, f"rm -r $(dirname $({find}))")
        wait_until(lambda: door(home, camera) == "770", 30)
        stor = ["stor", f"{name}.JPG", 1000]
        assert home.ftp(stor, user=camera, password=password) == [OK]
