"""What boxes say of themselves, and what follows from it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from hotshoe.check.box_state import (
    SET_SIZE,
    has_helper,
    packets,
    read_parts,
    read_sets,
    stale,
)
from hotshoe.check.inside import script, watching
from hotshoe.check.model import Packet, Stored
from hotshoe.check.server_state import complaint, photos, read_server, services
from hotshoe.paths import PHOTOS
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.remote.ssh import Host
from hotshoe.render import render
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import EXAMPLES, PROJECT
from tests.unit.test_programs import shellcheck

# The most that dropbear takes as a command.
DROPBEAR = 9000


def plan_of(name: str) -> Plan:
    return make_plan(load_site(SiteFiles(name, PROJECT)))


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_runs_on_a_box_is_a_sound_and_short_program(name):
    plan = plan_of(name)
    for box in (*plan.routers, *plan.servers):
        for attempts in (False, True):
            text = script(box, plan.servers, attempts=attempts)
            assert shellcheck(text) == ""
            assert len(Host.of(box).command(text)[-1]) < DROPBEAR


def test_routers_are_those_on_the_way_from_outside():
    plan = plan_of("three-routers")
    assert plan.routers_to(plan.servers[0]) == plan.routers
    dmz = plan_of("dmz")
    assert len(dmz.routers_to(dmz.servers[0])) == 1
    direct = plan_of("direct")
    assert direct.routers_to(direct.servers[0]) == ()


# As nft 1.1.3 lists a table, and sed prints it.
LISTED = """\
able yes
set arrived
{ 198.51.100.7 . 21 expires 1m56s, 198.51.100.7 . 50000 expires 4m59s,
\t\t\t     203.0.113.9 . 21 expires 9m59s864ms }
set passed
set sftp
{ 198.51.100.7 expires 1m }""".splitlines()


def test_elements_are_read():
    sets = read_sets(LISTED)
    assert packets(sets, "arrived") == {
        Packet("198.51.100.7", 21),
        Packet("198.51.100.7", 50000),
        Packet("203.0.113.9", 21),
    }
    assert packets(sets, "passed") == frozenset()
    assert sets["sftp"] == {("198.51.100.7",)}


def test_a_kernel_that_cannot_record_is_no_kernel_that_saw_nothing():
    sets = read_sets(["able no", *LISTED[1:]])
    assert packets(sets, "arrived") is None


def test_a_set_that_is_full_tells_nothing_of_what_is_not_in_it():
    full = {("198.51.100.7", str(port)) for port in range(SET_SIZE)}
    assert packets({"arrived": full}, "arrived") is None


@pytest.mark.parametrize(
    ("lines", "helped"),
    [
        ([], False),
        (["nf_conntrack_helper 0 1"], False),
        (["nf_conntrack_helper  0"], False),
        (["nf_conntrack_helper 1 0"], False),
        (["nf_conntrack_helper 1 1"], True),
        # Debian, a table of the person's own.
        (
            [
                "\tct helper ftp-standard {",
                '\t\ttype "ftp" protocol tcp',
                '\ttcp dport 21 ct helper set "ftp-standard"',
            ],
            True,
        ),
        (["\tct helper ftp-standard {", '\t\ttype "ftp" protocol tcp'], False),
        (["\tct helper sip {", '\ttcp dport 5060 ct helper set "sip"'], False),
        # fw4, where auto_helper is on.
        (
            [
                "\tct helper ftp {",
                '\t\ttype "ftp" protocol tcp',
                '\ttcp dport 21 ct helper set "ftp" comment "!fw4: FTP"',
            ],
            True,
        ),
    ],
)
def test_a_helper_that_reads_control_connections_is_found(lines, helped):
    assert has_helper(lines) is helped


# -- what is not in force

ROUTING = "table inet hotshoe_routing {"
FORWARDS = [
    "table inet hotshoe_forwards {",
    "\t\tip daddr 203.0.113.20 tcp dport 21 dnat ip to 192.168.1.10",
    "\t\tip daddr 203.0.113.20 tcp dport 50000-50199 dnat ip to 192.168.1.10",
]
FW4 = [
    "table inet fw4 {",
    '\t\tmeta nfproto ipv4 tcp dport 21 counter dnat ip to 192.168.1.10:21 comment "!fw4: …"',
    '\t\ttcp dport 50000-50199 counter dnat ip to 192.168.1.10:50000-50199 comment "!fw4: …"',
]
FIREWALL = [
    "table inet hotshoe_firewall {",
    '\tip daddr 192.168.1.10 tcp dport 21 counter ct timeout set "handshake" accept comment "FTP"',
    '\tip daddr 192.168.1.10 tcp dport 50000-50199 counter accept comment "FTP data"',
]


def state(rules: list[str], **more: list[str]) -> dict[str, list[str]]:
    return {"rules": rules, "changed": [], "stopped": [], "forwarding": ["1"]} | more


def of_router(site: str, given: dict[str, list[str]]) -> list[str]:
    plan = plan_of(site)
    return list(stale(plan.routers[0], plan.servers[0], given))


def test_a_router_as_it_was_deployed_is_fine():
    assert of_router("home", state([ROUTING, *FORWARDS])) == []
    assert of_router("openwrt", state(FW4)) == []


@pytest.mark.parametrize(
    ("site", "given", "said"),
    [
        (
            "home",
            state([ROUTING, *FORWARDS[:2]]),
            "TCP 50000-50199 is not forwarded to 192.168.1.10",
        ),
        ("home", state(FORWARDS), "the table hotshoe_routing is not loaded"),
        (
            "home",
            state([ROUTING, *FORWARDS], changed=["hotshoe_forwards"]),
            "the rules of the table hotshoe_forwards are not those that were deployed",
        ),
        (
            "home",
            state([ROUTING, *FORWARDS], forwarding=["0"]),
            "it forwards no packets (net.ipv4.ip_forward is off)",
        ),
        (
            "home",
            state([ROUTING, *FORWARDS], stopped=["hotshoe-wan.service"]),
            "hotshoe-wan does not run",
        ),
        ("openwrt", state([]), "the table fw4 is not loaded"),
        ("openwrt", state(FW4[:2]), "TCP 50000-50199 is not forwarded to 192.168.1.10"),
        (
            "openwrt",
            state([FW4[0], FW4[1], FW4[2].replace("…", "… (reflection)")]),
            "TCP 50000-50199 is not forwarded to 192.168.1.10",
        ),
        (
            "openwrt",
            state([FW4[0], FW4[1], FW4[2].replace("50199", "50149")]),
            "TCP 50000-50199 is not forwarded to 192.168.1.10",
        ),
    ],
)
def test_what_a_router_lacks_is_told(site, given, said):
    assert of_router(site, given) == [said]


def test_a_server_s_firewall_lets_its_ports_in():
    server = plan_of("home").servers[0]
    assert list(stale(server, server, state(FIREWALL))) == []
    assert list(stale(server, server, state(FIREWALL[:2]))) == [
        "the firewall does not let TCP 50000-50199 in"
    ]
    assert list(stale(server, server, state([]))) == ["the table hotshoe_firewall is not loaded"]
    implicit = plan_of("implicit").servers[0]
    both = [line.replace("dport 21 ", "dport { 21, 990 } ") for line in FIREWALL]
    ports = str(implicit.passive)
    assert (
        list(stale(implicit, implicit, state([b.replace("50000-50199", ports) for b in both])))
        == []
    )


# -- the server


def test_services_are_those_that_a_server_should_have():
    assert services(plan_of("home").servers[0]) == (
        "hotshoe-vsftpd.service",
        "hotshoe-intake.service",
        "hotshoe-sessions.service",
        "hotshoe-firewall.service",
        "hotshoe-outgoing.service",
        "hotshoe-certificate.timer",
    )
    assert "hotshoe-address.service" in services(plan_of("dynamic").servers[0])
    assert "hotshoe-vsftpd-implicit.service" in services(plan_of("implicit").servers[0])
    assert "hotshoe-acme.timer" in services(plan_of("letsencrypt").servers[0])
    assert "hotshoe-certificate.timer" not in services(plan_of("direct").servers[0])


SAID = """\
part journal
{line}
not JSON
part listening
LISTEN 0 32 0.0.0.0:21 0.0.0.0:* users:(("vsftpd",pid=681,fd=3))
LISTEN 0 5 0.0.0.0:990 0.0.0.0:* users:(("nc",pid=7,fd=3))
LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=102,fd=7))
part announced
# Managed by hotshoe
pasv_address=203.0.113.20
part stopped
hotshoe-intake.service
part certificate
notAfter=Mar  1 03:37:59 2029 GMT
part free
 1234
