"""The texts that hosts get say what the Plan says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from jinja2 import UndefinedError

from hotshoe import paths
from hotshoe.debian import vsftpd
from hotshoe.debian.daemons import DAEMONS, Daemon
from hotshoe.debian.network import Network, match_of_wan
from hotshoe.debian.units import Ruleset, Unit
from hotshoe.plan.model import ControlPort, PortForward, ServerPlan
from hotshoe.ports.ranges import PortRange, Service
from hotshoe.render import render
from tests.conftest import EXAMPLES, PROJECT
from tests.homes import example

UNIT = Unit("it.service", "sha256sum it")
RULESETS = ("hotshoe_firewall", "hotshoe_outgoing", "hotshoe_routing", "hotshoe_forwards")


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(PROJECT)


@pytest.fixture(scope="module")
def busy_plan(example_plan):
    """The example with everything that a Site may add."""
    server = replace(
        example_plan.servers[0],
        ssh_port=2022,
        ssh_from=(IPv4Network("192.168.1.0/24"), IPv4Network("10.9.0.0/24")),
        open_to_lan=(
            Service("tcp", PortRange(445, 445)),
            Service("udp", PortRange(60000, 61000)),
        ),
    )
    router = replace(
        example_plan.routers[0], open_to_wan=(Service("udp", PortRange(51820, 51820)),)
    )
    return replace(example_plan, servers=(server,), routers=(router,))


@pytest.fixture(params=["example_plan", "busy_plan"])
def plan(request):
    return request.getfixturevalue(request.param)


def firewall(plan, timeouts: bool = True) -> str:
    return render("firewall/server.nft.j2", server=plan.servers[0], timeouts=timeouts)


def unlimited(server: ServerPlan) -> ServerPlan:
    """The server where a router gives all clients one address."""
    return replace(server, control_connections_per_minute=0, data_connections_per_minute=0)


def outgoing(plan) -> str:
    return render("firewall/outgoing.nft.j2", users=("root", "nobody"))


def routing_of(router, interfaces=("eth1", "lo"), timeouts: bool = True) -> str:
    return render(
        "router_linux/routing.nft.j2",
        router=router,
        wan="eth0",
        interfaces=interfaces,
        timeouts=timeouts,
    )


def forwards_of(router) -> str:
    outside, inside = str(router.wan_address or "203.0.113.20"), str(router.lan.ip)
    network = Network({outside: "eth0", inside: "eth1"}, default="eth0", uplinks=("eth0",))
    dialled = match_of_wan(router, network)
    return render("router_linux/forwards.nft.j2", router=router, dialled=dialled)


def routing(plan) -> str:
    return routing_of(plan.routers[0])


def forwards(plan) -> str:
    return forwards_of(plan.routers[0])


def loader(table: str) -> str:
    return render(
        "base/ruleset.service.j2", ruleset=Ruleset(table), purpose="what may reach the server"
    )


def daemon(which: Daemon = DAEMONS[0], name: str = "home") -> str:
    server = example(name).servers[0]
    return render("vsftpd/service.j2", most_tasks=800, daemon=which, server=server)


def configuration(plan) -> str:
    server = plan.servers[0]
    chosen = vsftpd.options(server, "3.0.5", server.control_ports[0])
    return render("vsftpd/vsftpd.conf.j2", lines=vsftpd.lines(chosen))


def openssl(plan) -> str:
    settings = vsftpd.openssl_settings(plan.servers[0].encryption)
    return render("vsftpd/openssl.cnf.j2", settings=settings)


def everything(plan) -> list[str]:
    return [
        render("intake/service.j2", unit=UNIT, user="hotshoe-intake", owner=vsftpd.OWNER),
        render(
            "vsftpd/sessions.service.j2",
            server=plan.servers[0],
            unit=UNIT,
            daemons=["hotshoe-vsftpd.service"],
        ),
        firewall(plan),
        outgoing(plan),
        routing(plan),
        forwards(plan),
        configuration(plan),
        *map(daemon, DAEMONS),
        *(loader(table) for table in RULESETS),
        render("users/pam.j2", pwdfile=paths.PASSWORDS),
        render("router_linux/sysctl.j2", router=plan.routers[0], uplinks=("eth0",)),
        openssl(plan),
        render("address/service.j2", unit=UNIT, hostname=plan.hostname),
    ]


def test_nothing_is_left_unrendered(plan):
    for text in everything(plan):
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\{#", text)
        assert "None" not in text
        assert text.endswith("\n")


def test_every_text_says_whose_it_is(plan):
    for text in everything(plan):
        assert text.startswith("# Managed by hotshoe")


def test_a_value_that_is_missing_ends_the_run():
    with pytest.raises(UndefinedError, match="'pwdfile' is undefined"):
        render("users/pam.j2")


class TestTheServersFirewall:
    def test_opens_the_control_port_to_everybody_and_the_others_beside_it(self, plan):
        rules = re.findall(r"tcp dport (\{.*?\}|\S+) (.*)counter .*accept comment", firewall(plan))
        assert rules == [("{ 21 }", ""), ("50000-50199", "ip saddr @connected4 ")]

    def test_knows_who_has_a_control_connection_before_it_accepts_what_is_established(self, plan):
        text = firewall(plan)
        seen = "tcp dport { 21 } ct direction original ct status assured jump control"
        assert text.index(seen) < text.index("ct state established,related accept")

    def test_has_the_same_rules_for_every_control_port(self, plan):
        both = (ControlPort(21, "explicit"), ControlPort(990, "implicit"))
        text = firewall(replace(plan, servers=(replace(plan.servers[0], control_ports=both),)))
        assert text == firewall(plan).replace("{ 21 }", "{ 21, 990 }")

    def test_lets_in_cameras_from_networks_that_the_site_names_and_from_home(self, plan):
        networks = (IPv4Network("192.168.0.0/16"), IPv4Network("198.51.100.0/24"))
        server = replace(plan.servers[0], only_from=networks)
        text = firewall(replace(plan, servers=(server,)))
        rule = "tcp dport { 21 } ip saddr != { 192.168.0.0/16, 198.51.100.0/24 } counter drop"
        # Before whatever is established, and before a control connection opens passive ports.
        assert text.index(rule) < text.index("jump control") < text.index("ct state established")
        nft_takes(text)
        assert "FTP from elsewhere" not in firewall(plan)

    def test_opens_ssh_to_the_lan_only(self, example_plan):
        assert re.findall(r"ip saddr (\S+) tcp dport 22 accept", firewall(example_plan)) == [
            "192.168.1.0/24"
        ]

    def test_opens_ssh_to_whom_the_site_names(self, busy_plan):
        assert re.findall(r"ip saddr (\S+) tcp dport 2022 accept", firewall(busy_plan)) == [
            "192.168.1.0/24",
            "10.9.0.0/24",
        ]

    def test_opens_other_services_to_the_lan_only(self, busy_plan):
        text = firewall(busy_plan)
        assert "ip saddr { 192.168.1.0/24 } tcp dport 445 accept" in text
        assert "ip saddr { 192.168.1.0/24 } udp dport 60000-61000 accept" in text
        assert not re.search(r"^\s*(tcp|udp) dport (445|60000-61000)", text, re.MULTILINE)

    def test_drops_the_rest(self, plan):
        assert "type filter hook input priority filter; policy drop;" in firewall(plan)

    def test_limits_a_flood_at_the_control_port(self, plan):
        text = firewall(plan)
        assert text.count("limit rate over 90/minute burst 90 packets") == 2
        assert text.index('"flood"') < text.index('"FTP"')

    def test_limits_nobody_where_all_come_with_one_address(self, plan):
        server = unlimited(plan.servers[0])
        text = firewall(replace(plan, servers=(server,)))
        assert "flood" not in re.sub("#.*", "", text)
        assert "limit rate over" not in text
        assert "@connected4 { ip saddr }" in text


class TestTheRouter:
    def test_forwards_each_port_of_ftp_to_the_server(self, plan):
        assert re.findall(r"tcp dport (\S+) dnat ip to (\S+)", forwards(plan)) == [
            ("21", "192.168.1.10"),
            ("50000-50199", "192.168.1.10"),
        ]

    def test_lets_in_what_it_forwards_and_nothing_else(self, plan):
        text = routing(plan)
        assert re.findall(r"ct status dnat ip daddr (\S+) tcp dport (\S+)", text) == [
            ("192.168.1.10", "21"),
            ("192.168.1.10", "50000-50199"),
        ]
        assert text.count('counter drop comment "dropped"') == 2

    def test_masquerades_for_the_lan(self, plan):
        assert 'oifname "eth0" ip saddr { 192.168.1.0/24 } masquerade' in routing(plan)

    def test_answers_what_the_site_names(self, busy_plan, example_plan):
        assert "udp dport 51820 accept" in routing(busy_plan)
        assert "51820" not in routing(example_plan)

    def test_leads_only_its_address_outside_away(self, plan):
        assert forwards(plan).count("ip daddr 203.0.113.20 tcp dport") == 2


@pytest.mark.parametrize(
    ("table", "rules"),
    [
        ("hotshoe_firewall", firewall),
        ("hotshoe_outgoing", outgoing),
        ("hotshoe_routing", routing),
        ("hotshoe_forwards", forwards),
    ],
)
def test_rules_replace_their_own_table_and_touch_no_other(example_plan, table, rules):
    text = rules(example_plan)
    assert set(re.findall(r"\btable (ip|ip6|inet|arp|bridge|netdev) (\w+)", text)) == {
        ("inet", table)
    }
    assert f"table inet {table}\ndelete table inet {table}\n" in text
    assert "flush" not in text


# The kernel judges the rules, in a network namespace that is gone afterwards.
_WHY_NOT = next(
    (
        reason
        for reason, missing in (
            ("nft is not installed", not shutil.which("nft")),
            ("unshare is not installed", not shutil.which("unshare")),
            ("a network namespace of one's own needs root", os.geteuid() != 0),
        )
        if missing
    ),
    "",
)


def nft_takes(text: str) -> None:
    done = subprocess.run(
        ["unshare", "--net", "nft", "--check", "--file", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
def test_nftables_takes_the_rules(plan):
    for text in (firewall(plan), outgoing(plan), routing(plan), forwards(plan)):
        nft_takes(text)


@pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
@pytest.mark.parametrize(
    "rules", [firewall, lambda plan, t: routing_of(plan.routers[0], timeouts=t)]
)
def test_a_kernel_without_timeouts_of_its_own_for_handshakes_gets_rules_without_them(plan, rules):
    """Raspberry Pi OS's."""
    usual, without = rules(plan, True), rules(plan, False)
    assert "ct timeout" in usual
    assert "timeout set" not in without
    assert "ct timeout" not in without
    assert usual.count(" accept ") == without.count(" accept ")
    nft_takes(without)


@pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
@pytest.mark.parametrize("name", EXAMPLES)
def test_nftables_takes_the_rules_of_every_example(name):
    plan = example(name)
    for server in plan.servers:
        for each in (server, unlimited(server)):
            nft_takes(render("firewall/server.nft.j2", server=each, timeouts=True))
    for router in plan.routers:
        nft_takes(routing_of(router))


class TestVsftpd:
    def test_gets_a_line_for_each_option_and_nothing_that_it_would_stumble_over(self, plan):
        first, *rest = configuration(plan).splitlines()
        assert first.startswith("#")
        assert len(rest) > 50
        assert all(re.fullmatch(r"[a-z0-9_]+=(\S(.*\S)?)?", line) for line in rest)

    def test_announces_the_public_address_and_the_ports_that_the_router_forwards(self, plan):
        text = configuration(plan)
        assert "\npasv_address=203.0.113.20\n" in text
        assert "\npasv_min_port=50000\npasv_max_port=50199\n" in text
        assert "\nlisten_port=21\n" in text

    def test_announces_another_address_when_the_plan_has_one(self, plan):
        server = replace(plan.servers[0], public_address=IPv4Address("198.51.100.9"))
        assert "\npasv_address=198.51.100.9\n" in configuration(replace(plan, servers=(server,)))

    def test_runs_from_the_files_that_the_roles_write(self):
        text = daemon()
        assert "/usr/sbin/vsftpd /etc/hotshoe/vsftpd.conf 0>&1" in text
        assert "\nBindReadOnlyPaths=/etc/hotshoe/openssl.cnf:/etc/ssl/openssl.cnf\n" in text
        assert "\nReadWritePaths=/srv/hotshoe\n" in text
        assert "\nExecStartPre=/bin/sh -c '( sha256sum /etc/hotshoe/vsftpd.conf " in text
        assert " ) >/run/hotshoe/hotshoe-vsftpd.loaded 2>/dev/null || :'\n" in text

    def test_lets_uploads_finish_when_it_is_restarted(self):
        assert "\nKillMode=process\n" in daemon()


