"""An OpenWrt router on the stage: its traps, and real packets through it.

With HOTSHOE_OPENWRT_ROOTFS, the same is asked of the real thing.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from hotshoe.stage import openwrt_router, podman
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.conftest import SharedStage, bare, on_openwrt
from tests.stage.home import Home
from tests.stage.test_shapes import address_of, peer

ROUTER = "gateway"
# The configuration as it was, and whatever runs with it.
PUT_BACK = """
rm -rf /tmp/.uci
changed=$(for each in /root/before/*; do
    cmp -s $each /etc/config/${each##*/} || echo ${each##*/}
done)
rm -f /etc/config/*; cp -p /root/before/* /etc/config/
nft list table inet fw4 2>/dev/null | grep -q jump || changed="$changed firewall"
! nft list table inet fw4 2>/dev/null | grep -q hotshoe_ || changed="$changed firewall"
case " "$changed" " in *firewall*) /etc/init.d/firewall stop; /etc/init.d/firewall start ;; esac
case " "$changed" " in *network*) /etc/init.d/network reload ;; esac
case " "$changed" " in *dhcp*) /etc/init.d/dnsmasq restart ;; esac
"""
only_standin = pytest.mark.skipif(not openwrt_router.is_standin(), reason="of the stand-in only")


@pytest.fixture
def home(stage: SharedStage) -> Home:
    """A home with an OpenWrt router, as its owner set it up."""
    return stage.home("test-standin", lambda: bare("test-standin", change=on_openwrt(0)))


@pytest.fixture
def router(home: Home) -> Iterator[Router]:
    """Its router, which has its configuration back afterwards."""
    found = Router(home)
    found.sh("rm -rf /root/before && cp -pr /etc/config /root/before")
    yield found
    found.sh(PUT_BACK)


class Router:
    def __init__(self, home: Home) -> None:
        self.home = home

    def run(self, script: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = podman.inside(self.home.stage.container(ROUTER), "sh", "-c", script)
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def sh(self, script: str) -> str:
        return self.home.sh(ROUTER, script)

    def uci(self, *lines: str) -> None:
        """Stage changes."""
        done = self.run("uci batch", "".join(f"{line}\n" for line in lines))
        assert (done.returncode, done.stderr) == (0, "")

    def redirect(self, section: str, **options: object) -> None:
        said = {"src": "wan", "dest": "lan", "proto": "tcp", "dest_ip": "192.168.1.10"} | options
        self.uci(
            f"set firewall.{section}=redirect",
            *(f"set firewall.{section}.{key}='{value}'" for key, value in said.items()),
        )

    def apply(self) -> None:
        self.sh("uci commit && fw4 -q reload && /etc/init.d/network reload")

    def until(self, script: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while self.run(script).returncode:
            assert time.monotonic() < deadline, script
            time.sleep(0.1)


class TestCommands:
    def test_what_a_router_lacks_is_not_there(self, router: Router) -> None:
        lacking = "stat timeout base64 sha1sum diff nohup getent realpath python3 bash sftp-server"
        script = f"for each in {lacking} ss perl curl; do which $each; done; true"
        assert not router.sh(script)

    def test_what_a_router_has_is_there(self, router: Router) -> None:
        having = (
            "sha256sum md5sum mktemp flock start-stop-daemon logger awk sed grep ip nc "
            "df cmp nft uci ubus fw4 dropbear dnsmasq logread ifup ifdown reload_config"
        )
        missing = router.sh(f"for each in {having}; do which $each >/dev/null || echo $each; done")
        assert not missing

    def test_sleep_knows_whole_seconds_only(self, router: Router) -> None:
        assert router.run("sleep 0.1").returncode == 1

    def test_what_it_is(self, router: Router) -> None:
        release = json.loads(router.sh("ubus call system board"))["release"]
        assert release["distribution"] == "OpenWrt"
        assert (
            router.sh(". /etc/openwrt_release; echo $DISTRIB_RELEASE").strip()
            == (release["version"])
        )

    @only_standin
    @pytest.mark.parametrize(("release", "manager"), [("22.03.7", "opkg"), ("25.12.0", "apk")])
    def test_the_stand_in_can_pretend_to_be_of_another_release(
        self, router: Router, release: str, manager: str
    ) -> None:
        kept = "cp /etc/openwrt_release /root/release"
        say = f'sed -i "s/24\\.10\\.0/{release}/" /etc/openwrt_release && /etc/init.d/boot boot'
        try:
            router.sh(f"{kept} && {say}")
            assert json.loads(router.sh("ubus call system board"))["release"]["version"] == release
            found = router.sh("which opkg apk; true").split()
            assert [path.rpartition("/")[2] for path in found] == [manager]
            listing = {"opkg": "opkg list-installed", "apk": "apk list --installed"}[manager]
            assert "firewall4" in router.sh(listing)
        finally:
            router.sh("cp /root/release /etc/openwrt_release && /etc/init.d/boot boot")


class TestUci:
    def test_a_batch_always_succeeds(self, router: Router) -> None:
        done = router.run("uci batch", "set firewall.nobody.name=x\ndelete firewall.nobody\n")
        assert done.returncode == 0
        assert done.stderr.split("\n")[0] == "uci: Invalid argument"
        assert "uci: Entry not found" in done.stderr

    def test_set_on_a_missing_file_fails(self, router: Router) -> None:
        done = router.run("uci set nofile.x=y")
        assert (done.returncode, done.stderr) == (1, "uci: Entry not found\n")

    def test_values_and_lists(self, router: Router) -> None:
        router.uci(
            "set firewall.x=rule",
            'set firewall.x.name="it\'s"',
            "set firewall.x.gone=1",
            "set firewall.x.gone=",
            "add_list firewall.x.l=one",
        )
        shown = "firewall.x=rule\nfirewall.x.name='it'\\''s'\nfirewall.x.l='one'\n"
        assert router.sh("uci show firewall.x") == shown  # nobody sees that l is a list
        assert "\tlist l 'one'\n" in router.sh("uci export firewall")
        router.uci("add_list firewall.x.l=one")
        assert router.sh("uci show firewall.x.l") == "firewall.x.l='one' 'one'\n"
        router.uci("set firewall.x.l=two")
        assert "\toption l 'two'\n" in router.sh("uci export firewall")

    def test_changes_are_everybody_s_until_they_are_reverted(self, router: Router) -> None:
        router.redirect("staged", src_dport=21)
        assert "!fw4: staged" in router.sh("fw4 print")
        assert "firewall.staged='redirect'\n" in router.sh("uci changes")
        assert "staged" not in router.sh("cat /etc/config/firewall")
        router.sh("uci revert firewall")
        assert "!fw4: staged" not in router.sh("fw4 print")
        assert not router.sh("uci changes")

    def test_a_commit_loses_comments(self, router: Router) -> None:
        router.sh("echo '# mine' >>/etc/config/firewall && uci commit firewall")
        assert "# mine" in router.sh("cat /etc/config/firewall")  # nothing was staged
        router.uci("set firewall.x=rule")
        router.sh("uci commit firewall")
        assert "#" not in router.sh("cat /etc/config/firewall")

    def test_names_of_nameless_sections_shift(self, router: Router) -> None:
        name = "uci -X show firewall | sed -n 's/^firewall.\\(cfg[^.]*\\).name=.Allow-Ping.*/\\1/p'"
        before = router.sh(name)
        assert router.sh("uci get firewall.@rule[1].name").strip() == "Allow-Ping"
        router.sh("uci delete firewall.@rule[0] && uci commit firewall")
        assert router.sh("uci get firewall.@rule[0].name").strip() == "Allow-Ping"
        assert before.startswith("cfg")
        assert router.sh(name) != before

    def test_import_replaces_at_once(self, router: Router) -> None:
        done = router.run("uci import system", "config system\n\toption hostname new\n")
        assert done.returncode == 0
        assert not router.sh("uci changes")
        assert router.sh("cat /etc/config/system").split() == [
            "config", "system", "option", "hostname", "'new'",
        ]  # fmt: skip


