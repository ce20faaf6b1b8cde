"""Photos are delivered: to OpenSSH, Samba, WebDAV and S3, out of a DMZ and to the Internet.

What may go wrong at another side goes wrong there by real means: it is told in plain words, no
photo is lost, and it goes on by itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from hotshoe import paths
from hotshoe.remote import deliveries
from hotshoe.remote.deliveries import Deliveries, read_deliveries
from hotshoe.secrets.delivery_keys import sftp_key
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import jpeg
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.lookout import MARKED, vault_text
from tests.stage import clients
from tests.stage.conftest import SharedStage, bare
from tests.stage.home import BIN, Home
from tests.stage.peers import PASSWORD, Folder, Peer, Samba, Served, Ssh, certify, host_key
from tests.stage.test_firewall import wait_until

DESK, KEYED = 2222, 2223
DAV, S3 = "dav.example.net", "s3.example.net"
SECRET = "9e1f6a77c0b24d38a5f3e8d20b7c4196"
AT_HOME = "192.168.1.30"
DELIVERIES = f"""\
delivery:
  - {{name: desk, by: sftp, address: {AT_HOME}, port: {DESK}, username: ann, folder: in,
     host_key: "{host_key("desk").public}"}}
  - {{name: keyed, by: sftp, address: {AT_HOME}, port: {KEYED}, username: bob, folder: /home/bob/in,
     host_key: "{host_key("keyed").public}", order: newest}}
  - {{name: office, by: smb, address: {AT_HOME}, username: sam, share: photos, folder: in}}
  - {{name: cloud, by: webdav, url: "https://{DAV}/in", username: ann}}
  - {{name: bucket, by: s3, url: "https://{S3}:9000", region: eu, bucket: photos, folder: in,
     username: AKIAHOTSHOE}}
