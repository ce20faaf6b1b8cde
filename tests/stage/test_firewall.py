"""The firewalls: they let in what they must, and they never lock their author out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from hotshoe import paths
from hotshoe.debian.vsftpd import OWNER, UNPRIVILEGED
from hotshoe.ports.ranges import PortRange
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from roles.base.operations import ROLLBACK_SECONDS
from roles.firewall.facts import INCOMING, OUTGOING
from roles.router_linux.facts import FORWARDS, ROUTING
from tests.stage.home import BIN, Home
from tests.stage.strangers import connecting, connections, counted, forging
from tests.stage.test_shapes import listening


def test_drops_are_counted(home: Home) -> None:
    before = dropped(home)
    assert home.reach(LAPTOP, home.server_plan.address, 80) == ["silent"]
    assert dropped(home) > before


def test_a_router_counts_who_gets_through_and_who_does_not(home: Home) -> None:
    count = "nft list table inet hotshoe_routing | grep -o 'packets [0-9]* .*comment \"{}\"'"
    comments = {f"cameras to {home.server}": 21, "dropped": 80}
    for comment, port in comments.items():
        before = home.sh(home.router, count.format(comment))
        home.reach(CAMERA, home.plan.public_address, port)
        assert home.sh(home.router, count.format(comment)) != before


def test_what_else_the_site_opens_is_open_and_goes_with_the_setting(home: Home) -> None:
    """A service of the router's outside, one of the server's inside, and SSH from a VPN."""
    public, server = home.plan.public_address, home.server_plan.address
    more = "open_to_lan: [8445/tcp], ssh_from: [10.9.0.0/24], address: 192"
    site = home.project / "group_vars" / "home.yml"
    said = site.read_text()
    opened = said.replace("lan: 192", "open_to_wan: [8443/tcp], lan: 192")
    opened = opened.replace("address: 192", more)

    def seen() -> list[str]:
        # Nobody listens on these two ports; whoever gets there is told so.
        return [
            *home.reach(CAMERA, public, 8443, 8445),
            *home.reach(LAPTOP, server, 8445, 8443),
            *home.reach(LAPTOP, "10.9.0.1", 22),
        ]

    shut = ["silent"] * 5
    home.sh(LAPTOP, "ip address add 10.9.0.2/24 dev eth0")
    home.sh(home.server, "ip address add 10.9.0.1/24 dev eth0")
    try:
        assert seen() == shut
        site.write_text(opened)
        home.deploy()
        assert seen() == ["closed", "silent", "closed", "silent", "open"]
        site.write_text(said)
        home.deploy()
        assert seen() == shut
    finally:
        site.write_text(said)
        home.sh(LAPTOP, "ip address delete 10.9.0.2/24 dev eth0")
        home.sh(home.server, "ip address delete 10.9.0.1/24 dev eth0")
        home.deploy()


def test_nobody_on_the_internet_can_pretend_to_be_at_home(home: Home) -> None:
    public, inside = home.plan.public_address, home.plan.routers[0].lan.network[77]
    script = f"""
import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, socket.IPPROTO_UDP, 0,
                   socket.inet_aton("{inside}"), socket.inet_aton("{public}"))
raw.sendto(head + struct.pack("!HHHH", 1000, 50000, 8, 0), ("{public}", 0))
"""
    count = "nft list chain inet hotshoe_routing input | grep -o 'packets [0-9]* .*spoofed'"
    before = home.sh(home.router, count)
    podman.execute(home.stage.container(CAMERA), "python3", "-", input_text=script)
    assert home.sh(home.router, count) != before


def test_other_addresses_of_a_router_stay_its_own(home: Home) -> None:
    """A VPN's, for example: only the address that cameras dial leads to the server."""
    home.sh(home.router, "ip link add vpn0 type bridge; ip address add 10.99.0.1/24 dev vpn0")
    try:
        assert home.reach(LAPTOP, home.plan.public_address, 21) == ["open"]
        assert home.reach(LAPTOP, "10.99.0.1", 21, 22) == ["closed", "open"]
    finally:
        home.sh(home.router, "ip link delete vpn0")