part closed
r5
part ddns
part photos
{photo}
part clock
{clock}
"""
PHOTO = "a" * 64 + "  /srv/hotshoe/library/r5/2026-05-31/hotshoe-check-abc-small.bin"


def view(clock: str = "100.5", said: str = SAID):
    line = json.dumps({"MESSAGE": '[r5] FAIL LOGIN: Client "198.51.100.7"'})
    text = said.format(line=line, photo=PHOTO, clock=clock)
    return read_server(plan_of("home").servers[0], text, 100.0, 101.0)


def test_a_server_s_answer_is_read():
    found = view()
    assert found.journal == ('[r5] FAIL LOGIN: Client "198.51.100.7"',)
    assert found.listening == {21}
    assert found.announced == "203.0.113.20"
    assert found.stopped == ("hotshoe-intake",)
    assert found.certificate_ends
    assert found.certificate_ends.isoformat() == "2029-03-01T03:37:59+00:00"
    assert (found.free, found.closed, found.ddns) == (1234, ("r5",), "")
    name = "hotshoe-check-abc-small.bin"
    assert found.photos == {name: Stored(PHOTO[66:], "a" * 64)}


@pytest.mark.parametrize(("clock", "ahead"), [("100.2", 0), ("161", 60), ("40", -60)])
def test_a_clock_is_wrong_by_what_asking_does_not_explain(clock, ahead):
    assert view(clock).clock == ahead


def test_of_photos_of_one_name_that_in_the_library_counts():
    places = {"a": "r5/incomplete/1", "b": "library/r5/1", "c": "r5/unproven/1"}
    lines = [f"{each * 64}  /srv/hotshoe/{where}/x.bin" for each, where in places.items()]
    assert photos(lines)["x.bin"].sha256 == "b" * 64


NEW = "new sessions get 203.0.113.20, the public address"
DOUBT = "203.0.113.20 stays: no two sources agree on it (a: timed out; b: timed out)"
REFUSED = "the record of photos.example.net is not at 203.0.113.20 yet; it is tried again: badauth"
SET = "the record of photos.example.net is at 203.0.113.20"


@pytest.mark.parametrize(
    ("said", "matter"),
    [
        ([], ""),
        ([NEW, SET], ""),
        ([NEW, REFUSED], REFUSED),
        ([NEW, REFUSED, SET], ""),
        ([NEW, SET, DOUBT], DOUBT),
        ([NEW, SET, DOUBT, "203.0.113.20 is the public address, without doubt"], ""),
        ([DOUBT, NEW, REFUSED], REFUSED),
        (["no public address is known: x"], "no public address is known: x"),
        ([NEW, SET, "a.example is of no use (timed out); others are asked"], ""),
    ],
)
def test_what_is_the_matter_with_the_address_is_what_was_told_last(said, matter):
    assert complaint(said) == matter


# -- its test photos


def looked_for(root: Path, seconds: int = 60, path: str = "/usr/bin:/bin") -> dict[str, Stored]:
    """What the server's program finds in a folder, by the part of it that looks for test photos."""
    values = {"daemons": [], "units": [], "cameras": [], "largest": 1000, "seconds": seconds}
    text = render("check/server.sh.j2", configuration="", follows=0, certificate=0, **values)
    text = text.partition('echo "part photos"\n')[2].partition('echo "part clock"')[0]
    script = f"names='hotshoe-check-*'\n{text}".replace(PHOTOS, str(root))
    done = subprocess.run(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, timeout=60, env={"PATH": path}
    )
    return photos(done.stdout.splitlines())


