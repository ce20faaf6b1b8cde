"""What is read from an OpenWrt router.

``facts/NAME.txt`` is what the command of ``Router`` printed on OpenWrt 24.10 (and once on Debian),
``facts/NAME.json`` what that means, packages and rules in short. To record one anew, run
``Router().command()`` there with ``sh``. ``release_25_12_0`` is 24.10 that says it is
another.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections import Counter
from typing import Any

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.openwrt import paths
from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.render import render
from roles.openwrt import facts
from roles.openwrt.facts import Board, Router, RouterState
from roles.openwrt.facts.packages import read_package_manager
from roles.openwrt.facts.script import split_parts
from roles.openwrt.facts.secret_options import NAMES, is_secret
from tests.conftest import PROJECT
from tests.operations.openwrt.conftest import FACTS, recorded, recording

RECORDED = sorted(path.stem for path in FACTS.glob("*.txt"))


def in_short(state: RouterState) -> dict[str, Any]:
    """A state as the expectations have it."""
    return {
        "board": vars(state.board),
        "missing": list(state.missing),
        "writable": state.writable,
        "changes": list(state.changes),
        "pending": state.pending,
        "types": {
            name: dict(sorted(Counter(section.type for section in package.sections).items()))
            for name, package in state.packages.items()
        },
        "ours": [
            f"{name}.{section.name}"
            for name, package in state.packages.items()
            for section in package.sections
            if section.name and section.name.startswith("hotshoe_")
        ],
        "interfaces": {
            each.name: [each.device, each.up, *map(str, each.addresses), each.default]
            for each in state.interfaces
        },
        "our rules": [line for line in state.rules if "hotshoe: " in line],
        "routes": dict(state.routes),
        "digests": sorted(state.digests),
        "enabled": state.enabled,
        "running": sorted(state.running),
    }


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_is_read_correctly(name):
    assert in_short(recorded(name)) == json.loads((FACTS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_packages_are_read_completely(name):
    said = split_parts(recording(name))
    for package, read in recorded(name).packages.items():
        written = "\n".join([*said[f"uci {package}"], ""])
        assert text.render(read) == (written if read.sections else f"package {package}\n\n")


def test_every_recording_has_its_expectation():
    assert sorted(path.stem for path in FACTS.glob("*.json")) == RECORDED
    assert len(RECORDED) >= 10


def test_truncated_output_is_refused():
    """As pyinfra does at a line that is not UTF-8."""
    cut = recording("fresh")
    del cut[cut.index("config zone") + 1 :]
    with pytest.raises(HotshoeError) as told:
        Router().process(cut)
    assert str(told.value) == (
        "what the router says of uci firewall ends too early; is a character there that is not "
        "UTF-8?"
    )


def test_a_silent_router_is_unknown():
    assert Router().process([]) == Router.default().__class__(writable=False)
    assert Router.default() == RouterState()


# -- a change that waits to be confirmed


@pytest.mark.parametrize("name", ["killed_after_staging", "killed_before_confirming"])
def test_packages_are_those_from_before_an_unconfirmed_change(name):
    """In both a second lease is on its way, of which only /etc/config/dhcp was kept."""
    waiting, before = recorded(name), recorded("deployed")
    assert waiting.pending == "0badcafe"
    assert waiting.packages == before.packages
    assert [each.name for each in waiting.packages["dhcp"].of_type("host")] == [
        "hotshoe_out_darkroom"
    ]


def test_staged_lines_of_an_unconfirmed_change_are_told():
    assert recorded("killed_after_staging").changes[0] == "dhcp.hotshoe_out_studio='host'"
    assert recorded("killed_before_confirming").changes == ()


def test_each_package_is_read_from_its_kept_file_if_there_is_one(tmp_path):
    """The shell decides, package by package."""
    kept = tmp_path / "config"
    kept.mkdir()
    (kept / "dhcp").touch()
    command = Router().command(("dhcp", "network")).replace(paths.PENDING, str(tmp_path))
    # Only packages, by a uci that says what it was asked for.
    script = re.sub(r"for part in .*;", "for part in ;", command)
    script = script.replace("for part", 'uci() { echo "$*"; }\nfor part')
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "@@hotshoe uci dhcp",
        f"-q export {kept}/dhcp",
        "@@hotshoe uci network",
        "-q export network",
        "@@hotshoe end",
    ]


# -- secrets


def test_no_password_or_key_leaves_the_router():
    """On the router they were p@ss "w0rd, SECRETKEY and OTHERKEY."""
    for line in recording("with_passwords"):
        assert not re.search("w0rd|SECRET|OTHER", line)
    vpn = recorded("with_passwords").packages["network"].section("vpn")
    assert vpn == Section(
        "interface",
        "vpn",
        {
            "proto": "pppoe",
            "username": "me",
            "password": "hidden",
            "private_key": "hidden",
            "preshared_key": ("hidden",),
            "auto": "0",
        },
    )


