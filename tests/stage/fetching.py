"""A home whose computer fetches photos out of a DMZ, and what tests ask of both ends."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hotshoe import paths
from hotshoe.debian.fetch import ALIVE_SECONDS, FETCHER, USER
from hotshoe.stage import podman
from tests.stage.home import Home

OK = "226 Transfer complete."
NAS, FOLDER = "nas", "/srv/photos"
SSHD, DELIVERY = "hotshoe-fetch", "hotshoe-delivery"
FETCHES = FETCHER.removesuffix(".service")
KEY = "/root/stolen"


def upload(home: Home, name: str, size: int) -> None:
    """Have a camera upload a photo of random bytes."""
    assert home.ftp(["stor", name, size]) == [OK]


def digest_there(home: Home, name: str, seconds: int = 60, folder: str = FOLDER) -> str:
    """The SHA-256 of a photo on the computer that fetches, once it is there."""
    find = f"find {folder} -type f -name {name} -not -path */.hotshoe/*"
    wait = f"set -f; timeout {seconds} sh -fc 'until {find} | grep -q .; do sleep 0.1; done'"
    assert home.succeeds(NAS, wait), home.sh(NAS, f"journalctl -q -n 30 -o cat -u {FETCHES}")
    return home.sh(NAS, f"set -f; {find} -exec sha256sum {{}} +").split()[0]


def digest_here(home: Home, name: str) -> str:
    """The SHA-256 of a photo in the library."""
    return home.sh(home.server, f"sha256sum '{home.photo(name)}'").split()[0]


def arrives(home: Home, name: str, seconds: int = 60, folder: str = FOLDER) -> None:
    """A photo is on the computer that fetches, as it is in the library."""
    assert digest_there(home, name, seconds, folder) == digest_here(home, name)


def now(home: Home, node: str) -> str:
    """What time it is on a device, as its journal is asked for what has come since."""
    return "@" + home.sh(node, "date +%s.%6N").strip()


def told(home: Home, node: str, unit: str, words: str, since: str, seconds: int = 90) -> None:
    """A unit tells that, in words that a person understands; waits for it.

    :param since: as :func:`now` told it
    """
    # With -f, journalctl would notice that grep has gone with the next line alone; with a cursor,
    # that of Debian 12 does not show the unit's first line after it.
    said = f"journalctl -q -o cat -u {unit} --since={since}"
    look = f"until {said} | grep -q -F {shlex.quote(words)}; do sleep 0.2; done"
    wait = f"timeout {seconds} sh -c {shlex.quote(look)}"
    assert home.succeeds(node, wait), home.sh(node, f"journalctl -q -n 30 -o cat -u {unit}")


@contextmanager
def stopped(home: Home, node: str, unit: str) -> Iterator[None]:
    """A unit that does not run for a while."""
    home.sh(node, f"systemctl stop {unit}")
    try:
        yield
    finally:
        home.sh(node, f"systemctl start {unit}")


@contextmanager
def slow(home: Home, bytes_per_second: int) -> Iterator[None]:
    """A computer that fetches so slowly that there is time to cut it off.

    It misses a server that is silent sooner, too.
    """
    said = home.sh(NAS, f"cat {paths.FETCHER_CONFIGURATION}")
    often = f"ServerAliveInterval={ALIVE_SECONDS}"
    assert often in said
    values = json.loads(said.replace(often, "ServerAliveInterval=2"))
    _configure(home, json.dumps(values | {"bytes_per_second": bytes_per_second}))
    try:
        yield
    finally:
        _configure(home, said)


def _configure(home: Home, text: str) -> None:
    podman.execute(
        home.stage.container(NAS),
        *("sh", "-c", f"cat >{paths.FETCHER_CONFIGURATION} && systemctl restart {FETCHES}"),
        input_text=text,
    )


def part(home: Home, least: int) -> int:
    """How much has come of the photo that is on its way, once it is so much, in bytes."""
    size = f"cat {FOLDER}/.hotshoe/*.part {FOLDER}/.hotshoe/* 2>/dev/null | wc -c"
    wait = f"timeout 60 sh -c 'until [ $({size}) -ge {least} ]; do sleep 0.05; done'; {size}"
    return int(home.sh(NAS, wait).split()[-1])


def received(home: Home) -> int:
    """What has come to the computer that fetches since it was put up, in bytes."""
    return int(home.sh(NAS, "cat /sys/class/net/eth0/statistics/rx_bytes"))


def copy(home: Home, folder: Path, user: str, to: str) -> None:
    """Copy a folder into that user's home on the computer that fetches, as rsync -a does."""
    packed = subprocess.run(["tar", "-C", folder, "-c", "."], stdout=-1, check=True).stdout
    unpack = f"mkdir -p {to} && base64 -d | tar -C {to} -x"
    podman.execute(
        home.stage.container(NAS),
        *("su", "-", user, "-c", unpack),
        input_text=base64.b64encode(packed).decode(),
    )