def test_photos_are_read_and_nothing_that_is_larger(tmp_path):
    (tmp_path / "hotshoe-check-a.bin").write_bytes(b"sent")
    (tmp_path / "hotshoe-check-b.bin").write_bytes(b"")
    os.truncate(tmp_path / "hotshoe-check-b.bin", 1 << 40)
    os.mkfifo(tmp_path / "hotshoe-check-c.bin")
    path = str(tmp_path / "hotshoe-check-a.bin")
    digest = hashlib.sha256(b"sent").hexdigest()
    assert looked_for(tmp_path) == {"hotshoe-check-a.bin": Stored(path, digest)}


def test_what_is_swapped_for_something_without_an_end_is_not_waited_for(tmp_path):
    swapped = tmp_path / "hotshoe-check-a.bin"
    os.mkfifo(swapped)
    (tmp_path / "find").write_text(f"#!/bin/sh\nprintf '%s\\0' {swapped}\n")
    (tmp_path / "find").chmod(0o755)
    assert looked_for(tmp_path, 1, f"{tmp_path}:/usr/bin:/bin") == {}
    # Nobody waits for its other end any more.
    with pytest.raises(OSError, match="No such device or address"):
        os.open(swapped, os.O_WRONLY | os.O_NONBLOCK)


# -- asking


