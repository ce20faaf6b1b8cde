"""What somebody does who has become a session of vsftpd, or a member of the photos' group.

Both may do as they like in a camera's folder, and the group in the library. The intake touches
nothing outside of them, believes nothing, and goes on taking other cameras' photos.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from hotshoe import paths
from hotshoe.stage import podman
from hotshoe.stage.photos import jpeg
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
UNIT = "hotshoe-intake"
PICTURE = "/root/exif.JPG"
SECRET = "what-only-root-may-read"
AS = {
    "owner": "setpriv --reuid=hotshoe --regid=hotshoe --clear-groups",
    "group": "setpriv --reuid=nobody --regid=hotshoe --clear-groups",
}


def attack(home: Home, who: str, program: str) -> str:
    """Run a Python program in the first camera's folder."""
    command = f"cd {home.uploads}; exec {AS[who]} python3 -"
    return podman.execute(
        home.stage.container(home.server), "sh", "-c", command, input_text=program
    )


def others_photos_get_in(home: Home, name: str) -> float:
    """Upload as another camera; how long it takes until the photo is in the library, in seconds."""
    other = home.server_plan.cameras[1]
    password = home.secrets.camera_passwords[other]
    started = time.monotonic()
    assert home.ftp(["stor", name, 77], user=other, password=password) == [OK]
    assert home.photo(name, other)
    return time.monotonic() - started


def take_a_picture(home: Home) -> None:
    """Put a JPEG on the camera, at PICTURE; its content tells that it is whole."""
    podman.execute(
        home.stage.container(CAMERA),
        *("sh", "-c", f"base64 -d >{PICTURE}"),
        input_text=base64.b64encode(jpeg(time.time_ns())).decode(),
    )


@contextmanager
def unharmed(home: Home) -> Iterator[str]:
    """A folder of root's, whose files nobody reads, moves or changes, while the intake lives."""
    folder = f"/root/secret-{time.time_ns()}"
    home.sh(
        home.server,
        f"mkdir -m 700 {folder}; cd {folder}; for n in $(seq 12); do printf {SECRET} >$n.JPG; "
        "chmod 600 $n.JPG; done",
    )
    look = f"cd {folder}; stat -c '%n %a %u %g %s %h %y %z' . *"
    alive = f"systemctl show -P MainPID -P NRestarts {UNIT}"
    before = home.sh(home.server, f"{look}; {alive}")
    yield folder
    assert home.sh(home.server, f"{look}; {alive}") == before
    found = home.sh(home.server, f"grep -rlas {SECRET} {paths.PHOTOS} || true")
    assert found == ""
    home.sh(home.server, f"rm -r {folder}")


@pytest.mark.parametrize("who", AS)
def test_links_lead_nowhere(home: Home, who: str) -> None:
    stamp = time.time_ns()
    with unharmed(home) as secret:
        attack(
            home,
            who,
            f"""
import os
for n in range(1, 13):
    os.symlink("{secret}/%d.JPG" % n, "link-{stamp}-%d.JPG" % n)
os.symlink("{secret}", "folder-{stamp}")
os.symlink("/proc/1/root{secret}", "proc-{stamp}")
os.symlink("../arriving", "arriving-{stamp}")
os.symlink("..", "up-{stamp}")
os.symlink("loop-{stamp}", "loop-{stamp}")
""",
        )
        assert home.ftp(["stor", f"folder-{stamp}/x.JPG", 7])[0][:3] == "553"
        assert others_photos_get_in(home, f"beside-links-{stamp}.JPG") < 10
        # None was taken for an upload.
        find = f"find {paths.PHOTOS} -path '*/upload' -prune -o -name '*-{stamp}*' -type l -print"
        assert home.sh(home.server, find) == ""
    home.sh(home.server, f"rm -f {home.uploads}/*-{stamp}*")


@pytest.mark.parametrize("who", AS)
def test_hard_links_cost_nobody_a_photo(home: Home, who: str) -> None:
    """The owner may link his photos; what is taken in is then another name of the same file."""
    stamp = time.time_ns()
    name = f"linked-{stamp}.JPG"
    assert home.ftp(["stor", name, 1234]) == [OK]
    photo = home.photo(name)
    with unharmed(home) as secret:
        said = attack(
            home,
            who,
            f"""
import os
for n, source in enumerate(["{secret}/1.JPG", "/etc/passwd", "/etc/hostname", "{photo}"]):
    try: os.link(source, "hard-{stamp}-%d.JPG" % n)
    except OSError as error: print(source, error.strerror)
""",
        )
        assert "/etc/passwd Operation not permitted" in said
        assert others_photos_get_in(home, f"beside-hard-{stamp}.JPG") < 10
    assert home.size(name) == 1234
    if who == "owner":
        home.set_aside(f"hard-{stamp}-3.JPG", paths.UNPROVEN)
        assert home.sh(home.server, f"stat -c '%a %U' {photo}") == "440 hotshoe\n"