SECRETS = render("openwrt/secrets.sh.j2", secret_names=NAMES)


def hide(lines):
    done = subprocess.run(
        ["sh", "-c", f"{SECRETS}hide"], input=lines, text=True, capture_output=True, check=True
    )
    return done.stdout.removesuffix("\n")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\toption key 'c2VjcmV0'", "\toption key 'hidden'"),
        ("\toption wpa_psk 'it'\\''s'", "\toption wpa_psk 'hidden'"),
        ("\tlist sae_password 'x'", "\tlist sae_password 'hidden'"),
        ("\toption pincode '1234'", "\toption pincode 'hidden'"),
        ("\toption api_token ''", "\toption api_token 'hidden'"),
        ("\toption keyfile '/etc/x'", "\toption keyfile 'hidden'"),
        ("\toption pass 'x'", "\toption pass 'hidden'"),
        ("\toption key1 'x'", "\toption key1 'hidden'"),
        ("\toption passphrase_backup 'x'", "\toption passphrase_backup 'hidden'"),
        ("\toption Secret_Word 'x'", "\toption Secret_Word 'hidden'"),
        ("\toption wpapsk2 'x'", "\toption wpapsk2 'hidden'"),
        ("\tlist token_list 'x'", "\tlist token_list 'hidden'"),
        ("\toption sim_pin_2 'x'", "\toption sim_pin_2 'hidden'"),
        ("\toption pin '1'", "\toption pin 'hidden'"),
        ("\toption spinning '1'", "\toption spinning '1'"),
        ("\toption keepalive '5 10'", "\toption keepalive '5 10'"),
        ("\toption pinned '1'", "\toption pinned '1'"),
        ("\toption name 'the key'", "\toption name 'the key'"),
        ("config key 'password'", "config key 'password'"),
    ],
)
def test_options_are_hidden_by_their_names(line, shown):
    assert hide(line) == shown