def test_a_box_that_cannot_be_asked_is_told_and_never_raises(tmp_path, monkeypatch):
    (tmp_path / "ssh").write_text("#!/bin/sh\necho no route to host >&2; exit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plan = plan_of("home")
    with watching(plan, plan.servers[0]) as look:
        assert all(box.error for box in look.boxes)
        inside = look.read()
    assert [box.name for box in inside.boxes] == ["gateway", "darkroom"]
    assert all("no route to host" in box.error for box in inside.boxes)
    assert all(box.arrived is None for box in inside.boxes)
    assert inside.server is None


def test_a_box_that_is_gone_in_between_is_told(tmp_path, monkeypatch):
    (tmp_path / "ssh").write_text("#!/bin/sh\necho now 5; echo .; echo gone >&2; exit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plan = plan_of("home")
    with watching(plan, plan.servers[0]) as look:
        assert not any(box.error for box in look.boxes)
        inside = look.read()
    assert all("gone" in box.error for box in inside.boxes)
    assert inside.server is None


@pytest.mark.parametrize(
    ("first", "then"),
    [("echo now soon", ":"), ("echo hello", ":"), ("echo now 5", "echo nonsense; echo .; echo x")],
)
def test_a_box_that_makes_no_sense_is_told(tmp_path, monkeypatch, first, then):
    script = f"#!/bin/sh\necho welcome; {first}; echo .; {then}; echo .; read -r x; echo .\n"
    (tmp_path / "ssh").write_text(script)
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plan = plan_of("home")
    with watching(plan, plan.servers[0]) as look:
        inside = look.read()
    assert {box.error for box in inside.boxes} == {
        "gateway: its answer makes no sense",
        "darkroom: its answer makes no sense",
    }
    assert inside.server is None


def test_boxes_by_hand_are_not_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plan = plan_of("by-hand")
    with watching(plan, plan.servers[0]) as look:
        assert [box.name for box in look.read().boxes] == [plan.servers[0].name]


def test_parts_are_read_by_their_names():
    assert read_parts(["part a", "1", "2", "part b"]) == {"a": ["1", "2"], "b": []}
