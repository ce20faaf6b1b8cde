"""The Plan on a terminal: complete, and readable at any width."""

from __future__ import annotations

import io
import re
from dataclasses import fields, is_dataclass, replace
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Any

import pytest
from rich.console import Console

from hotshoe.ports.ranges import PortRange
from hotshoe.show.tables import tables
from tests.homes import HOMES, home
from tests.random_homes import TSIG, every_home

ADDRESSES = (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)


@cache
def printed(plan, width: int = 80) -> str:
    """What a pipe or a file gets, without the blanks that fill up a line."""
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(*tables(plan), sep="\n")
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def part(text: str, heading: str) -> str:
    """What is below a heading."""
    return text.partition(f"{heading}")[2].partition("\n")[2].partition("\n\n")[0] + "\n"


def test_tables_show_two_routers():
    text = printed(HOMES["cascade"])
    assert (
        text
        == """\
photos.example.net (203.0.113.20)
Internet -> box -> gateway [darkroom]

Router box (set up by hand from the worksheet)
WAN             203.0.113.20
LAN             192.168.178.1/24
NAT             masquerade 192.168.178.0/24
port forwards   21/tcp           to 192.168.178.2 (cameras to darkroom)
                50000-50199/tcp  to 192.168.178.2 (cameras to darkroom)
own services    none
                nothing else gets in
hairpin NAT     from 192.168.178.0/24
FTP helper      off

Router gateway (Debian, configured by hotshoe)
WAN             192.168.178.2, gateway 192.168.178.1
LAN             192.168.1.1/24
NAT             masquerade 192.168.1.0/24
port forwards   21/tcp           to 192.168.1.10 (cameras to darkroom)
                50000-50199/tcp  to 192.168.1.10 (cameras to darkroom)
own services    none
                nothing else gets in
hairpin NAT     from 192.168.1.0/24
FTP helper      off

Server darkroom (behind gateway)
address         192.168.1.10 in 192.168.1.0/24, gateway 192.168.1.1
cameras dial    photos.example.net (203.0.113.20)
control port    21  explicit FTPS: TLS begins with AUTH TLS
passive range   50000-50199 (200 ports)
TLS             1.2
                7 cipher suites up to 1.2, with forward secrecy
certificate     of an authority of this home's own
cameras         r5, a7
at once         200 sessions, 64 from one address
                8 idle ones of one camera; 60 s to log in
photos go to    /srv/hotshoe/library/{camera}/{date}/{name}
                uploads that broke off stay aside for 14 days
room            1 GB of the disk stay free
SSH             root, port 22, from 192.168.1.0/24
other services  none
may open        nothing behind further routers

Outgoing connections that a camera's network must allow
for darkroom  21/tcp, 50000-50199/tcp to 203.0.113.20
"""
    )


def test_tables_show_who_fetches_photos():
    text = printed(HOMES["fetch"])
    assert "Internet -> edge [darkroom] -> gateway [nas]\n" in text
    below = part(text, "Server darkroom")
    assert "photos to       nas  fetches, from 192.168.178.2 on 17022/tcp\n" in below
    assert "                what all of these have is removed after 30 days\n" in below
    assert (
        part(text, "Computer nas (behind gateway)")
        == """\
address         192.168.1.20
fetches from    darkroom, dialled as 192.168.178.10 on 17022/tcp
photos go to    /srv/photos
                oldest first
SSH             root, port 22
"""
    )


def test_tables_show_where_a_server_sends_photos():
    text = printed(HOMES["push"], 160)
    assert (
        "photos to       desk  by SFTP to 192.168.178.2 port 22 (192.168.1.30), folder in, as ann, "
        "newest first\n"
    ) in text
    assert "port forwards   22/tcp  to 192.168.1.30, only from 192.168.178.10" in text
    assert "may open        22/tcp  of 192.168.1.30 by dialling 192.168.178.2\n" in text


def test_tables_show_who_else_gets_photos():
    text = printed(HOMES["photos go everywhere"], 200)
    for line in (
        "share           by SMB, for the home, where photos may be moved, renamed and deleted\n",
        "readers         ann, bob, on the server\n",
        "message         messages/a-program-with-a-long-name, once no photo has come for a minute, "
        "ended after 30 s\n",
        "by S3 to https://s3.eu-central-1.example.net, bucket photos-of-ann, as AKIA",
        "removed after 30 days and the oldest first until 200 GB of the disk are free\n",
        "newest first, at most 12345678 bytes a second\n",
    ):
        assert line in text, line


