"""The library as a network folder, and its readers on the server, with real clients."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from hotshoe import paths
from hotshoe.debian import share
from hotshoe.site.reading import SiteFiles
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage.conftest import SharedStage, deployed, write_own_vault
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

READ_ONLY, READ_WRITE = "{share: smb}", "{share: smb, share_may_change: true}"
PROCESSES = f"pgrep -u {share.USER}"
CLIENTS = "smbclient gvfs gvfs-backends gvfs-bin dbus libglib2.0-bin"


@pytest.fixture(params=["13", "12"])
def sharing(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A home with a share, and a laptop with clients of it, on each Debian release."""
    name = f"test-share-{request.param}"
    home = stage.home(name, partial(deployed, name, request.param, "share"))
    # gvfs-bin is gone from Debian 13.
    home.sh(
        LAPTOP,
        "command -v smbclient gio || { apt-get -qq update; for name in "
        f"{CLIENTS}; do DEBIAN_FRONTEND=noninteractive apt-get -qqy --no-install-recommends "
        "install $name || :; done; command -v smbclient gio; } >/dev/null 2>&1",
    )
    return home


# -- clients


def smb(
    home: Home, *commands: str, options: str = "", user: str = share.LOGIN, password: str = ""
) -> subprocess.CompletedProcess[str]:
    """What Samba's client says to these commands, on the laptop."""
    secret = password or home.secrets.share_password
    script = (
        f"cd /tmp && smbclient -s /dev/null {options} -A /dev/stdin "
        f"//{home.server_plan.address}/{share.NAME} -c {shlex.quote('; '.join(commands))}"
    )
    return subprocess.run(
        podman.inside(home.stage.container(LAPTOP), "sh", "-c", script),
        input=f"username = {user}\npassword = {secret}\n",
        capture_output=True,
        text=True,
        check=False,
    )


def listed(home: Home, *commands: str) -> str:
    """What the share says to commands that it carries out."""
    done = smb(home, *commands)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(home: Home, *commands: str, **options: str) -> str:
    """With which error a command is refused."""
    done = smb(home, *commands, **options)
    found = re.findall(r"NT_STATUS_\w+", done.stdout + done.stderr)
    assert found, done.stdout + done.stderr
    return found[0]


def new(name: str) -> str:
    return f"{time.time_ns()}-{name}.JPG"


def folder_of(home: Home, photo: str) -> str:
    """The folder of a photo as the share has it, such as ``r5\\2024-02-29``."""
    path = home.photo(photo).removeprefix(f"{paths.LIBRARY}/")
    return path.rpartition("/")[0].replace("/", "\\")


def arrives(home: Home, name: str, size: int = 1234) -> str:
    """Have a photo come in, and tell its path in the share."""
    assert home.ftp(["stor", name, size])[0].startswith("226")
    return f"{folder_of(home, name)}\\{name}"


def digests(home: Home) -> dict[str, str]:
    """Of all that is in the library."""
    said = home.sh(home.server, f"cd {paths.LIBRARY}; find . -type f -exec sha256sum {{}} +")
    return {line[66:].removeprefix("./"): line[:64] for line in said.splitlines()}


# -- photos


def test_a_photo_is_read(sharing: Home) -> None:
    home, name = sharing, new("read")
    path = arrives(home, name, 300_000)
    assert name in listed(home, f'ls "{path}"')
    listed(home, f'get "{path}" /tmp/read')
    there, here = home.photo(name), home.sh(LAPTOP, "sha256sum </tmp/read")
    assert home.sh(home.server, f"sha256sum <'{there}'") == here


def test_a_photo_whose_name_smb_does_not_allow_is_read(sharing: Home) -> None:
    """Clients of macOS and Linux show those characters, and Windows something else."""
    home, name = sharing, new('Käfer 12:30 "wo?" <1|2> *')
    folder = arrives(home, name, 100_000).removesuffix(f"\\{name}")
    # The private characters of Services for Macintosh.
    shown = name.translate({ord(c): 0xF020 + n for n, c in enumerate('"*:<>?\\|')})
    assert shown in listed(home, f'ls "{folder}\\*"')
    listed(home, f'get "{folder}\\{shown}" /tmp/odd')
    there, here = home.photo(name), home.sh(LAPTOP, "sha256sum </tmp/odd")
    assert home.sh(home.server, f"sha256sum <'{there}'") == here
    # By the name that clients show it is nowhere on the server, and others compare these.
    home.sh(home.server, f"rm '{there}'")


