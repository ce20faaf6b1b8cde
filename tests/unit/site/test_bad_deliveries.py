"""What a Site says about the way of photos out of the library and must not."""

from __future__ import annotations

import pytest

from hotshoe.site.reading import load_site, warnings_of
from tests.unit.refusals import one_problem, refusal, with_lines
from tests.unit.site.test_bad_homes import (
    in_dmz,
    may_open,
    router,
    server,
    three_routers,
    two_routers,
    two_servers,
)

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZyu2AMH/Gn3pyaT3bY0gVlt46Jdvd3JpG9XJ8Fp9rW"
SFTP = f"by: sftp, address: 192.168.1.30, username: ann, host_key: {HOST_KEY}"
FETCH = "by: fetch, address: 192.168.1.20, folder: /srv/photos"
SMB = "by: smb, address: 192.168.1.31, username: ann, share: photos"
WEBDAV = "by: webdav, url: https://dav.example.net/in, username: ann"
S3 = "by: s3, url: https://s3.example.net, bucket: photos, username: AKIA"
DMZ = two_routers() + "\n" + in_dmz() + "\n"


def delivery(*said: str) -> str:
    """Deliveries of these names: ``desk, by: sftp, …``."""
    return f"delivery: [{', '.join(f'{{name: {each}}}' for each in said)}]"


@pytest.mark.parametrize(
    "said",
    [
        "library: {share: smb, share_may_change: true, readers: [ann, bob]}",
        "message: {program: messages/ntfy, per: quiet-minute, timeout_seconds: 60}",
        delivery(f"desk, {SFTP}", f"nas, {FETCH}", f"office, {SMB}", f"dav, {WEBDAV}", f"s, {S3}"),
        delivery(f"desk, {SFTP}, folder: in", f"same, {SFTP}, folder: /in/other"),
        delivery(f"desk, {SFTP}") + "\nretention: {after_days: 30, keep_free: 200GB}",
        delivery(f"dav, {WEBDAV.replace('example.net/', 'example.net:8443/')}"),
        delivery(f"away, {SFTP.replace('192.168.1.30', 'sftp.example.net')}"),
        # Wherever the server can be dialled from.
        DMZ + delivery(f"nas, {FETCH}"),
        DMZ + delivery(f"nas, {FETCH.replace('192.168.1.', '192.168.178.')}, behind: edge"),
        two_routers(gateway="wan: 192.168.178.2, mode: routed")
        + "\n"
        + delivery(f"nas, {FETCH.replace('192.168.1.', '192.168.178.')}, behind: edge"),
        # Through the inner router, also where may_open says the same.
        DMZ + delivery(f"desk, {SFTP}", f"office, {SMB}"),
        two_routers()
        + "\n"
        + in_dmz(may_open("192.168.1.30 22/tcp"))
        + "\n"
        + delivery(f"desk, {SFTP}"),
    ],
)
def test_what_is_complete_is_taken(write_site, said):
    assert load_site(write_site(with_lines(said)))