class TestFirewall:
    @pytest.mark.parametrize("command", ["check", "print", "reload"])
    def test_bad_sections_are_skipped_and_nobody_fails(self, router: Router, command: str) -> None:
        router.redirect("hotshoe_bad", src_dport=21, dest_ip="192.168.1.300")
        router.redirect("hotshoe_odd", src_dport=22, colour="red")
        done = router.run(f"fw4 {command}")
        assert done.returncode == 0
        bad = "[!] Section hotshoe_bad option 'dest_ip' specifies invalid value '192.168.1.300'\n"
        assert bad + "[!] Section hotshoe_bad skipped due to invalid options\n" in done.stderr
        assert "[!] Section hotshoe_odd specifies unknown option 'colour'\n" in done.stderr
        assert "!fw4: hotshoe_bad" not in router.sh("fw4 -q print")
        assert "!fw4: hotshoe_odd" in router.sh("fw4 -q print")

    def test_a_broken_file_is_a_firewall_without_zones(self, router: Router) -> None:
        router.sh('echo "config rule \'unterminated" >>/etc/config/firewall')
        done = router.run("fw4 print")
        assert (done.returncode, done.stderr) == (0, "")
        assert "hook input priority filter; policy drop;" in done.stdout
        assert "chain input_lan" not in done.stdout
        assert router.run("fw4 check").returncode == 0

    def test_stopping_it_flushes_everybody_s_tables(self, router: Router) -> None:
        router.sh("nft add table inet mine")
        router.sh("/etc/init.d/firewall stop")
        assert not router.sh("nft list tables")

    def test_a_rule_is_named_after_its_name_or_its_section(self, router: Router) -> None:
        router.redirect("hotshoe_a", src_dport=21)
        router.redirect("hotshoe_b", src_dport=22, name="b b")
        router.apply()
        chain = router.sh("nft list chain inet fw4 dstnat_wan")
        assert 'counter packets 0 bytes 0 dnat ip to 192.168.1.10:21 comment "!fw4: hotshoe_a"' in (
            chain
        )
        assert 'comment "!fw4: b b"' in chain
        assert "!fw4: hotshoe_a (reflection)" in router.sh("nft list chain inet fw4 dstnat_lan")

    def test_reload_config_does_not_wait(self, router: Router) -> None:
        router.sh("reload_config")
        there = "nft list table inet fw4 | grep -q '!fw4: late'"
        said = ("=redirect", ".src=wan", ".dest=lan", ".proto=tcp", ".src_dport=21")
        said += (".dest_ip=192.168.1.10",)
        late = "; ".join(f"uci set firewall.late{option}" for option in said)
        # As long as somebody else loads the firewall, it cannot be; nor by the reload before.
        held = f"exec 8>/var/run/fw4.lock; flock 8; {late}; uci commit; reload_config 8>&-"
        assert router.run(f"{held}; {there}").returncode == 1
        router.until(there)


