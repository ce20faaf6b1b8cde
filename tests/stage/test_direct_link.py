"""FTP without TLS: on a direct link to one computer, and nowhere else."""

from __future__ import annotations

import json
import time
from functools import partial

import pytest

from hotshoe.stage import actions, podman
from hotshoe.stage.topology import CAMERA, LAPTOP, TETHERED
from tests.stage.checking import check
from tests.stage.conftest import SharedStage, deployed
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

LINK = "eth1"
# What a switch of the setting must leave nothing of.
LEFT = (
    "ls -d /etc/hotshoe/* /etc/systemd/system/hotshoe-* /etc/systemd/system/*.wants/hotshoe-* "
    "/usr/local/sbin/hotshoe-*; nft --stateless --terse list ruleset"
)


@pytest.fixture(params=["13", "12"])
def shaped(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A home whose server has a direct link, on each Debian release."""
    make = partial(deployed, "test-direct", request.param, "direct")
    home = stage.home(f"direct link, {request.param}", make)
    home.equip(TETHERED)
    return home


def dialled(home: Home) -> str:
    return home.stage.dialled(home.server_plan)


def listening(home: Home) -> str:
    """The addresses at which the server's vsftpd listens for control connections."""
    said = home.sh(home.server, "ss -Hltn sport = :21")
    return " ".join(line.split()[3] for line in said.splitlines())


# Prints the process that listens.
LISTENER = "ss -Hltnp sport = :21 | sed 's/.*pid=\\([0-9]*\\).*/\\1/'"


def left(home: Home) -> list[str]:
    """What there is, in any order: a table that is loaded anew is listed last."""
    return sorted(
        line for name in (home.server, home.router) for line in home.sh(name, LEFT).splitlines()
    )


def cable(home: Home, state: str) -> None:
    """Pull both ends of the link's cable out, or plug them in: ``down`` or ``up``."""
    switch = home.stage.switch(f"link-{home.server}")
    ends = json.loads(podman.run("ip", "-n", switch, "-json", "link", "show", "master", "bridge0"))
    assert len(ends) == 2
    for end in ends:
        podman.run("ip", "-n", switch, "link", "set", end["ifname"], state)


def plain(home: Home, *steps: list[object], node: str = TETHERED) -> list[str]:
    return home.ftp(*steps, node=node, host=dialled(home), tls=False, ca=None)


def test_photos_arrive_by_the_link(shaped: Home) -> None:
    shaped.uploads_work()
    assert listening(shaped) == f"{dialled(shaped)}:21"


def test_a_check_from_the_linked_computer_finds_nothing_wrong(shaped: Home) -> None:
    checked = check(shaped, "--quick", node=TETHERED)
    assert checked.is_fine, checked


def test_a_camera_on_the_link_is_told_the_address_that_it_dialled(shaped: Home) -> None:
    (reply,) = plain(shaped, ["send", "PASV"])
    assert f"({dialled(shaped).replace('.', ',')}," in reply


def test_nothing_else_leads_to_it(shaped: Home) -> None:
    """Neither its port at another address, nor the link's address by another way."""
    home = shaped
    at_home = str(home.server_plan.address)
    passive = home.server_plan.passive.first
    assert home.reach(LAPTOP, at_home, 21, passive) == ["silent"] * 2
    assert home.reach(CAMERA, home.public, 21, passive) == ["silent"] * 2
    # A computer in the LAN that knows the link's address, and takes the server for its router.
    way = f"{dialled(home)}/32 via {at_home}"
    home.sh(LAPTOP, f"ip route add {way}")
    try:
        assert home.reach(LAPTOP, dialled(home), 21, passive) == ["silent"] * 2
    finally:
        home.sh(LAPTOP, f"ip route del {way}")
    # The same packets are let in by the link, so it is not that nobody listens.
    assert home.reach(TETHERED, dialled(home), 21) == ["open"]
    assert not home.succeeds(home.router, "nft list ruleset | grep -w 'dport 21'")


def test_strangers_on_the_link_get_no_data_connection(shaped: Home) -> None:
    home = shaped
    wait_until(lambda: "connected4" in home.sh(home.server, "nft list ruleset"), 1)
    home.sh(home.server, "nft flush set inet hotshoe_firewall connected4")
    assert home.reach(TETHERED, dialled(home), home.server_plan.passive.first) == ["closed"]


def test_it_is_off_while_the_link_is_down(shaped: Home) -> None:
    home = shaped
    pid = home.sh(home.server, "systemctl show -P MainPID hotshoe-vsftpd")
    address = f"{dialled(home)}/30 dev {LINK}"
    for down, up in (
        (partial(cable, home, "down"), partial(cable, home, "up")),
        # Somebody switches the interface off, and on: its address stays.
        *(
            (partial(home.sh, home.server, off), partial(home.sh, home.server, on))
            for off, on in (
                (f"ip link set {LINK} down", f"ip link set {LINK} up"),
                (f"ip address del {address}", f"ip address add {address}"),
            )
        ),
    ):
        down()
        try:
            wait_until(lambda: listening(home) == "", 30)
        finally:
            up()
        wait_until(lambda: listening(home) == f"{dialled(home)}:21", 30)
        home.uploads_work()
    assert home.sh(home.server, "systemctl show -P MainPID hotshoe-vsftpd") == pid


def test_it_follows_another_address_of_the_interface(shaped: Home) -> None:
    home = shaped
    old, new = f"{dialled(home)}/30", "10.98.0.1/30"
    swap = "ip address flush dev {0}; ip address add {1} dev {0}"
    home.sh(home.server, swap.format(LINK, new))
    home.sh(TETHERED, "ip address add 10.98.0.2/30 dev eth0")
    try:
        wait_until(lambda: listening(home) == "10.98.0.1:21", 30)
        name = f"{time.time_ns()}.JPG"
        order = {"host": "10.98.0.1", "tls": False, "ca": None, "node": TETHERED}
        assert home.ftp(["stor", name, 10], **order) == ["226 Transfer complete."]
    finally:
        home.sh(TETHERED, "ip address del 10.98.0.2/30 dev eth0")
        home.sh(home.server, swap.format(LINK, old))
    wait_until(lambda: listening(home) == f"{dialled(home)}:21", 30)
    assert home.deploy() == {}


def test_a_server_that_ends_is_started_again(shaped: Home) -> None:
    home = shaped
    ended = home.sh(home.server, LISTENER)
    home.sh(home.server, f"kill {ended}")
    wait_until(lambda: home.sh(home.server, LISTENER) not in ("", ended), 30)
    assert listening(home) == f"{dialled(home)}:21"


def test_no_server_is_left_by_what_watches_the_link(shaped: Home) -> None:
    """However that ends: nobody would end the server when the link is down."""
    home = shaped
    main = "systemctl show -P MainPID hotshoe-vsftpd"
    killed = home.sh(home.server, f"{main}; kill -9 $({main})")
    wait_until(lambda: home.sh(home.server, main) not in (killed, "0"), 20)
    # The old vsftpd may be about to end.
    child = f'grep -q "^PPid:[[:space:]]*$({main})$" "/proc/$({LISTENER})/status"'
    wait_until(lambda: home.succeeds(home.server, child), 30)
    assert listening(home) == f"{dialled(home)}:21"
    home.uploads_work()
    cable(home, "down")
    try:
        wait_until(lambda: listening(home) == "", 30)
    finally:
        cable(home, "up")
    wait_until(lambda: listening(home) == f"{dialled(home)}:21", 30)
    assert home.deploy() == {}


def test_an_upload_outlives_a_restart(shaped: Home) -> None:
    home, name = shaped, f"{time.time_ns()}.JPG"
    meeting = f"/root/{name}-meet"
    home.sh(
        TETHERED,
        "cat >/root/order.json <<'E'\n"
        f'{{"host": "{dialled(home)}", "tls": false, "user": "{home.user}", '
        f'"password": "{home.password}", '
        f'"steps": [["stor-meeting", "{name}", 100000, "{meeting}"]]}}\nE\n'
        "(python3 /root/camera.py </root/order.json >/root/replies 2>&1 &)",
    )
    wait_until(lambda: home.succeeds(TETHERED, f"test -e {meeting}"), 20)
    home.sh(home.server, "systemctl restart hotshoe-vsftpd")
    home.sh(TETHERED, f"rm {meeting}")
    wait_until(lambda: home.succeeds(TETHERED, "grep -q 226 /root/replies"), 20)
    assert home.size(name) == 100000


def test_after_a_reboot_it_is_there_again(shaped: Home) -> None:
    home = shaped
    home.stage.reboot(home.server)
    wait_until(lambda: listening(home) == f"{dialled(home)}:21", 30)
    home.uploads_work()


def test_a_second_deploy_changes_nothing_whether_the_link_is_up_or_down(shaped: Home) -> None:
    home = shaped
    assert home.deploy() == {}
    cable(home, "down")
    try:
        wait_until(lambda: listening(home) == "", 30)
        assert home.deploy() == {}
        # Also where something has to be written and started meanwhile.
        home.sh(home.server, "echo >>/etc/hotshoe/vsftpd.conf")
        assert any("vsftpd" in name for name in home.deploy())
    finally:
        cable(home, "up")
    wait_until(lambda: listening(home) == f"{dialled(home)}:21", 30)
    home.uploads_work()


def test_the_home_s_own_network_is_no_direct_link(shaped: Home) -> None:
    home = shaped
    with home.undeployed("only_on: eth1", "only_on: eth0"):
        assert "eth0 is no direct link: it leads to the home's network" in home.refusal()
    assert home.deploy() == {}


def test_another_interface_in_the_home_s_network_is_no_direct_link(shaped: Home) -> None:
    home = shaped
    address = f"{home.server_plan.lan[77]}/{home.server_plan.lan.prefixlen} dev {LINK}"
    home.sh(home.server, f"ip address add {address} noprefixroute")
    try:
        assert "eth1 is no direct link: it leads to the home's network" in home.refusal()
    finally:
        home.sh(home.server, f"ip address del {address}")
    assert home.deploy() == {}


def test_an_interface_that_is_not_there_is_told(shaped: Home) -> None:
    home = shaped
    with home.saying("only_on: eth1", "only_on: usb0"):
        done = home.pyinfra("-y")
        assert "usb0 (ftp.only_on) is not there" in done.stdout + done.stderr
        assert listening(home) == ""
    home.uploads_work()


def test_encryption_and_plain_ftp_take_turns_and_leave_nothing(shaped: Home) -> None:
    """The certificate, its timer, the routers' forwards: all of it comes and goes."""
    home = shaped
    before = left(home)
    assert "/etc/hotshoe/server.pem" not in before
    with home.saying("ftp: {tls: none, only_on: eth1}", "ftp: {tls: explicit}"):
        assert home.deploy() == {}
        home.equip(CAMERA)
        root = actions.root_certificate(home.stage)
        actions.give_root_certificate(home.stage, root, CAMERA)
        reply = home.ftp(["stor", f"{time.time_ns()}.JPG", 10], node=CAMERA)
        assert reply == ["226 Transfer complete."]
        assert home.reach(TETHERED, dialled(home), 21) == ["silent"]
    assert left(home) == before
    home.uploads_work()
