"""Cameras as they are: many sessions that die without a word, and whatever else they say."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hotshoe import paths
from hotshoe.debian.daemons import DAEMONS
from hotshoe.ports.allocation import SESSIONS_PER_CAMERA, ports_needed
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import jpeg
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home
from tests.stage.sessions import sessions
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
AS_OWNER = "setpriv --reuid=hotshoe --regid=hotshoe --clear-groups"
AS_MEMBER = "setpriv --reuid=nobody --regid=hotshoe --clear-groups"


def new(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{time.time_ns()}.JPG"


# -- eight sessions at once, and eight more after all of them died


class Bodies:
    """Cameras that upload over several sessions each, all in the middle of a photo at once.

    :param passwords: of each camera
    :param each: how many sessions each of them opens
    """

    def __init__(self, home: Home, passwords: dict[str, str], each: int) -> None:
        script = f"""
import ftplib, json, os, ssl, sys, threading
context = ssl.create_default_context(cafile="{actions.ROOT_ON_CAMERA}")
passwords, ports, replies = json.loads(sys.stdin.readline()), [], []
middle = threading.Barrier(len(passwords) * {each} + 1)
def upload(user, number):
    try:
        ftp = ftplib.FTP_TLS(context=context, timeout=60)
        ftp.trust_server_pasv_ipv4_address = True
        ftp.connect("{home.server_plan.hostname}")
        ftp.login(user, passwords[user])
        ftp.prot_p()
        data = ftp.transfercmd(f"STOR DSC{{number:05}}.JPG")
        data.sendall(os.urandom(200_000))
        ports.extend((s.getsockname()[1], s.getpeername()[1]) for s in (ftp.sock, data))
        middle.wait(60)
        middle.wait()
        data.sendall(os.urandom(200_000))
        data.unwrap().close()
        replies.append(ftp.voidresp())
    except Exception as error:
        middle.abort()
        replies.append(repr(error))
threads = [threading.Thread(target=upload, args=(user, n), daemon=True)
           for user in passwords for n in range({each})]
for each in threads: each.start()
try: middle.wait(60)
except threading.BrokenBarrierError: pass
print(json.dumps(ports), flush=True)
if sys.stdin.readline() == "go on\\n":
    try: middle.wait()
    except threading.BrokenBarrierError: pass
    for each in threads: each.join()
    print(json.dumps(replies), flush=True)
os._exit(0)
"""
        command = podman.inside(home.stage.container(CAMERA), "python3", "-c", script)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin
        assert self._process.stdout
        self._say = self._process.stdin
        self._hear = self._process.stdout
        print(json.dumps(passwords), file=self._say, flush=True)
        # Of their connections, control and data: at the cameras' end, and at the server's.
        self.ports: list[tuple[int, int]] = json.loads(self._hear.readline())

    def finish(self) -> list[str]:
        """Upload the rest, and tell the replies."""
        print("go on", file=self._say, flush=True)
        replies: list[str] = json.loads(self._hear.readline())
        self._process.communicate()
        return replies

    def vanish(self) -> None:
        """End, wherever they are."""
        self._process.communicate("end\n")


@contextmanager
def silence(home: Home, ports: list[tuple[int, int]]) -> Iterator[None]:
    """Nothing that the camera's device sends over these connections arrives any more."""
    enter = ["nsenter", f"--target={podman.pid(home.stage.container(CAMERA))}", "--net", "nft"]
    dead = ", ".join(f"{own} . {other}" for own, other in ports)
    rules = "table ip silence { chain output { type filter hook output priority 0; "
    podman.run(*enter, f"{rules} tcp sport . tcp dport {{ {dead} }} drop; }}; }}")
    try:
        yield
    finally:
        podman.run(*enter, "delete table ip silence")
        # What is dead already stays until its time is over.
        home.sh(home.server, "pkill -f '[:] connected' || true")
        wait_until(lambda: sessions(home) == 0, 30)


@contextmanager
def passive_ports(home: Home, number: int) -> Iterator[None]:
    """A server with no more passive ports than that."""
    last, configuration = home.server_plan.passive.first + number - 1, DAEMONS[0].configuration
    home.sh(
        home.server,
        f"sed -i s/^pasv_max_port=.*/pasv_max_port={last}/ {configuration}; "
        "systemctl restart hotshoe-vsftpd; "
        "timeout 20 sh -c 'until ss -Hltn sport = :21 | grep -q LISTEN; do sleep 0.1; done'",
    )
    try:
        yield
    finally:
        home.deploy()


