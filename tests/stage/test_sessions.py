"""What becomes of a photo when something goes wrong while it is under way."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotshoe.ports.allocation import PORT_REUSE_SECONDS
from hotshoe.stage import actions, podman
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home
from tests.stage.sessions import EXPOSURE, Strangers, sessions, watching
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."


def test_an_upload_outlives_a_restart_of_the_server_program(either_home: Home) -> None:
    home = either_home
    with ThreadPoolExecutor() as pool:
        upload = pool.submit(home.ftp, ["stor-slowly", "slow.JPG", 1_000_000, 4])
        wait_until(lambda: home.succeeds(home.server, f"test -s {home.uploads}/slow.JPG"), 30)
        settler = home.sh(home.server, "systemctl show -P MainPID hotshoe-settle")
        home.sh(home.server, "systemctl restart hotshoe-vsftpd")
        wait_until(lambda: home.succeeds(home.server, "ss -Hltn sport = :21 | grep -q ."), 20)
        home.uploads_work()
        assert upload.result() == [OK]
    assert home.sh(home.server, "systemctl show -P MainPID hotshoe-settle") == settler
    wait_until(lambda: mode(home, "slow.JPG") == "440", 30)
    assert home.sh(home.server, f"stat -c %s {home.uploads}/slow.JPG").strip() == "1000000"


def test_half_a_photo_is_set_aside_and_one_under_way_is_not(either_home: Home) -> None:
    with ThreadPoolExecutor() as pool:
        dawdling = pool.submit(either_home.ftp, ["stor-slowly", "pause.JPG", 20, 20, 1])
        half_a_photo_is_set_aside_and_does_not_block_the_retry(either_home)
        assert dawdling.result() == [OK]
    assert (
        either_home.sh(either_home.server, f"stat -c %s {either_home.uploads}/pause.JPG") == "20\n"
    )


def half_a_photo_is_set_aside_and_does_not_block_the_retry(home: Home) -> None:
    name = 'half "a" photo é É ? * [5] bytes, .JPG'
    aside = "/srv/hotshoe/r5/incomplete"
    # One of that name is there from an earlier accident: it must stay too.
    home.sh(home.server, f"rm -rf {aside}/*; touch '{aside}/{name}'")
    assert home.ftp(["stor", "whole.JPG", 1234], ["stor", "later " + name, 7]) == [OK, OK]
    # The log has the path as it was typed.
    odd = ["../upload/./odd.JPG", "trip/odd.JPG", "trip/..//trip/./even.JPG", "-dash.JPG"]
    home.ftp(["send", "MKD trip"], ["send", "MKD home"], *(["stor", path, 99] for path in odd))
    # A photo of the same name and size in another folder does not make this one complete.
    assert home.ftp(["cut", "home/odd.JPG", 99]) == ["gone"]
    assert home.ftp(["cut", name, 300_000]) == ["gone"]
    assert home.ftp(["stor", name, 400_000]) == ["553 Could not create file."]
    wait_until(lambda: home.ftp(["stor", name, 400_000]) == [OK], 30)
    wait_until(lambda: mode(home, "half*") == "440", 30)
    assert home.sh(home.server, f"stat -c %s {home.uploads}/half*").strip() == "400000"
    for path in ("whole.JPG", "later*", "odd.JPG", "trip/odd.JPG", "trip/even.JPG", "-dash.JPG"):
        assert mode(home, path) == "440", path
    assert not home.succeeds(home.server, f"test -e {home.uploads}/home/odd.JPG")
    sizes = sorted(int(n) for n in home.sh(home.server, f"stat -c %s {aside}/half*").split())
    assert sizes[0] == 0
    assert 0 < sizes[1] < 400_000
    assert "broke off" in home.sh(home.server, "journalctl -o cat -u hotshoe-settle")


def test_a_photo_is_not_kept_if_its_camera_hangs_up_without_closing_tls(either_home: Home) -> None:
    """Nothing distinguishes it from one that was cut off. Its name is free at once."""
    home, name = either_home, f"hung-up-{time.time_ns()}.JPG"
    steps = [["hang-up", name, 3_000_000], ["send", "NOOP"], ["stor", name, 7]]
    hung_up, _, again = home.ftp(*steps)
    assert (hung_up[:3], again) == ("426", OK)
    assert home.sh(home.server, f"stat -c %s {home.uploads}/{name}") == "7\n"
    home.sh(home.server, "journalctl --sync")
    log = home.sh(home.server, f"journalctl -o cat -t vsftpd | grep -F {name}")
    address = home.stage.node(CAMERA).ports[0].address.ip
    # What was under way when it hung up need not be among the bytes.
    assert re.search(rf'FAIL UPLOAD: Client "{address}", "/upload/{name}", [1-9]\d* bytes', log)


def test_a_photo_whose_camera_sends_abor_and_closes_tls_counts_as_complete(home: Home) -> None:
    """See docs/limits.md: vsftpd reads ABOR once the data has ended, and has said 226 by then."""
    home.sh(home.server, f"rm -f {home.uploads}/aborted.JPG")
    said = home.ftp(["abort", "aborted.JPG", 1000], ["stor", "aborted.JPG", 2000])
    assert said == [f"{OK} 225 No transfer to ABOR.", "553 Could not create file."]


def test_nobody_can_forge_the_line_that_says_that_a_photo_is_complete(either_home: Home) -> None:
    """A stranger logs in under a name that looks like the line, with and without a line break."""
    home, address = either_home, 'OK UPLOAD: Client "192.0.2.1", '
    home.sh(
        home.server,
        f"cd {home.uploads}; printf 1234567 >forged.JPG; chown hotshoe:hotshoe forged.JPG; "
        "chmod 640 forged.JPG",
    )
    line = f'{home.user}] {address}"/upload/forged.JPG", 7 bytes, 1.00Kbyte/sec'
    names = [line, f"{line}\0", f"x\0[{line}", f"x\0[{line}\0"]
    with ThreadPoolExecutor() as pool:
        for replies in pool.map(lambda name: home.ftp(user=name), names):
            assert "530" in replies[0]
    wait_until(lambda: not home.succeeds(home.server, f"test -e {home.uploads}/forged.JPG"), 30)
    assert home.sh(home.server, "cat /srv/hotshoe/r5/incomplete/forged.JPG") == "1234567"


def test_what_the_settler_cannot_tell_stays_where_it_is(home: Home) -> None:
    """Without a log, neither a photo under way nor a whole one moves."""
    enter = "nsenter --target $(systemctl show -P MainPID hotshoe-settle) --mount"
    home.sh(home.server, f"{enter} mount --bind /bin/false /usr/bin/journalctl")
    try:
        steps = [["stor", "told.JPG", 1234], ["stor-slowly", "under-way.JPG", 2000, 18, 1]]
        assert home.ftp(*steps) == [OK, OK]
        assert mode(home, "told.JPG") == mode(home, "under-way.JPG") == "660"
    finally:
        home.sh(home.server, "systemctl restart hotshoe-settle")
    wait_until(lambda: mode(home, "told.JPG") == mode(home, "under-way.JPG") == "440", 30)


def mode(home: Home, name: str) -> str:
    return home.sh(home.server, f"stat -c %a {home.uploads}/{name}").strip()


@pytest.fixture
def slow_home(home: Home) -> Home:
    """A home whose Site limits the bandwidth to 100 kB a second; put back afterwards."""
    shared = home.project / "group_vars" / "all.yml"
    said = shared.read_text()
    shared.write_text(said.replace("{tls:", "{bytes_per_second: 100kB, tls:"))
    home.deploy()
    yield home  # type: ignore[misc]
    shared.write_text(said)
    home.deploy()


def test_the_bandwidth_limit_holds_and_goes_away_with_the_setting(slow_home: Home) -> None:
    started = time.monotonic()
    assert slow_home.ftp(["stor", f"{started}.JPG", 400_000]) == [OK]
    assert time.monotonic() - started > 3


def test_ports_that_linger_are_used_again_at_once(either_home: Home) -> None:
    """The size of the passive range is computed from this: TIME_WAIT does not count."""
    home, first = either_home, either_home.server_plan.passive.first
    configuration = "/etc/hotshoe/vsftpd.conf"
    try:
        home.sh(
            home.server,
            f"sed -i s/^pasv_max_port=.*/pasv_max_port={first + 1}/ {configuration}; "
            "systemctl restart hotshoe-vsftpd; "
            "timeout 20 sh -c 'until ss -Hltn sport = :21 | grep -q LISTEN; do sleep 0.1; done'",
        )
        started = time.monotonic()
        photos = [["stor-patiently", f"{started}-{i}.JPG", 10] for i in range(20)]
        assert home.ftp(*photos) == [OK] * len(photos)
        assert time.monotonic() - started < PORT_REUSE_SECONDS
        ports = f"sport = :{first} or sport = :{first + 1}"
        lingering = home.sh(home.server, f"ss -Htn state time-wait '( {ports} )'")
        # The end that hung up first lingers; the oldest may be gone by now on a busy machine.
        assert len(lingering.splitlines()) > len(photos) / 2
    finally:
        home.deploy()


@pytest.fixture
def addresses(either_home: Home) -> Iterator[list[str]]:
    """Four more addresses of the camera, for strangers; nobody is connected when it ends."""
    home, own = either_home, either_home.stage.node(CAMERA).ports[0].address
    more = [f"{own.ip + i}" for i in range(1, 5)]
    for address in more:
        home.sh(CAMERA, f"ip address replace {address}/{own.network.prefixlen} dev eth0")
    home.sh(home.server, "systemctl restart hotshoe-firewall")  # it counts new connections
    yield more
    for address in more:
        home.sh(CAMERA, f"ip address delete {address}/{own.network.prefixlen} dev eth0")
    wait_until(lambda: sessions(home) == 0, 30)
    home.sh(home.server, "systemctl restart hotshoe-firewall")


def test_strangers_do_not_shut_a_camera_out(either_home: Home, addresses: list[str]) -> None:
    """They take all places, from several addresses, the camera's own among them."""
    home, plan = either_home, either_home.server_plan
    own = str(home.stage.node(CAMERA).ports[0].address.ip)
    half = plan.max_clients // 2
    home.sh(home.server, "systemctl stop hotshoe-sessions")
    strangers = Strangers(home, [*addresses, own], plan.max_per_address)
    try:
        assert strangers.greetings.count("220") == plan.max_clients
        assert "421" in home.ftp()[0]
        home.sh(home.server, "systemctl start hotshoe-sessions")
        # They may keep half of the places.
        strangers.wait_until_left(half)
        home.uploads_work()
        wait_until(lambda: sessions(home) == half, 20)
    finally:
        strangers.leave()
        home.sh(home.server, "systemctl start hotshoe-sessions")


