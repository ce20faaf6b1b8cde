"""An OpenWrt router: a change that cuts its author off undoes itself, as any that fails does.

SSH goes through the router's own firewall here, so who locks himself out is out.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hotshoe.check.inside import watching
from hotshoe.check.model import Packet
from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.changes import foreign
from hotshoe.remote.ssh import Access
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.conftest import SharedStage, bare, deployed
from tests.stage.home import BIN, Home
from tests.stage.test_drift import applies, hosts, hotshoe

ROUTER = "gateway"
IN = "Router | Configure port forwards to the server"
OUT = "Router | Configure routing and masquerading"
LEFTOVERS = "Router | Remove leftovers"
# Until the router puts back a change that nobody confirms; the steps before that take some, too.
SECONDS = 20
# Whoever puts back holds the lock until all is loaded.
UNDONE = "test ! -d /etc/hotshoe/pending && flock /var/lock/hotshoe true"
RULE = "nft list table inet fw4 | grep -c 'hotshoe: cameras'"
# Everything that could be half changed. fw4's reload empties chains; that they are there, and in
# which order, is history.
STATE = (
    "sha256sum /etc/config/*; uci changes; ls /etc/hotshoe; ip route; "
    "nft --stateless list table inet fw4 | grep -v '^.chain \\|^.}$\\|^$' | sort"
)
# Another deploy, with the operations of roles/openwrt alone.
DEPLOY = """
import os, signal
from pyinfra import host
from hotshoe.openwrt.uci.changes import Setting, Wanted
from hotshoe.openwrt.uci.data import Section
from roles.openwrt import change, operations as openwrt

{before}
if host.name == "gateway":
    openwrt.service(name="service")
    openwrt.configuration({wanted}, seconds={seconds}, name="change")
"""


@pytest.fixture
def home(stage: SharedStage) -> Home:
    """A deployed home with an OpenWrt router, as it comes otherwise."""
    return stage.home("test-openwrt", lambda: deployed("test-openwrt", site_name="openwrt"))


@pytest.fixture(autouse=True)
def left_as_found(home: Home) -> Iterator[None]:
    """Whatever a test did, the next one finds a deployed router."""
    before = home.sh(ROUTER, STATE)
    yield
    home.sh(ROUTER, "test ! -d /etc/hotshoe/pending || /etc/init.d/hotshoe rollback")
    if home.sh(ROUTER, STATE) != before:
        home.deploy()


def rule(**options: str) -> str:
    options = {"name": "mine", "proto": "tcp", "target": "REJECT"} | options
    return f'(Wanted("firewall", "mine", (Section("rule", "mine_rule", {options!r}),)),)'


NOTHING = '(Wanted("firewall", "mine"),)'
LOCKED_OUT = rule(src="lan", dest_port="22")
HARMLESS = rule(src="wan", dest_port="12345")


def change(home: Home, wanted: str, before: str = "", seconds: int = 90) -> tuple[int, str]:
    """Run such a deploy, and return its exit status and what it said."""
    text = DEPLOY.format(wanted=wanted, before=before, seconds=seconds)
    (home.project / "change.py").write_text(text)
    done = home.pyinfra("-y", deploy="change.py", check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def change_ours(home: Home) -> None:
    """Damage that the next deploy corrects, and that is nobody else's."""
    home.sh(ROUTER, "uci delete firewall.hotshoe_in_tcp_21_to_192_168_1_10; uci commit firewall")


def until(home: Home, script: str, seconds: float = 120) -> None:
    """Wait until a script succeeds on the router."""
    deadline = time.monotonic() + seconds
    while not home.succeeds(ROUTER, script):
        assert time.monotonic() < deadline, script
        time.sleep(0.2)


def ssh_works(home: Home) -> bool:
    address = home.plan.router(ROUTER).lan.ip
    return home.reach(LAPTOP, address, 22) == ["open"]


@contextmanager
def on_router(home: Home, script: str, undo: str) -> Iterator[None]:
    home.sh(ROUTER, script)
    try:
        yield
    finally:
        home.sh(ROUTER, undo)


# -- drift