@pytest.mark.parametrize("who", AS)
def test_what_is_no_file_is_left_alone(home: Home, who: str) -> None:
    stamp = time.time_ns()
    with unharmed(home):
        attack(
            home,
            who,
            f"""
import os, socket
os.mkfifo("fifo-{stamp}.JPG")
socket.socket(socket.AF_UNIX).bind("socket-{stamp}.JPG")
""",
        )
        home.sh(
            home.server,
            f"cd {home.uploads}; mknod device-{stamp}.JPG b 1 1; mknod zero-{stamp}.JPG c 1 5; "
            f"chown hotshoe:hotshoe device-{stamp}.JPG zero-{stamp}.JPG",
        )
        assert others_photos_get_in(home, f"beside-no-file-{stamp}.JPG") < 10
        left = home.sh(home.server, f"ls {home.uploads} | grep -c {stamp}")
        assert left.strip() == "4"
    home.sh(home.server, f"rm -f {home.uploads}/*-{stamp}*")


# Swaps a folder, and files in it, for links to root's, as fast as it can.
SWAP = """
import os, time
end = time.monotonic() + 15
while time.monotonic() < end:
    for n in range(1, 13):
        name = "{trap}/%d.JPG" % n
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440))
            os.unlink(name)
            os.symlink("{secret}/%d.JPG" % n, name)
        except OSError: pass
    os.rename("{trap}", "{real}")
    os.symlink("{secret}", "{trap}")
    os.unlink("{trap}")
    os.rename("{real}", "{trap}")
    for n in range(1, 13):
        try: os.unlink("{trap}/%d.JPG" % n)
        except OSError: pass
"""


@pytest.mark.parametrize("who", AS)
def test_folders_and_files_swapped_for_links_lead_nowhere(either_home: Home, who: str) -> None:
    """Again and again, while photos arrive in the same folder."""
    home, stamp = either_home, time.time_ns()
    trap, real = f"trap-{stamp}", f"real-{stamp}"
    make = f"cd {home.uploads}; mkdir {trap}; chown hotshoe:hotshoe {trap}; chmod 2770 {trap}"
    home.sh(home.server, make)
    with unharmed(home) as secret, ThreadPoolExecutor() as pool:
        swapping = pool.submit(attack, home, who, SWAP.format(trap=trap, real=real, secret=secret))
        acknowledged, slowest = [], 0.0
        while not swapping.done():
            names = [f"whole-{stamp}-{len(acknowledged)}-{n}.JPG" for n in range(5)]
            replies = home.ftp(*(["stor", f"{trap}/{name}", 500] for name in names))
            acknowledged += [n for n, reply in zip(names, replies, strict=False) if reply == OK]
            other = f"beside-swap-{time.time_ns()}.JPG"
            slowest = max(slowest, others_photos_get_in(home, other))
        swapping.result()
        assert slowest < 10
        for name in acknowledged:
            assert home.size(name) == 500
    home.sh(home.server, f"rm -rf {home.uploads}/{trap}")


@pytest.mark.parametrize("where", ["date", "camera"])
def test_a_link_in_the_library_leads_nowhere(home: Home, where: str) -> None:
    """The photo waits until it is gone, and is told of; other photos go on."""
    name = f"waits-{time.time_ns()}.JPG"
    camera = home.server_plan.cameras[0]
    folder = f"{paths.LIBRARY}/{camera}" + ("/2024-02-29" if where == "date" else "")
    take_a_picture(home)
    with unharmed(home) as secret:
        home.sh(
            home.server,
            f"install -d -o {UNIT} -g hotshoe -m 2770 {paths.LIBRARY}/{camera} {folder}; "
            f"mv {folder} {folder}.aside; {AS['group']} ln -s {secret} {folder}",
        )
        try:
            assert home.ftp(["put", PICTURE, name]) == [OK]
            said = f"journalctl -q -o cat -u {UNIT} | grep -F '{name} is not in the library yet'"
            wait_until(lambda: home.succeeds(home.server, said), 20)
            assert others_photos_get_in(home, f"beside-{name}") < 10
        finally:
            home.sh(home.server, f"rm {folder}; mv {folder}.aside {folder}")
    wait_until(lambda: bool(home.sh(home.server, f"find {paths.LIBRARY} -name {name}")), 60)


def test_folders_deeper_than_a_path_may_be_stop_nobody(home: Home) -> None:
    """What is stored there is kept, whether or not vsftpd logs so long a path."""
    stamp = time.time_ns()
    step, deep = f"{stamp}-{220 * 'd'}", f"deep-{stamp}.JPG"
    down = [["send", f"{command} {step}"] for _ in range(20) for command in ("MKD", "CWD")]
    with unharmed(home):
        assert home.ftp(*down, ["stor", deep, 7])[-1] == OK
        assert others_photos_get_in(home, f"beside-{deep}") < 10
        kept = f"{paths.LIBRARY} {paths.PHOTOS}/{home.user}/{paths.UNPROVEN}"
        wait_until(lambda: bool(home.sh(home.server, f"find {kept} -name {deep} -size 7c")), 30)
    home.sh(home.server, f"rm -rf {home.uploads}/{stamp}-*")