def test_a_stranger_who_keeps_talking_is_sent_away(either_home: Home, addresses: list[str]) -> None:
    home = either_home
    with watching(home, seconds=5):
        started = time.monotonic()
        stranger = Strangers(home, addresses[:1], 1, pause=1)
        try:
            assert stranger.greetings == ["220"]
            home.uploads_work()
            stranger.wait_until_left(0)
            assert 4 < time.monotonic() - started < 30
        finally:
            stranger.leave()
    log = home.sh(home.server, "journalctl -o cat -u hotshoe-sessions")
    assert f"ended 1 of {addresses[0]}, not logged in within 5 s" in log


@pytest.fixture
def silent_death(either_home: Home) -> Iterator[None]:
    """The camera's control connections end without a word to the server."""
    home = either_home
    enter = ["nsenter", f"--target={podman.pid(home.stage.container(CAMERA))}", "--net", "nft"]
    rules = """table ip silence { chain output { type filter hook output priority 0;
        tcp dport 21 tcp flags & (fin | rst) != 0 drop; }; }"""
    podman.run(*enter, rules)
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    yield
    podman.run(*enter, "delete table ip silence")
    # What is dead already stays until its time is over.
    home.sh(home.server, "systemctl restart hotshoe-firewall; pkill -f '[:] connected' || true")
    wait_until(lambda: sessions(home) == 0, 30)


