"""What becomes of an upload: the name is free at once, and whole photos get into the library."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from hotshoe import paths
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import make_photos
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
UNIT = "hotshoe-intake"
AS_OWNER = "setpriv --reuid=hotshoe --regid=hotshoe --clear-groups"


def new(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{time.time_ns()}.JPG"


def said(home: Home) -> str:
    return home.sh(home.server, f"journalctl -o cat -u {UNIT}")


@contextmanager
def stopped(home: Home) -> Iterator[None]:
    home.sh(home.server, f"systemctl stop {UNIT}")
    try:
        yield
    finally:
        home.sh(home.server, f"systemctl start {UNIT}")


def put_by_owner(home: Home, *names: str) -> None:
    """Files as an upload leaves them that broke off without a word: no lock, no log line."""
    write = "umask 007; for name; do printf 1234567 >$name; chmod 440 $name; done"
    home.sh(home.server, f"cd {home.uploads}; {AS_OWNER} sh -c '{write}' - {' '.join(names)}")


# -- the name is free


def test_a_name_is_free_right_after_226(either_home: Home) -> None:
    """The same photo again is the same photo; another one of that name is kept beside it."""
    home, name = either_home, new("again")
    steps = [["stor", name, 1000], ["stor", name, 1000], ["stor", name, 5]]
    assert home.ftp(*steps) == [OK] * 3
    assert home.size(name) == 1000
    assert home.size(name.replace(".JPG", "-2.JPG")) == 5
    wait_until(lambda: f"{name} was there already" in said(home), 30)
    assert not home.sh(home.server, f"find /srv/hotshoe -name '{name[:-4]}-3*'")


@pytest.mark.parametrize("seconds", [0, 2, 10, 30])
def test_a_retry_is_taken_at_once(home: Home, seconds: int) -> None:
    """After a connection that is gone without a word."""
    name = new(f"retry-{seconds}")
    assert home.ftp(["cut", name, 300_000]) == ["gone"]
    time.sleep(seconds)
    assert home.ftp(["stor", name, 400_000]) == [OK]
    assert home.size(name) == 400_000


def test_a_retry_is_taken_while_the_dead_session_holds_the_old_one(either_home: Home) -> None:
    home, name = either_home, new("held")
    with ThreadPoolExecutor() as pool:
        # It says nothing for a long time.
        dead = pool.submit(home.ftp, ["stor-slowly", name, 20, 20, 1])
        under_way = f"find {paths.PHOTOS}/{home.user}/{paths.ARRIVING} -name {name} | grep -q ."
        wait_until(lambda: home.succeeds(home.server, under_way), 30)
        assert home.ftp(["stor", name, 400_000]) == [OK]
        assert home.size(name) == 400_000
        assert home.succeeds(home.server, under_way)
        assert dead.result() == [OK]
    assert home.size(name.replace(".JPG", "-2.JPG")) == 20


def test_what_broke_off_is_kept_and_told(either_home: Home) -> None:
    home = either_home
    name = f'half "a" photo é É ? [5] bytes, {time.time_ns()}.JPG'
    assert home.ftp(["cut", name, 300_000]) == ["gone"]
    path = home.set_aside("half*" + name[-23:])
    assert path.endswith(name)
    assert 0 < int(home.sh(home.server, f"stat -c %s '{path}'")) < 400_000
    assert f"{name}: the connection broke off" in said(home)
    read = "setpriv --reuid=nobody --regid={} --clear-groups cat " + f"'{path}' >/dev/null"
    assert home.succeeds(home.server, read.format("hotshoe"))
    assert not home.succeeds(home.server, read.format("nogroup"))


def test_a_photo_that_its_camera_gives_up_is_not_taken_for_a_whole_one(
    home: Home, tmp_path: Path
) -> None:
    """With a proper close of TLS: vsftpd has said 226 by then."""
    name = new("aborted")
    (photo,) = make_photos(tmp_path, 1)
    photo.write_bytes(photo.read_bytes()[:-1000])
    podman.put([photo], home.stage.container(CAMERA), PurePosixPath("/root/cut"))
    assert home.ftp(["put", f"/root/cut/{photo.name}", name], ["stor", name, 7]) == [OK, OK]
    assert home.size(name) == 7
    home.set_aside(name, paths.UNPROVEN)
    assert "it ended well and looks cut" in said(home)


def test_names_are_what_the_camera_calls_them(either_home: Home) -> None:
    """The log has the path as it was typed; a photo of that name elsewhere is another one."""
    home, stamp = either_home, f"{time.time_ns()}"
    odd = [f"../upload/./{stamp}-a.JPG", f"trip/{stamp}-b.JPG", f"trip/..//trip/./{stamp}-c.JPG"]
    home.ftp(["send", "MKD trip"], ["send", "MKD home"])
    sent = home.ftp(*(["stor", path, 99] for path in [*odd, f"-dash{stamp}.JPG"]))
    assert sent == [OK] * 4
    assert home.ftp(["cut", f"home/{stamp}-b.JPG", 99]) == ["gone"]
    for name in (f"{stamp}-a.JPG", f"{stamp}-b.JPG", f"{stamp}-c.JPG", f"-dash{stamp}.JPG"):
        assert home.size(name) == 99
    home.set_aside(f"{stamp}-b.JPG")


# -- it may be down, and so may the journal


def test_what_arrives_while_it_is_down_gets_there_once(either_home: Home) -> None:
    home, whole, half = either_home, new("down"), new("down-half")
    with stopped(home):
        assert home.ftp(["stor", whole, 1234]) == [OK]
        put_by_owner(home, half)
    assert home.size(whole) == 1234
    # Nobody has seen it being written.
    home.set_aside(half, paths.UNPROVEN)
    home.sh(home.server, f"systemctl kill -s KILL {UNIT}")
    assert home.ftp(["stor", whole, 1234]) == [OK]
    wait_until(lambda: f"{whole} was there already" in said(home), 30)
    assert home.size(whole) == 1234


def test_it_is_killed_again_and_again(home: Home) -> None:
    names = [new(f"killed-{i}") for i in range(30)]
    with ThreadPoolExecutor() as pool:
        uploads = [pool.submit(home.ftp, *(["stor", n, 9] for n in names[i::3])) for i in range(3)]
        while not all(upload.done() for upload in uploads):
            home.sh(home.server, f"systemctl kill -s KILL {UNIT} || :")
    assert [reply for upload in uploads for reply in upload.result()] == [OK] * 30
    for name in names:
        assert home.size(name) == 9


@pytest.mark.parametrize(
    "loss",
    [
        "rm -rf /run/log/journal/* /var/log/journal/*/*; systemctl restart systemd-journald",
        "sleep 1.1; journalctl --rotate; journalctl --vacuum-time=1s",
    ],
    ids=["lost", "rotated"],
)
def test_without_the_journal_content_decides(either_home: Home, loss: str) -> None:
    """And what nothing tells of is kept for good."""
    home, unknown, cut = either_home, new("unknown"), new("cut")
    jpeg = "cd /srv/hotshoe/library; find . -name '*camera-*.JPG' | head -1"
    home.uploads_work()
    whole = new("whole")
    with stopped(home):
        assert home.ftp(["stor", unknown, 1234]) == [OK]
        home.sh(
            home.server,
            f"cd {home.uploads}; cat /srv/hotshoe/library/$({jpeg}) >{whole}; "
            f"head -c 5000 {whole} >{cut}; chown hotshoe:hotshoe {whole} {cut}; "
            f"chmod 440 {whole} {cut}; journalctl --sync; {loss} >/dev/null 2>&1",
        )
        home.sh(home.server, "logger the journal goes on")
    assert home.photo(whole)
    home.set_aside(cut)
    home.set_aside(unknown, paths.UNPROVEN)
    # What comes after is judged as ever.
    later = new("later")
    assert home.ftp(["cut", later, 300_000], user=home.user) == ["gone"]
    home.set_aside(later)


def test_a_late_journal_holds_nothing_up_but_the_verdict(either_home: Home) -> None:
    """journald then finds no unit for the process that sent the line."""
    home, name = either_home, new("late")
    home.sh(home.server, "systemctl kill -s STOP systemd-journald")
    try:
        assert home.ftp(["stor", name, 10], ["stor", name, 20]) == [OK, OK]
        wait_until(lambda: not home.succeeds(home.server, "pgrep -u hotshoe -x vsftpd"), 30)
    finally:
        home.sh(home.server, "systemctl kill -s CONT systemd-journald")
    assert home.size(name) == 10
    assert home.size(name.replace(".JPG", "-2.JPG")) == 20


FLOOD = """
import ftplib, socket, ssl, sys, threading, time
context = ssl.create_default_context(cafile="{ca}")
ftp = ftplib.FTP_TLS("{host}", context=context, timeout=30)
ftp.login("{user}", sys.argv[1])
print("flooding", flush=True)
def drain():
    try:
        while ftp.sock.recv(1 << 16): pass
    except OSError: pass