def dropped(home: Home) -> int:
    listing = home.sh(home.server, "nft list chain inet hotshoe_firewall input")
    match = re.search(r'counter packets (\d+) bytes \d+ comment "dropped"', listing)
    assert match
    return int(match[1])


def control(home: Home) -> PortRange:
    return home.server_plan.ftp_ports[0]


def test_a_flood_of_connections_is_cut_short_and_others_still_get_through(home: Home) -> None:
    limit = home.server_plan.control_connections_per_minute
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    with connecting(home, control(home), 500, 6) as flood:
        for _ in range(4):
            home.uploads_work()
    # What completes its handshake while the first ones too many do is not stopped any more.
    assert limit <= flood.opened <= limit + 60


def test_who_floods_keeps_the_session_that_it_has(home: Home) -> None:
    """As a camera does whose address many share."""
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    with ThreadPoolExecutor() as pool:
        steps = [
            ["stor-slowly", f"{time.time_ns()}.JPG", 1000, 6],
            ["stor", f"{time.time_ns()}", 7],
        ]
        camera = pool.submit(home.ftp, *steps)
        wait_until(lambda: is_logged_in(home), 20)
        with connecting(home, control(home), 100, 4, node=CAMERA):
            pass
        told = home.sh(home.server, "nft list set inet hotshoe_firewall flooding4")
        assert f"{home.stage.node(CAMERA).ports[0].address.ip} " in told
        assert home.reach(CAMERA, home.plan.public_address, 21) == ["silent"]
        assert camera.result() == ["226 Transfer complete."] * 2
    wait_until(lambda: home.reach(CAMERA, home.plan.public_address, 21) == ["open"], 30)
    home.sh(home.server, "systemctl restart hotshoe-firewall")


def is_logged_in(home: Home) -> bool:
    passive = home.server_plan.passive
    ports = f"sport >= :{passive.first} and sport <= :{passive.last}"
    return bool(home.sh(home.server, f"ss -Htn state established '( {ports} )'"))


def test_what_is_forged_in_a_camera_s_name_does_not_keep_it_out(home: Home) -> None:
    camera = home.stage.node(CAMERA).ports[0].address.ip
    with forging(home, control(home), 200, 8, camera):
        for _ in range(5):
            home.uploads_work()


def test_passive_ports_let_in_only_who_has_a_control_connection(home: Home) -> None:
    public, passive = home.plan.public_address, home.server_plan.passive
    home.sh(home.server, "systemctl restart hotshoe-firewall")  # it remembers nobody
    assert home.reach(INTERNET, public, *passive) == ["closed"] * len(passive)
    assert counted(home, "FTP data") == 0
    assert counted(home, "FTP data without a session") == len(passive)
    # The handshake is enough, a forged one is not.
    with forging(home, control(home), 20, 1, home.stage.node(INTERNET).ports[1].address.ip):
        pass
    home.reach(INTERNET, public, *passive)
    assert counted(home, "FTP data") == 0
    assert home.reach(INTERNET, public, 21) == ["open"]
    assert home.reach(INTERNET, public, *passive) == ["closed"] * len(passive)
    assert counted(home, "FTP data") == len(passive)


def test_strangers_at_the_passive_ports_cost_no_photo(home: Home) -> None:
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    photos = [["stor", f"{time.time_ns()}-{i}.JPG", 5000] for i in range(30)]
    with connecting(home, home.server_plan.passive, 300, 8) as strangers:
        assert home.ftp(*photos) == ["226 Transfer complete."] * len(photos)
    assert strangers.opened == 0
    photos = [["stor", f"{time.time_ns()}-{i}.JPG", 5000] for i in range(30)]
    with forging(home, home.server_plan.passive, 1000, 6):
        assert home.ftp(*photos) == ["226 Transfer complete."] * len(photos)