class TestNetwork:
    def test_a_static_route(self, router: Router) -> None:
        home = router.home
        home.sh(home.server, "ip address add 10.9.0.1/32 dev lo")
        assert not home.succeeds(LAPTOP, "ping -c 1 -W 1 10.9.0.1")
        router.uci(
            "set network.r=route",
            "set network.r.interface=lan",
            "set network.r.target=10.9.0.0/16",
            "set network.r.gateway=192.168.1.10",
        )
        router.apply()
        router.until("ip route show 10.9.0.0/16 | grep -q 192.168.1.10")
        assert home.succeeds(LAPTOP, "ping -c 1 -W 1 10.9.0.1")
        router.uci("delete network.r")
        router.apply()
        router.until("! ip route show 10.9.0.0/16 | grep -q .")

    @pytest.mark.parametrize(
        ("interface", "gateway"), [("nobody", "192.168.1.10"), ("lan", "172.16.9.9")]
    )
    def test_a_route_that_cannot_be_is_missing_without_a_word(
        self, router: Router, interface: str, gateway: str
    ) -> None:
        router.uci(
            "set network.bad=route",
            f"set network.bad.interface={interface}",
            "set network.bad.target=10.9.0.0/16",
            f"set network.bad.gateway={gateway}",
            "set network.good=route",
            "set network.good.interface=lan",
            "set network.good.target=10.10.0.0/16",
            "set network.good.gateway=192.168.1.10",
        )
        router.sh("uci commit network")
        done = router.run("/etc/init.d/network reload")
        assert (done.returncode, done.stderr) == (0, "")
        router.until("ip route show 10.10.0.0/16 | grep -q .")
        assert not router.sh("ip route show 10.9.0.0/16")

    def test_what_ubus_tells(self, router: Router) -> None:
        dump = json.loads(router.sh("ubus call network.interface dump"))["interface"]
        wan, lan = (next(i for i in dump if i["interface"] == name) for name in ("wan", "lan"))
        assert (wan["up"], wan["l3_device"], wan["proto"]) == (True, "eth0", "static")
        assert wan["ipv4-address"] == [{"address": "203.0.113.20", "mask": 31}]
        assert lan["ipv4-address"] == [{"address": "192.168.1.1", "mask": 24}]
        (default,) = wan["route"]
        assert default == {
            "target": "0.0.0.0", "mask": 0, "nexthop": "203.0.113.21", "source": "0.0.0.0/0",
        }  # fmt: skip

    def test_an_interface_goes_down_and_comes_up(self, router: Router) -> None:
        router.sh("ifdown wan")
        router.until("! ip route | grep -q ^default")
        assert not json.loads(router.sh("ifstatus wan"))["up"]
        router.sh("ifup wan")
        router.until("ip route | grep -q ^default")

    def test_two_reservations_of_one_address_stop_dnsmasq(self, router: Router) -> None:
        answers = "pidof dnsmasq >/dev/null"
        for name, mac in (("a", "02:00:00:00:00:0a"), ("b", "02:00:00:00:00:0b")):
            router.uci(
                f"set dhcp.{name}=host",
                f"set dhcp.{name}.mac={mac}",
                f"set dhcp.{name}.ip=192.168.1.77",
            )
        router.sh("uci commit dhcp && /etc/init.d/dnsmasq restart")
        router.until("logread | grep -q 'duplicate dhcp-host IP address 192.168.1.77'", 30)
        router.uci("delete dhcp.b")
        router.sh("uci commit dhcp && /etc/init.d/dnsmasq restart")
        router.until(answers, 30)


