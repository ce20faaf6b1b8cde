"""The firewalls: they let in what they must, and they never lock their author out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, LAPTOP
from roles.base.operations import ROLLBACK_SECONDS
from tests.stage.home import BIN, Home


def test_drops_are_counted(home: Home) -> None:
    before = dropped(home)
    assert home.reach(LAPTOP, home.server_plan.address, 80) == ["silent"]
    assert dropped(home) > before


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


def test_a_flood_of_connections_is_cut_short_and_others_still_get_through(home: Home) -> None:
    limit = home.server_plan.new_connections_per_minute
    home.sh(home.server, "systemctl restart hotshoe-firewall")
    script = f"""
import socket
through = 0
for _ in range({limit} + 40):
    try: socket.create_connection(("{home.server_plan.public_address}", 21), 0.2).close()
    except OSError: continue
    through += 1
print(through)
"""
    out = podman.execute(home.stage.container(CAMERA), "python3", "-", input_text=script)
    assert limit <= int(out) <= limit + 15  # some more get through while the limit refills
    home.uploads_work(LAPTOP)  # another address
    home.sh(home.server, "systemctl restart hotshoe-firewall")
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
    with subprocess.Popen(
        from_outside, cwd=home.project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        wait_until(lambda: home.reach(CAMERA, address, 22) == ["silent"], 60)
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: home.reach(CAMERA, address, 22) == ["open"], ROLLBACK_SECONDS + 10)

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
