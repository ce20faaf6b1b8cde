"""What hotshoe-wan tells servers, and when; ``ip`` is a script that answers as ip(8) does."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotshoe.render import render
from tests.conftest import PROJECT

PERL = shutil.which("perl")
pytestmark = pytest.mark.skipif(not PERL, reason="needs perl, which every Debian has")

# What the kernel has is in files; a change of them is told by a line in a pipe.
IP = """#!/bin/sh
cd {folder}
case "$2 $3" in
"monitor address") exec cat events ;;
"route show") cat route ;;
"address show") cat alias "address.$5" 2>/dev/null ;;
"route get") [ "$4 $5" != "1.1.1.1 oif" ] || cat "address.$6" 2>/dev/null ;;
esac
"""
DHCP = "default via 203.0.113.1 dev eth0 proto dhcp src 203.0.113.5 metric 100\n"
ADDRESS = """\
1.1.1.1 via 203.0.113.1 dev eth0 src {0} uid 998
    cache
"""
# By pppd.
PPPOE = """\
1.1.1.1 dev ppp0 src 198.51.100.77 uid 998
    cache
"""
# By which the router reaches the modem; the kernel lists it first.
ALIAS = """\
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    inet 192.168.100.2/24 scope global eth0
       valid_lft forever preferred_lft forever
"""


class Server:
    """A server that is told."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(8)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def hears(self) -> bytes:
        """The next that it is told; fails if it is told nothing."""
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(8)
            return b"".join(iter(lambda: connection.recv(100), b""))

    def hears_nothing(self) -> None:
        self.listener.settimeout(1)
        with pytest.raises(TimeoutError):
            self.listener.accept()
        self.listener.settimeout(8)


class Router:
    """A router on which hotshoe-wan runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "ip").write_text(IP.format(folder=folder))
        (folder / "ip").chmod(0o755)
        (folder / "alias").write_text(ALIAS)
        (folder / "program").write_text(render("router_linux/wan.pl.j2"))
        self.has(DHCP, eth0=ADDRESS.format("203.0.113.5"))
        subprocess.run(["mkfifo", folder / "events"], check=True)
        self.process: subprocess.Popen[str] | None = None

    def has(self, route: str, **addresses: str) -> None:
        (self.folder / "route").write_text(route)
        for device, said in addresses.items():
            (self.folder / f"address.{device}").write_text(said)

    def starts(self, *servers: str) -> None:
        command = [str(PERL), str(self.folder / "program"), "127.0.0.1", *servers]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, env={"PATH": f"{self.folder}:/usr/bin:/bin"},
        )  # fmt: skip
        self.events = (self.folder / "events").open("w")

    def event(self) -> None:
        self.events.write("2: eth0    inet 203.0.113.5/24\n")
        self.events.flush()

    def says(self) -> str:
        """The next line that it says: it says what it has told after the server has heard it."""
        assert self.process
        assert self.process.stdout
        return self.process.stdout.readline()

    def ends(self) -> str:
        """End it, and return what else it said."""
        assert self.process
        # All of it, as systemd does.
        os.killpg(self.process.pid, signal.SIGTERM)
        said, _ = self.process.communicate(timeout=20)
        self.events.close()
        return said


@pytest.fixture
def router(tmp_path, monkeypatch) -> Iterator[Router]:
    monkeypatch.chdir(PROJECT)
    router = Router(tmp_path)
    yield router
    if router.process and router.process.poll() is None:
        router.ends()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.listener.close()


def test_a_server_is_told_at_once_and_again_when_the_address_changes(router, server):
    router.starts(server.address)
    assert server.hears() == b"wan 203.0.113.5\n"
    router.has(DHCP, eth0=ADDRESS.format("203.0.113.99"))
    router.event()
    assert server.hears() == b"wan 203.0.113.99\n"
    assert router.says() == f"told {server.address} the WAN address, 203.0.113.5\n"
    assert router.says() == f"told {server.address} the WAN address, 203.0.113.99\n"
    assert router.ends() == ""


def test_events_that_change_nothing_tell_nothing(router, server):
    """A server looks whenever it is told."""
    router.starts(server.address)
    assert server.hears() == b"wan 203.0.113.5\n"
    for _ in range(20):
        router.event()
    server.hears_nothing()


def test_the_address_is_the_kernel_s_choice_for_the_first_default_route(router, server):
    router.has(
        "default dev ppp0 scope link\ndefault via 10.64.64.1 dev wwan0 metric 700\n",
        eth0=ADDRESS.format("192.168.100.2"),
        ppp0=PPPOE,
        wwan0=ADDRESS.format("100.64.7.7"),
    )
    router.starts(server.address)
    assert server.hears() == b"wan 198.51.100.77\n"


def test_an_address_that_is_not_public_is_told_as_it_is(router, server):
    """What it means, the server decides."""
    router.has(DHCP, eth0=ADDRESS.format("100.64.3.4"))
    router.starts(server.address)
    assert server.hears() == b"wan 100.64.3.4\n"


@pytest.mark.parametrize("missing", ["route", "address"])
def test_without_an_address_outside_nothing_is_told_until_there_is_one(router, server, missing):
    router.has(DHCP if missing == "address" else "", eth0="" if missing == "address" else PPPOE)
    router.starts(server.address)
    router.event()
    server.hears_nothing()
    router.has(DHCP, eth0=ADDRESS.format("203.0.113.7"))
    router.event()
    assert server.hears() == b"wan 203.0.113.7\n"
    assert router.ends().splitlines()[0] == (
        "no default route leaves by an interface with an address"
    )


def test_a_server_that_is_not_reached_keeps_no_other_from_being_told(router, server):
    deaf = Server()
    deaf.listener.close()
    router.starts(deaf.address, server.address)
    assert server.hears() == b"wan 203.0.113.5\n"
    router.event()
    server.hears_nothing()
    said = router.ends()
    assert said.count(deaf.address) == 1
    assert "Connection refused" in said


def test_a_server_is_told_once_it_is_there(router):
    server = Server()
    port = server.listener.getsockname()[1]
    server.listener.close()
    router.starts(server.address)
    assert "Connection refused" in router.process.stdout.readline()
    server.listener = socket.create_server(("127.0.0.1", port))
    server.listener.settimeout(8)
    assert server.hears() == b"wan 203.0.113.5\n"
    server.listener.close()


def test_it_ends_when_it_hears_of_changes_no_longer(router, server):
    """Its unit starts it again."""
    router.starts(server.address)
    assert server.hears() == b"wan 203.0.113.5\n"
    router.events.close()
    assert router.process.wait(timeout=20) != 0
    assert "ip monitor has ended" in router.process.stdout.read()