@pytest.mark.usefixtures("silent_death")
def test_dead_sessions_of_a_camera_give_way_to_its_new_ones(either_home: Home) -> None:
    """Eight at once, whose connections then die silently, and eight more; then others by turns."""
    home, most = either_home, either_home.server_plan.max_per_camera

    def upload(i: int) -> list[str]:
        return home.ftp(["stor", f"{time.time_ns()}-{i}.JPG", 100_000])

    with ThreadPoolExecutor(most) as pool:
        for _ in range(2):
            assert list(pool.map(upload, range(most))) == [[OK]] * most
    for i in range(most):
        assert upload(i) == [OK]
    wait_until(lambda: sessions(home) <= most, 30)
    said = home.sh(home.server, "journalctl -o cat -u hotshoe-sessions")
    assert f"longest idle of more than {most} of camera {home.user}" in said


@pytest.mark.usefixtures("silent_death")
def test_an_upload_never_gives_way(either_home: Home) -> None:
    """Nor does a session that pauses in the middle of one."""
    home = either_home
    with watching(home, camera=1), ThreadPoolExecutor() as pool:
        slow = [
            pool.submit(home.ftp, ["stor-slowly", f"{time.time_ns()}-{i}.JPG", 20, 12, 2])
            for i in range(3)
        ]
        wait_until(lambda: sessions(home) == 3, 30)
        assert home.ftp(["stor", f"{time.time_ns()}.JPG", 5]) == [OK]
        assert [upload.result() for upload in slow] == [[OK]] * 3
        wait_until(lambda: sessions(home) == 1, 30)


