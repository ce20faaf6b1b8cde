"""What must fail, fails, and with the right answer."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotshoe.paths import CERTIFICATE
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.home import Home
from tests.stage.strangers import counted

NO_LOGIN = {
    "without TLS": ({"tls": False}, "530 Non-anonymous sessions must use encryption."),
    "anonymous without TLS": (
        {"tls": False, "user": "anonymous"},
        "530 Anonymous sessions must use encryption.",
    ),
    "anonymous": ({"user": "anonymous"}, "530 Login incorrect."),
    "wrong password": ({"password": "not-the-password"}, "530 Login incorrect."),
    "system account": ({"user": "root"}, "530 Login incorrect."),
    "owner of the photos": ({"user": "hotshoe"}, "530 Login incorrect."),
}


def test_logins_are_refused(either_home: Home) -> None:
    """All at once, since the server takes its time to say no."""
    with ThreadPoolExecutor(len(NO_LOGIN)) as pool:
        replies = pool.map(lambda case: either_home.ftp(**case[0]), NO_LOGIN.values())
    said = {name: reply[0].split(": ", 1)[1] for name, reply in zip(NO_LOGIN, replies, strict=True)}
    assert said == {name: answer for name, (_, answer) in NO_LOGIN.items()}


def test_a_session_ends_with_the_third_wrong_password(either_home: Home) -> None:
    home = either_home
    wrong = [["send", f"USER {home.user}"], ["send", "PASS not-the-password"]]
    _, *said = home.ftp(["auth"], *wrong * 3, ["send", "NOOP"], user=None)
    refused = ["331 Please specify the password.", "530 Login incorrect."]
    assert said[:-1] == refused * 3
    assert not re.match(r"\d{3} ", said[-1]), "the session goes on"


def test_no_name_of_a_camera_is_special(either_home: Home) -> None:
    """vsftpd takes ``ftp`` and ``anonymous`` for anonymous log-ins unless those need TLS too."""
    home, names = either_home, ["ftp", "anonymous", "root", "hotshoe", "a" * 31]
    passwords = home.sh(home.server, "cat /etc/hotshoe/cameras.pwd")
    script = "umask 077; cd /srv/hotshoe; " + "; ".join(
        f"sed -n 's/^{home.user}:/{name}:/p' /etc/hotshoe/cameras.pwd >>/etc/hotshoe/cameras.pwd; "
        f"install -d {name}; install -d -o hotshoe -g hotshoe -m 2770 {name}/upload"
        for name in names
    )
    try:
        home.sh(home.server, script)
        with ThreadPoolExecutor(len(names)) as pool:
            replies = pool.map(lambda name: home.ftp(["stor", f"{name}.JPG", 5], user=name), names)
        assert list(replies) == [["226 Transfer complete."]] * len(names)
        for name in names:
            assert home.succeeds(home.server, f"test -s /srv/hotshoe/{name}/upload/{name}.JPG")
    finally:
        home.sh(home.server, f"cd /srv/hotshoe; rm -r {' '.join(names)}")
        for name in names:
            home.sh(home.server, f"sed -i '/^{name}:/d' /etc/hotshoe/cameras.pwd")
    assert home.sh(home.server, "cat /etc/hotshoe/cameras.pwd") == passwords


@pytest.mark.parametrize("protect", ["", "C"])
def test_nothing_travels_over_a_data_connection_that_is_not_encrypted(
    either_home: Home, protect: str
) -> None:
    """Neither without ``PROT P`` nor after ``PROT C``, and not even what was not asked for."""
    home, name = either_home, f"clear-{protect}.JPG"
    home.sh(home.server, f"rm -f {home.uploads}/clear*; touch {home.uploads}/clear-listed.JPG")
    commands = [f"STOR {name}", "LIST", "NLST"]
    try:
        said = home.ftp(*(["blurt", each, "a photo"] for each in commands), protect=protect)
        left = home.sh(home.server, f"cd {home.uploads}; ls clear*")
    finally:
        home.sh(home.server, f"rm -f {home.uploads}/clear*")
    assert said == ["522 Data connections must be encrypted."] * 3
    assert left == "clear-listed.JPG\n"


@pytest.mark.parametrize(
    "command",
    [
        "PORT 198,51,100,250,200,10",
        "EPRT |1|198.51.100.250|51210|",
        "RETR precious.JPG",
        "DELE precious.JPG",
        "RNFR precious.JPG",
        "APPE precious.JPG",
        "REST 5",
        "RMD .",
        "SITE CHMOD 777 precious.JPG",
        "SITE UTIME 20200101000000 precious.JPG",
        "MFMT 20200101000000 precious.JPG",
        "STOU",
        "CCC",
        "RNTO other.JPG",
        "XRMD .",
        "SITE HELP",
    ],
)
def test_a_command_that_no_camera_needs_is_refused(either_home: Home, command: str) -> None:
    home = either_home
    home.sh(home.server, f"echo precious >{home.uploads}/precious.JPG")
    (reply,) = home.ftp(["send", command])
    assert reply == "550 Permission denied."
    assert home.sh(home.server, f"cat {home.uploads}/precious.JPG") == "precious\n"


def test_a_photo_is_never_overwritten(either_home: Home) -> None:
    home = either_home
    both = home.ftp(["stor", "once.JPG", 100], ["stor", "once.JPG", 5])
    assert both == ["226 Transfer complete."] * 2
    assert (home.size("once.JPG"), home.size("once-2.JPG")) == (100, 5)


@pytest.mark.parametrize(
    "step",
    [
        ["stor", "/outside.JPG", 5],
        ["stor", "/incomplete/outside.JPG", 5],
        ["stor", "/../../outside.JPG", 5],
        ["stor", "../../a7/upload/outside.JPG", 5],
        ["send", "MKD /elsewhere"],
        ["send", "CWD /etc"],
        ["send", "CWD /srv/hotshoe/a7"],
        ["send", "CWD ../../a7/upload"],
    ],
)
def test_nothing_outside_the_upload_folder_can_be_touched(
    either_home: Home, step: list[object]
) -> None:
    (reply,) = either_home.ftp(step)
    assert reply[:3] in ("550", "553")
    assert not either_home.sh(
        either_home.server, "find /srv/hotshoe -name 'outside*' -o -name els*"
    )


def test_names_can_be_listed_but_nothing_else_of_the_server(home: Home) -> None:
    home.sh(home.server, f"touch {home.uploads}/listed.JPG")
    (listing,) = home.ftp(["list"])
    assert "listed.JPG" in listing
    assert "hotshoe" not in listing  # no user names
    home.sh(home.server, f"rm {home.uploads}/listed.JPG")


def test_the_time_of_a_photo_cannot_be_set(home: Home) -> None:
    home.ftp(["stor", "timed.JPG", 5])
    home.ftp(["send", "MDTM 20200101000000 timed.JPG"])
    assert "2020" not in home.sh(home.server, f"stat -c %y {home.photo('timed.JPG')}")


def test_what_is_above_the_camera_s_folder_is_not_listed(home: Home) -> None:
    above, other, everything = home.ftp(["list", "/.."], ["list", "../../a7"], ["list", "-R /"])
    for listing in (above, everything):
        names = {line.split()[-1] for line in listing.splitlines()}
        assert {"upload"} <= names <= {"upload", "arriving", "incomplete", "unproven"}
    assert other == ""


def test_a_camera_s_password_opens_nothing_but_ftp(home: Home) -> None:
    """Not SSH, where Debian lets passwords in, for the camera, the photos' owner or root."""
    users = [home.user, "hotshoe", "hotshoe-ftpd", "root"]
    script = f"""
import paramiko, sys
for user in {users}:
    transport = paramiko.Transport(("{home.server_plan.address}", 22))
    transport.start_client(timeout=20)
    try: transport.auth_password(user, sys.argv[1]); print("in")
    except paramiko.BadAuthenticationType: print("no passwords")
    except paramiko.AuthenticationException: print("refused")
    transport.close()
"""
    process = podman.pid(home.stage.container(LAPTOP))
    enter = ["nsenter", f"--target={process}", "--net", sys.executable, "-c", script]
    # Whoever has a password gets in, which shows that it was asked for.
    home.sh(home.server, f"useradd person; echo 'person:{home.password}' | chpasswd")
    try:
        said = podman.run(*enter, home.password).split("\n")
        known = podman.run(
            *(each.replace(f"{users}", "['person']") for each in enter), home.password
        )
    finally:
        home.sh(home.server, "userdel person")
    assert known == "in\n"
    assert said == ["refused"] * len(users) + [""]