def test_eight_sessions_of_each_camera_and_as_many_after_all_of_them_died(
    either_home: Home,
) -> None:
    """All from one address, in the middle of an upload; the new ones send the same names."""
    home, each = either_home, SESSIONS_PER_CAMERA
    cameras = home.server_plan.cameras
    passwords = {name: home.secrets.camera_passwords[name] for name in cameras}
    count = each * len(cameras)
    home.sh(home.server, "systemctl restart hotshoe-firewall")  # it counts new connections
    with passive_ports(home, ports_needed(len(cameras))):
        dead = Bodies(home, passwords, each)
        assert len(dead.ports) == 2 * count
        with silence(home, dead.ports):
            dead.vanish()
            began = time.monotonic()
            alive = Bodies(home, passwords, each)
            assert len(alive.ports) == 2 * count
            assert sessions(home) == 2 * count
            assert alive.finish() == [OK] * count
            assert time.monotonic() - began < 30


# -- whatever they say

REPLIES = {
    "REST 0": "550",
    "REST 100": "550",
    "OPTS UTF8 ON": "200",
    "opts utf8 on": "200",
    "OPTS MLST type;size;": "501",
    "CLNT Camera 1.0": "550",
    "MKD there": "550",
    "mkd there": "550",
    "XMKD there": "550",
    "CWD nowhere": "550",
    "CWD /upload": "250",
    "type i": "200",
    "Type A": "200",
    "TYPE L 8": "200",
    "pbsz 0": "200",
    "prot p": "200",
    "syst": "215",
    "pwd": "257",
    "MODE S": "200",
    "STRU F": "200",
    "SITE HELP": "550",
    "SITE CHMOD 644 there": "550",
    "SITE UTIME 20240229120000 there": "550",
    "MLSD": "550",
    "MLST there": "550",
    "MFMT 20240229120000 there": "550",
    "MDTM 20240229120000 there": "550",
    "SIZE nothing": "550",
    "NOOP": "200",
    "noop": "200",
    "ALLO 30000000": "202",
    "allo": "202",
    "ACCT me": "550",
    "HELP": "214",
    "STAT": "211",
    "FEAT": "211",
    "feat": "211",
    "PORT 192,0,2,1,195,80": "550",
    "EPRT |1|192.0.2.1|50000|": "550",
    "epsv": "229",
    "LIST": "425",
    "NLST": "425",
    "ABOR": "225",
    "AUTH TLS": "500",
    "USER somebody": "530",
    "PASS again": "230",
    "HOST photos.example.net": "550",
    "LANG en": "550",
    "CSID Name=Camera": "550",
    "AVBL": "550",
    "XCRC there": "550",
    "THMB JPG": "550",
    "XYZZY": "550",
    "": "550",
    "\xe9\xff": "550",
}


def test_nothing_that_a_camera_says_ends_its_session(either_home: Home) -> None:
    """After each of these an upload works, all in one session."""
    home, stamp = either_home, time.time_ns()
    home.sh(home.server, f"{AS_OWNER} sh -c 'umask 007; mkdir -p {home.uploads}/there'")
    steps = [
        step
        for i, said in enumerate(REPLIES)
        for step in (["send", said], ["stor", f"said-{stamp}-{i}.JPG", 10])
    ]
    replies = home.ftp(*steps)
    codes = {said: reply[:3] for said, reply in zip(REPLIES, replies[::2], strict=True)}
    assert codes == REPLIES
    assert replies[1::2] == [OK] * len(REPLIES)


def test_commands_and_their_parameters_may_be_in_lower_case(either_home: Home) -> None:
    name = new("lower")
    steps = [["send", "cwd /upload"], ["send", "type i"], ["stor", name, 10, "stor"]]
    assert [reply[:3] for reply in either_home.ftp(*steps)] == ["250", "200", "226"]
    assert either_home.size(name) == 10


# How each line of FEAT is tried, and what answers. REST is the one that vsftpd lists and hotshoe
# refuses: see hotshoe/debian/vsftpd.py.
FEATURES = {
    "EPSV": (["send", "EPSV"], "229"),
    "MDTM": (["send", "MDTM told.txt"], "213"),
    "PASV": (["send", "PASV"], "227"),
    "PBSZ": (["send", "PBSZ 0"], "200"),
    "PROT": (["send", "PROT P"], "200"),
    "REST STREAM": (["send", "REST 1"], "550"),
    "SIZE": (["send", "SIZE told.txt"], "213"),
    "TVFS": (["send", "CWD /upload/../upload/."], "250"),
}


