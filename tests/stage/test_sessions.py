"""What becomes of a photo when something goes wrong while it is under way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotshoe.allocation import PORT_REUSE_SECONDS
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."


def test_an_upload_outlives_a_restart_of_the_server_program(either_home: Home) -> None:
    home = either_home
    with ThreadPoolExecutor() as pool:
        upload = pool.submit(home.ftp, ["stor-slowly", "slow.JPG", 1_000_000, 4])
        wait_until(lambda: home.succeeds(home.server, f"test -s {home.uploads}/slow.JPG"), 30)
        settler = home.sh(home.server, "systemctl show -P MainPID hotshoe-settle")
        home.sh(home.server, "systemctl restart hotshoe-vsftpd")
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


def test_one_address_gets_no_more_sessions_than_the_plan_says(home: Home) -> None:
    limit = home.server_plan.max_per_address
    nobody_is_there = "! ss -Htn state established sport = :21 | grep -q ."
    wait_until(lambda: home.succeeds(home.server, nobody_is_there), 30)
    script = f"""
import socket
sockets = [socket.create_connection(("{home.server_plan.public_address}", 21), 5)
           for _ in range({limit} + 1)]
print([s.recv(100).decode()[:3] for s in sockets])
"""
    said = home.sh(CAMERA, f"python3 - <<'EOF'\n{script}\nEOF")
    assert eval(said) == ["220"] * limit + ["421"]
    wait_until(lambda: home.ftp() == [], 30)


def test_the_daemon_is_confined(home: Home) -> None:
    """systemd-analyze's exposure runs from 0 (confined) to 10 (not at all)."""
    said = home.sh(home.server, "systemd-analyze security --no-pager hotshoe-vsftpd | tail -n 1")
    assert float(said.split(":")[1].split()[0]) < 5.0