def test_a_computer_that_fetches_no_more_is_said_to_be_cleaned():
    fetch = {"name": "nas", "by": "fetch", "address": "10.0.0.20", "folder": "/srv/photos"}
    text = printed(home(delivery=[fetch | {"removed": True}]))
    below = part(text, "Computer nas (behind router0)")
    assert "removed         all that hotshoe put there goes; the photos stay\n" in below
    assert "17022" not in text


def test_tables_show_a_default_host():
    below = part(printed(HOMES["default-host"]), "Router box")
    assert "default host    192.168.178.2 gets everything else\n" in below
    assert "nothing else gets in, over IPv6\n" in below
    assert "port forwards" not in below


def test_tables_show_a_routed_router():
    text = printed(HOMES["routed"])
    outer, inner = part(text, "Router edge"), part(text, "Router gateway")
    assert "NAT             masquerade 192.168.178.0/24, 192.168.1.0/24\n" in outer
    assert "static routes   192.168.1.0/24 via 192.168.178.2\n" in outer
    assert "NAT             none: routed\n" in inner
    assert "accept rules    21/tcp           to 192.168.1.10 (cameras to darkroom)\n" in inner
    assert "hairpin NAT     none\n" in inner


def test_tables_show_ipv6():
    below = part(printed(HOMES["ipv6"]), "Router edge")
    assert "static routes   2001:db8:100:2::/64 via 2001:db8:100:1::2\n" in below
    assert "accept rules    21/tcp           to 2001:db8:100:2::10 (cameras to darkroom)\n" in below


def test_a_server_between_two_routers_is_shown_there():
    assert "\nInternet -> edge [darkroom] -> gateway\n" in printed(HOMES["dmz"])
    assert "\nInternet -> gateway [darkroom, studio]\n" in printed(HOMES["two-servers"])


def test_what_a_server_may_open_is_shown_at_both_ends():
    text = printed(HOMES["everything said"], width=160)
    server, router = part(text, "Server darkroom"), part(text, "Router gateway")
    assert "may open        22/tcp           of 172.16.1.20 by dialling 192.168.1.2" in server
    assert (
        "port forwards   22/tcp           to 172.16.1.20, only from 192.168.1.10 "
        "(darkroom to 172.16.1.20)\n"
    ) in router


def test_an_acme_authority_is_shown_with_what_it_asks():
    text = part(printed(HOMES["letsencrypt"], width=160), "Server darkroom")
    by_whom = "certificate     by ACME from https://acme-v02.api.letsencrypt.org/directory"
    by_port = "                which asks at port 80, open only while it does"
    said = [line.rstrip() for line in text.splitlines()]
    assert said[said.index(by_whom) + 1] == by_port


def test_a_shared_address_shows_its_ports():
    text = printed(HOMES["map-e"])
    assert "\nPorts of that address that are this home's: 5696-5711, 9792-9807, " in text
    assert "with these source ports only: 5696-5711," in part(text, "Router box")
    assert "source ports" not in part(text, "Router gateway")


def test_tables_show_everything_else_that_a_site_may_say():
    text = printed(HOMES["everything said"], width=160)
    server, router = part(text, "Server darkroom"), part(text, "Router box")
    assert "20 MB a second for each transfer\n" in server
    assert "50 MB a second for all together\n" in server
    assert "/srv/hotshoe/library/photos-of-{camera}/{year}/{year}-{month}-{day}/{name}\n" in server
    assert "stay aside for 30 days\n" in server
    assert "also without a TLS close if content proves them whole: of r5\n" in server
    assert re.search(
        r"room +5 GB of the disk stay free\n +500 GB for all photos\n +100 GB for those of r5\n",
        server,
    )
    assert f"SSH             {'u' * 32}, port 2222, from 192.168.1.0/24, 10.9.0.0/24\n" in server
    assert "other services  445/tcp, 137-138/udp to 192.168.1.0/24\n" in server
    assert "own services    51820/udp, 60000-61000/udp, 8443/tcp\n" in router
    assert "other forwards  443/tcp, 27000-27015/udp to other devices\n" in router


def test_tables_show_ftp_without_tls():
    text = printed(HOMES["direct"], width=160)
    server = part(text, "Server darkroom")
    assert "plain FTP, which everybody on the way can read" in server
    assert "cameras dial    its address on eth1, a direct link, and nowhere else\n" in server
    assert "Outgoing connections" not in text, "no network of a camera's is on the way"