def test_ssl_is_not_spoken(either_home: Home) -> None:
    """openssl no longer can, so this offers it byte by byte: versions 2 and 3."""
    script = f"""
import socket
suites = bytes.fromhex("002f0035000a00ff")
body = bytes.fromhex("0300") + bytes(32) + b"\\0" + len(suites).to_bytes(2, "big") + suites
body = b"\\1" + (len(body) + 2).to_bytes(3, "big") + body + b"\\1\\0"
ssl3 = bytes.fromhex("160300") + len(body).to_bytes(2, "big") + body
ssl2 = bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + bytes(16)
for hello in (ssl3, ssl2):
    s = socket.create_connection(("{either_home.server_plan.public_address}", 21), 20)
    s.recv(100); s.sendall(b"AUTH TLS\\r\\n"); s.recv(100); s.sendall(hello)
    try: answer = s.recv(100)
    except ConnectionError: answer = b""
    print(answer[:1].hex() or "nothing")
"""
    said = podman.execute(
        either_home.stage.container(CAMERA), "python3", "-", input_text=script
    ).split()
    # A handshake record would be 16, an alert is 15, and text begins with a digit.
    assert set(said) <= {"15", "35", "nothing"}
    assert len(said) == 2


def test_a_camera_that_does_not_trust_the_server_leaves_a_count_and_no_line(
    either_home: Home,
) -> None:
    """As README says, so that whoever finds no line in the journal knows where to look."""
    home, name = either_home, "another.example.net"
    script = "journalctl --sync; journalctl -o cat -t vsftpd | wc -l"
    before, lines = counted(home, "FTP"), home.sh(home.server, script)
    (said,) = home.ftp(host=name, dial=str(home.plan.public_address))
    assert "certificate is not valid for" in said
    assert counted(home, "FTP") > before
    assert home.sh(home.server, script) == lines
    home.ftp()
    assert home.sh(home.server, script) != lines