@pytest.mark.parametrize(
    ("said", "key", "reason", "remedy"),
    [
        pytest.param(
            delivery(f"desk, {SFTP.replace(f', host_key: {HOST_KEY}', '')}"),
            "delivery[0].host_key",
            "is missing, and by: sftp needs it",
            'write for example host_key: "ssh-ed25519 AAAA…"',
            id="no host key",
        ),
        pytest.param(
            delivery(f"nas, {FETCH}, port: 2222"),
            "delivery[0].port",
            "by: fetch does not use it",
            "remove it",
            id="a port of one who fetches",
        ),
        pytest.param(
            delivery("nas, by: fetch, address: nas.example.net, folder: /srv/photos"),
            "delivery[0].address",
            "nas.example.net is a name, and the server lets in only the address of who fetches",
            "write the address that this computer has in its LAN",
            id="one who fetches has a name only",
        ),
        pytest.param(
            delivery(f"desk, {SFTP.replace(HOST_KEY, 'ssh-ed25519 AAAA')}"),
            "delivery[0].host_key",
            "'ssh-ed25519 AAAA' is not an SSH host key of one of the kinds ssh-ed25519, "
            "ecdsa-sha2-nistp256, ssh-rsa, as /etc/ssh/ssh_host_ed25519_key.pub has it there",
            'write for example: host_key: "ssh-ed25519 AAAA…"',
            id="half a host key",
        ),
        pytest.param(
            delivery(f"dav, {WEBDAV.replace('https', 'http')}"),
            "delivery[0].url",
            "'http://dav.example.net/in' is not a URL that begins with https://",
            "write for example: url: https://dav.example.net/in",
            id="a URL without TLS",
        ),
        pytest.param(
            delivery(f"dav, {WEBDAV.replace('.net/', '.net:99999/')}"),
            "delivery[0].url",
            "'https://dav.example.net:99999/in' is not a URL that begins with https://",
            "write for example: url: https://dav.example.net/in",
            id="a port that is none",
        ),
        pytest.param(
            delivery(f"dav, {WEBDAV.replace('://', '://ann:marked-secret@')}"),
            "delivery[0].url",
            "has an '@', before which a username or a password would stand; they do not belong "
            "here",
            "write for example: url: https://dav.example.net/in",
            id="a password in a URL, which is not shown",
        ),
        pytest.param(
            delivery(f"dav, {WEBDAV.replace('/in', '/files/ann@example.net/in')}"),
            "delivery[0].url",
            "has an '@', before which a username or a password would stand; they do not belong "
            "here, and in a path it is written %40",
            "write for example: url: https://dav.example.net/in",
            id="the folder of a user whose name is an e-mail address",
        ),
        pytest.param(
            delivery(f"dav, {WEBDAV.replace('username: ann', 'username: a:b')}"),
            "delivery[0].username",
            "has a colon, at which HTTP takes the rest for the password",
            "write the username without it; the password belongs into the vault, in "
            "delivery_passwords",
            id="a colon",
        ),
        pytest.param(
            delivery(f"s, {S3.replace('bucket: photos', 'bucket: My_Photos')}"),
            "delivery[0].bucket",
            "'My_Photos' is not the name of a bucket: 3 to 63 lower-case letters, digits, '.' and "
            "'-'",
            "write for example: bucket: photos",
            id="a bucket's name",
        ),
        pytest.param(
            delivery(f"nas, {FETCH.replace('/srv/photos', 'photos')}"),
            "delivery[0].folder",
            "'photos' does not begin with '/'",
            "write for example /srv/photos",
            id="where does who fetches put them",
        ),
        pytest.param(
            delivery(f"nas, {FETCH.replace('/srv/photos', '/')}"),
            "delivery[0].folder",
            "'/' is not a folder of its own",
            "write for example folder: /srv/photos",
            id="the whole disk",
        ),
        pytest.param(
            delivery(f"office, {SMB}, folder: ../in"),
            "delivery[0].folder",
            "'../in' is not a folder of its own",
            "write for example folder: in",
            id="out of the share",
        ),
        pytest.param(
            delivery(f"office, {SMB}, folder: /in"),
            "delivery[0].folder",
            "'/in' begins with '/', and folders begin at the share",
            "write folder: in",
            id="the root of a share",
        ),
        pytest.param(
            delivery(f"nas, {FETCH}, by_hand: true, removed: true"),
            "delivery[0].removed",
            "hotshoe does not log in to a computer that is set up by hand (by_hand)",
            "remove what you put there yourself, and take this delivery out",
            id="removed by hand",
        ),
        pytest.param(
            delivery(f"nas, {FETCH}, by_hand: true, ssh_user: ann"),
            "delivery[0].ssh_user",
            "is not used: hotshoe does not log in to a computer that is set up by hand (by_hand)",
            "remove it",
            id="a login by hand",
        ),
        pytest.param(
            delivery(f"gateway, {SFTP}"),
            "delivery[0].name",
            "'gateway' is the name of another device already",
            "give every device a name of its own",
            id="the name of a router",
        ),
        pytest.param(
            delivery(f"desk, {SFTP}", f"other, {SFTP}"),
            "delivery[1]",
            "goes to the same place as desk",
            "write another folder, or remove one of the two",
            id="the same place",
        ),
        pytest.param(
            delivery(f"nas, {FETCH}, behind: gatewy"),
            "delivery[0].behind",
            "there is no router named 'gatewy'",
            "write one of: gateway",
            id="no such router",
        ),
        pytest.param(
            delivery(f"nas, {FETCH.replace('192.168.1.', '192.168.2.')}"),
            "delivery[0].address",
            "192.168.2.20 is not in the LAN 192.168.1.0/24 of gateway",
            "give the computer a fixed address in 192.168.1.0/24, for example 192.168.1.2",
            id="outside of its LAN",
        ),
        pytest.param(
            delivery(f"nas, {FETCH.replace('192.168.1.20', '192.168.1.10')}"),
            "delivery[0].address",
            "192.168.1.10 is the address of darkroom already",
            "give the computer a fixed address in 192.168.1.0/24, for example 192.168.1.2",
            id="the server's address",
        ),
        pytest.param(
            two_routers()
            + "\n"
            + delivery(f"nas, {FETCH.replace('192.168.1.', '192.168.178.')}, behind: edge"),
            "delivery[0].behind",
            "darkroom is behind gateway, which translates, so that a computer in the LAN of edge "
            "cannot dial it",
            "write by: sftp (or smb, webdav, s3), by which the server dials that computer; or "
            "place it in the LAN of gateway or further inside",
            id="outside of a translating router",
        ),
        pytest.param(
            delivery(f"desk, {SFTP.replace('192.168.1.30', '192.168.1.10')}"),
            "delivery[0].address",
            "192.168.1.10 is darkroom itself, where the photos are already",
            "write the address of another computer",
            id="to itself",
        ),
        pytest.param(
            delivery(f"desk, {SFTP.replace('192.168.1.30', '127.0.0.1')}"),
            "delivery[0].address",
            "127.0.0.1 is darkroom itself, where the photos are already",
            "write the address of another computer",
            id="to itself by loopback",
        ),
        *(
            pytest.param(
                delivery(f"dav, {WEBDAV.replace('dav.example.net', name)}"),
                "delivery[0].url",
                f"{name.lower()} is darkroom itself, where the photos are already",
                "write the address of another computer, or a name of its own",
                id=f"to itself as {name}",
            )
            for name in ("localhost", "Photos.example.net")
        ),
        pytest.param(
            DMZ + delivery(f"desk, {SFTP.replace('192.168.1.30', '192.168.1.1')}"),
            "delivery[0].address",
            "192.168.1.1 is the address of gateway itself",
            "write the address of a computer in 192.168.1.0/24",
            id="to the router",
        ),
        pytest.param(
            DMZ
            + delivery(f"desk, {SFTP}", f"other, {SFTP.replace('192.168.1.30', '192.168.1.31')}"),
            "delivery[1].address",
            "22/tcp of 192.168.1.31 and of 192.168.1.30 would be the same port of gateway",
            "let one of them answer on another port",
            id="one port of a router for two",
        ),
        pytest.param(
            two_routers()
            + "\n"
            + in_dmz(may_open("192.168.1.20 20-30/tcp"))
            + "\n"
            + delivery(f"desk, {SFTP}"),
            "delivery[0].address",
            "22/tcp of 192.168.1.30 and of 192.168.1.20 would be the same port of gateway",
            "let one of them answer on another port",
            id="a port that may_open uses",
        ),
        pytest.param(
            two_routers(gateway="wan: 192.168.178.2, open_to_wan: [22/tcp]")
            + "\n"
            + in_dmz()
            + "\n"
            + delivery(f"desk, {SFTP}"),
            "delivery[0].address",
            "22/tcp of 192.168.1.30 would be dialled at gateway, where 22/tcp is taken already "
            "(open_to_wan)",
            "let 192.168.1.30 answer on another port, or remove 22/tcp from open_to_wan of gateway",
            id="a port that the router has itself",
        ),
        pytest.param(
            three_routers("masks_source: true")
            + "\n"
            + in_dmz()
            + "\n"
            + delivery(f"desk, {SFTP}"),
            "delivery[0].address",
            "middle replaces source addresses (masks_source), so gateway cannot distinguish "
            "darkroom from others",
            "switch that off on middle and remove masks_source, or write an address in the LAN of "
            "middle",
            id="behind a router with source NAT",
        ),
        pytest.param(
            two_servers() + "\n" + delivery(f"desk, {SFTP}"),
            "delivery[0].server",
            "is missing, and there are 2 servers",
            "write one of: darkroom, studio",
            id="whose photos",
        ),
        pytest.param(
            delivery(f"desk, {SFTP}, server: studio"),
            "delivery[0].server",
            "there is no server named 'studio'",
            "write one of: darkroom",
            id="no such server",
        ),
        pytest.param(
            two_servers()
            + "\n"
            + delivery(f"nas, {FETCH}, server: darkroom", f"too, {FETCH}, server: studio"),
            "delivery[1].address",
            "192.168.1.20 fetches for nas already, and one computer fetches from one server",
            "let another computer fetch, or have this server send its photos (by: sftp)",
            id="one computer for two servers",
        ),
        pytest.param(
            "library: {share_may_change: true}",
            "library.share_may_change",
            "is not used without a share",
            "write share: smb as well, or remove it",
            id="no share",
        ),
        pytest.param(
            "library: {share: smb}\n" + server("ssh_port: 445"),
            "library.share",
            "the share needs 445/tcp of darkroom, where its SSH answers",
            "let SSH answer on another port",
            id="SSH at the share's port",
        ),
        pytest.param(
            "library: {share: smb}\nftp: {control_port: 445}",
            "library.share",
            "the share needs 445/tcp of darkroom, which its FTP uses (445)",
            "take other FTP ports (ftp.control_port, ftp.passive_ports)",
            id="FTP at the share's port",
        ),
        pytest.param(
            "library: {share: smb}\n" + router("mode: default-host"),
            "routers[0].mode",
            "gateway would send everything from the Internet to darkroom, its share included, "
            "which is meant for the home",
            "write mode: nat; the FTP ports are then forwarded one by one",
            id="a share on a default host",
        ),
        pytest.param(
            "library: {readers: [ann, ann]}",
            "library.readers[1]",
            "ann is listed already",
            "list each user once",
            id="a reader twice",
        ),
        pytest.param(
            "library: {readers: [hotshoe-intake]}",
            "library.readers[0]",
            "hotshoe-intake is no person's user",
            "write the name of a user on the server who reads the photos",
            id="a reader who is none",
        ),
        pytest.param(
            "retention: {after_days: 30}",
            "retention",
            "removes only what every delivery has, and nothing is delivered from darkroom",
            "add a delivery for darkroom, or remove retention",
            id="nothing is delivered",
        ),
        pytest.param(
            delivery(f"desk, {SFTP}") + "\nretention: {}",
            "retention",
            "says neither after how many days photos are removed nor how much of the disk is to be "
            "free",
            "write for example {after_days: 30}, or remove it",
            id="retention of nothing",
        ),
        pytest.param(
            delivery(f"desk, {SFTP}") + "\nretention: {keep_free: 1GB}",
            "retention.keep_free",
            "1 GB is no more than 1 GB (photos.keep_free), and with less than that free, uploads "
            "are refused already",
            "write more here, or less there",
            id="too late",
        ),
        pytest.param(
            "message: {program: messages/ntfy, timeout_seconds: 0}",
            "message.timeout_seconds",
            "0 is less than 1",
            "write for example: timeout_seconds: 30",
            id="no time",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(write_site, said, key, reason, remedy):
    assert refusal(write_site(with_lines(said))) == one_problem(key, reason, remedy)


def test_a_private_address_in_no_lan_is_told(write_site):
    """It may be that of a VPN, or mistyped; those of the home and of the Internet are not told."""
    elsewhere = WEBDAV.replace("dav.example.net", "10.5.5.5")
    good = (f"desk, {SFTP}", f"far, {SFTP.replace('192.168.1.30', '198.51.100.9')}", f"n, {FETCH}")
    files = write_site(with_lines(delivery(*good, f"dav, {elsewhere}")))
    (warning,) = warnings_of(files, load_site(files))
    assert warning.key == "delivery[3].url"
    assert warning.reason.startswith("10.5.5.5 is neither in a LAN of this home nor on the Inter")


@pytest.mark.parametrize("name", ["nas.fritz.box", "nas"])
def test_a_name_of_the_home_s_behind_another_router_is_told(write_site, name):
    """Only an address says which port of which router would have to be opened."""
    inwards = delivery(f"dav, {WEBDAV.replace('dav.example.net', name)}", f"nas, {FETCH}")
    files = write_site(with_lines(DMZ + inwards))
    (warning,) = warnings_of(files, load_site(files))
    assert warning.key == "delivery[0].url"
    assert warning.reason == (
        f"{name} looks like a computer of the home, and for a name gateway lets nothing in"
    )
    files = write_site(with_lines(inwards))
    assert warnings_of(files, load_site(files)) == []


def test_what_is_wrong_twice_is_told_at_once(write_site):
    said = delivery("desk, by: sftp, address: 192.168.1.30", "x, by: smb, port: no")
    assert refusal(write_site(with_lines(said))).startswith("6 problems")
