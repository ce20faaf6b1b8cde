"""A photo leaves a camera on the Internet and lands at home, byte by byte."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

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
    home.sh(home.server, f"rm -rf {home.uploads}/*")
    client(home, photos)  # type: ignore[operator]
    assert actions.arrived(home.stage, home.server_plan, home.user) == actions.digests(photos)
    home.sh(home.server, f"rm -rf {home.uploads}/*")


def test_pasv_announces_the_public_address_and_a_port_of_the_range(either_home: Home) -> None:
    plan = either_home.server_plan
    for reply in either_home.ftp(*[["send", "PASV"]] * 5):
        numbers = [int(n) for n in reply[reply.index("(") + 1 : reply.index(")")].split(",")]
        assert ".".join(map(str, numbers[:4])) == str(plan.public_address)
        assert numbers[4] * 256 + numbers[5] in plan.passive


def test_a_client_in_the_lan_may_dial_the_public_address_too(either_home: Home) -> None:
    either_home.uploads_work(LAPTOP)


def test_a_camera_makes_the_folder_that_it_is_told_to_use(home: Home) -> None:
    replies = home.ftp(
        ["send", "MKD 2024-02-29"], ["send", "CWD 2024-02-29"], ["stor", "IMG_0001.JPG", 10]
    )
    assert [reply[:3] for reply in replies] == ["257", "250", "226"]
    assert home.sh(home.server, f"cat {home.uploads}/2024-02-29/IMG_0001.JPG") == "x" * 10


def test_photos_belong_to_a_user_that_cannot_log_in(home: Home) -> None:
    home.ftp(["stor", "mine.JPG", 10])
    seen = home.sh(
        home.server, f"stat -c '%U %G %a' {home.uploads}/mine.JPG; getent passwd hotshoe"
    )
    assert seen.splitlines()[0] == "hotshoe hotshoe 660"
    assert seen.strip().endswith("/usr/sbin/nologin")


def test_photos_are_for_who_is_in_the_group_and_for_nobody_else(home: Home) -> None:
    home.ftp(["stor", "shared.JPG", 10])
    read = "setpriv --reuid=nobody --regid={} --clear-groups cat " + f"{home.uploads}/shared.JPG"
    assert home.sh(home.server, read.format("hotshoe")) == "x" * 10
    assert not home.succeeds(home.server, read.format("nogroup"))


def test_the_journal_says_when_a_photo_is_complete_and_how_large(home: Home) -> None:
    home.ftp(["stor", "logged.JPG", 4321])
    home.sh(home.server, "journalctl --sync")
    log = home.sh(home.server, "journalctl -o cat -t vsftpd")
    assert f'[{home.user}] OK UPLOAD: Client "' in log
    assert '"/upload/logged.JPG", 4321 bytes' in log