def test_a_server_shows_which_other_server_it_accepts():
    server = part(printed(HOMES["may open a server"], width=160), "Server server1")
    assert (
        "accept rules    22/tcp   to 10.0.1.102, only from 10.0.0.101 (server0 to server1)\n"
        "                873/tcp  to 10.0.1.102, only from 10.0.0.101 (server0 to server1)\n"
    ) in server


def test_tables_show_who_follows_a_dynamic_address():
    plan = HOMES["dynamic"]
    text = printed(plan, width=160)
    assert text.startswith(f"{plan.hostname} (dynamic public address)\n")
    router, server = part(text, "Router gateway"), part(text, "Server darkroom")
    assert "WAN             dynamic\n" in router
    assert "WAN notices     17021/tcp  to 192.168.1.10\n" in router
    assert f"cameras dial    {plan.hostname} (dynamic)\n" in server
    assert "public address  asked of two of these every 30 s: " in server
    assert "told by 192.168.1.1 on 17021/tcp\n" in server
    assert "\nDNS record      updated here, by " in server


def test_tables_show_who_updates_the_record():
    router = (
        "DNS record      updated here, by dyndns2 at updates-of-names.example.net as photographer"
    )
    text = printed(HOMES["updated by a router"], width=160)
    assert f"{router}\n" in part(text, "Router router0")
    assert "DNS record" not in part(text, "Server server0")
    record = {"updated_by": "nsupdate", **TSIG, "ttl": 30}
    text = printed(home(public_address="dynamic", ddns=record), width=160)
    assert (
        "updated here, by RFC 2136 (nsupdate) at ns1.example.net in the zone example.net "
        "with the key hotshoe.example.net (hmac-sha256) TTL 30 s\n"
    ) in part(text, "Server server0")
    text = printed(home(public_address="dynamic", ddns={"updated_by": "none"}))
    assert "\nThe DNS record of that name is updated by somebody else.\n" in text


def test_a_camera_s_network_is_told_the_name_of_a_dynamic_address():
    plan = HOMES["dynamic"]
    below = part(printed(plan), "Outgoing connections")
    assert below.rstrip().endswith(f" to {plan.hostname}")
    plan = HOMES["updated by a server"]
    below = part(printed(plan, width=200), "Outgoing connections")
    assert f" to {plan.hostname}, {plan.servers[0].address6}" in below


@every_home
def test_nothing_is_called_none_that_is_known_later(plan):
    assert "None" not in printed(plan)


def values(part: Any) -> set[str]:
    """Every address and every port in a Plan, as text."""
    if isinstance(part, (*ADDRESSES, PortRange)):
        return {str(part)}
    if is_dataclass(part):
        return {v for field in fields(part) for v in values(getattr(part, field.name))}
    if isinstance(part, tuple):
        return {v for inner in part for v in values(inner)}
    return set()


@every_home
def test_every_address_port_and_name_is_shown_in_one_piece(plan):
    words = set(re.split(r"[\s,()\[\]]+|/tcp|/udp", printed(plan)))
    assert values(plan) <= words
    assert {device.name for device in (*plan.routers, *plan.servers)} <= words
    assert {camera for server in plan.servers for camera in server.cameras} <= words
    assert plan.hostname in words


@every_home
def test_nothing_is_cut_off_at_any_width(plan):
    def letters(width: int) -> str:
        text = printed(plan, width)
        assert max(len(line) for line in text.splitlines()) <= width
        assert text.isascii()
        assert "\x1b" not in text
        return "".join(sorted(text.replace(" ", "").replace("\n", "")))

    assert letters(40) == letters(80) == letters(160)


@pytest.mark.parametrize("name", ["home", "everything said"])
def test_a_terminal_gets_the_same_words(name):
    file = io.StringIO()
    Console(file=file, width=80, highlight=False, force_terminal=True).print(
        *tables(HOMES[name]), sep="\n"
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())
    assert "\x1b" in file.getvalue()
    assert [line.rstrip() for line in plain.splitlines()] == printed(HOMES[name]).splitlines()


def test_an_openwrt_router_keeps_its_own_rules(example_plan):
    """So what gets in besides is not for the Plan to say."""
    (router,) = example_plan.routers
    openwrt = replace(example_plan, routers=(replace(router, managed_by="openwrt"),))
    assert "what else gets in is up to its own firewall" in printed(openwrt)
    assert "nothing else gets in" not in printed(openwrt)
