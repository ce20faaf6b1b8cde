"""Who floods a home from the simulated Internet: by forged packets, and by real connections."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from hotshoe.plan.model import ServerPlan
from hotshoe.ports.ranges import PortRange
from hotshoe.stage import podman
from hotshoe.stage.topology import INTERNET
from tests.stage.home import Home

# Each SYN goes out twice: the second one makes the connection "established" for a packet filter
# that does not look whether the handshake was completed.
_FORGE = """
import random, socket, struct, sys, time
to, source, first, last, rate, seconds = sys.argv[1:]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
to, started, sent = socket.inet_aton(to), time.monotonic(), 0
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 65535) + (total >> 16)
    return ~(total + (total >> 16)) & 65535
while (passed := time.monotonic() - started) < float(seconds):
    while sent < passed * int(rate):
        # 198.19.0.0/16 is for benchmarks (RFC 2544), so nobody is there to be answered.
        who = socket.inet_aton(source) if source else b"\\xc6\\x13" + random.randbytes(2)
        ports = random.randrange(1024, 65536), random.randint(int(first), int(last))
        tcp = struct.pack("!HHIIBBHHH", *ports, random.randrange(2**32), 0, 80, 2, 64240, 0, 0)
        sum_ = checksum(who + to + struct.pack("!HH", 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", sum_) + tcp[18:]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, who, to)
        for _ in range(2):
            raw.sendto(head + tcp, (socket.inet_ntoa(to), 0))
        sent += 1
    time.sleep(0.002)
"""
_CONNECT = """
import asyncio, random, sys, time
to, first, last, rate, seconds = sys.argv[1:]
async def connect():
    try: _, writer = await asyncio.open_connection(to, random.randint(int(first), int(last)))
    except OSError: return
    print("open")
    await asyncio.sleep(1)
    writer.close()
async def main():
    started, tasks = time.monotonic(), []
    while (passed := time.monotonic() - started) < float(seconds):
        while len(tasks) < passed * int(rate): tasks.append(asyncio.create_task(connect()))
        await asyncio.sleep(0.005)
    for task in tasks: task.cancel()
asyncio.run(main())
"""


@contextmanager
def _running(home: Home, node: str, script: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    python = ("python3", "-u", "-c", script, *map(str, words))
    command = podman.inside(home.stage.container(node), *python)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


@contextmanager
def forging(
    home: Home, ports: PortRange, rate: int, seconds: float, source: IPv4Address | None = None
) -> Iterator[None]:
    """Somebody on the Internet who opens connections in another's name.

    :param ports: to which
    :param rate: how many a second
    :param seconds: for how long; the rest of it is waited for
    :param source: in whose name; None is a different one each time
    """
    # What the home answers to nobody is not to leave the stage.
    home.sh(INTERNET, "ip route replace blackhole 198.19.0.0/16")
    to = (home.plan.public_address, source or "", ports.first, ports.last)
    with _running(home, INTERNET, _FORGE, *to, rate, seconds) as process:
        yield
    assert process.returncode == 0


class Count:
    """How many of a stranger's connections were taken, once all is over."""

    opened = 0


@contextmanager
def connecting(
    home: Home, ports: PortRange, rate: int, seconds: float, node: str = INTERNET
) -> Iterator[Count]:
    """Somebody who opens real connections, holds each for a second, and says nothing.

    :param ports: to which
    :param rate: how many a second
    :param seconds: for how long; the rest of it is waited for
    """
    count = Count()
    to = (home.plan.public_address, ports.first, ports.last)
    with _running(home, node, _CONNECT, *to, rate, seconds) as process:
        yield count
        assert process.stdout is not None
        count.opened = process.stdout.read().count("open")
    assert process.returncode == 0


def counted(home: Home, comment: str, server: ServerPlan | None = None) -> int:
    """How many packets a server's firewall has counted at rules with a comment."""
    name = (server or home.server_plan).name
    listing = home.sh(name, "nft list chain inet hotshoe_firewall input")
    rules = [line for line in listing.splitlines() if f'comment "{comment}"' in line]
    return sum(int(line.split("counter packets ")[1].split()[0]) for line in rules)


def connections(home: Home, node: str) -> int:
    """How many connections a device's kernel keeps in mind.

    The kernel's own count has those as well that have expired and are not yet cleared away.
    """
    return int(home.sh(node, "wc -l </proc/net/nf_conntrack"))