def test_a_data_connection_from_another_address_is_refused(
    either_home: Home, addresses: list[str]
) -> None:
    """Even from where somebody has a control connection of his own."""
    home, name = either_home, f"{time.time_ns()}.JPG"
    script = f"""
import ftplib, socket, ssl, sys
context = ssl.create_default_context(cafile="{actions.ROOT_ON_CAMERA}")
ftp = ftplib.FTP_TLS("{home.server_plan.hostname}", context=context, timeout=30)
ftp.trust_server_pasv_ipv4_address = True
ftp.login("{home.user}", sys.argv[1])
ftp.prot_p()
own = socket.create_connection((ftp.host, 21), 20, ("{addresses[0]}", 0))
own.recv(100)
dial = ftp.makepasv()
ftp.putcmd("STOR {name}")
stranger = socket.create_connection(dial, 20, ("{addresses[0]}", 0))
print(ftp.getmultiline())
"""
    said = podman.execute(
        home.stage.container(CAMERA), "python3", "-", home.password, input_text=script
    )
    assert said == "425 Security: Bad IP connecting.\n"
    assert not home.succeeds(home.server, f"test -e {home.uploads}/{name}")


def test_who_takes_data_connections_without_a_log_in_is_soon_kept_from_it(
    either_home: Home, addresses: list[str]
) -> None:
    """Somebody who has a control connection, and is always first at the port after PASV."""
    home, attempts = either_home, 40
    at_once = home.server_plan.data_connections_at_once
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    script = f"""
import ftplib, socket, ssl, sys, time
context = ssl.create_default_context(cafile="{actions.ROOT_ON_CAMERA}")
ftp = ftplib.FTP_TLS("{home.server_plan.hostname}", context=context, timeout=30)
ftp.trust_server_pasv_ipv4_address = True
ftp.login("{home.user}", sys.argv[1])
ftp.prot_p()
own = socket.create_connection((ftp.host, 21), 20, ("{addresses[0]}", 0))
own.recv(100)
for _ in range({attempts}):
    dial = ftp.makepasv()
    stranger = socket.create_connection(dial, 20, ("{addresses[0]}", 0))
    data = socket.create_connection(dial, 20)
    ftp.putcmd(f"STOR {{time.time_ns()}}.JPG")
    said = ftp.getmultiline()
    if said[0] == "1":
        data = context.wrap_socket(data, server_hostname=ftp.host)
        data.sendall(b"photo")
        data.unwrap()
        said = ftp.getmultiline()
    print(said[:3])
    stranger.close()
    data.close()
"""
    started = time.monotonic()
    said = podman.execute(
        home.stage.container(CAMERA), "python3", "-", home.password, input_text=script
    ).split()
    more = 1 + int((time.monotonic() - started) / 10)
    assert said.count("425") <= at_once + more
    assert said.count("226") == attempts - said.count("425")


def test_one_address_gets_no_more_sessions_than_the_plan_says(
    either_home: Home, addresses: list[str]
) -> None:
    """vsftpd itself sees to it, also while nobody watches over the sessions."""
    home, limit = either_home, either_home.server_plan.max_per_address
    home.sh(home.server, "systemctl stop hotshoe-sessions")
    try:
        strangers = Strangers(home, addresses[:1], limit + 1)
        strangers.leave()
    finally:
        home.sh(home.server, "systemctl start hotshoe-sessions")
    assert strangers.greetings == ["220"] * limit + ["421"]
    wait_until(lambda: home.ftp() == [], 30)


@pytest.mark.parametrize("unit", EXPOSURE)
def test_units_are_confined(either_home: Home, unit: str) -> None:
    assert either_home.exposure(either_home.server, unit) <= EXPOSURE[unit]