def test_feat_promises_what_is_there(either_home: Home) -> None:
    home = either_home
    # It is no camera's, so it stays there.
    told = f"{home.uploads}/told.txt"
    home.sh(home.server, f"printf 12345 >{told}; chmod 644 {told}")
    try:
        said, *replies = home.ftp(["send", "FEAT"], *(step for step, _ in FEATURES.values()))
    finally:
        home.sh(home.server, f"rm {told}")
    assert {line.strip() for line in said.splitlines()[1:-1]} == {"AUTH TLS", *FEATURES}
    (begun,) = home.ftp(["auth"], user=None, password=None)
    assert begun[:3] == "234"
    codes = {name: reply[:3] for name, reply in zip(FEATURES, replies, strict=True)}
    assert codes == {name: code for name, (_, code) in FEATURES.items()}


# -- who may write to a photo


def test_nobody_but_its_session_writes_to_a_photo_that_arrives(home: Home) -> None:
    """Not even before it is moved out of the camera's folder."""
    name = new("born")
    path = f"{home.uploads}/{name}"
    home.sh(home.server, "systemctl stop hotshoe-intake")
    try:
        with ThreadPoolExecutor() as pool:
            upload = pool.submit(home.ftp, ["stor-slowly", name, 1_000_000, 6])
            wait_until(lambda: home.succeeds(home.server, f"test -s {path}"), 30)
            assert home.sh(home.server, f"stat -c '%U %G %a' {path}") == "hotshoe hotshoe 440\n"
            for somebody in (AS_OWNER, AS_MEMBER):
                assert not home.succeeds(home.server, f"{somebody} sh -c 'echo x >>{path}'")
            others = [["send", f"DELE {name}"], ["send", f"RNFR {name}"], ["stor", name, 5]]
            assert [reply[:3] for reply in home.ftp(*others)] == ["550", "550", "553"]
            appended = home.ftp(["stor", name, 5, "APPE"])
            assert appended == ["550 Permission denied."]
            assert upload.result() == [OK]
    finally:
        home.sh(home.server, "systemctl start hotshoe-intake")
    assert home.size(name) == 1_000_000


# -- how transfers end


@pytest.mark.parametrize(
    ("how", "reply"),
    [("fin", "426"), ("rst", "426"), ("close-notify", "226")],
)
def test_how_a_transfer_ends_decides_what_the_camera_is_told(
    either_home: Home, how: str, reply: str
) -> None:
    """In the middle of a photo, and at its end: nothing tells these from each other."""
    home, whole = either_home, jpeg(time.time_ns() % 10**9)
    middle, end = new(f"middle-{how}"), new(f"end-{how}")
    said = home.ftp(
        ["end", middle, whole[:-2000].hex(), how], ["end", end, whole.hex(), how], ["stor", "x", 1]
    )
    assert [each[:3] for each in said] == [reply, reply, "226"]
    # Of the first, content tells that it is cut; of the last, that it may well be whole.
    if how == "close-notify":
        home.set_aside(middle, paths.UNPROVEN)
        assert home.photo(end)
    else:
        home.set_aside(middle)
        home.set_aside(end, paths.UNPROVEN)


def test_a_camera_that_never_closes_tls_gets_its_whole_photos_into_the_library(home: Home) -> None:
    """It is told 426 all the same, and whatever else it sends counts as before."""
    said = "{name: r5}"
    first, half, unknown = jpeg(1), new("half"), new("unknown")
    name = new("unclean")
    with home.saying(said, "{name: r5, tolerates_unclean_close: true}"):
        assert home.deploy() == {}
        replies = home.ftp(["end", name, first.hex(), "fin"])
        # The intake has just started with the new setting, and takes it away in its own time.
        wait_until(lambda: not home.succeeds(home.server, f"test -e {home.uploads}/{name}"), 30)
        replies += home.ftp(
            ["end", name, first.hex(), "fin"],
            ["end", half, first[:-2000].hex(), "fin"],
            ["end", unknown, b"x".hex() * 1000, "fin"],
        )
        assert [each[:3] for each in replies] == ["426"] * 4
        assert home.size(name) == len(first)
        home.set_aside(half)
        home.set_aside(unknown, paths.UNPROVEN)
        log = "journalctl -o cat -u hotshoe-intake"
        wait_until(lambda: f"{name} was there already" in home.sh(home.server, log), 30)
    assert home.deploy() == {}
    again = new("clean")
    home.ftp(["end", again, jpeg(2).hex(), "fin"])
    home.set_aside(again, paths.UNPROVEN)


# -- what clients ask right after 226