def test_no_half_photo_is_ever_seen(sharing: Home) -> None:
    """One client fetches all that it sees, again and again, while 200 photos come in."""
    home, seen = sharing, dict[str, set[str]]()
    # Of each dozen, one takes its time.
    names = [new(f"arriving-{i}") for i in range(200)]
    steps = [
        ["stor-slowly", name, 900_000, 0.5, 4] if i % 12 == 0 else ["stor", name, 90_000]
        for i, name in enumerate(names)
    ]
    fetch = "rm -rf /tmp/all; mkdir /tmp/all; cd /tmp/all"
    home.sh(LAPTOP, fetch)
    with ThreadPoolExecutor() as pool:
        uploads = [pool.submit(home.ftp, *steps[i::2]) for i in range(2)]
        counts = list[int]()
        while not all(upload.done() for upload in uploads) or not counts:
            home.sh(LAPTOP, fetch)
            listed(home, "lcd /tmp/all", "recurse", "prompt", "mget *")
            told = home.sh(LAPTOP, "cd /tmp/all; find . -type f -exec sha256sum {} +")
            for line in told.splitlines():
                seen.setdefault(line[66:].removeprefix("./"), set()).add(line[:64])
            counts.append(told.count("arriving-"))
    assert all(reply.startswith("226") for upload in uploads for reply in upload.result())
    count = f"find {paths.LIBRARY} -type f -name '*arriving-*' | wc -l"
    wait_until(lambda: int(home.sh(home.server, count)) == len(names), 30)
    whole = digests(home)
    assert {path: {digest} for path, digest in whole.items() if path in seen} == seen
    # It looked while some were there and others were not.
    assert len({count for count in counts if 0 < count < len(names)}) > 1, counts
    home.sh(home.server, f"find {paths.LIBRARY} -name '*arriving-*' -delete")


def test_gvfs_reads_as_well(sharing: Home) -> None:
    """What GNOME's file manager uses; the kernel of the build machine has no CIFS."""
    home, name = sharing, new("gvfs")
    path = arrives(home, name, 200_000).replace("\\", "/")
    url = f"smb://{home.server_plan.address}/{share.NAME}"
    script = (
        f"dbus-run-session -- sh -c 'gio mount {url} >/dev/null && gio list {url} && "
        f'gio copy "{url}/{path}" /tmp/gvfs\''
    )
    said = podman.execute(
        home.stage.container(LAPTOP),
        *("sh", "-c", f"rm -f /tmp/gvfs; export HOME=/root; {script}"),
        input_text=f"{share.LOGIN}\nWORKGROUP\n{home.secrets.share_password}\n",
    )
    assert home.user in said.split()
    there, here = home.photo(name), home.sh(LAPTOP, "sha256sum </tmp/gvfs")
    assert home.sh(home.server, f"sha256sum <'{there}'") == here