def test_a_burst_of_forged_connections_is_forgotten_soon(home: Home) -> None:
    devices = (home.server, home.router)
    before = {node: connections(home, node) for node in devices}
    with forging(home, control(home), 1000, 4):
        home.uploads_work()
    more = {node: connections(home, node) - before[node] for node in devices}
    assert all(more.values()), "the burst came through, and was kept in mind"
    for node in devices:
        wait_until(lambda node=node: connections(home, node) < before[node] + 400, 20)
    with forging(home, home.server_plan.passive, 1000, 4):
        home.uploads_work()
    # Refused at once, with an answer, so that even a router that knows nothing of it forgets them.
    for node in devices:
        assert connections(home, node) < before[node] + 400, node


NFT_OF_ANOTHER_KERNEL = """#!/bin/sh
# Answers as nft does on a kernel that has no "ct timeout".
for last; do :; done
case " $* " in
    *" -f "* | *" --file "*) ;;
    *) exec nft.real "$@" ;;
esac
text=$(cat "$last")
case $text in *"ct timeout"*) echo "Error: No such file or directory" >&2; exit 1 ;; esac
case " $* " in *" -c "* | *" --check "*) set -- -c -f - ;; *) set -- -f - ;; esac
printf '%s\\n' "$text" | exec nft.real "$@"
"""


def test_a_kernel_that_cannot_time_handshakes_out_sooner_gets_its_rules_too(home: Home) -> None:
    """Raspberry Pi OS's is built without CONFIG_NF_CONNTRACK_TIMEOUT."""
    devices = (home.server, home.router)
    try:
        for node in devices:
            podman.execute(
                home.stage.container(node),
                "sh",
                "-c",
                "cd /usr/sbin; mv nft nft.real; cat >nft; chmod 755 nft",
                input_text=NFT_OF_ANOTHER_KERNEL,
            )
        # Such a kernel never loaded the rules that are there by now, so none are in the way back.
        home.sh(home.server, "nft.real delete table inet hotshoe_firewall")
        home.sh(home.router, "nft.real delete table inet hotshoe_routing")
        assert sorted(home.deploy()) == [
            "Firewall | Load the rules for incoming connections",
            "Router | Load the rules for routing and masquerading",
        ]
        for node in devices:
            assert "ct timeout" not in home.sh(node, "nft.real list ruleset")
        assert home.deploy() == {}
        home.uploads_work()
    finally:
        for node in devices:
            home.sh(node, "mv /usr/sbin/nft.real /usr/sbin/nft")
        home.deploy()


# Prints what became of each: the server has no Python, so this runs in its network only.
OPEN = """
import socket, sys
uid, router, laptop, internet = sys.argv[1:]
def tcp(address, port): socket.create_connection((address, port), 3).close()
def say(kind, protocol, address):
    with socket.socket(socket.AF_INET, kind, protocol) as sock:
        sock.settimeout(3)
        sock.sendto(b"\\x08\\0\\xf7\\xff\\0\\0\\0\\0", (address, 9 if protocol != 1 else 0))
for attempt in (
    lambda: tcp(router, 22), lambda: tcp(laptop, 8080), lambda: tcp(internet, 8081),
    lambda: tcp("127.0.0.1", 22), lambda: tcp("::1", 22), lambda: tcp(router, 21),
    lambda: say(socket.SOCK_DGRAM, 0, internet), lambda: say(socket.SOCK_DGRAM, 1, router),
):
    try: attempt(); print("done")
    except OSError as error: print("refused" if not isinstance(error, TimeoutError) else "silence")
"""