@pytest.mark.parametrize("table", RULESETS)
def test_the_unit_loads_at_boot_what_the_roles_write(table):
    text = loader(table)
    assert f"\nExecStart=/usr/sbin/nft -f /etc/hotshoe/{table}.nft\n" in text
    assert f"\nExecStop=/usr/sbin/nft delete table inet {table}\n" in text
    assert "\nWantedBy=multi-user.target nftables.service\n" in text


def test_a_ruleset_s_unit_waits_until_tmp_is_emptied():
    """systemd 252 prepares its /dev there; without it, the rules are not loaded at boot."""
    (after,) = re.findall(r"^After=(.*)", loader("hotshoe_firewall"), re.MULTILINE)
    assert "systemd-tmpfiles-setup.service" in after.split()


def test_passwords_are_checked_against_our_file_and_no_account():
    text = render("users/pam.j2", pwdfile=paths.PASSWORDS)
    assert "pam_pwdfile.so pwdfile=/etc/hotshoe/cameras.pwd" in text
    assert "pam_unix" not in text


def test_openssl_is_told_what_the_plan_says(example_plan):
    text = openssl(example_plan)
    assert "\nMinProtocol = TLSv1.2\nMaxProtocol = TLSv1.2\n" in text
    assert "\nOptions = ServerPreference\n" in text