threading.Thread(target=drain, daemon=True).start()
end = time.monotonic() + 15
try:
    while time.monotonic() < end: ftp.sock.sendall(b"MKD q\\r\\n" * 500)
except OSError: pass
"""


def test_a_flood_of_log_lines_hides_no_photo_of_another_camera(either_home: Home) -> None:
    """journald drops what a unit logs too much of, unless that unit may."""
    home, other = either_home, either_home.server_plan.cameras[1]
    script = FLOOD.format(ca=actions.ROOT_ON_CAMERA, host=home.server_plan.hostname, user=other)
    container = home.stage.container(CAMERA)
    password = home.secrets.camera_passwords[other]
    names = [new(f"beside-{i}") for i in range(30)]
    flood = podman.inside(container, "python3", "-c", script, password)
    with subprocess.Popen(flood, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "flooding\n"
        for name in names:
            assert home.ftp(["stor", name, 9]) == [OK]
    for name in names:
        assert home.size(name) == 9
    logged = int(home.sh(home.server, "journalctl -q -t vsftpd -o cat | grep -c 'MKDIR.*/q'"))
    assert logged > 11_000, "not more than journald takes of a unit by default"
    assert not home.sh(
        home.server, "journalctl -q -o cat | grep 'Suppressed .* hotshoe-vsftpd' || :"
    )


# -- nobody makes it believe anything


def test_a_log_line_of_another_process_does_not_make_a_photo_complete(either_home: Home) -> None:
    home, name = either_home, new("forged")
    line = f'[r5] OK UPLOAD: Client "192.0.2.1", "/upload/{name}", 7 bytes, 1.00Kbyte/sec'
    forge = f"logger -t vsftpd --id=1 -p ftp.info '{line}'"
    with stopped(home):
        put_by_owner(home, name)
        home.sh(
            home.server,
            f"setpriv --reuid=nobody --clear-groups {forge}; {forge}; "
            # While journald can see whose it is.
            f'{AS_OWNER} sh -c "{forge}; journalctl --sync 2>/dev/null; sleep 1"',
        )
    home.set_aside(name, paths.UNPROVEN)
    assert not home.sh(home.server, f"find {paths.LIBRARY} -name {name}")


def test_nobody_can_forge_the_line_by_the_name_of_a_user(either_home: Home) -> None:
    """A stranger logs in under a name that looks like the line, with and without a line break."""
    home, name, address = either_home, new("logged-in"), 'OK UPLOAD: Client "192.0.2.1", '
    line = f'{home.user}] {address}"/upload/{name}", 7 bytes, 1.00Kbyte/sec'
    names = [line, f"{line}\0", f"x\0[{line}", f"x\0[{line}\0"]
    with stopped(home):
        put_by_owner(home, name)
        with ThreadPoolExecutor() as pool:
            for replies in pool.map(lambda user: home.ftp(user=user), names):
                assert "530" in replies[0]
    home.set_aside(name, paths.UNPROVEN)


@pytest.mark.parametrize(
    "step",
    [
        ["stor", "/incomplete/here.JPG", 7],
        ["stor", "../unproven/here.JPG", 7],
        ["stor", "/arriving/here.JPG", 7],
        ["send", "MKD /incomplete/here"],
        ["send", "MKD ../../library/here"],
    ],
)
def test_a_camera_stores_nothing_in_the_other_folders(home: Home, step: list[object]) -> None:
    (reply,) = home.ftp(step)
    assert reply[:3] in ("550", "553")
    assert not home.sh(home.server, "find /srv/hotshoe -name 'here*'")


def test_the_program_is_confined(either_home: Home) -> None:
    home = either_home
    assert home.exposure(home.server, UNIT) <= 1.0
    status = home.sh(home.server, f"cat /proc/$(systemctl show -P MainPID {UNIT})/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {home.sh(home.server, "id -u hotshoe-intake").strip()}
    # CAP_FOWNER, by capabilities(7).
    assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {f"{1 << 3:016x}"}
    environ = f"/proc/$(systemctl show -P MainPID {UNIT})/environ"
    assert not home.succeeds(home.server, f"{AS_OWNER} cat {environ}")


def test_what_an_earlier_version_left_is_taken_over(home: Home) -> None:
    """Folders of its own kind, with a photo that it called complete, and one that broke off."""
    whole, broken = new("old-whole"), new("old-broken")
    root = f"{paths.PHOTOS}/{home.user}"
    jpeg = f"$(find {paths.LIBRARY} -name '*camera-*.JPG' | head -1)"
    home.uploads_work()
    home.sh(
        home.server,
        f"systemctl disable --now {UNIT}; rm /etc/systemd/system/{UNIT}.service; cd {root}; "
        f"cat {jpeg} >upload/{whole}; printf half >incomplete/{broken}; "
        f"touch -d '100 days ago' upload/{whole} incomplete/{broken}; rmdir arriving unproven; "
        f"chown hotshoe:hotshoe upload incomplete upload/{whole} incomplete/{broken}; "
        f"chmod 2770 upload; chmod 550 incomplete; chmod 440 upload/{whole}; "
        "printf '[Service]\\nExecStart=/usr/local/sbin/hotshoe-settle\\n' "
        ">/etc/systemd/system/hotshoe-settle.service; "
        "printf '#!/bin/sh\\nexec sleep 1000' >/usr/local/sbin/hotshoe-settle; "
        "chmod 755 /usr/local/sbin/hotshoe-settle; systemctl daemon-reload; "
        "systemctl start hotshoe-settle",
    )
    home.deploy()
    assert home.deploy() == {}
    assert home.photo(whole)
    assert home.sh(home.server, f"cat '{home.set_aside(broken)}'") == "half"
    assert not home.succeeds(home.server, "systemctl is-active --quiet hotshoe-settle")
    home.uploads_work()