class TestPackets:
    def test_a_redirect_lets_the_internet_in_and_the_home_too(self, router: Router) -> None:
        home, public = router.home, router.home.plan.public_address
        assert home.reach(CAMERA, public, 2222) == ["closed"]
        router.redirect("ssh", src_dport=2222, dest_port=22)
        router.apply()
        assert home.reach(CAMERA, public, 2222) == ["open"]
        assert peer(home, CAMERA, public, 2222, home.server, 22) == str(address_of(home, CAMERA))
        # From inside: to the server, and as if from the router, so that answers come back to it.
        assert home.reach(LAPTOP, public, 2222) == ["open"]
        assert peer(home, LAPTOP, public, 2222, home.server, 22) == "192.168.1.1"

    def test_without_reflection_the_home_is_not_let_in(self, router: Router) -> None:
        router.redirect("ssh", src_dport=2222, dest_port=22, reflection=0)
        router.apply()
        public = router.home.plan.public_address
        assert router.home.reach(CAMERA, public, 2222) == ["open"]
        assert router.home.reach(LAPTOP, public, 2222) != ["open"]

    def test_without_an_address_it_is_the_router_s_own_port(self, router: Router) -> None:
        router.uci(
            "set firewall.self=redirect",
            "set firewall.self.src=wan",
            "set firewall.self.proto=tcp",
            "set firewall.self.src_dport=2222",
            "set firewall.self.dest_port=22",
        )
        router.apply()
        home, public = router.home, router.home.plan.public_address
        assert home.reach(CAMERA, public, 22, 2222) == ["closed", "open"]

    def test_masquerading(self, router: Router) -> None:
        assert seen(router.home) == "203.0.113.20"
        router.uci("set firewall.@zone[1].masq=0")
        router.apply()
        assert seen(router.home) == str(address_of(router.home, LAPTOP))

    def test_a_source_address_that_a_nat_section_keeps(self, router: Router) -> None:
        laptop = address_of(router.home, LAPTOP)
        router.uci(
            "set firewall.keep=nat",
            "set firewall.keep.src=wan",
            "set firewall.keep.target=ACCEPT",
            f"set firewall.keep.src_ip={laptop}",
        )
        router.apply()
        assert seen(router.home) == str(laptop)