def test_the_kernel_forwards_ipv4(example_plan):
    assert "\nnet.ipv4.ip_forward = 1\n" in render(
        "router_linux/sysctl.j2", router=example_plan.routers[0], wan="eth0"
    )


class TestShapes:
    """What is special about the routers of each example."""

    def test_of_a_chain_each_router_leads_to_the_next(self):
        box, gateway = example("cascade").routers
        assert re.findall(r"dnat ip to (\S+)", forwards_of(box)) == ["192.168.178.2"] * 2
        assert re.findall(r"dnat ip to (\S+)", forwards_of(gateway)) == ["192.168.1.10"] * 2

    def test_a_default_host_gets_what_nobody_else_takes(self):
        box = example("default-host").routers[0]
        assert [line.strip() for line in forwards_of(box).splitlines() if "dnat ip" in line] == [
            "ip daddr 203.0.113.20 meta l4proto { 6, 17 } dnat ip to 192.168.178.2 "
            'comment "default host"'
        ]
        text = forwards_of(replace(box, open_to_wan=(Service("udp", PortRange(51820, 51820)),)))
        assert text.index("udp dport 51820 return") < text.index("default host")

    def test_a_routed_router_translates_nothing(self):
        edge, gateway = example("routed").routers
        assert "dnat ip" not in forwards_of(gateway)
        assert "masquerade" not in routing_of(gateway)
        assert "ip daddr 192.168.1.10 tcp dport 21 counter accept" in routing_of(gateway)
        assert "ip saddr { 192.168.178.0/24, 192.168.1.0/24 } masquerade" in routing_of(edge)
        assert render("router_linux/routes.j2", router=edge) == (
            "route replace 192.168.1.0/24 via 192.168.178.2\n"
        )

    def test_a_router_that_protects_the_home_lets_in_nothing(self):
        gateway = example("dmz").routers[1]
        assert "dnat ip" not in forwards_of(gateway)
        assert "tcp dport" not in routing_of(gateway)

    def test_ipv6_is_passed_to_the_server_alone(self):
        for router in example("ipv6").routers:
            rules = [line for line in routing_of(router).splitlines() if "ip6 daddr" in line]
            assert len(rules) == 2
            assert all("ip6 daddr 2001:db8:100:2::10 tcp dport" in rule for rule in rules)
            sysctl = render("router_linux/sysctl.j2", router=router, uplinks=("eth0.7",))
            assert "\nnet.ipv6.conf.all.forwarding = 1\n" in sysctl
            assert "\nnet.ipv6.conf.eth0/7.accept_ra = 2\n" in sysctl

    def test_inside_interfaces_are_named_and_all_others_are_outside(self):
        """With a tunnel for IPv4 (MAP-E, DS-Lite), IPv6 has an uplink of its own, for example."""
        text = routing_of(example("ipv6").routers[0], ("br0", "lo", "wg0"))
        assert text.count('iifname { "br0", "lo", "wg0" } accept') == 2
        assert "iifname !=" not in text
        assert 'oifname "eth0" ip saddr' in text

    def test_nobody_outside_can_pretend_to_be_inside(self):
        edge = example("routed").routers[0]
        spoofed = 'ip saddr { 192.168.178.0/24, 192.168.1.0/24 } counter drop comment "spoofed"'
        assert routing_of(edge).count(spoofed) == 2
        edge = example("ipv6").routers[0]
        spoofed = "ip6 saddr { 2001:db8:100:1::/64, 2001:db8:100:2::/64 } counter drop"
        assert routing_of(edge).count(spoofed) == 2

    def test_behind_a_shared_address_all_leave_with_ports_of_the_home(self):
        """The router itself as well."""
        box = example("map-e").routers[0]
        rules = re.findall(
            r"ip saddr { (.*) } meta .* random mod (\d+) 0 masquerade to :(\S+)", routing_of(box)
        )
        assert [int(remaining) for _, remaining, _ in rules] == list(range(15, 0, -1))
        assert {who for who, _, _ in rules} == {"192.168.178.0/24, 203.0.113.20"}
        assert [ports for _, _, ports in rules] == [str(ports) for ports in box.masquerade_ports]
        assert not re.search(r"masquerade$", routing_of(box), re.MULTILINE)

    def test_a_default_host_leaves_what_other_rules_forward_to_them(self):
        box = replace(example("default-host").routers[0], other_forwards=(Service.parse("53/udp"),))
        rules = [line.strip() for line in forwards_of(box).splitlines()]
        (default,) = (line for line in rules if line.endswith('comment "default host"'))
        assert rules.index("udp dport 53 return") < rules.index(default)

    def test_what_a_server_may_open_is_open_to_the_server_alone(self):
        gateway = example("dmz").routers[1]
        access = PortForward(
            Service("tcp", PortRange(22, 22)),
            IPv4Address("192.168.1.20"),
            IPv4Address("192.168.178.10"),
            "darkroom to 192.168.1.20",
        )
        opened = replace(gateway, forwards=(access,), hairpin=(gateway.lan.network,))
        assert "ip saddr 192.168.178.10 tcp dport 22 dnat ip to 192.168.1.20" in forwards_of(opened)
        assert (
            "ct status dnat ip daddr 192.168.1.20 ip saddr 192.168.178.10 tcp dport 22 counter"
        ) in routing_of(opened)

    def test_there_is_no_helper(self):
        assert "helper" not in routing_of(example("home").routers[0])

    @pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
    @pytest.mark.parametrize("name", EXAMPLES)
    def test_nftables_takes_the_rules_of_every_example(self, name):
        for router in example(name).routers:
            nft_takes(routing_of(router))
            nft_takes(forwards_of(router))