def test_whoever_watches_a_folder_is_told_of_a_new_photo(sharing: Home) -> None:
    home, name = sharing, new("watched")
    folder = folder_of(home, _first(home))
    script = (
        f"stdbuf -oL smbclient -s /dev/null -A /dev/stdin //{home.server_plan.address}/"
        f"{share.NAME} -c 'notify \"{folder}\"'"
    )
    watch = podman.inside(home.stage.container(LAPTOP), "timeout", "60", "sh", "-c", script)
    with subprocess.Popen(
        watch, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdin
        assert watching.stdout
        watching.stdin.write(
            f"username = {share.LOGIN}\npassword = {home.secrets.share_password}\n"
        )
        watching.stdin.close()
        where = paths.LIBRARY + "/" + folder.replace("\\", "/")
        watched = (
            f"inode=$(stat -c %i '{where}' | xargs printf %x); "
            f"for pid in $({PROCESSES}); do cat /proc/$pid/fdinfo/*; done | "
            'grep -q "^inotify .*ino:$inode "'
        )
        wait_until(lambda: home.succeeds(home.server, watched), 30)
        arrives(home, name)
        told = ""
        while name not in told:
            told = watching.stdout.readline()
            assert told, "nobody told of it"
        watching.kill()


def _first(home: Home) -> str:
    """The name of a photo that comes in."""
    name = new("first")
    arrives(home, name)
    return name


# -- who may what


@pytest.mark.parametrize(
    "command",
    [
        'put /etc/hostname "{folder}\\mine.xmp"',
        'put /etc/hostname "{path}"',
        'rm "{path}"',
        'rename "{path}" "{folder}\\renamed.JPG"',
        'rename "{path}" "top.JPG"',
        'mkdir "made"',
        'put /etc/hostname "{folder}\\.DS_Store"',
        'put /etc/hostname "{folder}\\._mine.JPG"',
    ],
)
def test_nothing_is_changed_by_a_share_that_may_not(sharing: Home, command: str) -> None:
    home, name = sharing, new("stays")
    path = arrives(home, name)
    before = digests(home)
    error = refused(home, command.format(path=path, folder=folder_of(home, name)))
    assert error in {
        "NT_STATUS_ACCESS_DENIED",
        "NT_STATUS_MEDIA_WRITE_PROTECTED",
        "NT_STATUS_OBJECT_NAME_NOT_FOUND",
    }
    assert digests(home) == before
    assert not home.sh(home.server, f"find {paths.LIBRARY} -name made -o -name '.*_*'")


def test_nor_by_a_samba_that_somebody_took_over(sharing: Home) -> None:
    """The kernel shows its processes the library read-only, and no other photos."""
    home, name = sharing, new("taken-over")
    arrives(home, name)
    photo, pid = home.photo(name), f"$(systemctl show -P MainPID {share.SAMBA.name})"
    user = f"nsenter -t {pid} -m setpriv --reuid {share.USER} --regid hotshoe --clear-groups"
    assert home.succeeds(home.server, f"{user} cat '{photo}'")
    for attempt in (f"rm -f '{photo}'", f"touch '{paths.LIBRARY}/made'", f"ls {home.uploads}"):
        assert not home.succeeds(home.server, f"{user} {attempt}")


def test_photos_are_moved_and_deleted_where_the_site_says_so(sharing: Home) -> None:
    home, moved, gone, kept = sharing, new("moved"), new("gone"), new("kept")
    with home.saying(READ_ONLY, READ_WRITE):
        paths_of = {name: arrives(home, name) for name in (moved, gone, kept)}
        folder = folder_of(home, kept)
        listed(home, "mkdir picks", "mkdir picks\\june")
        listed(home, f'rename "{paths_of[moved]}" "picks\\june\\one.JPG"', f'rm "{paths_of[gone]}"')
        found = digests(home)
        assert "picks/june/one.JPG" in found
        assert not {moved, gone} & {path.rpartition("/")[2] for path in found}
        # A photo's content is nobody's to change; what a program puts beside it is its own.
        assert refused(home, f'put /etc/hostname "{paths_of[kept]}"') == "NT_STATUS_ACCESS_DENIED"
        # As programs save: first beside it, or in its place.
        for source in ("/etc/hostname", "/etc/passwd"):
            listed(
                home,
                f'put {source} "{folder}\\mine.tmp"',
                f'rename "{folder}\\mine.tmp" "{folder}\\mine.xmp" -f',
            )
        listed(home, f'put /etc/hostname "{folder}\\mine.xmp"')
        for litter in (".DS_Store", f"._{kept}", "Thumbs.db"):
            refused(home, f'put /etc/hostname "{folder}\\{litter}"')
        state = home.sh(home.server, f"cd {paths.LIBRARY}; stat -c '%a %G' picks picks/june")
        assert state == "2770 hotshoe\n" * 2
        # A camera's folder that is gone comes again.
        listed(home, f'deltree "{home.user}"')
        arrives(home, new("again"))
        listed(home, 'deltree "picks"')


def test_no_photo_is_kept_for_a_camera_that_the_share_s_user_would_overwrite(sharing: Home) -> None:
    """A name that somebody took in the share."""
    home, name = sharing, new("taken")
    folder = folder_of(home, _first(home))
    with home.saying(READ_ONLY, READ_WRITE):
        listed(home, f'put /etc/hostname "{folder}\\{name}"')
        assert home.ftp(["stor", name, 4321])[0].startswith("226")
        second = home.photo(name.replace(".JPG", "-2.JPG"))
        assert home.sh(home.server, f"stat -c %s '{second}'") == "4321\n"


@pytest.mark.parametrize(
    ("options", "user", "password"),
    [
        ("", share.LOGIN, "another password"),
        ("", "root", ""),
        ("", "r5", ""),
        ("-N", "", "none"),
        ("--option='client min protocol=NT1' -m NT1", share.LOGIN, ""),
    ],
    ids=["password", "root", "camera", "guest", "SMB1"],
)
def test_who_gets_in_nowhere(sharing: Home, options: str, user: str, password: str) -> None:
    home = sharing
    assert refused(home, "ls", options=options, user=user, password=password) in {
        "NT_STATUS_LOGON_FAILURE",
        "NT_STATUS_ACCESS_DENIED",
        "NT_STATUS_INVALID_NETWORK_RESPONSE",
        "NT_STATUS_CONNECTION_DISCONNECTED",
    }


def test_a_guest_is_shown_nothing_either(sharing: Home) -> None:
    home = sharing
    said = home.sh(LAPTOP, f"smbclient -s /dev/null -N -L {home.server_plan.address} 2>&1 || :")
    assert "ACCESS_DENIED" in said
    assert share.NAME not in said


# What a device sends and gets at port 445 while a command runs.
PACKETS = """
import json, socket, subprocess, sys, threading
order = json.load(sys.stdin)
raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
raw.settimeout(1)
seen, done = [], threading.Event()
def listen():
    while not done.is_set():
        try: packet = raw.recv(1 << 17)
        except TimeoutError: continue
        tcp = packet[(packet[0] & 15) * 4:]
        if packet[9] == 6 and b"\\x01\\xbd" in (tcp[:2], tcp[2:4]):
            seen.append(tcp[(tcp[12] >> 4) * 4:])
thread = threading.Thread(target=listen)
thread.start()
subprocess.run(order["command"], input=order["input"], text=True, check=True, capture_output=True)
done.set()
thread.join()
sent = b"".join(seen)
heads = [sent[at:at + 20] for at in range(len(sent)) if sent.startswith(b"\\xfeSMB", at)]
# [MS-SMB2] 2.2.1.2: a command of 8 is READ, a flag of 8 says signed, one of 1 an answer. A busy
# server says before that the answer is pending; that has no content and no signature (3.2.5.1.3).
pending = (0x103).to_bytes(4, "little")
reads = [head for head in heads if head[12] == 8 and head[16] & 1 and head[8:12] != pending]
print(json.dumps({
    "clear": order["content"].encode() in sent,
    "encrypted": b"\\xfdSMB" in sent,
    "reads": len(reads),
    "signed": all(head[16] & 8 for head in reads),
}))
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"clear": False, "encrypted": True, "reads": 0, "signed": True}),
        (["-m", "SMB2_10"], {"clear": True, "encrypted": False, "reads": 1, "signed": True}),
    ],
    ids=["SMB3", "SMB2"],
)
def test_what_passes_is_encrypted_or_for_old_clients_signed(
    sharing: Home, options: list[str], expected: dict[str, object]
) -> None:
    home, name = sharing, new("sniffed")
    path = arrives(home, name)
    content = home.content(name)[:200]
    url = f"//{home.server_plan.address}/{share.NAME}"
    order = {
        "command": [
            *("smbclient", "-s", "/dev/null", *options, "-A", "/dev/stdin", url),
            *("-c", f'get "{path}" /tmp/sniffed'),
        ],
        "input": f"username = {share.LOGIN}\npassword = {home.secrets.share_password}\n",
        "content": content,
    }
    container = home.stage.container(LAPTOP)
    podman.execute(container, "sh", "-c", "cat >/tmp/packets.py", input_text=PACKETS)
    said = podman.execute(container, "python3", "/tmp/packets.py", input_text=json.dumps(order))
    assert json.loads(said) == expected


# -- where


def test_from_outside_nothing_is_open(sharing: Home) -> None:
    """Neither by the router, nor for a packet from elsewhere that reaches the server."""
    home, server = sharing, sharing.server_plan.address
    assert home.reach(LAPTOP, server, 445, 3702) == ["open", "open"]
    assert "open" not in home.reach(CAMERA, home.public, 139, 445, 3702, 5353)
    outside = home.plan.routers[0].wan_address
    dial = (
        "import socket\nfor port in (445, 3702):\n"
        f" try: socket.create_connection(('{server}', port), 2, ('{outside}', 0)); print('open')\n"
        " except OSError as error: print(type(error).__name__)\n"
    )
    said = podman.execute(home.stage.container(home.router), "python3", "-", input_text=dial)
    assert said.split() == ["TimeoutError"] * 2


MDNS = """
import socket, struct, sys
def name(text): return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\\0"
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
udp.settimeout(1)
for attempt in range(20):
    query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + name("_smb._tcp.local") + b"\\0\\x0c\\x80\\x01"
    udp.sendto(query, ("224.0.0.251", 5353))
    try: answer, source = udp.recvfrom(9000)
    except TimeoutError: continue
    print(source[0], answer)
    break
"""
WSD = """
import http.client, re, socket, uuid
body = '''<?xml version="1.0" encoding="utf-8"?><soap:Envelope \
xmlns:soap="http://www.w3.org/2003/05/soap-envelope" \
xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" \
xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery" \
xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof"><soap:Header>\
<wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>\
<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action>\
<wsa:MessageID>urn:uuid:%s</wsa:MessageID></soap:Header><soap:Body><wsd:Probe>\
<wsd:Types>wsdp:Device</wsd:Types></wsd:Probe></soap:Body></soap:Envelope>'''
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(1)
for attempt in range(20):
    udp.sendto((body % uuid.uuid4()).encode(), ("239.255.255.250", 3702))
    try: answer = udp.recv(9000).decode()
    except TimeoutError: continue
    found = re.search(r"XAddrs>http://([\\d.]+):(\\d+)(/([^<]+))<", answer)
    host, port, path, device = found.groups()
    break
get = body.replace("ws/2005/04/discovery/Probe", "ws/2004/09/transfer/Get") % uuid.uuid4()
get = re.sub("<wsd:Probe>.*</wsd:Probe>", "", get)
get = get.replace("urn:schemas-xmlsoap-org:ws:2005:04:discovery", "urn:uuid:" + device)
web = http.client.HTTPConnection(host, int(port), timeout=5)
web.request("POST", path, get, {"Content-Type": "application/soap+xml"})
print(host, re.search("pub:Computer>([^<]+)<", web.getresponse().read().decode()).group(1))
"""


def ask(home: Home, program: str) -> str:
    """What a program prints on the laptop, whose multicast goes into the LAN."""
    container = home.stage.container(LAPTOP)
    return podman.execute(container, "python3", "-", input_text=program)


def test_macos_and_linux_find_it(sharing: Home) -> None:
    home = sharing
    source, answer = ask(home, MDNS).split(" ", 1)
    assert source == str(home.server_plan.address)
    assert home.server in answer


def test_windows_finds_it(sharing: Home) -> None:
    home = sharing
    said = ask(home, WSD).strip().lower()
    assert said == f"{home.server_plan.address} {home.server}/workgroup:workgroup"


# -- what runs, and what is left of it


def test_it_is_confined(sharing: Home) -> None:
    home = sharing
    for unit, most in ((share.SAMBA, 2.0), (share.DISCOVERY, 2.0)):
        assert home.exposure(home.server, unit.name) <= most
    for pid in home.sh(home.server, PROCESSES).split():
        status = home.sh(home.server, f"cat /proc/{pid}/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        uid = home.sh(home.server, f"id -u {share.USER}").strip()
        assert set(fields["Uid"].split()) == {uid}
        # CAP_NET_BIND_SERVICE, by capabilities(7).
        assert {fields[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {f"{1 << 10:016x}"}


def test_a_second_run_changes_nothing(sharing: Home) -> None:
    assert sharing.would_change() == []
    assert sharing.deploy() == {}


def test_debian_s_own_samba_neither_runs_nor_will(sharing: Home) -> None:
    home = sharing
    for unit in ("smbd", "nmbd", "wsdd2", "samba-ad-dc"):
        assert not home.succeeds(home.server, f"systemctl is-active --quiet {unit}")
        assert not home.succeeds(home.server, f"systemctl is-enabled --quiet {unit}")
        assert not home.succeeds(home.server, f"systemctl is-enabled {unit} | grep -q masked")
    assert not home.succeeds(home.server, f"ls {paths.SHARE_KEPT_BACK}")


def test_it_comes_again_by_itself(sharing: Home) -> None:
    home, path = sharing, arrives(sharing, new("killed"))
    home.sh(home.server, f"systemctl kill -s KILL {share.SAMBA.name}")
    wait_until(lambda: smb(home, f'ls "{path}"').returncode == 0, 30)


def test_another_password_replaces_the_old_one(sharing: Home) -> None:
    home, old = sharing, sharing.secrets.share_password
    files = home.project / "group_vars" / "share.vault.yml"
    another = "kx7mcw4rtp8hvn3"

    def change(said: str) -> str:
        kept = re.findall(r"(?m)^(?:camera_passwords|  r5|  a7|ca_passphrase).*$", said)
        return "\n".join([*kept, f"share_password: {another}", ""])

    write_own_vault(SiteFiles("share", home.project), change)
    try:
        assert "Share | Install the hashed password of the share" in home.deploy()
        assert home.deploy() == {}
        assert smb(home, "ls", password=another).returncode == 0
        assert refused(home, "ls", password=str(old)) == "NT_STATUS_LOGON_FAILURE"
    finally:
        files.unlink()
        home.deploy()
    assert smb(home, "ls").returncode == 0


def test_without_the_setting_nothing_of_it_is_left(sharing: Home) -> None:
    home = sharing
    with home.saying(READ_ONLY, READ_WRITE):
        arrives(home, new("by-camera"))
        listed(home, "mkdir left", "put /etc/hostname left\\mine.xmp")
    with home.saying(f"library: {READ_ONLY}", "library: {share: none}"):
        assert home.would_change() == []
        left = (
            "ls -d /etc/hotshoe/share* /etc/systemd/system/hotshoe-share* /run/hotshoe-share "
            "/etc/systemd/system/hotshoe-discovery* /etc/avahi/services/hotshoe* "
            "/run/hotshoe/hotshoe-share* /run/hotshoe/hotshoe-discovery* 2>/dev/null; "
            f"getent passwd {share.USER}; getent group {share.USER}; "
            f"find {paths.PHOTOS} -nouser -o -nogroup; "
            "ss -Hltnup | grep -E ':(445|3702|5353|139) '; pgrep -a 'smbd|wsdd2|avahi'; "
            "nft list table inet hotshoe_firewall | grep -E 'dport (445|3702|5353)'; "
            "systemctl list-units --all --plain --no-legend | grep -E 'hotshoe-(share|disc)'"
        )
        assert home.sh(home.server, f"{{ {left}; }} || :") == ""
        assert home.sh(home.server, f"cat {paths.LIBRARY}/left/mine.xmp")
        assert home.reach(LAPTOP, home.server_plan.address, 445) == ["silent"]
        # The person's own Samba, and what the person said of another unit of it.
        home.sh(home.server, "systemctl mask --quiet nmbd; systemctl enable --quiet --now smbd")
        listens = "ss -Hltn sport = :445 | grep -q ."
        wait_until(lambda: home.succeeds(home.server, listens), 30)
        theirs = (
            "systemctl is-active smbd; systemctl is-enabled smbd nmbd; "
            "sha256sum /etc/samba/smb.conf; systemctl show -P MainPID smbd"
        )
        before = home.sh(home.server, f"{theirs} || :")
        with home.undeployed("library: {share: none}", f"library: {READ_ONLY}"):
            assert "port 445 (SMB) is taken by smbd, which hotshoe did not" in home.refusal()
            assert home.sh(home.server, f"{theirs} || :") == before
            home.sh(home.server, "systemctl stop smbd")
            assert "smbd.service, which hotshoe did not enable, takes" in home.refusal()
        home.sh(home.server, "systemctl disable --quiet --now smbd")
    listed(home, "ls left\\mine.xmp")
    state = "systemctl is-active smbd; systemctl is-enabled smbd nmbd"
    assert home.sh(home.server, f"{state} || :").split() == ["inactive", "disabled", "masked"]
    home.sh(home.server, "systemctl unmask --quiet nmbd")


# -- readers


def as_user(home: Home, user: str, script: str) -> bool:
    command = f"setpriv --reuid {user} --regid {user} --init-groups sh -c {shlex.quote(script)}"
    return home.succeeds(home.server, command)


def test_readers_read_and_change_nothing(sharing: Home) -> None:
    home, before, after = sharing, new("before"), new("after")
    arrives(home, before)
    home.sh(home.server, "for user in ann bob; do id $user || useradd -m $user; done")
    modes = f"find {paths.LIBRARY} -mindepth 1 -printf '%m %y %P\\n' | sort"
    closed = home.sh(home.server, modes)
    assert not as_user(home, "ann", f"ls {paths.LIBRARY}")
    reading = "{share: smb, readers: [ann]}"
    changing = "{share: smb, share_may_change: true, readers: [ann]}"
    with home.saying(READ_ONLY, reading):
        assert home.deploy() == {}
        arrives(home, after)
        home.ftp(["send", "MKD new"])
        for name in (before, after):
            photo = home.photo(name)
            assert as_user(home, "ann", f"cat '{photo}' >/dev/null")
            assert not as_user(home, "bob", f"cat '{photo}'")
            for attempt in (
                f"rm -f '{photo}'",
                f"mv '{photo}' '{photo}.mine'",
                f"echo mine >>'{photo}'",
                f"chmod u+w '{photo}'",
                f"touch \"$(dirname '{photo}')/mine\"",
                f"touch {paths.LIBRARY}/mine",
                f"ls {home.uploads}",
            ):
                assert not as_user(home, "ann", attempt), attempt
        with home.saying(reading, changing):
            listed(home, "mkdir made", "put /etc/hostname made\\mine.xmp")
            assert as_user(home, "ann", f"cat {paths.LIBRARY}/made/mine.xmp")
            listed(home, "deltree made")
    photo = home.photo(before)
    for user in ("ann", "bob"):
        assert not as_user(home, user, f"cat '{photo}'")
        assert not as_user(home, user, f"ls {paths.LIBRARY}")
    assert "user:ann" not in home.sh(home.server, f"getfacl -p {paths.LIBRARY} 2>&1")
    assert set(closed.splitlines()) <= set(home.sh(home.server, modes).splitlines())
    assert not home.sh(home.server, f"find {paths.LIBRARY} -perm /o=rwx")


@pytest.mark.parametrize(
    ("prepare", "said", "undo"),
    [
        (":", "has no user nobody-here, who is to read the library", ":"),
        (
            "useradd -G hotshoe nobody-here",
            "nobody-here, who is to read the library and not to change it, may change it",
            "userdel nobody-here",
        ),
    ],
    ids=["unknown", "of the group"],
)
def test_who_cannot_be_a_reader(sharing: Home, prepare: str, said: str, undo: str) -> None:
    home = sharing
    home.sh(home.server, prepare)
    try:
        with home.undeployed(READ_ONLY, "{share: smb, readers: [nobody-here]}"):
            assert said in home.refusal()
    finally:
        home.sh(home.server, undo)
    assert home.deploy() == {}