def test_thousands_of_folders_stop_nobody(home: Home) -> None:
    stamp = time.time_ns()
    program = f"""
import os
for n in range(60):
    os.makedirs("crowd-{stamp}/%d" % n)
    for m in range(60): os.mkdir("crowd-{stamp}/%d/%d" % (n, m))
"""
    with unharmed(home):
        attack(home, "owner", program)
        assert others_photos_get_in(home, f"beside-crowd-{stamp}.JPG") < 10
    # Those that are gone are forgotten: there is room for as many again. Where the intake is still
    # busy with them as the photo comes, it finds it later, and its content decides.
    home.sh(home.server, f"rm -rf {home.uploads}/crowd-{stamp}")
    name = f"after-crowd-{stamp}.JPG"
    take_a_picture(home)
    assert (
        home.ftp(["send", f"MKD after-{stamp}"], ["put", PICTURE, f"after-{stamp}/{name}"])[-1]
        == OK
    )
    assert home.photo(name)


NAMES = [
    b"new\nline.JPG",
    b"quotes'\"`$(touch here).JPG",
    b"\xff\xfe\x80 not UTF-8.JPG",
    b"n" * 251 + b".JPG",
    b"-rf",
    b"--",
    b"...",
    b"..JPG",
    b" ",
    b"\\",
    b"{name}",
    b"%s%n.JPG",
    b'OK UPLOAD: Client "192.0.2.1", "x", 7 bytes, 1.00Kbyte',
    b"\x1b[2J.JPG",
]


def test_names_of_any_bytes_are_only_names(home: Home) -> None:
    """Broken uploads of such names are set aside; their text in the journal harms no terminal."""
    stamp = time.time_ns()
    program = f"""
import os
for name in {NAMES!r}:
    file = os.open(b"%d" % {stamp} + name[:235], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440)
    os.write(file, b"1234567")
    os.close(file)
"""
    find = f"find {paths.PHOTOS}/{home.user}/{paths.INCOMPLETE} -name '{stamp}*' -printf '%f\\0'"
    with unharmed(home):
        attack(home, "owner", program)
        count = f"{find} | tr -cd '\\0' | wc -c"
        wait_until(lambda: home.sh(home.server, count).strip() == f"{len(NAMES)}", 30)
        assert others_photos_get_in(home, f"beside-names-{stamp}.JPG") < 10
        told = home.sh(home.server, f"journalctl -q -o cat -u {UNIT} | grep -a {stamp}")
        assert "\x1b" not in told
    assert not home.succeeds(home.server, f"ls /here {home.uploads}/here")


# -- the power is cut


def test_a_photo_is_told_to_be_safe_when_it_is_on_the_disk(either_home: Home) -> None:
    """By the order of system calls: file, its new name, the folders of that, and only then told."""
    home, name = either_home, f"power-{time.time_ns()}.JPG"
    home.sh(
        home.server,
        "command -v strace >/dev/null || "
        "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y strace >/dev/null 2>&1",
    )
    # Its folders are new, too, and no other photo makes them.
    arriving = f"{paths.PHOTOS}/{home.user}/{paths.ARRIVING}"
    home.sh(home.server, f"rm -rf {arriving}/*")
    home.sh(home.server, f"rm -rf {paths.LIBRARY}/{home.user}; systemctl restart {UNIT}")
    home.sh(
        home.server,
        "systemd-run --quiet --collect --unit=tracing strace -f -y -s 4096 -o /run/trace "
        f"-e trace=fsync,renameat2,sendmsg -p $(systemctl show -P MainPID {UNIT})",
    )
    try:
        attached = f"grep -q ^TracerPid:.[1-9] /proc/$(systemctl show -P MainPID {UNIT})/status"
        wait_until(lambda: home.succeeds(home.server, attached), 10)
        assert home.ftp(["stor", name, 1234]) == [OK]
        folder = home.photo(name).rpartition("/")[0]
        wait_until(lambda: home.succeeds(home.server, f"grep -q '{name} is safe' /run/trace"), 10)
    finally:
        home.sh(home.server, "systemctl stop tracing")
    lines = home.sh(home.server, "cat /run/trace").splitlines()

    def at(*words: str) -> int:
        """The only line, or the first, that has all of these."""
        return next(i for i, line in enumerate(lines) if all(word in line for word in words))

    content = at("fsync(", f"/{paths.ARRIVING}/", name)
    renamed = at("renameat2(", name)
    names = at("fsync(", f"<{folder}>")
    parents = [at("fsync(", f"<{parent}>") for parent in parents_of(folder)]
    safe = at("sendmsg(", f"{name} is safe")
    assert content < renamed < names < safe
    assert all(renamed < parent < safe for parent in parents)
    # None of them failed, and none had still to return.
    for line in (content, renamed, names, *parents):
        assert lines[line].endswith("= 0"), lines[line]


def parents_of(folder: str) -> list[str]:
    """The folders that it is in, up to the library."""
    found = []
    while folder != paths.LIBRARY:
        folder = folder.rpartition("/")[0]
        found.append(folder)
    return found