def test_drift_and_leftovers_are_told_and_the_next_apply_corrects_them(home: Home) -> None:
    """What was changed by hand, and what an earlier release may have left in any package."""
    home.sh(
        ROUTER,
        "uci set firewall.mine=rule; uci set firewall.mine.src=wan; "
        "uci delete firewall.hotshoe_in_tcp_21_to_192_168_1_10; "
        "uci set firewall.hotshoe_old=redirect; uci set firewall.hotshoe_old.src=wan; "
        "uci set firewall.hotshoe_old.src_dport=2121; uci set firewall.hotshoe_old.proto=tcp; "
        "uci set firewall.hotshoe_old.dest_ip=192.168.1.10; "
        "uci set firewall.hotshoe_old.target=DNAT; uci set firewall.hotshoe_old.dest=lan; "
        "uci set system.hotshoe_old=timeserver; uci commit; fw4 -q reload",
    )
    try:
        done = hotshoe(home, "drift")
        assert done.returncode == 2, done.stdout + done.stderr
        told = hosts(home)[ROUTER]
        assert [each["name"] for each in told["operations"]] == [IN, LEFTOVERS]
        assert told["leftovers"] == ["section firewall.hotshoe_old", "section system.hotshoe_old"]
        applies(home)
        assert not home.succeeds(ROUTER, "uci show | grep hotshoe_old")
        assert not home.succeeds(ROUTER, "nft list table inet fw4 | grep 2121")
        assert home.succeeds(ROUTER, "uci get firewall.mine")
    finally:
        home.sh(ROUTER, "uci delete firewall.mine; uci commit firewall; fw4 -q reload")
    home.uploads_work()


# -- what it leaves alone


def test_sections_of_others_are_what_they_were(home: Home) -> None:
    """But for the two options that docs/hosts.md names."""
    for package in ("firewall", "dhcp"):
        then, now = (
            text.parse(home.sh(ROUTER, f"uci export {path}"))[0].sections
            for path in (f"/etc/hotshoe/first/{package}", package)
        )
        assert then
        others = foreign(text.parse(home.sh(ROUTER, f"uci export {package}"))[0], ("hotshoe",))
        named = {"masq", "auto_helper"} if package == "firewall" else set()
        for before, after in zip(then, others.sections, strict=True):
            assert (before.type, before.name) == (after.type, after.name)
            differing = set(before.options.items()) ^ set(after.options.items())
            assert {option for option, _ in differing} <= named
        assert len(now) > len(then)


def test_files_that_it_has_nothing_to_do_with_are_not_touched(home: Home) -> None:
    files = "cd /etc/config && sha256sum system dropbear network"
    before = home.sh(ROUTER, files)
    home.sh(ROUTER, "uci delete firewall.hotshoe_in_tcp_21_to_192_168_1_10; uci commit firewall")
    assert list(home.deploy()) == [IN]
    assert home.sh(ROUTER, files) == before
    assert not home.sh(ROUTER, "ls /etc/hotshoe/first").split().count("network")


def test_what_others_have_staged_is_shown_and_neither_committed_nor_lost(home: Home) -> None:
    with on_router(home, "uci set system.@system[0].hostname=theirs", "uci revert system"):
        before = home.sh(ROUTER, STATE)
        said = home.refusal()
        assert re.search(r"system\.\S+\.hostname='theirs'", said)
        assert "others have staged changes there" in said
        assert home.sh(ROUTER, STATE) == before
        # The router itself refuses too, should they have come a moment later.
        status, said = change(home, HARMLESS)
        assert status != 0
        assert "others have staged changes" in said
        assert home.sh(ROUTER, STATE) == before


def test_a_port_forward_of_others_works_before_and_after(home: Home) -> None:
    laptop = home.stage.node(LAPTOP).ports[0].address.ip
    mine = (
        "uci set firewall.theirs=redirect; for o in src=wan dest=lan proto=tcp src_dport=8080 "
        f"dest_ip={laptop} target=DNAT; do uci set firewall.theirs.$o; done; "
        "uci commit firewall; fw4 -q reload"
    )
    with on_router(home, mine, "uci delete firewall.theirs; uci commit firewall; fw4 -q reload"):
        assert home.deploy() == {}
        home.sh(ROUTER, "uci delete firewall.hotshoe_in_tcp_21_to_192_168_1_10; uci commit")
        assert list(home.deploy()) == [IN]
        home.uploads_work()
        # Nobody listens there, but the laptop gets the packet.
        home.sh(
            LAPTOP,
            "nft add table inet t; nft 'add chain inet t c { type filter hook input "
            "priority 0; }'; nft add rule inet t c tcp dport 8080 counter reject with tcp reset",
        )
        try:
            home.reach(CAMERA, home.plan.public_address, 8080)
            assert "packets 1 " in home.sh(LAPTOP, "nft list table inet t")
        finally:
            home.sh(LAPTOP, "nft delete table inet t")


# -- idempotent, and corrects what was damaged


def test_a_run_that_changes_nothing_costs_at_most_six_commands(home: Home) -> None:
    """Counted by the router's own login shell."""
    shell = "/root/counting"
    wrap = (
        f"printf '#!/bin/sh\\necho >>/tmp/count\\nexec /bin/ash \"$@\"\\n' >{shell}; "
        f"chmod 755 {shell}; echo {shell} >>/etc/shells; : >/tmp/count; "
        f"sed -i 's|^\\(root:.*:\\)[^:]*$|\\1{shell}|' /etc/passwd"
    )
    undo = "sed -i 's|^\\(root:.*:\\)[^:]*$|\\1/bin/ash|' /etc/passwd"
    with on_router(home, wrap, undo):
        assert home.deploy() == {}
        count = int(home.sh(ROUTER, "wc -l </tmp/count"))
    assert 1 <= count <= 6


