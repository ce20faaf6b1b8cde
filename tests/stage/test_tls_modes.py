"""Explicit and implicit FTPS, each alone and both at once: one server to a camera, two daemons."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from hotshoe import paths
from hotshoe.plan.model import ControlPort
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import make_photos
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.conftest import SharedStage, deployed
from tests.stage.home import Home
from tests.stage.sessions import EXPOSURE, Strangers, sessions, watching
from tests.stage.test_again import kill_at
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
EXPLICIT, IMPLICIT = ControlPort(21, "explicit"), ControlPort(990, "implicit")
# By their names: the Debian release, the example, and what it says of TLS here.
SHAPES = {
    "both": ("13", "home", "both"),
    "both over IPv6": ("12", "ipv6", "both"),
    "implicit": ("12", "by-hand", "implicit"),
    "both at an address that changes": ("12", "dynamic", "both"),
}


@pytest.fixture
def shaped(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A deployed home of the shape that the test names."""
    release, site, tls = SHAPES[request.param]
    make = partial(
        deployed, "test-modes", release, site, lambda said: f"{said}ftp: {{tls: {tls}}}\n"
    )
    return stage.home(f"modes {request.param}", make)


def shape(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shaped", names, indirect=True)


every_shape = shape(*SHAPES)
both = shape("both", "both over IPv6")


def ftp(home: Home, control: ControlPort, *steps: list[Any], **order: Any) -> list[str]:
    """What :meth:`Home.ftp` does, at a control port."""
    implicit = control.tls == "implicit"
    return home.ftp(*steps, port=control.port, implicit=implicit, **order)


def card(control: ControlPort, client: str) -> PurePosixPath:
    """A folder of its own on the camera's card."""
    return PurePosixPath(f"/root/{client}-{control.port}")


def curl(home: Home, control: ControlPort, node: str, photos: list[Path]) -> None:
    to = (home.stage, home.server_plan, home.user, home.password, photos)
    actions.upload(*to, node=node, control=control, folder=card(control, "curl"))


def lftp(home: Home, control: ControlPort, node: str, photos: list[Path]) -> None:
    scheme = "ftps" if control.tls == "implicit" else "ftp"
    folder = card(control, "lftp")
    script = f"""
        set ftp:ssl-force true; set ftp:ssl-protect-data true
        set ssl:verify-certificate true; set ssl:ca-file {actions.ROOT_ON_CAMERA}
        set cmd:fail-exit true; set net:max-retries 1
        open -u {home.user},{home.password} {scheme}://{home.server_plan.hostname}:{control.port}
        mput {folder}/*
    """
    podman.put(photos, home.stage.container(node), folder)
    podman.execute(home.stage.container(node), "lftp", "-f", "/dev/stdin", input_text=script)


def python(home: Home, control: ControlPort, node: str, photos: list[Path]) -> None:
    folder = card(control, "python")
    podman.put(photos, home.stage.container(node), folder)
    puts = (["put", f"{folder}/{photo.name}", photo.name] for photo in photos)
    assert ftp(home, control, *puts, node=node) == [OK] * len(photos)


@every_shape
def test_every_client_uploads_at_every_control_port_at_once(shaped: Home, tmp_path: Path) -> None:
    """From the Internet and from inside, into one library."""
    home, sent = shaped, dict[str, str]()
    uploads: list[Future[None]] = []
    with ThreadPoolExecutor(12) as pool:
        for client in (curl, lftp, python):
            for control in home.server_plan.control_ports:
                for node in (CAMERA, LAPTOP):
                    who = f"{client.__name__}-{control.port}-{node}"
                    (tmp_path / who).mkdir()
                    photos = make_photos(tmp_path / who, 4, prefix=f"{who}-{time.time_ns()}-")
                    sent |= actions.digests(photos)
                    uploads.append(pool.submit(client, home, control, node, photos))
    for upload in uploads:
        upload.result()
    assert sent.items() <= actions.arrived(home.stage, home.server_plan, home.user).items()


@shape("both over IPv6")
def test_each_way_works_over_ipv6(shaped: Home) -> None:
    shaped.uploads_work(ipv6=True)
    assert units(shaped) == {
        f"hotshoe-vsftpd{which}.service" for which in ("", "6", "-implicit", "-implicit6")
    }


@every_shape
def test_a_second_deploy_changes_nothing(shaped: Home) -> None:
    assert shaped.deploy() == {}


@every_shape
@pytest.mark.parametrize("protect", ["C", ""])
def test_photos_travel_in_clear_in_neither_way(shaped: Home, protect: str) -> None:
    """Neither after ``PROT C`` nor without PROT, of which implicit FTPS could do without."""
    home = shaped
    for control in home.server_plan.control_ports:
        name = f"clear-{time.time_ns()}.JPG"
        commands = (["blurt", each, "a photo"] for each in (f"STOR {name}", "LIST", "NLST"))
        said = ftp(home, control, *commands, protect=protect)
        assert said == ["522 Data connections must be encrypted."] * 3
        assert not home.succeeds(home.server, f"find {paths.PHOTOS} -name {name} | grep .")


@every_shape
def test_plain_text_at_the_implicit_port_gets_no_answer(shaped: Home) -> None:
    """No greeting at all, and whoever talks FTP there in clear is not heard."""
    script = f"""
import socket
line = socket.create_connection(("{shaped.public}", 990), 20)
line.settimeout(2)
try: print("greeted", line.recv(100))
except TimeoutError: print("silence")
line.sendall(b"USER {shaped.user}\\r\\nPASS x\\r\\n")
line.settimeout(20)
try: print(line.recv(100))
except ConnectionError: print("gone")
"""
    said = podman.execute(shaped.stage.container(CAMERA), "python3", "-", input_text=script)
    silence, answer = said.splitlines()
    assert silence == "silence"
    # What vsftpd says of an error of its own, in clear since there is no TLS; or nothing.
    assert answer in ("gone", "b''") or answer.startswith("b'500 OOPS: ")


@both
def test_a_camera_that_dials_the_other_port_gets_nowhere(shaped: Home) -> None:
    home = shaped
    crossed = [
        ftp(home, ControlPort(21, "implicit"), ["send", "PWD"]),
        # Waits for a greeting that does not come.
        home.ftp(["send", "PWD"], port=990, timeout=3),
    ]
    assert crossed[0][0].startswith("SSLError: ")
    assert crossed[1][0].startswith("TimeoutError: ")


@every_shape
def test_each_client_is_announced_what_it_can_use(shaped: Home) -> None:
    home, plan = shaped, shaped.server_plan
    for control in plan.control_ports:
        for order, expected in (
            # By the name, Python would dial the IPv6 address, if there is one.
            ({"dial": str(home.public)}, home.public),
            ({"node": LAPTOP, "dial": str(plan.address)}, plan.address),
        ):
            (reply,) = ftp(home, control, ["send", "PASV"], **order)
            numbers = reply[reply.index("(") + 1 : reply.index(")")].split(",")
            assert ".".join(numbers[:4]) == str(expected)
            assert int(numbers[4]) * 256 + int(numbers[5]) in plan.passive


@both
def test_what_broke_off_at_one_port_is_taken_at_the_other(shaped: Home) -> None:
    home, name = shaped, f"retry-{time.time_ns()}.JPG"
    assert ftp(home, EXPLICIT, ["cut", name, 2_000_000]) == ["gone"]
    assert ftp(home, IMPLICIT, ["stor", name, 3_000]) == [OK]
    assert home.size(name) == 3_000
    cut = f"cut-{time.time_ns()}.JPG"
    assert ftp(home, IMPLICIT, ["cut", cut, 2_000_000]) == ["gone"]
    assert home.set_aside(cut)


@pytest.fixture
def addresses(shaped: Home) -> Iterator[list[str]]:
    """Five addresses of the camera, its own the last."""
    home, own = shaped, shaped.stage.node(CAMERA).ports[0].address
    more = [f"{own.ip + i}" for i in range(1, 5)]
    for address in more:
        home.sh(CAMERA, f"ip address replace {address}/{own.network.prefixlen} dev eth0")
    home.sh(home.server, "systemctl restart hotshoe-firewall")  # it counts new connections
    yield [*more, str(own.ip)]
    for address in more:
        home.sh(CAMERA, f"ip address delete {address}/{own.network.prefixlen} dev eth0")
    wait_until(lambda: sessions(home) == 0, 30)
    home.sh(home.server, "systemctl restart hotshoe-firewall")


@both
def test_strangers_at_both_ports_get_what_they_would_at_one(
    shaped: Home, addresses: list[str]
) -> None:
    home, plan = shaped, shaped.server_plan
    each = plan.max_per_address // 2
    home.sh(home.server, "systemctl stop hotshoe-sessions")
    strangers = Strangers(home, addresses, each, ports=(21, 990))
    try:
        wait_until(lambda: sessions(home) == 2 * each * len(addresses), 20)
        assert sessions(home) > plan.max_clients
        home.sh(home.server, "systemctl start hotshoe-sessions")
        strangers.wait_until_left(plan.max_clients // 2)
        home.uploads_work()
        wait_until(lambda: sessions(home) == plan.max_clients // 2, 20)
    finally:
        strangers.leave()
        home.sh(home.server, "systemctl start hotshoe-sessions")


@both
def test_whoever_begins_no_tls_is_sent_away(shaped: Home, addresses: list[str]) -> None:
    """At the implicit port, somebody who says nothing has not even been greeted."""
    home = shaped
    with watching(home, seconds=5):
        strangers = Strangers(home, addresses[:1], 1, ports=(21, 990))
        try:
            strangers.wait_until_left(0)
        finally:
            strangers.leave()
    log = home.sh(home.server, "journalctl -o cat -u hotshoe-sessions")
    assert f"of {addresses[0]}, not logged in within 5 s" in log


@pytest.fixture
def silent_death(shaped: Home) -> Iterator[None]:
    """The camera's control connections end without a word to the server."""
    home = shaped
    enter = ["nsenter", f"--target={podman.pid(home.stage.container(CAMERA))}", "--net", "nft"]
    rules = """table ip silence { chain output { type filter hook output priority 0;
        tcp dport { 21, 990 } tcp flags & (fin | rst) != 0 drop; }; }"""
    podman.run(*enter, rules)
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    yield
    podman.run(*enter, "delete table ip silence")
    # What is dead already stays until its time is over.
    home.sh(home.server, "systemctl restart hotshoe-firewall; pkill -f '[:] connected' || true")
    wait_until(lambda: sessions(home) == 0, 30)


@both
@pytest.mark.usefixtures("silent_death")
def test_sessions_of_a_camera_that_died_give_way_whatever_port_it_dials(shaped: Home) -> None:
    """Eight at once, half of them at each port, then eight more; then others by turns."""
    home, most = shaped, shaped.server_plan.max_per_camera

    def upload(i: int) -> list[str]:
        control = (EXPLICIT, IMPLICIT)[i % 2]
        return ftp(home, control, ["stor", f"{time.time_ns()}-{i}.JPG", 100_000])

    with ThreadPoolExecutor(most) as pool:
        for _ in range(2):
            assert list(pool.map(upload, range(most))) == [[OK]] * most
    for i in range(most):
        assert upload(i) == [OK]
    wait_until(lambda: sessions(home) <= most, 30)


@both
def test_a_flood_at_one_port_is_kept_from_the_other(shaped: Home, addresses: list[str]) -> None:
    """Whoever opens too many connections opens none at either."""
    home, plan = shaped, shaped.server_plan
    script = f"""
import socket
def opens(port, seconds):
    address = "{plan.public_address}", port
    try: socket.create_connection(address, seconds, ("{addresses[0]}", 0)).close(); return "open"
    except TimeoutError: return "silent"
for _ in range({4 * plan.control_connections_per_minute}):
    # A queue that is full costs one second.
    if opens(990, 3) == "silent": break
print(opens(21, 1), opens(990, 1))
"""
    said = podman.execute(home.stage.container(CAMERA), "python3", "-", input_text=script)
    assert said.split() == ["silent", "silent"]
    home.uploads_work()


@shape("both")
@pytest.mark.parametrize("which", ["hotshoe-vsftpd", "hotshoe-vsftpd-implicit"])
def test_each_daemon_is_confined(shaped: Home, which: str) -> None:
    assert shaped.exposure(shaped.server, which) <= EXPOSURE["hotshoe-vsftpd"]


# -- what the Site says changes


def units(home: Home) -> set[str]:
    """The units of vsftpd that run."""
    said = home.sh(
        home.server,
        "systemctl list-units --plain --no-legend --state=running 'hotshoe-vsftpd*'",
    )
    return {line.split()[0] for line in said.splitlines()}


def left(home: Home) -> dict[str, set[str]]:
    """What there is of vsftpd on the server and on the way to it, by where."""

    def lines(node: str, script: str) -> set[str]:
        return set(home.sh(node, script).split())

    ports = "nft list table inet {} | grep -o 'dport [^a-z]*' | grep -oE '\\b(21|990)\\b' | sort -u"
    return {
        "units": lines(
            home.server,
            "systemctl list-unit-files --no-legend 'hotshoe-vsftpd*' | cut -d' ' -f1",
        ),
        "files": lines(
            home.server,
            f"ls -d {paths.UNITS}/hotshoe-vsftpd* {paths.UNITS}/*.wants/hotshoe-vsftpd* "
            f"{paths.FOLDER}/vsftpd*.conf {paths.RECORDS}/hotshoe-vsftpd*.loaded",
        ),
        "listening": lines(
            home.server, "ss -Hltn '( sport = :21 or sport = :990 )' | grep -oE ':(21|990) '"
        ),
        "server": lines(home.server, ports.format("hotshoe_firewall")),
        "router": lines(home.router, ports.format("hotshoe_forwards")),
    }


def expected(*controls: ControlPort) -> dict[str, set[str]]:
    names = {f"hotshoe-vsftpd{'-implicit' * (c.tls == 'implicit')}" for c in controls}
    ports = {str(control.port) for control in controls}
    wants = f"{paths.UNITS}/multi-user.target.wants"
    return {
        "units": {f"{name}.service" for name in names},
        "files": {
            f"{paths.FOLDER}/vsftpd-inside.conf",
            *(f"{paths.FOLDER}/{name.removeprefix('hotshoe-')}.conf" for name in names),
            *(f"{paths.UNITS}/{name}.service" for name in names),
            *(f"{wants}/{name}.service" for name in names),
            *(f"{paths.RECORDS}/{name}.loaded" for name in names),
        },
        "listening": {f":{port}" for port in ports},
        "server": ports,
        "router": ports,
    }


@contextmanager
def uploading(home: Home, control: ControlPort) -> Iterator[None]:
    """An upload that is under way all the time, and ends well."""
    name, met = f"under-way-{time.time_ns()}.JPG", f"/root/meet-{time.time_ns()}"
    with ThreadPoolExecutor() as pool:
        upload = pool.submit(ftp, home, control, ["stor-meeting", name, 1_000_000, met])
        try:
            wait_until(lambda: home.succeeds(CAMERA, f"test -e {met}"), 30)
            yield
            assert not upload.done()
        finally:
            home.sh(CAMERA, f"rm -f {met}; touch {met.rpartition('-')[0]}-over")
        assert upload.result() == [OK]
    home.sh(CAMERA, "rm -f /root/meet-over")
    assert home.size(name) == 1_000_000


@shape("both")
def test_what_the_site_no_longer_says_leaves_nothing_behind(shaped: Home) -> None:
    """Both, explicit, implicit, explicit, both; an upload at what goes away ends well."""
    home = shaped
    assert left(home) == expected(EXPLICIT, IMPLICIT)
    with uploading(home, IMPLICIT):
        explicit = home.saying("tls: both", "tls: explicit")
        explicit.__enter__()
    try:
        assert left(home) == expected(EXPLICIT)
        assert home.deploy() == {}
        with uploading(home, EXPLICIT):
            implicit = home.saying("tls: explicit", "tls: implicit")
            implicit.__enter__()
        try:
            assert left(home) == expected(IMPLICIT)
            assert home.deploy() == {}
            assert ftp(home, IMPLICIT, ["stor", f"{time.time_ns()}.JPG", 9]) == [OK]
            assert home.reach(CAMERA, home.public, 21, 990) == ["silent", "open"]
        finally:
            implicit.__exit__(None, None, None)
        assert left(home) == expected(EXPLICIT)
        assert home.reach(CAMERA, home.public, 21, 990) == ["open", "silent"]
    finally:
        explicit.__exit__(None, None, None)
    assert left(home) == expected(EXPLICIT, IMPLICIT)
    assert home.deploy() == {}
    home.uploads_work()


@shape("both")
def test_the_two_may_swap_their_ports(shaped: Home) -> None:
    home = shaped
    swapped = "tls: both, control_port: 990, implicit_port: 21"
    with home.saying("tls: both", swapped):
        assert home.deploy() == {}
        for control in (ControlPort(990, "explicit"), ControlPort(21, "implicit")):
            assert ftp(home, control, ["stor", f"{time.time_ns()}.JPG", 9]) == [OK]
    home.uploads_work()


@shape("both")
@pytest.mark.parametrize(
    ("says", "control"),
    [
        ("implicit, implicit_port: 21", ControlPort(21, "implicit")),
        ("explicit, control_port: 990", ControlPort(990, "explicit")),
    ],
)
def test_one_may_take_the_port_of_the_other(shaped: Home, says: str, control: ControlPort) -> None:
    home = shaped
    with home.saying("tls: both", f"tls: {says}"):
        assert left(home) == expected(control)
        assert ftp(home, control, ["stor", f"{time.time_ns()}.JPG", 9]) == [OK]
        assert home.deploy() == {}
    home.uploads_work()


@shape("both")
def test_a_switch_that_is_killed_again_and_again_is_healed_by_the_next(shaped: Home) -> None:
    """The ports are swapped, and then one of the two goes and leaves the other its port."""
    home, site = shaped, shaped.project / "group_vars" / "home.yml"
    said = site.read_text()
    stop, remove = "Stop what has the port of another vsftpd", "Remove vsftpd for implicit FTPS"
    switches = [
        (
            "both, control_port: 990, implicit_port: 21",
            (stop, "Start vsftpd on port 990", "Start vsftpd for implicit FTPS on port 21"),
            (ControlPort(990, "explicit"), ControlPort(21, "implicit")),
        ),
        (
            "explicit, control_port: 21",
            (remove, "Configure vsftpd 3.0.5", "Start vsftpd on port 21"),
            (EXPLICIT,),
        ),
    ]
    try:
        for new, steps, controls in switches:
            site.write_text(said.replace("both", new))
            for step in steps:
                kill_at(home, f"vsftpd | {step}")
            home.deploy()
            assert left(home) == expected(*controls)
            for control in controls:
                assert ftp(home, control, ["stor", f"{time.time_ns()}.JPG", 9]) == [OK]
            assert home.deploy() == {}
    finally:
        site.write_text(said)
        home.deploy()
    home.uploads_work()


@shape("both")
def test_only_networks_that_the_site_names_may_connect(shaped: Home, addresses: list[str]) -> None:
    """And the home itself, also by its public address."""
    home, other = shaped, addresses[0]
    passive = home.server_plan.passive.first

    def tried() -> tuple[list[str], list[str]]:
        script = f"""
import socket
def opens(source, port):
    address = "{home.public}", port
    try: socket.create_connection(address, 2, (source, 0)).close(); return "open"
    except TimeoutError: return "silent"
print(*(opens(source, port) for source in ("{addresses[-1]}", "{other}") for port in (21, 990)))
"""
        said = podman.execute(
            home.stage.container(CAMERA), "python3", "-", input_text=script
        ).split()
        return said[:2], said[2:]

    assert tried() == (["open", "open"], ["open", "open"])
    with home.saying("tls: both", f"tls: both, only_from: [{other}/32]"):
        assert tried() == (["silent", "silent"], ["open", "open"])
        assert home.reach(CAMERA, home.public, passive) == ["closed"]
        for dial in (str(home.public), str(home.server_plan.address)):
            for control in (EXPLICIT, IMPLICIT):
                name = f"{time.time_ns()}.JPG"
                assert ftp(home, control, ["stor", name, 9], node=LAPTOP, dial=dial) == [OK]
        assert home.deploy() == {}
    with home.saying("tls: both", f"tls: both, only_from: [{addresses[-1]}/32]"):
        assert tried() == (["open", "open"], ["silent", "silent"])
        home.uploads_work()
    assert tried() == (["open", "open"], ["open", "open"])
