"""Every shape of home: the photo gets through, and nothing else does.

One stage a shape, from the example Sites; each story then says what is special about it.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Address

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.plan.manual_setup import Menu, rows
from hotshoe.stage import podman, router_by_hand
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.conftest import EXAMPLES
from tests.stage import faults
from tests.stage.checking import check
from tests.stage.conftest import Change, SharedStage, deployed, on_openwrt
from tests.stage.home import Home
from tests.stage.sessions import EXPOSURE, watching
from tests.stage.strangers import counted

# test_direct_link.py has the one that no camera on the Internet reaches; test_share.py and
# test_fetch.py have those that are wired like home and dmz.
PLAIN = [name for name in EXAMPLES if name not in ("home", "direct", "share", "fetch")]
# The same with an OpenWrt router at the edge, and where it matters most, everywhere.
OPENWRT = {f"{name} by OpenWrt": name for name in PLAIN if name != "openwrt"}
EVERYWHERE = ("dmz", "ipv6", "routed")
SHAPES = sorted([*PLAIN, *OPENWRT])


def with_another_server(said: str) -> str:
    """The Site of a DMZ, with a server in the home as well."""
    return re.sub(
        r"server: {(.*)}\ncameras: .*",
        r"servers: [{\1}, {name: studio, address: 192.168.1.11}]\n"
        "cameras: [{name: r5, server: darkroom}, {name: a7, server: studio}]",
        said,
    )


@pytest.fixture
def shaped(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A deployed home of the shape that the test names."""
    name = OPENWRT.get(request.param, request.param)
    change: Change = with_another_server if request.param == "dmz" else str
    if request.param in OPENWRT:
        change = on_openwrt(0 if name in EVERYWHERE else 1)
    make = partial(deployed, "test-shape", site_name=name, change=change)
    return stage.home(f"shape {request.param}", make)