def test_a_dry_run_tells_what_would_change_and_changes_nothing(home: Home) -> None:
    home.sh(ROUTER, "uci delete firewall.hotshoe_in_tcp_21_to_192_168_1_10; uci commit firewall")
    before = home.sh(ROUTER, STATE)
    assert home.would_change() == [IN]
    assert home.sh(ROUTER, STATE) == before


DAMAGE = {
    "uci set firewall.hotshoe_in_tcp_21_to_192_168_1_10.enabled=0; uci commit firewall": IN,
    "uci set firewall.hotshoe_in_old=redirect; uci commit firewall": IN,
    "nft flush chain inet fw4 dstnat_wan": IN,
    "fw4 -q stop": IN,
    "uci set firewall.@zone[1].masq=0; uci commit firewall; fw4 -q reload": OUT,
    "uci delete dhcp.hotshoe_out_darkroom; uci commit dhcp": OUT,
    "rm /etc/rc.d/S11hotshoe": "Router | Install the service that rolls back unconfirmed changes",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_corrected(home: Home, damage: str) -> None:
    home.sh(ROUTER, damage)
    assert DAMAGE[damage] in home.deploy()
    assert home.deploy() == {}
    home.uploads_work()


def test_the_server_always_gets_its_address(home: Home) -> None:
    mac = home.stage.node(home.server).ports[0].mac
    told = "cat /var/etc/dnsmasq.conf* /tmp/etc/dnsmasq.conf* 2>/dev/null"
    assert re.search(f"dhcp-host=.*{mac}.*192.168.1.10", home.sh(ROUTER, told), re.IGNORECASE)
    assert offered(home, home.server, mac) == "192.168.1.10"
    assert offered(home, home.server, "02:00:c0:a8:01:0b") not in ("192.168.1.10", "nothing")


# DHCPDISCOVER (RFC 2131), as a device sends it that has no address, and what the answer offers.
DISCOVER = """
import socket, struct, sys, time
mac = bytes.fromhex(sys.argv[1].replace(":", ""))
head = struct.pack("!4BIHH16x", 1, 1, 6, 0, 0x686F7473, 0, 0x8000) + mac + bytes(202)
dhcp = head + bytes.fromhex("63825363 350101 ff") + bytes(60)
udp = struct.pack("!4H", 68, 67, 8 + len(dhcp), 0) + dhcp
ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + bytes(4) + b"\\xff" * 4
total = sum(struct.unpack("!10H", ip))
total = (total & 65535) + (total >> 16)
ip = ip[:10] + struct.pack("!H", ~total & 65535) + ip[12:]
line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
line.bind(("eth0", 0x0800))
line.settimeout(0.5)
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    line.send(b"\\xff" * 6 + mac + b"\\x08\\0" + ip + udp)
    try:
        while True:
            got = line.recv(2000)[14:]
            start = (got[0] & 15) * 4
            ports, answer = struct.unpack("!2H", got[start:start + 4]), got[start + 8:]
            if got[9] == 17 and ports == (67, 68) and answer[28:34] == mac:
                sys.exit(print(socket.inet_ntoa(answer[16:20])))
    except TimeoutError:
        pass
print("nothing")
"""


def offered(home: Home, node: str, mac: str) -> str:
    """The address that a device with this hardware address is offered by DHCP."""
    enter = ["nsenter", f"--target={podman.pid(home.stage.container(node))}", "--net"]
    return podman.run(*enter, "/usr/bin/python3", "-c", DISCOVER, mac).strip()


def test_what_the_site_no_longer_says_goes(home: Home) -> None:
    with home.saying("lan: 192.168.1.1/24", "lan: 192.168.1.1/24, open_to_wan: [2222/tcp]"):
        assert "own" in home.sh(ROUTER, "uci show firewall | grep hotshoe_in_own")
    with home.saying(', mac: "02:00:c0:a8:01:0a"', ""):
        assert not home.succeeds(ROUTER, "uci -q get dhcp.hotshoe_out_darkroom")
    assert home.deploy() == {}
    assert not home.succeeds(ROUTER, "uci show firewall | grep -q hotshoe_in_own")


@pytest.mark.parametrize("release", ["23.05.5", "25.12.0"])
def test_other_releases_are_deployed_to_as_well(home: Home, release: str) -> None:
    """As far as the stand-in plays them, and a given root filesystem lets itself be called so."""
    with on_router(home, KEPT_RELEASE + RELEASE.format(release), BACK):
        home.sh(ROUTER, "uci delete firewall.hotshoe_in_tcp_21_to_192_168_1_10; uci commit")
        assert list(home.deploy()) == [IN]
        assert home.deploy() == {}


# -- a change undoes itself


def test_a_change_that_locks_its_author_out_is_undone_at_once(home: Home) -> None:
    """Over the old connection, which the new rules still let through."""
    before = home.sh(ROUTER, STATE)
    status, said = change(home, LOCKED_OUT)
    assert status != 0
    assert "a new SSH connection fails" in said
    assert "the router is as it was" in said
    assert home.sh(ROUTER, STATE) == before
    assert ssh_works(home)


def test_without_that_connection_the_router_undoes_it_by_itself(home: Home) -> None:
    before = home.sh(ROUTER, STATE)
    assert change(home, LOCKED_OUT, before=POINTS["when it is live"], seconds=40)[0] == -9
    assert not ssh_works(home), "it really is locked out"
    until(home, UNDONE)
    assert "hotshoe: a change was not confirmed: rolling back" in home.sh(ROUTER, "logread")
    assert ssh_works(home)
    assert home.sh(ROUTER, STATE) == before
    home.uploads_work()


# Found first; the confirmation calls it after the rename that decides, and is given up meanwhile.
SLOW_SYNC = (
    "printf '#!/bin/sh\\ntest ! -e /etc/hotshoe/gone || sleep 25\\n' >/usr/sbin/sync; "
    "chmod 755 /usr/sbin/sync"
)


def test_a_confirmed_change_whose_answer_is_lost_is_told_to_stay(home: Home) -> None:
    with on_router(home, SLOW_SYNC, "rm /usr/sbin/sync"):
        status, said = change(home, HARMLESS, seconds=20)
    assert status != 0
    assert "this change was confirmed already, and stays" in said
    assert "the router is as it was" not in said
    assert home.sh(ROUTER, "uci get firewall.mine_rule.dest_port").strip() == "12345"
    assert change(home, NOTHING)[0] == 0


def test_a_change_of_another_s_zone_that_locks_out_is_undone_too(home: Home) -> None:
    before = home.sh(ROUTER, STATE)
    drop = '(Wanted("firewall", "mine", (), (Setting("@zone[0]", "input", "DROP"),)),)'
    status, _ = change(home, drop, seconds=SECONDS)
    assert status != 0
    until(home, UNDONE)
    assert ssh_works(home)
    assert home.sh(ROUTER, STATE) == before


BAD = {
    "an unknown zone": (rule(src="lam", dest_port="22"), "'lam'"),
    "an address that is none": (rule(src="wan", dest_ip="192.168.1.300"), "192.168.1.300"),
    "an unknown option": (
        rule(src="wan", dest_port="1", destport="2"),
        "unknown option 'destport'",
    ),
    "a route to nowhere": (
        '(Wanted("network", "mine", (Section("route", "mine_r", {"interface": "lan", "target": '
        '"10.99.0.0/24", "gateway": "10.98.0.1"}),)),)',
        "the route to 10.99.0.0/24 by 10.98.0.1 is not in force",
    ),
    "a section that is not there": (
        '(Wanted("firewall", "mine", (), (Setting("@zone[7]", "masq", "1"),)),)',
        "@zone[7]",
    ),
    "a firewall that nft refuses": (rule(src="wan", proto="nosuch"), "nosuch"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_fw4_or_netifd_would_leave_out_silently_is_refused(home: Home, what: str) -> None:
    wanted, message = BAD[what]
    before = home.sh(ROUTER, STATE)
    status, said = change(home, wanted)
    assert status != 0
    assert message in said
    assert home.sh(ROUTER, STATE) == before
    assert ssh_works(home)


# -- files that somebody changed and did not load

REJECTED = (
    "uci set firewall.theirs=rule; for o in name=theirs src=lan proto=tcp dest_port=22 "
    "target=REJECT; do uci set firewall.theirs.$o; done; uci commit firewall"
)
ACCEPTED = "uci delete firewall.theirs; uci commit firewall"
THEIRS = "/etc/nftables.d/50-theirs.nft"
DROPPING = (
    "chain theirs { type filter hook input priority -5; policy accept; iifname eth1 tcp dport 22 "
    "drop; }"
)
MOVED = "uci set network.lan.ipaddr=192.168.77.1; uci commit network"
MOVED_BACK = "uci set network.lan.ipaddr=192.168.1.1; uci commit network"
DRIFT = {
    "a rule": (
        REJECTED,
        ACCEPTED,
        "firewall, chain input_lan: in the files, but not in force: tcp dport 22 counter jump "
        'handle_reject comment "!fw4: theirs"',
    ),
    "a policy": (
        "uci set firewall.@zone[0].input=DROP; uci commit firewall",
        "uci set firewall.@zone[0].input=ACCEPT; uci commit firewall",
        "firewall, chain input_lan: in the files, but not in force: jump drop_from_lan",
    ),
    "a file in nftables.d": (
        f"echo '{DROPPING}' >{THEIRS}",
        f"rm {THEIRS}",
        'firewall, chain theirs: in the files, but not in force: iifname "eth1" tcp dport 22 drop',
    ),
    "a rule that is gone": (
        f"{REJECTED}; uci set firewall.theirs.target=ACCEPT; uci commit; fw4 -q reload; {ACCEPTED}",
        "fw4 -q reload",
        "firewall, chain input_lan: in force, but no longer in the files: tcp dport 22 counter "
        'accept comment "!fw4: theirs"',
    ),
    "an address": (
        MOVED,
        MOVED_BACK,
        "network.lan.ipaddr: 192.168.77.1/24 in the file, but 192.168.1.1/24 in force",
    ),
    "a route": (
        "uci set network.theirs=route; for o in interface=lan target=10.5.0.0/16 "
        "gateway=192.168.1.10; do uci set network.theirs.$o; done; uci commit network",
        "uci delete network.theirs; uci commit network",
        "network.lan: in the file, but not in force: the route to 10.5.0.0/16 by 192.168.1.10",
    ),
}


@pytest.mark.parametrize("what", DRIFT)
def test_what_somebody_changed_and_did_not_load_is_not_put_into_force(
    home: Home, what: str
) -> None:
    script, undo, message = DRIFT[what]
    with on_router(home, script, undo):
        change_ours(home)
        before = home.sh(ROUTER, STATE)
        said = home.refusal()
        assert message in said
        assert "Load them at the router" in said
        assert home.sh(ROUTER, STATE) == before
        assert ssh_works(home)


def test_where_nothing_has_to_be_changed_a_difference_is_told(home: Home) -> None:
    script, undo, message = DRIFT["a rule"]
    with on_router(home, script, undo):
        before = home.sh(ROUTER, STATE)
        done = home.pyinfra("-y")
        assert message in " ".join((done.stdout + done.stderr).split())
        assert home.sh(ROUTER, STATE) == before


def test_operations_without_a_site_refuse_a_difference_as_well(home: Home) -> None:
    script, undo, message = DRIFT["a rule"]
    with on_router(home, script, undo):
        before = home.sh(ROUTER, STATE)
        status, said = change(home, HARMLESS)
        assert status != 0
        assert message in " ".join(said.split())
        assert home.sh(ROUTER, STATE) == before


# As if the comparison had found nothing.
UNSEEN = "change.drift_of = lambda *_: ()"
OF_BOTH = (
    '(Wanted("firewall", "mine", (Section("rule", "mine_rule", {"name": "mine", "src": "wan", '
    '"proto": "tcp", "dest_port": "12345", "target": "REJECT"}),)), '
    'Wanted("network", "mine", (Section("route", "mine_route", {"interface": "lan", '
    '"target": "10.99.0.0/24", "gateway": "192.168.1.10"}),)))'
)


def test_a_rule_that_only_the_files_had_is_not_in_force_after_a_change_was_put_back(
    home: Home,
) -> None:
    with on_router(home, REJECTED, ACCEPTED):
        before = home.sh(ROUTER, STATE)
        status, said = change(home, HARMLESS, before=UNSEEN, seconds=40)
        assert status != 0
        assert "a new SSH connection fails" in said
        until(home, UNDONE)
        assert ssh_works(home)
        assert home.sh(ROUTER, STATE) == before


def test_a_rule_that_only_the_files_had_is_not_put_into_force_by_a_change_that_was_only_staged(
    home: Home,
) -> None:
    wanted, message = BAD["an unknown zone"]
    with on_router(home, REJECTED, ACCEPTED):
        before = home.sh(ROUTER, STATE)
        status, said = change(home, wanted, before=UNSEEN)
        assert status != 0
        assert message in said
        assert ssh_works(home)
        assert home.sh(ROUTER, STATE) == before


def test_the_router_keeps_its_address_when_a_change_is_put_back(home: Home) -> None:
    """Although the file, which is put back too, had another one before."""
    with on_router(home, MOVED, MOVED_BACK):
        status, _ = change(home, OF_BOTH, before=UNSEEN, seconds=SECONDS)
        assert status != 0
        until(home, UNDONE)
        assert ssh_works(home)
    home.sh(ROUTER, "/etc/init.d/network reload")
    until(home, "! ip address show dev eth1 | grep -q 192.168.77.1")
    assert ssh_works(home)


# As when memory is short.
NO_LIST = """
nft=$(which nft); mv $nft $nft.real
printf '#!/bin/sh\ntest "$*" != "--terse list table inet fw4" && exec %s.real "$@"\n' $nft >$nft
chmod 755 $nft
"""
LIST = "nft=$(which nft); mv $nft.real $nft"


def test_a_firewall_that_nft_fails_to_list_is_still_there_after_a_change_was_put_back(
    home: Home,
) -> None:
    """A router whose firewall was not loaded is left without one; this was another."""
    with on_router(home, NO_LIST, LIST):
        before = home.sh(ROUTER, STATE)
        status, said = change(home, LOCKED_OUT)
        assert status != 0
        assert "the router is as it was" in said
        assert home.sh(ROUTER, STATE) == before
        assert ssh_works(home)


# What others do in fw4's table while it is in force, as miniupnpd, dnsmasq and banIP do.
OTHERS = """
cat >/etc/nftables.d/60-others.nft <<'.'
set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
set fixed { type ipv4_addr; elements = { 198.51.100.7 } }
chain upnp_forward { }
chain others { type filter hook forward priority -1; policy accept;
	tcp flags syn add @seen { ip saddr limit rate 5/second } counter
	ip saddr @fixed counter drop
	ip protocol { icmp, udp } meta mark { 1, 2, 7 } counter # "}" in a comment
	jump upnp_forward
}
.
fw4 -q reload
nft add rule inet fw4 upnp_forward tcp dport 4711 counter accept
nft insert rule inet fw4 forward_wan tcp dport 4712 counter accept
nft add element inet fw4 seen { 198.51.100.8 }
nft add element inet fw4 fixed { 198.51.100.9 }
nft add table inet banIP
"""
OTHERS_GONE = """
rm /etc/nftables.d/60-others.nft; nft delete table inet banIP
nft delete table inet fw4; rm /var/run/fw4.state; fw4 -q start
"""


def test_what_others_do_to_the_firewall_while_it_runs_is_no_difference_and_is_not_lost(
    home: Home,
) -> None:
    with on_router(home, OTHERS, OTHERS_GONE):
        done = home.pyinfra("-y")
        assert "in force" not in done.stdout + done.stderr
        before = home.sh(ROUTER, f"{STATE}; nft list set inet fw4 fixed")
        status, said = change(home, LOCKED_OUT)
        assert status != 0
        assert "the router is as it was" in said
        assert home.sh(ROUTER, f"{STATE}; nft list set inet fw4 fixed") == before
        assert "198.51.100.9" in before


def test_a_look_leaves_nothing_in_the_kernel(home: Home) -> None:
    home.deploy()
    assert "hotshoe" not in home.sh(ROUTER, "nft list tables")


# -- killed, cut off, without power

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
PATCH = """
def dies(step):
    method = getattr(change.Change, step)
    def wrapped(self, state, host):
        {order}
    setattr(change.Change, step, wrapped)
dies({step!r})
"""
BEFORE, AFTER = f"{KILL}; return method(self, state, host)", f"method(self, state, host); {KILL}"
POINTS = {
    "before it is staged": PATCH.format(step="stage", order=BEFORE),
    "when it is staged": PATCH.format(step="stage", order=AFTER),
    "when it is live": PATCH.format(step="apply", order=AFTER),
    "when it is confirmed": PATCH.format(step="confirm", order=AFTER),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_deploy_that_is_killed_leaves_all_of_the_old_or_all_of_the_new(
    home: Home, point: str
) -> None:
    before = home.sh(ROUTER, STATE)
    seconds = 90 if point == "when it is confirmed" else SECONDS
    status, _ = change(home, HARMLESS, before=POINTS[point], seconds=seconds)
    assert status == -9
    if point == "when it is confirmed":
        assert home.sh(ROUTER, "nft list table inet fw4").count("!fw4: mine") == 1
        assert change(home, NOTHING)[0] == 0
    until(home, UNDONE)
    assert home.sh(ROUTER, STATE) == before
    assert ssh_works(home)


@pytest.mark.parametrize("point", ["when it is staged", "when it is live"])
def test_the_next_deploy_need_not_wait_for_the_timer(home: Home, point: str) -> None:
    assert change(home, HARMLESS, before=POINTS[point], seconds=600)[0] == -9
    assert home.succeeds(ROUTER, "test -d /etc/hotshoe/pending")
    status, said = change(home, HARMLESS)
    assert status == 0, said
    assert home.sh(ROUTER, "nft list table inet fw4").count("!fw4: mine") == 1
    assert not home.succeeds(ROUTER, "test -d /etc/hotshoe/pending")
    assert change(home, NOTHING)[0] == 0
    home.uploads_work()


@pytest.mark.parametrize("point", ["when it is staged", "when it is live"])
def test_a_power_cut_in_the_middle_leaves_all_of_the_old(home: Home, point: str) -> None:
    before = home.sh(ROUTER, STATE)
    assert change(home, HARMLESS, before=POINTS[point], seconds=600)[0] == -9
    home.stage.reboot(ROUTER)
    assert home.sh(ROUTER, STATE) == before
    home.uploads_work()
    assert home.deploy() == {}


def test_a_power_cut_after_it_leaves_all_of_the_new(home: Home) -> None:
    assert change(home, HARMLESS)[0] == 0
    home.stage.reboot(ROUTER)
    assert home.sh(ROUTER, "nft list table inet fw4").count("!fw4: mine") == 1
    assert change(home, NOTHING)[0] == 0


def test_one_command_puts_back_what_was_before_hotshoe() -> None:
    for home in bare("test-openwrt-bare", site_name="openwrt"):
        files = "cd /etc/config && sha256sum *"
        before = home.sh(ROUTER, files)
        home.deploy()
        home.equip(CAMERA)
        home.uploads_work()
        assert home.sh(ROUTER, files) != before
        home.sh(ROUTER, "/etc/init.d/hotshoe restore")
        assert home.sh(ROUTER, files) == before
        until(home, f"! {RULE}")
        assert home.reach(CAMERA, home.plan.public_address, 21) != ["open"]
        assert IN in home.deploy()
        home.uploads_work()


# -- a connection that dies without a word

# Seconds: nothing heard for 20, asked every 5, a new connection is given 10 to 25 more.
BOUND = 75
ORDINARY = """
from pyinfra import host
from pyinfra.operations import server

if host.name == {name!r}:
    server.shell(name="long", commands=["echo $$ >/root/begun; exec sleep 600"])
"""
SILENT = """
import subprocess
def silenced(self, state, host):
    subprocess.run({command!r}, check=True)
    return apply(self, state, host)
apply, change.Change.apply = change.Change.apply, silenced
"""


def through(home: Home, name: str, way: str) -> list[str]:
    """pyinfra for one host, by a ProxyCommand, or over TCP from the laptop's network."""
    arguments = home.stage.pyinfra_arguments()
    command = [str(BIN / "pyinfra"), "-y", "--limit", name, *arguments]
    if way == "TCP":
        config = home.project / "over-tcp"
        said = home.stage.ssh_config.read_text().splitlines()
        config.write_text("\n".join(line for line in said if "ProxyCommand" not in line))
        process = podman.pid(home.stage.container(LAPTOP))
        command = ["nsenter", f"--target={process}", "--net", *command]
        command[command.index("--data") + 1] = f"ssh_config_file={config}"
    return command


@pytest.mark.parametrize(
    ("name", "way"), [(ROUTER, "a ProxyCommand"), (ROUTER, "TCP"), ("darkroom", "a ProxyCommand")]
)
def test_an_ordinary_command_ends_with_its_connection(home: Home, name: str, way: str) -> None:
    (home.project / "ordinary.py").write_text(ORDINARY.format(name=name))
    container = home.stage.container(name)
    command = [*through(home, name, way), "inventories/openwrt.py", "ordinary.py"]
    with subprocess.Popen(
        command, cwd=home.project, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not home.succeeds(name, "test -s /root/begun"):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            podman.run("podman", "pause", container)
            said, _ = process.communicate(timeout=BOUND)
        finally:
            process.kill()
            podman.run("podman", "unpause", container, check=False)
            home.sh(name, "kill $(cat /root/begun); rm /root/begun")
    assert process.returncode == 1
    assert f"{name}: nothing was heard of it for 20 seconds" in said
    assert "Traceback" not in said


CUTS = {
    "its power": (["podman", "pause"], ["podman", "unpause"], []),
    "its cable": (["podman", "exec"], ["podman", "exec"], ["ip", "link", "set", "eth1"]),
}


@pytest.mark.parametrize(("what", "way"), [("its power", "a ProxyCommand"), ("its cable", "TCP")])
def test_a_change_ends_in_its_time_when_the_router_loses(home: Home, what: str, way: str) -> None:
    before = home.sh(ROUTER, STATE)
    cut, restore, arguments = CUTS[what]
    container = home.stage.container(ROUTER)
    command = [*cut, container, *arguments, *(["down"] if arguments else [])]
    text = DEPLOY.format(wanted=HARMLESS, before=SILENT.format(command=command), seconds=40)
    (home.project / "change.py").write_text(text)
    try:
        done = subprocess.run(
            [*through(home, ROUTER, way), "inventories/openwrt.py", "change.py"],
            cwd=home.project, text=True, capture_output=True, check=False, timeout=BOUND + 30,
        )  # fmt: skip
    finally:
        podman.run(*restore, container, *arguments, *(["up"] if arguments else []), check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "a new SSH connection fails" in said
    assert "the router rolls back by itself within 40 seconds" in said
    assert "Traceback" not in said
    until(home, UNDONE)
    until(home, "ip route | grep -q default")
    assert home.sh(ROUTER, STATE) == before
    assert ssh_works(home)


# -- a router that is not as it should be

FULL = (
    "rm -rf /tmp/full && cp -pR /etc/config /tmp/full && "
    "mount -t tmpfs -o size=100k tmpfs /etc/config && cp -p /tmp/full/* /etc/config/"
)
RELEASE = "sed -i \"s/^DISTRIB_RELEASE=.*/DISTRIB_RELEASE='{}'/\" /etc/openwrt_release"
KEPT_RELEASE = "cp /etc/openwrt_release /tmp/release; "
BACK = "cp /tmp/release /etc/openwrt_release"
UNFIT = {
    "another system": (
        KEPT_RELEASE + "sed -i \"s/^DISTRIB_ID=.*/DISTRIB_ID='DD-WRT'/\" /etc/openwrt_release",
        BACK,
        "runs DD-WRT",
    ),
    "an old release": (
        KEPT_RELEASE + RELEASE.format("22.03.5"),
        BACK,
        "runs OpenWrt 22.03.5; hotshoe knows 23.05, 24.10, 25.12",
    ),
    "a snapshot": (
        KEPT_RELEASE + RELEASE.format("SNAPSHOT"),
        BACK,
        "runs OpenWrt SNAPSHOT",
    ),
    "no fw4": ("mv /sbin/fw4 /sbin/fw4.away", "mv /sbin/fw4.away /sbin/fw4", "lacks fw4"),
    "a read-only overlay": (
        "mount --bind /etc/config /etc/config && mount -o remount,ro,bind /etc/config",
        "umount /etc/config",
        "its /etc/config cannot be written to",
    ),
    "a zone that nobody is in": (
        "cp /etc/config/firewall /tmp/firewall; uci del_list firewall.@zone[0].network=lan; "
        "uci commit firewall",
        "cat /tmp/firewall >/etc/config/firewall",
        "its interface lan (eth1) is in no firewall zone; the zones are lan, wan",
    ),
    "a broken firewall file": (
        'cp /etc/config/firewall /tmp/firewall; echo "config rule \'x" >>/etc/config/firewall',
        "cat /tmp/firewall >/etc/config/firewall",
        "/etc/config/firewall",
    ),
    "no WAN": (
        # The rules as they are without it, since an event that comes late may load them meanwhile.
        "ifdown wan; while ip route | grep -q default; do sleep 1; done; fw4 -q reload",
        "ifup wan",
        "has no default route, and wan is down",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_router_that_does_not_fit_is_refused_before_anything_changes(
    home: Home, what: str
) -> None:
    script, undo, message = UNFIT[what]
    with on_router(home, script, undo):
        before = home.sh(ROUTER, STATE)
        assert message in home.refusal()
        assert home.sh(ROUTER, STATE) == before
    if what == "no WAN":
        until(home, "ip route | grep -q default")


def test_a_full_overlay_is_refused_before_anything_changes(home: Home) -> None:
    with on_router(home, FULL, "umount /etc/config"):
        before = home.sh(ROUTER, STATE)
        status, said = change(home, HARMLESS)
        assert status != 0
        assert "KiB are free for /etc/config; 128 KiB are needed" in said
        assert home.sh(ROUTER, STATE) == before


def test_a_check_looks_at_a_router_and_leaves_nothing_there(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.project)
    left = "nft list tables | grep 'hotshoe[_]check'; ps | grep -E '=hotshoe[_]check|slee[p] 1800'"
    camera = str(home.stage.node(CAMERA).ports[0].address.ip)
    with watching(home.plan, home.server_plan, Access(home.stage.ssh_config)) as look:
        assert home.reach(CAMERA, home.public, 21) == ["open"]
        router, _ = look.read().boxes
        assert home.succeeds(ROUTER, left)
    assert (router.error, router.stale, router.helper) == ("", (), False)
    assert router.arrived == router.passed == {Packet(camera, 21)}
    assert not home.succeeds(ROUTER, left)
    # The connection is gone, without a word.
    with watching(home.plan, home.server_plan, Access(home.stage.ssh_config)) as look:
        last = r"ps | sed -n 's/^ *\([0-9]*\) .*[d]ropbear -P.*/\1/p' | sort -n | tail -n 1"
        home.sh(ROUTER, f"kill -9 $({last})")
        router, _ = look.read().boxes
        assert router.error
    deadline = time.monotonic() + 5
    while home.succeeds(ROUTER, left):
        assert time.monotonic() < deadline
        time.sleep(0.2)