def test_a_secret_of_several_lines_is_hidden_to_its_end():
    exported = "\toption key 'one\nit'\\''s\n\toption two'\n\toption mtu '1492'"
    assert hide(exported) == "\toption key 'hidden'\n\toption mtu '1492'"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("network.wan.password='it'\\''s\nlong'", "network.wan.password='hidden'"),
        ("wireless.default_radio0.key='x'", "wireless.default_radio0.key='hidden'"),
        ("network.vpn.token+='x'", "network.vpn.token+='hidden'"),
        ("-network.wan.password", "-network.wan.password"),
        ("wireless.radio0.key3='x'", "wireless.radio0.key3='hidden'"),
        (
            "firewall.hotshoe_in_pass_tcp.name='passage'",
            "firewall.hotshoe_in_pass_tcp.name='passage'",
        ),
        ("firewall.@rule[1].name='the.a.key=b'", "firewall.@rule[1].name='the.a.key=b'"),
    ],
)
def test_staged_lines_are_shown_without_secrets(line, shown):
    assert hide(line) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "[!] Section x (y) option 'mykey2' specifies invalid value 'c2Vj'",
            "[!] Section x (y) option 'mykey2' specifies invalid value (hidden)",
        ),
        (
            "[!] Section x option 'dest_ip' specifies invalid value '192.168.1.300'",
            "[!] Section x option 'dest_ip' specifies invalid value '192.168.1.300'",
        ),
    ],
)
def test_messages_of_fw4_are_shown_without_secrets(line, shown):
    done = subprocess.run(
        ["sh", "-c", f"{SECRETS}hide_in_messages"],
        input=line,
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout.rstrip() == shown


def test_no_option_that_hotshoe_itself_sets_or_reads_is_hidden(gateway):
    """Every literal of the modules that do, whatever it is there for."""
    folder = PROJECT / "hotshoe" / "openwrt"
    texts = "".join(path.read_text() for path in folder.rglob("*.py") if "uci" not in path.parts)
    found = re.findall(r'"(\w+)"|\b(\w+)=', texts)
    names = {name for pair in found for name in pair if name} - {"key"}  # a parameter of sorted()
    assert {"src_dport", "ipaddr", "auto_helper", "masq"} <= names
    assert not [name for name in names if is_secret(name)]


# -- the parts


@pytest.mark.parametrize(
    ("release", "board"),
    [
        (["DISTRIB_ID='OpenWrt'", "DISTRIB_RELEASE='23.05.5'"], Board("OpenWrt", "23.05.5", "")),
        (["DISTRIB_ID='OpenWrt'", "DISTRIB_RELEASE='SNAPSHOT'"], Board("OpenWrt", "SNAPSHOT", "")),
        (['NAME="Ubuntu"', 'VERSION_ID="24.04"', "", "no pair"], Board("Ubuntu", "24.04", "")),
        ([], Board()),
    ],
)
def test_the_release_is_what_the_file_says(release, board):
    assert facts.RouterBoard().process(["@@hotshoe release", *release]) == board


def test_the_model_is_what_ubus_says():
    said = recording("fresh")
    assert facts.RouterBoard().process(said).model == "Generic x86/64 (container)"
    for nonsense in ("Command failed: Not found", "[]", "{"):
        board = facts.RouterBoard().process(["@@hotshoe board", nonsense])
        assert board == Board()


@pytest.mark.parametrize(
    ("said", "manager"), [(["/bin/opkg"], "opkg"), (["/usr/bin/apk"], "apk"), ([], "")]
)
def test_the_package_manager_is_known_by_its_program(said, manager):
    assert read_package_manager(said) == manager


@pytest.mark.parametrize(
    "said",
    [
        ["busybox - 1.36.1-r2", "dnsmasq - 2.90-r4", ""],
        ["busybox 1.37.0-r6", "dnsmasq 2.91-r1"],
    ],
    ids=["opkg", "apk"],
)
def test_packages_are_known_by_name_whoever_lists_them(said):
    said = ["@@hotshoe installed_packages", *said]
    assert facts.InstalledPackages().process(said) == {"busybox", "dnsmasq"}


def test_staged_changes_are_told_as_uci_tells_them():
    said = ["firewall.cfg01e63d.syn_flood='0'", "", "-network.vpn"]
    assert facts.UciChanges().process(["@@hotshoe changes", *said]) == (said[0], said[2])


def test_packages_alone_are_read_without_the_rest():
    assert "for package in dhcp absent;" in facts.UciPackages().command(("dhcp", "absent"))
    said = ["@@hotshoe uci dhcp", "package dhcp", "config host 'a'", "@@hotshoe uci absent"]
    assert facts.UciPackages().process(said) == {
        "dhcp": Package("dhcp", (Section("host", "a", {}),)),
        "absent": Package("absent"),
    }


def test_zones_have_their_devices():
    said = ["lan br-lan eth1.3", "wan pppoe-wan", "empty", ""]
    assert facts.ZoneDevices().process(["@@hotshoe zone_devices", *said]) == {
        "lan": ("br-lan", "eth1.3"),
        "wan": ("pppoe-wan",),
        "empty": (),
    }


def test_the_first_of_several_routes_to_a_network_counts():
    said = [
        "@@hotshoe routes",
        "10.0.0.0/24 via 192.168.1.2 dev eth1",
        "10.0.0.0/24 via 192.168.1.9 dev eth1 metric 9",
        "10.1.0.0/24 dev eth1 scope link",
        "10.2.0.7 via 192.168.1.3 dev eth1",
        "default via 203.0.113.1 dev eth0",
        "default via fe80::9 dev eth0",
        "nexthop via 192.168.1.4 dev eth1 weight 1",
        "2001:db8::/64 via fe80::1 dev eth0",
        "unreachable",
        "@@hotshoe end",
    ]
    assert Router().process(said).routes == {
        "10.0.0.0/24": "192.168.1.2",
        "10.2.0.7/32": "192.168.1.3",
        "0.0.0.0/0": "203.0.113.1",
        "::/0": "fe80::9",
        "2001:db8::/64": "fe80::1",
    }


EVERY_FACT = [
    Router(),
    facts.RouterBoard(),
    facts.InstalledPackages(),
    facts.UciChanges(),
    facts.UciPackages(),
    facts.ZoneDevices(),
]


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: type(fact).__name__)
def test_every_command_is_shell_that_parses(fact):
    args = [("firewall",)] if isinstance(fact, facts.UciPackages) else []
    command = fact.command(*args)
    parsed = subprocess.run(["sh", "-n"], input=command, text=True, capture_output=True)
    assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: type(fact).__name__)
def test_an_unreachable_router_gives_nothing(fact):
    assert not fact.default() or fact.default() in (Board(), RouterState())


def test_the_command_asks_for_everything_that_is_read():
    """On a computer that has none of the programs."""
    command = re.sub("PATH=.*", "PATH=/nowhere", Router().command())
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    asked = list(split_parts(done.stdout.splitlines()))
    # The recordings are from before these were asked for.
    later = {"from_files", "package_manager", "ours"}
    assert [each for each in asked if each not in later] == [*split_parts(recording("fresh"))]


def test_no_command_is_longer_than_dropbear_takes():
    """It refuses one of more than 9,000 characters (sysoptions.h, MAX_CMD_LEN)."""
    command = Router().command(("network", "firewall", "dhcp", "system", "wireless"))
    assert len(f"sh -c {shlex.quote(command)}") < 8000