def shape(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shaped", names, indirect=True)


@shape(*SHAPES)
class TestEveryShape:
    def test_photos_arrive_from_the_internet_and_from_inside(self, shaped: Home) -> None:
        for server in shaped.plan.servers:
            shaped.uploads_work(CAMERA, server)
            shaped.uploads_work(LAPTOP, server)

    def test_all_its_ports_get_through_and_no_others(self, shaped: Home) -> None:
        home, public = shaped, shaped.public
        ours = {p for server in home.plan.servers for r in server.ftp_ports for p in r}
        for server in home.plan.servers:
            passive = server.passive
            controls = [control.port for control in server.control_ports]
            assert home.reach(CAMERA, public, *controls) == ["open"] * len(controls)
            # Nobody listens before PASV, but packets get there: the server lets in whoever has a
            # control connection, and says no.
            before = counted(home, "FTP data", server)
            assert home.reach(CAMERA, public, *passive) == ["closed"] * len(passive)
            assert counted(home, "FTP data", server) == before + len(passive)
            others = {passive.first - 1, passive.last + 1, 20, 22, 80, 445, 990} - ours
            assert home.reach(CAMERA, public, *others) == ["silent"] * len(others)

    def test_the_server_sees_who_connects(self, shaped: Home) -> None:
        camera = next(node for node in shaped.stage.topology.nodes if node.name == CAMERA)
        shaped.uploads_work()
        shaped.sh(shaped.server, "journalctl --sync")
        log = shaped.sh(shaped.server, "journalctl -o cat -t vsftpd")
        assert f'OK UPLOAD: Client "{camera.ports[0].address.ip}"' in log

    def test_a_check_finds_nothing_wrong(self, shaped: Home) -> None:
        checked = check(shaped, "--quick")
        # pebble's certificates have no common name, where some cameras look for theirs.
        noted = {"CERTIFICATE_COMMON_NAME"} if shaped.stage.authority else set()
        assert (checked.status, checked.faults) == (0, []), checked
        assert {problem for problem, _ in checked.warnings} == noted, checked

    def test_a_second_run_changes_nothing(self, shaped: Home) -> None:
        assert shaped.deploy() == {}

    def test_uploads_work_after_a_power_cut_of_every_router(self, shaped: Home) -> None:
        for router in shaped.plan.routers:
            shaped.stage.reboot(router.name)
        shaped.uploads_work()


# -- what is special about each


def peer(
    home: Home, node: str, address: object, port: int, at: str, inside: int | None = None
) -> str:
    """The source address that a device sees of a connection that another one holds open.

    :param inside: the port at the device, if it is not the one that is dialled
    """
    script = f"""
import socket, sys
line = socket.create_connection(("{address}", {port}), 5)
print("ready", flush=True)
sys.stdin.read()
"""
    command = podman.inside(home.stage.container(node), "python3", "-c", script)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen = home.sh(at, f"ss -Htn state established sport = :{inside or port}")
        process.communicate(b"")
    (address_seen,) = {line.split()[-1].rpartition(":")[0] for line in seen.splitlines()}
    return address_seen


@contextmanager
def listening(home: Home, node: str, *ports: int) -> Iterator[None]:
    """Somebody who answers on these ports, whoever asks."""
    script = f"""
import os, pathlib, socket, time
socks = [socket.create_server(("::", p), family=socket.AF_INET6, dualstack_ipv6=True)
         for p in {list(ports)}]
pathlib.Path("/run/listening").write_text(str(os.getpid()))
time.sleep(600)
"""
    background = 'python3 -c "$0" >/dev/null 2>&1 &'
    podman.execute(home.stage.container(node), "sh", "-c", background, script)
    home.sh(node, "timeout 20 sh -c 'until test -s /run/listening; do sleep 0.1; done'")
    try:
        yield
    finally:
        home.sh(node, "kill $(cat /run/listening); rm /run/listening")


def address_of(home: Home, node: str) -> IPv4Address:
    found = next(n for n in home.stage.topology.nodes if n.name == node)
    return found.ports[0].address.ip


def opens(home: Home, address: object, port: int) -> bool:
    """Whether the server can open a connection; it has no Python."""
    return home.succeeds(
        home.server, f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/{port}' 2>/dev/null"
    )


@shape("routed")
class TestRouted:
    def test_the_inner_router_translates_nothing(self, shaped: Home) -> None:
        edge = shaped.plan.router("edge")
        laptop = address_of(shaped, LAPTOP)
        assert peer(shaped, LAPTOP, edge.lan.ip, 22, "edge") == str(laptop)

    def test_what_sets_the_static_route_is_confined(self, shaped: Home) -> None:
        assert shaped.exposure("edge", "hotshoe-routes") < 2.0

    def test_the_static_route_comes_back_and_goes_with_the_setting(self, shaped: Home) -> None:
        shown = "ip route show 192.168.1.0/24 via 192.168.178.2"
        shaped.sh("edge", "ip link set eth1 down; ip link set eth1 up")
        shaped.sh(
            "edge", f"for i in $(seq 50); do {shown} | grep -q . && exit; sleep 0.1; done; false"
        )
        time.sleep(3)  # the interface's last event, the end of its IPv6 address's trial, is past
        shaped.sh("edge", "ip route delete 192.168.1.0/24")
        assert list(shaped.deploy()) == ["Router | Set the static routes"]
        assert shaped.sh("edge", shown)
        with shaped.saying(", mode: routed", ""):
            assert not shaped.sh("edge", shown)
            assert not shaped.succeeds("edge", "test -e /etc/hotshoe/routes")
            shaped.uploads_work()
            edge = shaped.plan.router("edge")
            assert peer(shaped, LAPTOP, edge.lan.ip, 22, "edge") == "192.168.178.2"
        assert shaped.sh("edge", shown)
        shaped.uploads_work()


@shape("dmz", "dmz by OpenWrt")
class TestDmz:
    PORTS = (21, 22, 8080)

    def test_the_server_cannot_open_anything_towards_the_home(self, shaped: Home) -> None:
        home, gateway = shaped, shaped.plan.router("gateway")
        laptop = address_of(home, LAPTOP)
        with listening(home, LAPTOP, *self.PORTS):
            # By the inner router's own address, and with it as the gateway to the home.
            home.sh(home.server, f"ip route add {gateway.lan.network} via {gateway.wan_address}")
            try:
                for port in self.PORTS:
                    assert not opens(home, gateway.wan_address, port)
                    assert not opens(home, laptop, port)
                    assert not opens(home, gateway.lan.ip, port)
                # The listeners are there: the laptop itself reaches them.
                home.sh(LAPTOP, f"timeout 2 bash -c 'exec 3<>/dev/tcp/{laptop}/8080'")
            finally:
                home.sh(home.server, f"ip route delete {gateway.lan.network}")

    def test_the_home_fetches_from_the_server(self, shaped: Home) -> None:
        home = shaped
        home.ftp(["stor", "fetched.JPG", 4321])
        photo = home.photo("fetched.JPG")
        key = (home.stage.folder / "id_ed25519").read_text()
        podman.execute(
            home.stage.container(LAPTOP), "sh", "-c",
            "install -d -m 700 /root/.ssh; umask 077; cat >/root/.ssh/id_ed25519", input_text=key,
        )  # fmt: skip
        home.sh(
            LAPTOP,
            f"cd /tmp && sftp -q -o StrictHostKeyChecking=no -o ConnectTimeout=5 "
            f"root@{home.server_plan.address}:{photo} .",
        )
        assert home.sh(LAPTOP, "cat /tmp/fetched.JPG") == "x" * 4321

    def test_what_the_site_lets_it_open_is_open_and_goes_with_the_setting(
        self, shaped: Home
    ) -> None:
        home, gateway = shaped, shaped.plan.router("gateway")
        laptop = address_of(home, LAPTOP)
        asked = f"address: 192.168.178.10, may_open: [{{to: {laptop}, services: [8080/tcp]}}]"
        with listening(home, LAPTOP, 8080, 8081):
            with home.saying("address: 192.168.178.10", asked):
                assert opens(home, gateway.wan_address, 8080)
                assert not opens(home, gateway.wan_address, 8081)
                assert home.reach(CAMERA, home.plan.public_address, 8080) == ["silent"]
            assert not opens(home, gateway.wan_address, 8080)


@shape("dmz")
def test_a_server_lets_another_one_in_from_its_address_to_the_service_alone(shaped: Home) -> None:
    home, gateway = shaped, shaped.plan.router("gateway")
    studio = home.plan.server("studio").address
    dialled = gateway.wan_address
    asked = f"address: 192.168.178.10, may_open: [{{to: {studio}, services: [22/tcp]}}]"

    def silent(node: str, port: int) -> bool:
        dial = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{studio}/{port}'; test $? = 124"
        return home.succeeds(node, dial)

    assert not opens(home, dialled, 22)
    with home.saying("address: 192.168.178.10", asked):
        assert opens(home, dialled, 22)
        assert not opens(home, dialled, 23)
        # The server's own firewall, with that of the router out of the way.
        home.sh("gateway", "nft insert rule inet hotshoe_routing forward accept")
        for node in (home.server, "edge"):
            home.sh(node, f"ip route add {studio} via {dialled}")
        try:
            assert opens(home, studio, 22)
            assert silent(home.server, 23)
            assert silent("edge", 22)
        finally:
            for node in (home.server, "edge"):
                home.sh(node, f"ip route delete {studio}")
    assert not opens(home, dialled, 22)


@shape("push", "push by OpenWrt")
def test_to_send_photos_one_port_of_one_computer_is_open_to_the_server_alone(shaped: Home) -> None:
    home, gateway = shaped, shaped.plan.router("gateway")
    (push,) = home.server_plan.pushes
    assert push.host == str(gateway.wan_address)
    assert peer(home, home.server, push.host, push.port, "desk") == str(home.server_plan.address)
    with listening(home, "desk", 8080):
        assert not opens(home, push.host, 8080)
    assert home.reach(CAMERA, home.plan.public_address, push.port) == ["silent"]
    if home.plan.router("edge").managed_by == "linux":  # an OpenWrt router has no bash
        dial = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{push.host}/{push.port}'; test $? = 124"
        assert home.succeeds("edge", dial)
    # The laptop, whose address nothing but the LAN distinguishes from the computer's.
    home.sh(home.server, f"ip route add {gateway.lan.network} via {gateway.wan_address}")
    try:
        assert not opens(home, address_of(home, LAPTOP), 22)
    finally:
        home.sh(home.server, f"ip route delete {gateway.lan.network}")


@shape("default-host")
def test_a_default_host_sends_on_everything_and_the_router_behind_it_drops_it(shaped: Home) -> None:
    count = "nft list chain inet hotshoe_routing input | grep -o 'packets [0-9]* .*dropped'"
    before = shaped.sh("gateway", count)
    assert shaped.reach(CAMERA, shaped.plan.public_address, 12345) == ["silent"]
    assert shaped.sh("gateway", count) != before


@shape("default-host by OpenWrt")
def test_beside_a_default_host_the_router_s_own_services_stay_its_own(shaped: Home) -> None:
    public = shaped.plan.public_address
    with shaped.saying("mode: default-host", "mode: default-host, open_to_wan: [8443/tcp]"):
        shaped.sh("box", "dropbear -p 8443 -P /tmp/own.pid")
        try:
            assert shaped.reach(CAMERA, public, 8443) == ["open"]
            assert shaped.reach(LAPTOP, public, 8443) == ["open"]
            shaped.uploads_work(LAPTOP)
        finally:
            shaped.sh("box", "kill $(cat /tmp/own.pid)")
    # It is the default host's again, which drops it.
    assert shaped.reach(CAMERA, public, 8443) == ["silent"]


@shape("ipv6")
class TestIpv6:
    def test_photos_arrive_over_ipv6(self, shaped: Home) -> None:
        shaped.uploads_work(CAMERA, ipv6=True)
        shaped.uploads_work(LAPTOP, ipv6=True)
        shaped.sh(shaped.server, "journalctl --sync")
        log = shaped.sh(shaped.server, "journalctl -o cat -t vsftpd")
        assert 'OK UPLOAD: Client "2001:db8:cafe::2"' in log

    def test_the_server_has_the_same_ports_open_and_nobody_else_has_any(self, shaped: Home) -> None:
        home, server = shaped, shaped.server_plan
        assert home.reach(CAMERA, server.address6, server.control_port) == ["open"]
        ends, before = (server.passive.first, server.passive.last), counted(home, "FTP data")
        assert home.reach(CAMERA, server.address6, *ends) == ["closed", "closed"]
        assert counted(home, "FTP data") == before + 2
        others = (20, 22, 80, server.passive.first - 1, server.passive.last + 1)
        assert home.reach(CAMERA, server.address6, *others) == ["silent"] * len(others)
        laptop = next(node for node in home.stage.topology.nodes if node.name == LAPTOP)
        assert laptop.ports[0].address6
        ports = (server.control_port, server.passive.first, 8080)
        with listening(home, LAPTOP, *ports):
            assert home.reach(CAMERA, laptop.ports[0].address6.ip, *ports) == ["silent"] * 3
            inside = laptop.ports[0].address6.ip
            assert home.succeeds("gateway", f"timeout 2 bash -c 'exec 3<>/dev/tcp/{inside}/8080'")

    def test_addresses_of_one_network_count_as_one(self, shaped: Home) -> None:
        """For how many connections each may open, and for who may open data connections."""
        home, server = shaped, shaped.server_plan
        camera = home.stage.node(CAMERA).ports[0].address6
        assert camera
        limit = server.control_connections_per_minute
        others = [camera.network[0x100 + i] for i in range(limit + 40)]
        script = f"""
import socket, time
for i, source in enumerate({[str(other) for other in others]}):
    try: socket.create_connection(("{server.address6}", 21), 0.5, (source, 0)).close()
    except OSError: print("silent"); break
else: print("open")
"""
        home.sh(server.name, "systemctl restart hotshoe-firewall")
        add = "; ".join(f"ip address add {other}/128 dev eth0 nodad" for other in others)
        home.sh(CAMERA, add)
        try:
            assert home.reach(CAMERA, server.address6, 21) == ["open"]
            said = podman.execute(home.stage.container(CAMERA), "python3", "-", input_text=script)
            assert said == "silent\n"
        finally:
            home.sh(CAMERA, add.replace(" add ", " delete ").replace(" nodad", ""))
            home.sh(server.name, "systemctl restart hotshoe-firewall")
        assert home.reach(CAMERA, server.address6, server.passive.first) == ["closed"]
        assert counted(home, "FTP data without a session") == 1
        home.uploads_work(CAMERA, ipv6=True)

    def test_the_daemon_refuses_and_is_confined_as_the_one_for_ipv4(self, shaped: Home) -> None:
        clear = ["blurt", "STOR clear.JPG", "a photo"]
        dial = str(shaped.server_plan.address6)
        assert shaped.ftp(clear, protect="", dial=dial) == [
            "522 Data connections must be encrypted."
        ]
        assert not shaped.succeeds(shaped.server, f"test -e {shaped.uploads}/clear.JPG")
        assert shaped.exposure(shaped.server, "hotshoe-vsftpd6") <= EXPOSURE["hotshoe-vsftpd"]

    def test_a_stranger_is_sent_away_over_ipv6_too(self, shaped: Home) -> None:
        script = f"""
import socket
s = socket.create_connection(("{shaped.server_plan.address6}", 21), 30)
while s.recv(100): pass
"""
        with watching(shaped, seconds=3):
            podman.execute(shaped.stage.container(CAMERA), "python3", "-", input_text=script)
        log = shaped.sh(shaped.server, "journalctl -o cat -u hotshoe-sessions")
        assert "ended 1 of 2001:db8:cafe::2, not logged in within 3 s" in log

    def test_the_ipv6_server_goes_away_with_the_setting(self, shaped: Home) -> None:
        address6 = shaped.server_plan.address6
        with shaped.saying(f", address6: {address6}", ""):
            assert shaped.reach(CAMERA, address6, 21) == ["silent"]
            assert not shaped.succeeds(shaped.server, "test -e /etc/hotshoe/vsftpd6.conf")
            assert shaped.sh(shaped.server, "ss -Hltn sport = :21").count("LISTEN") == 1
            shaped.uploads_work()
        shaped.uploads_work(CAMERA, ipv6=True)

    def test_a_router_no_longer_forwards_it_when_the_site_no_longer_says_so(
        self, shaped: Home
    ) -> None:
        settings = (
            "cat /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/eth0/accept_ra"
        )
        assert shaped.sh("gateway", settings).split() == ["1", "2"]
        site = shaped.project / "group_vars" / "ipv6.yml"
        said = site.read_text()
        site.write_text(re.sub(r",\s*(lan6|wan6|address6): [^,}]+", "", said))
        try:
            shaped.deploy()
            assert shaped.sh("gateway", settings).split() == ["0", "1"]
            assert not shaped.sh("edge", "ip -6 route show 2001:db8:100:2::/64")
            assert shaped.deploy() == {}
            shaped.uploads_work()
        finally:
            site.write_text(said)
            shaped.deploy()
        shaped.uploads_work(CAMERA, ipv6=True)

    def test_a_photo_over_ipv6_gets_into_the_library_and_nowhere_else(self, shaped: Home) -> None:
        shaped.uploads_work(CAMERA, ipv6=True)
        assert not shaped.sh(shaped.server, "find /srv/hotshoe -path '*/incomplete/*'")


@shape("map-e", "map-e by OpenWrt")
class TestSharedAddress:
    def test_only_ports_of_the_port_set_are_used(self, shaped: Home) -> None:
        ours = {port for ports in shaped.plan.port_set for port in ports}
        for server in shaped.plan.servers:
            assert ours.issuperset(p for ports in server.ftp_ports for p in ports)
            assert not {21, 990} & ours

    def test_the_relay_never_saw_a_port_of_somebody_else(self, shaped: Home) -> None:
        """Packages were installed, and photos uploaded, through it."""
        assert relayed(shaped, "sport") == 0

    def test_the_relay_drops_what_is_sent_to_others(self, shaped: Home) -> None:
        before = relayed(shaped, "dport")
        assert shaped.reach(CAMERA, shaped.plan.public_address, 21) == ["silent"]
        assert relayed(shaped, "dport") > before


def test_a_debian_router_at_a_shared_address_uses_its_own_ports_too() -> None:
    def change(said: str) -> str:
        return said.replace("{name: box, managed_by: hand", "{name: box, managed_by: linux")

    for home in deployed("test-shared-address", site_name="map-e", change=change):
        assert not home.stage.topology.by_hand
        home.uploads_work(CAMERA)
        home.uploads_work(LAPTOP)
        assert relayed(home, "sport") == 0
        assert home.reach(CAMERA, home.plan.public_address, 22) == ["silent"]
        assert home.deploy() == {}
        # What it opens itself, with nothing but hotshoe's rules to tell it how.
        home.stage.reboot("box")
        loaded = "nft list table inet hotshoe_routing >/dev/null 2>&1"
        home.sh("box", f"timeout 20 sh -c 'until {loaded}; do sleep 0.2; done'")
        away = f"/dev/tcp/{address_of(home, CAMERA)}/9"
        for _ in range(10):
            home.sh("box", f"timeout 2 bash -c 'exec 3<>{away}' 2>/dev/null || true")
        assert relayed(home, "sport") == 0


def relayed(home: Home, port: str) -> int:
    """How many packets the provider's relay has dropped because of their port."""
    rules = home.sh(INTERNET, "nft list table inet relay")
    match = re.search(rf"th {port} != .* counter packets (\d+)", rules)
    assert match
    return int(match[1])


@shape("two-servers")
def test_a_camera_logs_in_to_its_own_server_only(shaped: Home) -> None:
    darkroom, studio = shaped.plan.servers
    shaped.uploads_work(CAMERA, darkroom)
    shaped.uploads_work(CAMERA, studio)
    user = darkroom.cameras[0]
    replies = shaped.ftp(
        port=studio.control_port, user=user, password=shaped.secrets.camera_passwords[user]
    )
    assert replies == ["error_perm: 530 Login incorrect."]


# At an OpenWrt router packets are seen to arrive; at a box by hand nobody can look.
FORWARDS = {
    "not forwarded": (faults.unforwarded(faults.BOX, "21"), "PORT_SILENT"),
    "forwarded to another number": (faults.forwarded(f"{faults.INNER}:2121"), "PORT_SILENT"),
    "half of the passive range": (
        faults.unforwarded(faults.BOX, "50100-50199"),
        "PASSIVE_SOME",
    ),
    "not the passive range": (faults.unforwarded(faults.BOX, faults.ALL), "PASSIVE_NONE"),
    "not forwarded by the inner router": (
        faults.unforwarded(faults.GATEWAY, "21"),
        "PORT_SILENT",
        faults.GATEWAY,
    ),
}


@pytest.mark.fault
@shape("cascade", "cascade by OpenWrt")
@pytest.mark.parametrize("what", FORWARDS)
def test_a_check_names_the_router_whose_forward_is_wrong(shaped: Home, what: str) -> None:
    make, problem, *box = FORWARDS[what]
    with make(shaped):
        checked = check(shaped, "--quick")
    assert checked.faults[:1] == [(problem, *(box or [faults.BOX]))], checked
    if not box and shaped.plan.router(faults.BOX).by_hand:
        assert "worksheet" in checked.remedy, checked


@pytest.mark.fault
@shape("implicit")
def test_a_check_names_the_port_at_which_tls_begins_at_once(shaped: Home) -> None:
    with faults.middlebox("cut", 990)(shaped):
        checked = check(shaped, "--quick")
    assert checked.faults == [("TLS_FAILED", "")], checked


@shape("by-hand")
class TestByHand:
    def test_the_router_does_what_its_rows_say_and_no_more(self, shaped: Home) -> None:
        home, box = shaped, shaped.plan.router("box")
        entered = rows(home.plan, box)
        try:
            without = [row for row in entered if row.menu is not Menu.FORWARD]
            home.sh("box", router_by_hand.script(without))
            assert home.reach(CAMERA, home.plan.public_address, 21, 50000) == ["silent"] * 2
            with pytest.raises(HotshoeError):
                home.uploads_work()
            home.sh(
                "box", router_by_hand.script([r for r in entered if r.menu is not Menu.HAIRPIN])
            )
            home.uploads_work(CAMERA)
            assert home.reach(LAPTOP, home.plan.public_address, 21) != ["open"]
        finally:
            home.sh("box", router_by_hand.script(entered))
        home.uploads_work(LAPTOP)
