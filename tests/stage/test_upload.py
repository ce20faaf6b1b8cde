"""A photo leaves a camera on the Internet and lands at home, byte by byte."""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath

import pytest

from hotshoe import paths
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import make_photos
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.home import Home

JPEGS, RAWS = 20, 2


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_photos(tmp_path_factory.mktemp("dcim"), JPEGS, RAWS)


def curl(home: Home, photos: list[Path]) -> None:
    actions.upload(home.stage, home.server_plan, home.user, home.password, photos)


def lftp(home: Home, photos: list[Path]) -> None:
    copy_to_camera(home, photos)
    script = f"""
        set ftp:ssl-force true; set ftp:ssl-protect-data true
        set ssl:verify-certificate true; set ssl:ca-file {actions.ROOT_ON_CAMERA}
        set cmd:fail-exit true; set net:max-retries 1
        open -u {home.user},{home.password} {home.server_plan.hostname}
        mput /root/dcim/*
    """
    podman.execute(home.stage.container(CAMERA), "lftp", "-f", "/dev/stdin", input_text=script)


def python(home: Home, photos: list[Path]) -> None:
    copy_to_camera(home, photos)
    replies = home.ftp(*(["put", f"/root/dcim/{p.name}", p.name] for p in photos))
    assert replies == ["226 Transfer complete."] * len(photos)


def copy_to_camera(home: Home, photos: list[Path]) -> None:
    podman.put(photos, home.stage.container(CAMERA), PurePosixPath("/root/dcim"))


@pytest.mark.parametrize("client", [curl, lftp, python])
def test_every_byte_arrives(either_home: Home, photos: list[Path], client: object) -> None:
    home = either_home
    home.sh(home.server, f"rm -rf {paths.LIBRARY}/{home.user}")
    client(home, photos)  # type: ignore[operator]
    arrived = actions.arrived(home.stage, home.server_plan, home.user)
    assert actions.digests(photos).items() <= arrived.items()


def announced(reply: str) -> tuple[str, int]:
    """The address and the port that a reply to PASV tells."""
    numbers = [int(n) for n in reply[reply.index("(") + 1 : reply.index(")")].split(",")]
    return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]


def test_pasv_announces_the_public_address_and_a_port_of_the_range(either_home: Home) -> None:
    plan = either_home.server_plan
    for reply in either_home.ftp(*[["send", "PASV"]] * 5):
        address, port = announced(reply)
        assert address == str(plan.public_address)
        assert port in plan.passive


def test_a_client_in_the_lan_may_dial_the_public_address_too(either_home: Home) -> None:
    (pasv,) = either_home.ftp(["send", "PASV"], node=LAPTOP)
    assert announced(pasv)[0] == str(either_home.server_plan.public_address)
    either_home.uploads_work(LAPTOP)


def test_a_client_in_the_lan_that_dials_the_server_gets_that_address(either_home: Home) -> None:
    """So it needs no hairpin NAT."""
    home, address = either_home, str(either_home.server_plan.address)
    name = f"inside-{time.time_ns()}.JPG"
    pasv, stored = home.ftp(["send", "PASV"], ["stor", name, 10], node=LAPTOP, dial=address)
    assert announced(pasv)[0] == address
    assert stored == "226 Transfer complete."
    assert home.content(name) == "x" * 10


@pytest.mark.parametrize("change", ["echo vsftpd: ALL: deny >", "rm -f"])
def test_the_host_s_own_rules_for_libwrap_say_nothing_about_cameras(
    either_home: Home, change: str
) -> None:
    """Neither what is in its files nor that they are missing."""
    home, own = either_home, "/etc/hosts.allow /etc/hosts.deny"
    restart = (
        "systemctl restart hotshoe-vsftpd; "
        "timeout 10 sh -c 'until ss -Hltn sport = :21 | grep -q .; do sleep 0.1; done'"
    )
    home.sh(home.server, f"mkdir /root/own && cp -p {own} /root/own")
    try:
        home.sh(home.server, f"for file in {own}; do {change} $file; done; {restart}")
        home.uploads_work()
        home.uploads_work(LAPTOP)
        assert "setenv" not in home.sh(home.server, f"cat {own} || :")
    finally:
        home.sh(home.server, f"cp -p /root/own/* /etc && rm -r /root/own && {restart}")


def test_no_client_waits_for_its_name_to_be_looked_up(either_home: Home) -> None:
    """libwrap would, for some of its patterns; a name server that is silent takes five seconds."""
    home, resolver = either_home, "/etc/resolv.conf"
    silent = "{ type filter hook input priority 0; udp dport 53 drop; }"
    home.sh(
        home.server,
        f"nft 'add table ip silent; add chain ip silent input {silent}'; "
        f"cp {resolver} /root/resolv.conf; echo nameserver 127.0.0.9 >{resolver}",
    )
    try:
        began = time.monotonic()
        home.sh(home.server, "getent hosts 203.0.113.1 || :")
        assert time.monotonic() - began >= 5
        inside = str(home.server_plan.address)
        for node, dial in ((CAMERA, {}), (LAPTOP, {}), (LAPTOP, {"dial": inside})):
            began = time.monotonic()
            home.ftp(["send", "PASV"], node=node, **dial)
            assert time.monotonic() - began < 4
    finally:
        home.sh(
            home.server,
            f"cat /root/resolv.conf >{resolver}; rm /root/resolv.conf; nft delete table ip silent",
        )


def test_a_camera_makes_the_folder_that_it_is_told_to_use(home: Home) -> None:
    replies = home.ftp(
        ["send", "MKD 2024-02-29"], ["send", "CWD 2024-02-29"], ["stor", "folder-0001.JPG", 10]
    )
    assert [reply[:3] for reply in replies] == ["257", "250", "226"]
    assert home.content("folder-0001.JPG") == "x" * 10


def test_photos_belong_to_a_user_that_cannot_log_in(home: Home) -> None:
    home.ftp(["stor", "mine.JPG", 10])
    seen = home.sh(
        home.server, f"stat -c '%U %G %a' {home.photo('mine.JPG')}; getent passwd hotshoe"
    )
    assert seen.splitlines()[0] == "hotshoe hotshoe 440"
    assert seen.strip().endswith("/usr/sbin/nologin")


def test_photos_are_for_who_is_in_the_group_and_for_nobody_else(home: Home) -> None:
    home.ftp(["stor", "shared.JPG", 10])
    read = "setpriv --reuid=nobody --regid={} --clear-groups cat " + home.photo("shared.JPG")
    assert home.sh(home.server, read.format("hotshoe")) == "x" * 10
    assert not home.succeeds(home.server, read.format("nogroup"))


def test_the_journal_says_when_a_photo_is_complete_and_how_large(home: Home) -> None:
    home.ftp(["stor", "logged.JPG", 4321])
    home.sh(home.server, "journalctl --sync")
    log = home.sh(home.server, "journalctl -o cat -t vsftpd")
    assert f'[{home.user}] OK UPLOAD: Client "' in log
    assert '"/upload/logged.JPG", 4321 bytes' in log