class TestLogin:
    def login(self, home: Home, script: str) -> subprocess.CompletedProcess[str]:
        command = ["ssh", "-F", str(home.stage.ssh_config), "-o", "BatchMode=yes"]
        command += ["-o", "ConnectTimeout=15", ROUTER, script]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def test_a_login_goes_through_the_router_s_firewall(self, router: Router) -> None:
        done = self.login(router.home, "echo $SSH_CONNECTION; cat /etc/openwrt_release")
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[0] == str(address_of(router.home, LAPTOP))

    def test_much_goes_through(self, router: Router) -> None:
        done = self.login(router.home, "head -c 3000000 /dev/zero | sha256sum")
        assert done.returncode == 0
        command = ["ssh", "-F", str(router.home.stage.ssh_config), ROUTER, "cat | wc -c"]
        text = b"x" * 3_000_000
        counted = subprocess.run(command, input=text, capture_output=True, check=True, timeout=60)
        assert counted.stdout.strip() == b"3000000"

    def test_who_locks_himself_out_is_out(self, router: Router) -> None:
        router.uci("set firewall.@zone[0].input=DROP")
        router.apply()
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert self.login(router.home, "true").returncode == 255
        router.uci("set firewall.@zone[0].input=ACCEPT")
        router.apply()
        assert self.login(router.home, "true").returncode == 0

    def test_a_reboot_loses_only_what_was_not_committed(self, router: Router) -> None:
        home = router.home
        router.redirect("ssh", src_dport=2222, dest_port=22)
        router.apply()
        router.redirect("staged", src_dport=2223, dest_port=22)
        router.sh("touch /tmp/mine /root/mine")
        home.stage.reboot(ROUTER)
        assert home.reach(CAMERA, home.plan.public_address, 2222, 2223) == ["open", "closed"]
        assert not router.sh("uci changes; ls /tmp/mine 2>/dev/null; true")
        router.sh("ls /root/mine")
        done = self.login(home, "ip route | grep ^default")
        assert done.stdout.split()[:3] == ["default", "via", "203.0.113.21"], done.stderr


def seen(home: Home) -> str:
    """The source address that the camera sees of a packet from the laptop."""
    script = """
import socket
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("", 4711))
line.settimeout(10)
print("ready", flush=True)
print(line.recvfrom(100)[1][0])
"""
    command = podman.inside(home.stage.container(CAMERA), "python3", "-c", script)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        say = (
            f"import socket; socket.socket(2, 2).sendto(b'x', ('{address_of(home, CAMERA)}', 4711))"
        )
        home.sh(LAPTOP, f'python3 -c "{say}"')
        return process.stdout.readline().strip()