@pytest.mark.parametrize("user", [OWNER, UNPRIVILEGED])
def test_a_session_that_is_taken_over_can_open_nothing(either_home: Home, user: str) -> None:
    home, process = either_home, podman.pid(either_home.stage.container(either_home.server))
    # As on any Debian with systemd outside of a container, everybody may ping.
    home.sh(home.server, "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range")
    targets = [
        home.plan.routers[0].lan.ip,
        home.stage.node(LAPTOP).ports[0].address.ip,
        home.stage.node(INTERNET).ports[1].address.ip,
    ]

    def attempts(who: str) -> list[str]:
        uid = home.sh(home.server, f"id -u {who}").strip()
        command = ["nsenter", f"--target={process}", "--net", "setpriv", f"--reuid={uid}"]
        command += ["--clear-groups", "/usr/bin/python3", "-c", OPEN, uid, *map(str, targets)]
        return podman.run(*command).split()

    with listening(home, LAPTOP, 8080), listening(home, INTERNET, 8081):
        # The router has nothing on its port 21, and says so.
        assert attempts("root") == ["done"] * 5 + ["refused"] + ["done"] * 2
        assert attempts(user) == ["refused"] * 8
    home.uploads_work()


def test_the_table_for_vsftpd_does_not_take_the_firewall_along(home: Home) -> None:
    """It names users; where one is gone, nftables refuses it."""
    home.sh(home.server, "sed -i s/^hotshoe-ftpd:/gone:/ /etc/passwd")
    try:
        home.stage.reboot(home.server)
        assert not home.succeeds(home.server, "nft list table inet hotshoe_outgoing")
        assert home.reach(LAPTOP, home.server_plan.address, 22, 80) == ["open", "silent"]
    finally:
        home.sh(home.server, "sed -i s/^gone:/hotshoe-ftpd:/ /etc/passwd")
        home.deploy()
    home.uploads_work()


def test_what_loads_rules_is_confined(either_home: Home) -> None:
    home = either_home
    for node in (home.server, home.router):
        units = home.sh(node, "cd /etc/systemd/system; grep -l bin/nft hotshoe-*.service").split()
        assert len(units) == 2
        for unit in units:
            assert home.exposure(node, unit) < 2.0, unit


@contextmanager
def later(home: Home, name: str) -> Iterator[str]:
    """A second uplink of the router, which appears after the deploy; the other end is yielded."""
    space, process = home.stage.switch("later"), podman.pid(home.stage.container(home.router))
    podman.run("ip", "netns", "add", space)
    try:
        podman.run(
            "ip", "-n", space, "link", "add", "eth0", "type", "veth",
            "peer", "name", name, "netns", str(process),
        )  # fmt: skip
        home.sh(
            home.router,
            f"ip address add 198.18.0.1/24 dev {name}; ip link set {name} up; "
            f"ip route add default via 198.18.0.2 metric 9000",
        )
        for command in ("address add 198.18.0.2/24 dev eth0", "link set eth0 up"):
            podman.run("ip", "-n", space, *command.split())
        podman.run("ip", "-n", space, "route", "add", "default", "via", "198.18.0.1")
        yield space
    finally:
        podman.run("ip", "netns", "delete", space)
        home.sh(home.router, f"timeout 20 sh -c 'while ip link show {name}; do sleep 0.1; done'")