def test_a_photo_that_has_gone_into_the_library_is_not_in_the_folder(either_home: Home) -> None:
    """What is asked after 226 gets an answer, and the session goes on."""
    home, name = either_home, new("gone")
    assert home.ftp(["stor", name, 10]) == [OK]
    assert home.photo(name)
    asked = [["send", f"SIZE {name}"], ["send", f"MDTM {name}"], ["names"], ["list"]]
    size, mdtm, names, listed, status, stored = home.ftp(
        *asked, ["send", f"STAT {name}"], ["stor", name, 10]
    )
    assert size == "550 Could not get file size."
    assert mdtm == "550 Could not get file modification time."
    assert name not in names
    assert name not in listed
    assert status.startswith("213-")
    assert name not in status.splitlines()[1:]
    assert stored == OK


def clients(home: Home, names: list[str]) -> dict[str, tuple[list[str], str]]:
    """What each client is given: its arguments, and its standard input.

    :param names: of the photos
    """
    host = home.server_plan.hostname
    curl = f"user = {home.user}:{home.password}\nftp-create-dirs\n"
    curl += "".join(f"upload-file = /root/dcim/{n}\nurl = ftp://{host}/2024/02/\n" for n in names)
    settings = f"""
        set ftp:ssl-force true; set ftp:ssl-protect-data true; set cmd:fail-exit true
        set ssl:ca-file {actions.ROOT_ON_CAMERA}; set net:max-retries 1
        open -u {home.user},{home.password} {host}
    """
    python = f"""
import ftplib, pathlib, ssl
context = ssl.create_default_context(cafile="{actions.ROOT_ON_CAMERA}")
with ftplib.FTP_TLS("{host}", "{home.user}", {home.password!r}, context=context) as ftp:
    ftp.prot_p()
    for path in sorted(pathlib.Path("/root/dcim").iterdir()):
        assert ftp.storbinary(f"STOR {{path.name}}", path.open("rb"))[:3] == "226"
        ftp.nlst()
        try: ftp.size(path.name)
        except ftplib.error_perm: pass
"""
    tls = ["--ssl-reqd", "--cacert", actions.ROOT_ON_CAMERA, "--no-ftp-skip-pasv-ip"]
    return {
        "curl": (["curl", "-sS", "--disable-epsv", *tls, "--config", "-"], curl),
        "lftp put": (["lftp", "-f", "/dev/stdin"], f"{settings} mput /root/dcim/*\ncls"),
        "lftp mirror": (["lftp", "-f", "/dev/stdin"], f"{settings} mirror -R /root/dcim /upload/m"),
        "ftplib": (["python3", "-"], python),
    }


@pytest.mark.parametrize("name", ["curl", "lftp put", "lftp mirror", "ftplib"])
def test_clients_go_on_after_226(home: Home, tmp_path: Path, name: str) -> None:
    """Twice, as a client does that believes nothing has arrived."""
    stamp = f"{time.time_ns()}"
    photos = [tmp_path / f"{stamp}-{i}.JPG" for i in range(2)]
    for i, path in enumerate(photos):
        path.write_bytes(jpeg(int(stamp[-9:]) + i))
    home.sh(CAMERA, "rm -rf /root/dcim")
    podman.put(photos, home.stage.container(CAMERA), Path("/root/dcim"))
    arguments, said = clients(home, [path.name for path in photos])[name]
    for _ in range(2):
        podman.execute(home.stage.container(CAMERA), *arguments, input_text=said)
    arrived = actions.arrived(home.stage, home.server_plan, home.user)
    ours = {name: digest for name, digest in arrived.items() if name.startswith(stamp)}
    assert ours == actions.digests(photos)


def test_lftp_sends_a_photo_anew_whose_session_ended_in_the_middle(home: Home) -> None:
    """It asks for the size of what is there, and there is nothing to go on from."""
    name = new("anew")
    script = f"""
        set ftp:ssl-force true; set ftp:ssl-protect-data true; set cmd:fail-exit true
        set ssl:ca-file {actions.ROOT_ON_CAMERA}; set net:max-retries 3
        set net:reconnect-interval-base 1; set net:limit-rate 0:500000
        open -u {home.user},{home.password} {home.server_plan.hostname}
        put /root/{name}
    """
    home.sh(CAMERA, f"head -c 2000000 /dev/urandom >/root/{name}")
    with ThreadPoolExecutor() as pool:
        arguments: tuple[Any, ...] = (home.stage.container(CAMERA), "lftp", "-f", "/dev/stdin")
        upload = pool.submit(podman.execute, *arguments, input_text=script)
        half = f"find {paths.PHOTOS}/{home.user}/arriving -name {name} -size +500k | grep -q ."
        wait_until(lambda: home.succeeds(home.server, half), 30)
        home.sh(home.server, f"pkill -9 -f '[S]TOR {name}'")
        upload.result()
    sent = home.sh(CAMERA, f"sha256sum </root/{name}")
    assert home.sh(home.server, f"sha256sum <{home.photo(name)}") == sent
    assert home.set_aside(name)