"""
NAMES = ("desk", "keyed", "office", "cloud", "bucket")
SECRETS = {name: MARKED[name] for name in ("the password of r5", "the password of a7")}
# How long a photo may take to get everywhere; after a failure, the pauses grow.
SECONDS, LATER = 40, 90


def site(said: str) -> str:
    return re.sub(r"(?ms)^delivery:.*", DELIVERIES, said)


def vault(_: str) -> str:
    content = json.loads(vault_text(SECRETS | {"ca_passphrase": MARKED["ca_passphrase"]}))
    content["delivery_secret"] = SECRET
    content["delivery_passwords"] = {name: PASSWORD for name in NAMES if name != "keyed"}
    return json.dumps(content)


class Delivering:
    """A home that delivers, and the other sides."""

    def __init__(self, home: Home, peers: dict[str, Peer]) -> None:
        self.home, self.peers = home, peers

    def shoot(self, *names: str, size: int = 0) -> dict[str, str]:
        """Upload photos.

        :param size: in bytes; small JPEGs if it is 0
        :returns: their paths in the library, and their digests
        """
        home = self.home
        photos = []
        for number, name in enumerate(names):
            photo = home.project / "photos" / name
            photo.write_bytes(os.urandom(size) if size else jpeg(time.time_ns() + number))
            photos.append(photo)
        actions.upload(home.stage, home.server_plan, home.user, home.password, photos)
        return {home.photo(p.name): hashlib.sha256(p.read_bytes()).hexdigest() for p in photos}

    def status(self, *photos: str) -> Deliveries:
        """What the server says, as ``hotshoe photos`` asks for it."""
        given = "".join(f"{photo}\0" for photo in photos)
        script = deliveries._STATUS
        container = self.home.stage.container(self.home.server)
        said = podman.execute(container, "sh", "-c", script, input_text=given)
        return read_deliveries(said.encode())

    def is_everywhere(self, photos: dict[str, str], *names: str) -> bool:
        told = self.status(*photos)
        return all(
            {d.destination for d in told.of(photo).deliveries if d.state == "delivered"}
            >= set(names or NAMES)
            for photo in photos
        )

    def wait(self, photos: dict[str, str], *names: str, seconds: float = SECONDS) -> None:
        """Wait until photos are delivered, and compare what the others have."""
        wait_until(lambda: self.is_everywhere(photos, *names), seconds)
        for name in names or NAMES:
            assert self.missing(photos, name) == {}, name

    def missing(self, photos: dict[str, str], name: str) -> dict[str, str]:
        """What another side does not have under its name with its content."""
        has = self.peers[name].digests()
        below = {path.removeprefix(f"{paths.LIBRARY}/"): sha for path, sha in photos.items()}
        return {path: sha for path, sha in below.items() if has.get(path) != sha}

    def errors(self, *photos: str) -> dict[str, str]:
        """What is wrong with each destination, or with one of these photos there."""
        told = self.status(*photos)
        of_photos = [d for photo in photos for d in told.of(photo).deliveries]
        return {
            each.name: "; ".join(
                filter(
                    None, (each.error, *(d.error for d in of_photos if d.destination == each.name))
                )
            )
            for each in told.destinations
        }

    def parts(self, name: str) -> list[str]:
        return [each for each in self.peers[name].digests() if ".part" in each]


def delivering(release: str) -> Iterator[Home]:
    """A DMZ whose server delivers to everybody."""
    clients.install()
    for home in bare(f"test-delivery-{release}", release, "push", site, prepared=True, vault=vault):
        folder = home.project / "peers"
        (folder / "dav").mkdir(parents=True)
        internet = home.stage.node(CAMERA).ports[0].address.ip
        server = home.stage.device(home.server)
        home.sh(home.server, f"echo '{internet} {DAV} {S3}' >>/etc/hosts")
        certify(folder, (DAV, S3), server)
        key = sftp_key(SECRET, home.plan.hostname, "keyed").public
        (node,) = home.stage.topology.peers
        served = [
            Served(
                home,
                "cloud",
                folder,
                by="webdav",
                port=443,
                folder=str(folder / "dav"),
                username="ann",
            ),
            Served(
                home, "bucket", folder, by="s3", port=9000, bucket="photos", username="AKIAHOTSHOE"
            ),
        ]
        try:
            peers: list[Peer] = [
                Ssh(home, "desk", "ann", DESK, node),
                Ssh(home, "keyed", "bob", KEYED, node, f"restrict {key}\n"),
                Samba(home, "office", node),
                *served,
            ]
            home.deploy()
            home.equip(CAMERA)
            PEERS[home.project] = Delivering(home, {peer.name: peer for peer in peers})
            yield home
        finally:
            for each in served:
                each.end()


# What goes with a home, by its project's folder.
PEERS: dict[Path, Delivering] = {}


@pytest.fixture
def home(stage: SharedStage) -> Home:
    return stage.home("delivery", partial(delivering, "13"))


@pytest.fixture
def at(home: Home) -> Delivering:
    return PEERS[home.project]


def test_every_side_gets_every_photo_as_it_is(at: Delivering) -> None:
    photos = at.shoot("IMG_0001.JPG")
    at.wait(photos)
    # What a router on the way may send after everything else is marked as that (DSCP LE is 1).
    with ExitStack() as counts:
        for name in NAMES:
            counts.enter_context(at.peers[name].counting("ip dscp != 1"))
        photos |= at.shoot("F.MOV", size=5_000_000)
        at.wait(photos)
        assert all(at.peers[name].received() < 100_000 for name in NAMES)
    for name in ("é t é.JPG", "a+b&c#%41.JPG"):
        assert at.home.ftp(["stor", name, 5_000]) == ["226 Transfer complete."]
        path = at.home.photo(name)
        photos[path] = at.home.sh(at.home.server, f"sha256sum '{path}'")[:64]
    at.wait(photos)
    assert [at.parts(name) for name in NAMES] == [[]] * len(NAMES)
    assert [len(at.peers[name].digests()) for name in NAMES] == [len(photos)] * len(NAMES)


def test_another_photo_of_the_same_name_there_is_kept_beside_it(at: Delivering) -> None:
    """As when a folder is used by others, too; also if one is faster by a moment."""
    desk, bucket = at.peers["desk"], at.peers["bucket"]
    assert isinstance(desk, Folder)
    assert isinstance(bucket, Served)
    folder = f"r5/{time.strftime('%Y-%m-%d')}"
    desk.sh(
        f"cd {desk.folder} && mkdir -p {folder} && echo x >{folder}/TAKEN.MOV && chown -R ann r5"
    )
    bucket.ask(["meanwhile", f"in/{folder}/TAKEN.MOV"])
    photos = at.shoot("TAKEN.MOV", size=10_000)
    (path,) = photos
    assert path == f"{paths.LIBRARY}/{folder}/TAKEN.MOV"
    taken = hashlib.sha256(b"x\n").hexdigest()
    at.wait(photos, *(name for name in NAMES if name not in ("desk", "bucket")))
    wait_until(lambda: at.is_everywhere(photos), SECONDS)
    names = {d.destination: d.name for d in at.status(path).of(path).deliveries}
    for peer in (desk, bucket):
        has = peer.digests()
        assert has[f"{folder}/TAKEN.MOV"] == taken
        assert has[names[peer.name]] == photos[path]


def test_photos_says_where_each_photo_is(at: Delivering) -> None:
    photos = at.shoot("IMG_0007.JPG")
    at.wait(photos)
    command = [BIN / "hotshoe", "photos", "push", f"--ssh-config={at.home.stage.ssh_config}"]
    run = partial(
        subprocess.run,
        capture_output=True,
        text=True,
        cwd=at.home.project,
        env=os.environ | {"COLUMNS": "250"},
        check=True,
    )
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(run, each) for each in (command, [*command, "--json"])]
    table, document = (each.result().stdout for each in asked)
    (row,) = (line for line in table.splitlines() if "IMG_0007.JPG" in line)
    assert set(re.split(r",? +", row.strip())[-5:]) == set(NAMES)
    assert len(re.findall(r"(?m)^\w+ \((?:sftp|smb|webdav|s3), .*\): nothing waits", table)) == 5
    (server,) = json.loads(document)["servers"]
    (told,) = (each for each in server["photos"] if each["path"] in photos)
    assert {each["state"] for each in told["deliveries"]} == {"delivered"}
    assert PASSWORD not in table


def test_only_the_needed_ports_are_open_and_only_inwards_from_the_server(at: Delivering) -> None:
    home = at.home
    gateway = home.plan.routers[1]
    inside = gateway.wan_address
    assert isinstance(inside, IPv4Address)
    edge = home.plan.routers[0].name
    three = (DESK, KEYED, 445)
    tries = (
        (home.server, inside, (*three, 22, 80, 443, 139), ["open"] * 3 + ["silent"] * 4),
        # Nobody else in the DMZ, and nobody outside.
        (edge, inside, three, ["silent"] * 3),
        (CAMERA, home.public, three, ["silent"] * 3),
        (INTERNET, home.public, three, ["silent"] * 3),
        (LAPTOP, AT_HOME, three, ["open"] * 3),
    )
    # Silence takes two seconds, and all of it may be at the same time.
    with ThreadPoolExecutor(len(tries)) as pool:
        found = list(pool.map(lambda each: home.reach(*each[:2], *each[2]), tries))
    assert found == [each[3] for each in tries]


# -- what is cut


def test_what_is_cut_in_the_middle_goes_on_by_itself(at: Delivering) -> None:
    """Where the protocol lets it, from where it was cut."""
    size = 12_000_000
    with ExitStack() as counts:
        with ExitStack() as cuts:
            for name in NAMES:
                cuts.enter_context(at.peers[name].cut_after(size * 2 // 3))
            photos = at.shoot("LONG.MOV", size=size)
            (path,) = photos
            wait_until(lambda: all(at.errors(path).values()), SECONDS)
            # Nothing that is there under its name is not whole.
            for name in NAMES:
                assert not [each for each in at.peers[name].digests() if each.endswith("LONG.MOV")]
            assert at.home.succeeds(at.home.server, f"test -e {path}")
            for name in ("desk", "keyed"):
                counts.enter_context(at.peers[name].counting())
        at.wait(photos, seconds=LATER)
        assert all(at.peers[name].received() < size * 2 // 3 for name in ("desk", "keyed"))
    assert [at.parts(name) for name in NAMES] == [[]] * len(NAMES)


def test_a_server_that_is_killed_while_it_delivers_goes_on(at: Delivering) -> None:
    size = 6_000_000
    with ExitStack() as slow:
        for name in NAMES:
            slow.enter_context(at.peers[name].cut_after(size // 3))
        photos = at.shoot("KILLED.MOV", size=size)
        wait_until(lambda: all(at.errors(*photos).values()), SECONDS)
        at.home.sh(at.home.server, "systemctl kill --signal=KILL hotshoe-delivery")
    at.home.sh(at.home.server, "systemctl restart hotshoe-delivery")
    at.wait(photos, seconds=LATER)
    copies = [sum(d in photos.values() for d in at.peers[n].digests().values()) for n in NAMES]
    assert copies == [1] * len(NAMES)


# -- what is wrong at the other side

Fault = tuple[str, Callable[[Delivering], AbstractContextManager[None]], str]
PASSWORDS = "does not take the username or the password or key"


def of(name: str, fault: str) -> Callable[[Delivering], AbstractContextManager[None]]:
    return lambda at: getattr(at.peers[name], fault)()


ROUNDS: dict[str, list[Fault]] = {
    "keys and passwords": [
        ("desk", of("desk", "another_host_key"), "its host key is not the one of the Site"),
        ("keyed", of("keyed", "without_the_key"), PASSWORDS),
        ("office", of("office", "wrong_password"), PASSWORDS),
        ("cloud", of("cloud", "wrong_password"), PASSWORDS),
        ("bucket", of("bucket", "wrong_password"), "does not take the access key"),
    ],
    "room and reach": [
        ("desk", of("desk", "full"), "its disk is full"),
        ("keyed", of("keyed", "gone"), "nothing answers at its port"),
        ("office", of("office", "full"), "its disk is full"),
        ("cloud", of("cloud", "full"), "its disk is full"),
        ("bucket", of("bucket", "without_the_bucket"), "there is no such bucket"),
    ],
    "more": [
        ("desk", of("desk", "wrong_password"), PASSWORDS),
        ("office", of("office", "gone"), "nothing answers at its port"),
        ("cloud", of("cloud", "gone"), "nothing answers at its port"),
        ("bucket", of("bucket", "gone"), "nothing answers at its port"),
        # A connection that was there is given up after half a minute, in other words.
        ("keyed", of("keyed", "silent"), "it does not answer|it hung up in the middle"),
    ],
}


@pytest.mark.parametrize("round", ROUNDS)
def test_what_is_wrong_there_is_told_and_once_it_is_right_it_goes_on(
    at: Delivering, round: str
) -> None:
    faults = ROUNDS[round]
    with ExitStack() as wrong:
        each_of = [wrong.enter_context(ExitStack()) for _ in faults]
        for each, (_, fault, _) in zip(each_of, faults, strict=True):
            each.enter_context(fault(at))
        name = f"{time.time_ns()}.MOV"
        photos = at.shoot(name, size=300_000)
        (path,) = photos
        assert at.home.succeeds(at.home.server, f"test -e {path}")
        untold = {
            where: (words, each) for (where, _, words), each in zip(faults, each_of, strict=True)
        }

        def all_is_told() -> bool:
            for where, said in at.errors(path).items():
                words, each = untold.get(where, ("", None))
                if each and re.search(words, said):
                    has = at.peers[where].digests()
                    assert not [there for there in has if there.endswith(name)]
                    # It is put right at once: the longer that takes, the longer the pauses are.
                    each.close()
                    del untold[where]
            return not untold

        try:
            wait_until(all_is_told, SECONDS)
        except AssertionError as error:
            errors, wanted = at.errors(path), {w: words for w, (words, _) in untold.items()}
            raise AssertionError(f"{error}: {errors}, not {wanted}") from None
    at.wait(photos, seconds=LATER)
    wait_until(lambda: not any(at.errors().values()), SECONDS)


def test_a_second_deploy_changes_nothing(at: Delivering) -> None:
    assert at.home.would_change() == []


# -- retention


TWIN = 2224
IS_THE_LIBRARY = f"""\
  - {{name: twin, by: sftp, address: {AT_HOME}, port: {TWIN}, username: root,
     folder: {paths.LIBRARY}, host_key: "{host_key("twin").public}"}}