def dials(space: str, address: object, port: int) -> bool:
    """Whether somebody in a network namespace can open a connection."""
    command = ["ip", "netns", "exec", space, "timeout", "2", "bash", "-c"]
    command += [f"exec 3<>/dev/tcp/{address}/{port}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_an_interface_that_appears_after_the_deploy_is_outside(home: Home) -> None:
    laptop = home.stage.node(LAPTOP).ports[0].address.ip
    internet = home.stage.node(INTERNET).ports[1].address.ip
    with (
        later(home, "ppp1") as space,
        listening(home, LAPTOP, 8080),
        listening(home, INTERNET, 8081),
    ):
        for _ in range(2):
            assert not dials(space, "198.18.0.1", 22), "the router's SSH"
            assert not dials(space, laptop, 8080), "the LAN"
            assert not dials(space, internet, 8081), "the Internet, through the router"
            # The listeners are there, the cable is, and the camera's way goes on.
            assert home.reach(LAPTOP, internet, 8081) == ["open"]
            assert home.succeeds(home.router, f"timeout 2 bash -c 'exec 3<>/dev/tcp/{laptop}/8080'")
            assert dials(space, home.plan.public_address, 21), "what is forwarded to everybody"
            home.uploads_work()
            assert home.deploy() == {}, "it leads outside, and a deploy sees that"
    # The person's own, which is there when hotshoe looks, stays open: a VPN for example.
    with later(home, "wg9") as space:
        home.sh(home.router, "ip route delete default via 198.18.0.2")
        assert not dials(space, "198.18.0.1", 22)
        assert list(home.deploy()) == ["Router | Load the rules for routing and masquerading"]
        assert dials(space, "198.18.0.1", 22)
        assert home.deploy() == {}
        # One that carries much of the Internet, as those of providers do, without a default route.
        home.sh(home.router, "ip route add 64.0.0.0/3 via 198.18.0.2")
        done = home.pyinfra("-y")
        assert "wg9 was inside at the last deploy" in " ".join((done.stdout + done.stderr).split())
        assert not dials(space, "198.18.0.1", 22)
    assert home.deploy() == {}


def test_an_uplink_that_gets_another_name_is_outside(home: Home) -> None:
    port = home.stage.node(home.router).ports[0]
    rename = "ip link set {0} down; ip link set {0} name {1}; ip link set {1} up; "
    rename += f"ip route add default via {home.stage.node(home.router).gateway}"
    laptop = home.stage.node(LAPTOP).ports[0].address.ip
    way = f"{home.plan.routers[0].lan.network} via {home.plan.public_address}"
    home.sh(INTERNET, f"ip route add {way}")
    home.sh(home.router, rename.format(port.name, "wan0"))
    try:
        with listening(home, LAPTOP, 8080):
            assert home.reach(INTERNET, home.plan.public_address, 22) == ["silent"]
            assert home.reach(INTERNET, laptop, 8080) == ["silent"]
    finally:
        home.sh(home.router, rename.format("wan0", port.name))
        home.sh(INTERNET, f"ip route delete {way}")
    home.uploads_work()


def test_ipv6_follows_the_same_rules(home: Home) -> None:
    """The server's IPv6 side, from the LAN: SSH answers, anything else is dropped."""
    server = home.sh(home.server, "ip -6 -br address show dev eth0 scope link").split()[2]
    address = server.split("/")[0] + "%eth0"
    script = """
import socket, sys
for port in (22, 80):
    try: socket.create_connection((sys.argv[1], port), 2); print("open")
    except ConnectionRefusedError: print("closed")
    except TimeoutError: print("silent")
"""
    out = podman.execute(home.stage.container(LAPTOP), "python3", "-", address, input_text=script)
    assert out.split() == ["open", "silent"]


def test_the_server_s_firewall_is_undone_too_and_ssh_from_prevents_it(home: Home) -> None:
    """A deploy over TCP from a network that is not the LAN, such as a VPN."""
    process = podman.pid(home.stage.container(LAPTOP))
    home.sh(LAPTOP, "ip address add 10.9.0.2/24 dev eth0")
    home.sh(home.server, "ip address add 10.9.0.1/24 dev eth0; systemctl stop hotshoe-firewall")
    site = home.project / "group_vars" / "home.yml"
    said = site.read_text()
    try:
        command = over_tcp(home, process, "10.9.0.1", home.server)
        done = subprocess.run(
            command, cwd=home.project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "server.ssh_from" in done.stderr
        assert not home.succeeds(home.server, "nft list table inet hotshoe_firewall")

        site.write_text(said.replace("address: 192", "ssh_from: [10.9.0.0/24], address: 192"))
        subprocess.run(command, cwd=home.project, capture_output=True, check=True)
        assert home.reach(LAPTOP, "10.9.0.1", 22, 80) == ["open", "silent"]

        # What is in force then comes back, when the next deploy would shut the network out.
        rules = home.sh(home.server, "nft --stateless list table inet hotshoe_firewall")
        site.write_text(said)
        done = subprocess.run(command, cwd=home.project, capture_output=True, check=False)
        assert done.returncode == 1
        assert home.reach(LAPTOP, "10.9.0.1", 22) == ["open"]
        assert home.sh(home.server, "nft --stateless list table inet hotshoe_firewall") == rules
    finally:
        site.write_text(said)
        home.sh(LAPTOP, "ip address delete 10.9.0.2/24 dev eth0")
        home.sh(home.server, "ip address delete 10.9.0.1/24 dev eth0")
        home.deploy()


def over_tcp(home: Home, process: int, address: object, limit: str) -> list[str]:
    """The command that deploys to one host over real TCP, from a container's network."""
    config, known_hosts = home.project / "over-tcp", home.project / "known_hosts"
    key = home.sh(limit, "cat /etc/ssh/ssh_host_ed25519_key.pub")
    known_hosts.write_text(f"{address} {key}")
    config.write_text(
        f"Host *\n    User root\n    IdentityFile {home.stage.folder / 'id_ed25519'}\n"
    )
    return [
        *("nsenter", f"--target={process}", "--net", str(BIN / "pyinfra"), "-y"),
        *("--data", f"ssh_config_file={config}", "--data", f"ssh_hostname={address}"),
        *("--data", f"ssh_known_hosts_file={known_hosts}"),
        *("--data", f"stage={home.stage.folder}", "--limit", limit),
        *("inventories/home.py", "deploy.py"),
    ]


@pytest.fixture
def from_outside(bare_home: Home) -> list[str]:
    """A deploy of the bare router over TCP from the Internet, where it is about to be shut out."""
    process = podman.pid(bare_home.stage.container(CAMERA))
    return over_tcp(bare_home, process, bare_home.server_plan.public_address, bare_home.router)


def test_a_change_that_cuts_off_its_author_is_undone(
    bare_home: Home, from_outside: list[str]
) -> None:
    home, address = bare_home, bare_home.server_plan.public_address
    assert home.reach(CAMERA, address, 22) == ["open"]

    # Killed while it is shut out: nobody is left to undo the change but the router itself.
    kill_when_shut_out(home, from_outside)
    wait_until(lambda: home.reach(CAMERA, address, 22) == ["open"], ROLLBACK_SECONDS + 10)

    # Nor is the change there after a power cut before it was confirmed.
    kill_when_shut_out(home, from_outside)
    home.stage.reboot(home.router)
    assert home.reach(CAMERA, address, 22) == ["open"]

    # Left alone: it notices, undoes the change at once, and says why.
    done = subprocess.run(
        from_outside, cwd=home.project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "a new SSH connection fails" in done.stderr
    assert "Traceback" not in done.stderr
    assert home.reach(CAMERA, address, 22) == ["open"]
    assert not home.succeeds(home.router, "test -e /etc/hotshoe/hotshoe_routing.nft")

    # And from inside the home, the same change goes through.
    home.deploy()
    assert home.reach(CAMERA, address, 22) == ["silent"]
    assert home.deploy() == {}


def kill_when_shut_out(home: Home, command: list[str]) -> None:
    """Kill a deploy as soon as its rules are in force that shut it out."""
    with subprocess.Popen(
        command, cwd=home.project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        wait_until(lambda: home.reach(CAMERA, home.plan.public_address, 22) == ["silent"], 60)
        os.killpg(process.pid, signal.SIGKILL)


# Dies where it would log in over a new connection.
UNCONFIRMED = """
import os, signal
from pyinfra import host
from roles import server
from roles.base import device, operations, rulesets
from roles.firewall.facts import INCOMING

operations._reach_again = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if host.name == {name!r}:
    device.read(host, server.FOOTPRINTS)
    rulesets.load(INCOMING, {text!r}, {purpose!r})
"""
SHUT = """
table inet hotshoe_firewall
delete table inet hotshoe_firewall
table inet hotshoe_firewall {
    chain input { type filter hook input priority filter; policy drop; }
}
"""


def test_rules_that_nobody_confirmed_do_not_outlive_a_power_cut(home: Home) -> None:
    address, table = home.server_plan.address, "table inet hotshoe_firewall"
    look = f"nft --stateless --terse list {table}"
    before = home.sh(home.server, look)
    unit = home.sh(home.server, "systemctl show -p Description --value hotshoe-firewall").strip()
    text = UNCONFIRMED.format(name=home.server, text=SHUT, purpose=unit.removeprefix("hotshoe: "))
    (home.project / "unconfirmed.py").write_text(text)
    assert home.pyinfra("-y", deploy="unconfirmed.py", check=False).returncode == -signal.SIGKILL
    try:
        assert home.reach(LAPTOP, address, 22) == ["silent"], "it really is shut"
        # It is not the timer that opens it again.
        timer = "hotshoe-rollback-hotshoe_firewall.timer"
        assert home.succeeds(home.server, f"systemctl is-active --quiet {timer}")
    finally:
        home.stage.reboot(home.server)
    assert home.reach(LAPTOP, address, 22, 80) == ["open", "silent"]
    assert home.sh(home.server, look) == before
    home.uploads_work()
    assert home.deploy() == {}


@pytest.mark.parametrize("name", ["server", "router"])
def test_what_is_kept_of_the_rules_in_force_can_be_loaded(either_home: Home, name: str) -> None:
    """On a Debian without /etc/protocols as well, as the router is here."""
    node = getattr(either_home, name)
    for ruleset in (INCOMING, OUTGOING) if name == "server" else (ROUTING, FORWARDS):
        table = f"nft --stateless --terse list table inet {ruleset.table}"
        before = either_home.sh(node, table)
        empty = f"table inet {ruleset.table}; delete table inet {ruleset.table}"
        program = f"{paths.RULESET} stage {ruleset.table} 60"
        gone = f"! nft list table inet {ruleset.table} 2>/dev/null"
        back = f"{paths.RULESET} rollback {ruleset.table}"
        either_home.sh(node, f"set -e; echo '{empty}' | {program}; {gone}; {back}")
        assert either_home.sh(node, table) == before


def test_rules_that_cannot_be_kept_are_not_replaced(home: Home) -> None:
    """Going back would take the whole table away: nothing would drop anything any more."""
    add = "nft add rule inet hotshoe_firewall input counter comment lost"
    fails = 'case " $* " in *" --stateless list "*) exit 1 ;; esac; exec nft.real "$@"'
    home.sh(home.server, f"{add}; cd /usr/sbin; mv nft nft.real")
    try:
        podman.execute(
            home.stage.container(home.server),
            "sh",
            "-c",
            "cd /usr/sbin; cat >nft; chmod 755 nft",
            input_text=f"#!/bin/sh\n{fails}\n",
        )
        assert home.pyinfra("-y", check=False).returncode == 1
        assert "lost" in home.sh(home.server, "nft.real list table inet hotshoe_firewall")
    finally:
        home.sh(home.server, "mv /usr/sbin/nft.real /usr/sbin/nft")
        home.deploy()
    assert "lost" not in home.sh(home.server, "nft list table inet hotshoe_firewall")


def wait_until(condition: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.3)


def test_nothing_leads_to_a_server_that_failed(bare_home: Home) -> None:
    home = bare_home
    # A folder that cannot be made: the server's deploy fails half way.
    home.sh(home.server, "touch /srv/hotshoe")
    done = home.pyinfra("-y", check=False)
    assert done.returncode == 1
    assert not home.succeeds(home.router, "nft list table inet hotshoe_forwards")
    home.sh(home.server, "rm /srv/hotshoe")
    home.deploy()
    home.equip(CAMERA)
    home.uploads_work()