def steal_the_key(home: Home) -> None:
    """Put the key where whoever has taken that computer over has it."""
    home.sh(NAS, f"install -m 600 {paths.FETCHER_KEY} {KEY}")


def ssh(*arguments: str) -> str:
    """The command with the stolen key, which believes the host."""
    server = "192.168.178.10"
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    options += " -o LogLevel=ERROR -o ConnectTimeout=10"
    return f"ssh -F none -i {KEY} {options} -p 17022 {' '.join(arguments)} {USER}@{server}"


def asks(home: Home, *requests: dict[str, object]) -> list[dict[str, object]]:
    """What the server answers to these requests, one after the other, as JSON.

    ``DIGEST`` in a request stands for the first task's id.
    """
    program = f"""
import base64, json, subprocess, sys
requests = json.loads(base64.b64decode({base64.b64encode(json.dumps(requests).encode())!r}))
with subprocess.Popen({ssh("-T")!r}.split(), stdin=-1, stdout=-1) as p:
    answers = []
    for request in requests:
        p.stdin.write(json.dumps(request).encode() + b"\\n"); p.stdin.flush()
        line = p.stdout.readline()
        if not line: break
        answers.append(json.loads(line))
        if "length" in answers[-1]: p.stdout.read(answers[-1]["length"])
    p.stdin.close()
print(json.dumps(answers))
"""
    said = podman.execute(home.stage.container(NAS), "python3", "-", input_text=program)
    answers: list[dict[str, object]] = json.loads(said)
    return answers


@contextmanager
def trying_to_forward(home: Home) -> Iterator[dict[str, Any]]:
    """A session of whoever has the key that asks for each kind of forwarding, and has tried all.

    It is answered before and after, so that nothing but the forwarding is refused; and it is there
    until the end.

    :returns: ``answers``, those two; ``said``, by ssh; ``came``, through each of -L to a port, -D
        and -L to a socket, in hexadecimal digits
    """
    ways = "-v -T -A -Y -w any -R 5553:127.0.0.1:22 -D 5552 -L 5551:127.0.0.1:22"
    command = ssh(ways, f"-L 5554:{paths.DELIVERY_EXCHANGE}")
    program = f"""
import contextlib, json, os, socket, subprocess, sys
def ask():
    p.stdin.write(b'{{"do": "tasks", "most": 1, "seconds": 0}}\\n'); p.stdin.flush()
    return json.loads(p.stdout.readline())
def comes(port, *requests):
    came = b""
    way = socket.create_connection(("127.0.0.1", port), 20)
    with way, contextlib.suppress(ConnectionResetError):
        for request in requests:
            way.sendall(request)
            came += way.recv(2)
        while piece := way.recv(99): came += piece
    return came.hex()
environment = os.environ | {{"DISPLAY": "localhost:9"}}
for line in subprocess.check_output(["ssh-agent"], text=True).splitlines()[:2]:
    name, _, value = line.partition(";")[0].partition("=")
    environment[name] = value
with open("/root/said", "w") as said:
    p = subprocess.Popen({command!r}.split(), stdin=-1, stdout=-1, stderr=said, env=environment)
first = ask()
# RFC 1928: no password; connect to 127.0.0.1, port 22.
socks = bytes([5, 1, 0]), bytes([5, 1, 0, 1, 127, 0, 0, 1, 0, 22])
came = [comes(5551), comes(5552, *socks), comes(5554, b'{{"fetcher": "nas"}}\\n')]
answers = [first, ask()]
said = open("/root/said").read()
print(json.dumps({{"answers": answers, "came": came, "said": said}}), flush=True)
sys.stdin.read()
p.stdin.close(); p.wait()
subprocess.run(["ssh-agent", "-k"], env=environment, stdout=-3)
"""
    inside = podman.inside(home.stage.container(NAS), "timeout", "60", "python3", "-c", program)
    with subprocess.Popen(inside, stdin=-1, stdout=-1, text=True) as trying:
        assert trying.stdin
        assert trying.stdout
        yield json.loads(trying.stdout.readline())
        trying.stdin.close()