def test_the_internet_reaches_the_ftp_ports_and_nothing_else(either_home: Home) -> None:
    home, public = either_home, either_home.server_plan.public_address
    passive = home.server_plan.passive
    assert home.reach(CAMERA, public, 21) == ["open"]
    # Nobody listens on a passive port before PASV, but packets get there: the server says no.
    assert home.reach(CAMERA, public, passive.first, passive.last) == ["closed", "closed"]
    others = (passive.first - 1, passive.last + 1, 20, 22, 80, 990)
    assert home.reach(CAMERA, public, *others) == ["silent"] * len(others)


def test_a_passive_port_outside_the_range_is_closed_even_if_somebody_listens(home: Home) -> None:
    server = home.server_plan
    port = server.passive.last + 1
    home.sh(
        home.server,
        f"systemd-run --quiet --collect --unit=stranger sh -c 'cp {CERTIFICATE} /tmp/s.pem; "
        f"exec openssl s_server -accept {port} -cert /tmp/s.pem'; "
        f"until ss -Hltn sport = :{port} | grep -q .; do sleep 0.1; done",
    )
    try:
        assert home.reach(CAMERA, server.public_address, port) == ["silent"]
        assert home.reach(LAPTOP, server.address, port) == ["silent"]
    finally:
        home.sh(home.server, "systemctl stop stranger.service")


def test_ssh_is_for_the_lan_only(home: Home) -> None:
    assert home.reach(LAPTOP, home.server_plan.address, 22) == ["open"]
    assert home.reach(LAPTOP, home.plan.routers[0].lan.ip, 22) == ["open"]
    assert home.reach(CAMERA, home.server_plan.public_address, 22) == ["silent"]


def test_local_rights_would_overwrite_which_is_why_cameras_have_anonymous_ones(home: Home) -> None:
    """The proof behind ``virtual_use_local_privs=NO``: the same server with the other choice."""
    passive = home.server_plan.passive
    # What takes photos in at once would hide it.
    home.sh(
        home.server,
        "systemctl stop hotshoe-intake; "
        "sed 's/^virtual_use_local_privs=.*/virtual_use_local_privs=YES/; /^pasv_address=/d; "
        # That photos are born read-only would save this one.
        "s/^file_open_mode=.*/file_open_mode=0660/; "
        "s/^listen_port=.*/listen_port=2121/' /etc/hotshoe/vsftpd.conf >/tmp/local.conf; "
        "systemd-run --quiet --collect --unit=local-rights vsftpd /tmp/local.conf; "
        f"nft insert rule inet hotshoe_firewall input tcp dport '{{ 2121, {passive} }}' accept; "
        "until ss -Hltn sport = :2121 | grep -q .; do sleep 0.1; done",
    )
    try:
        twice = [["stor", "twice.JPG", 100], ["stor", "twice.JPG", 5]]
        replies = home.ftp(*twice, node=LAPTOP, dial=str(home.server_plan.address), port=2121)
        assert replies == ["226 Transfer complete."] * 2
        assert home.sh(home.server, f"stat -c %s {home.uploads}/twice.JPG").strip() == "5"
    finally:
        home.sh(
            home.server,
            "systemctl stop local-rights; systemctl reload hotshoe-firewall; "
            "systemctl start hotshoe-intake",
        )