"""


@contextmanager
def the_library_at_home(home: Home) -> Iterator[None]:
    """OpenSSH at home, where the library is mounted: it sees the server's files."""
    key = sftp_key(SECRET, home.plan.hostname, "twin").public
    folder = "/root/twin"
    home.sh(home.server, f"install -d -m 700 {folder}; install -d /run/sshd")
    files = {"key": host_key("twin").private, "authorized": f"restrict {key}\n"}
    files["sshd_config"] = (
        f"Port {TWIN}\nHostKey {folder}/key\nPidFile {folder}/pid\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nSubsystem sftp internal-sftp\n"
    )
    for name, text in files.items():
        command = ("sh", "-c", f"umask 077; cat >{folder}/{name}")
        podman.execute(home.stage.container(home.server), *command, input_text=text)
    (node,) = home.stage.topology.peers
    network, root = (podman.pid(home.stage.container(each)) for each in (node, home.server))
    sshd = ("/usr/sbin/sshd", "-D", "-f", f"{folder}/sshd_config")
    inside = (f"--net=/proc/{network}/ns/net", f"--mount=/proc/{root}/ns/mnt")
    with subprocess.Popen(["nsenter", *inside, *sshd], stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def test_retention_removes_only_what_every_side_has_still(at: Delivering) -> None:
    home = at.home
    kept = at.shoot("VANISHED.MOV", "CHANGED.MOV", size=70_000)
    gone = at.shoot("SAFE.MOV", size=70_000)
    at.wait(kept | gone)
    vanished, changed = kept
    below = {path: path.removeprefix(f"{paths.LIBRARY}/") for path in kept}
    library = f"find {paths.LIBRARY} -type f | sort"
    everything = home.sh(home.server, library)
    said = home.project / "group_vars" / "push.yml"
    before = said.read_text()
    journal = "journalctl --unit=hotshoe-delivery --output=cat --since=-90s"

    def wait_until_told(*texts: str) -> None:
        wait_until(lambda: all(each in home.sh(home.server, journal) for each in texts), LATER)

    def removing(deliveries: str) -> None:
        """Deploy with retention, and let it wait no minute for sides that are slow to show it."""
        said.write_text(f"{before}{deliveries}retention: {{keep_free: 999TB}}\n")
        home.deploy()
        soon = f"""sed -i 's/"retention": {{/&"settle": 2,/' {paths.DELIVERY_CONFIGURATION}"""
        home.sh(home.server, f"{soon} && systemctl restart hotshoe-delivery")

    try:
        with the_library_at_home(home):
            # While one side is away, nothing at all may be removed.
            with at.peers["office"].gone():
                at.peers["cloud"].remove(below[vanished])
                at.peers["bucket"].change(below[changed])
                at.peers["desk"].change(below[changed])
                removing(IS_THE_LIBRARY)
                wait_until_told("photos stay")
                assert home.sh(home.server, library) == everything
            home.sh(home.server, "systemctl restart hotshoe-delivery")
            # Where one of them is the library, neither.
            wait_until_told("twin loses what the library loses")
            assert home.sh(home.server, library) == everything
            assert at.status().retention_error.startswith("twin loses")
        removing("")
        wait_until_told("VANISHED.MOV is not there any more", "CHANGED.MOV is not there as it was")
        # Delivered again everywhere, and only then removed.
        wait_until(lambda: not home.sh(home.server, library), LATER)
        for name in NAMES:
            has = set(at.peers[name].digests().values())
            assert set((kept | gone).values()) <= has, name
        told = at.status(*kept, *gone)
        assert all(told.of(path).removed for path in (*kept, *gone))
    finally:
        # The next deploy ends it.
        said.write_text(before)


def test_without_the_setting_nothing_is_left(at: Delivering, stage: SharedStage) -> None:
    home = at.home
    said = home.project / "group_vars" / "push.yml"
    said.write_text(re.sub(r"(?ms)^delivery:.*", "", said.read_text()))
    own = json.loads(vault(""))
    for key in ("delivery_secret", "delivery_passwords"):
        del own[key]
    try:
        from hotshoe.site.reading import SiteFiles
        from tests.stage.conftest import write_own_vault

        files = SiteFiles("push", home.project)
        write_own_vault(files, lambda _: json.dumps(own))
        home.deploy()
        left = (
            "systemctl list-unit-files --no-legend 'hotshoe-delivery*'; getent passwd "
            "hotshoe-delivery; ls -d /var/lib/hotshoe-delivery /run/hotshoe/delivery "
            "/etc/hotshoe/delivery* /usr/local/lib/hotshoe/hotshoe_delivery; "
            "pgrep -a rclone; true"
        )
        assert home.sh(home.server, f"( {left} ) 2>/dev/null") == ""
        inside = home.plan.routers[1].wan_address
        assert home.reach(home.server, inside, DESK, KEYED, 445) == ["silent"] * 3
    finally:
        # It delivers nothing any more; whoever comes next puts up another.
        stage.down()


def test_on_debian_12(stage: SharedStage) -> None:
    home = stage.home("delivery 12", partial(delivering, "12"))
    at = PEERS[home.project]
    photos = at.shoot("IMG_0001.JPG") | at.shoot("F.MOV", size=5_000_000)
    at.wait(photos)
    test_what_is_wrong_there_is_told_and_once_it_is_right_it_goes_on(at, "keys and passwords")
