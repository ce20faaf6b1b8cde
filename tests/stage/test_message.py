"""A program of the person's is told of photos, and nothing that it does holds anything up."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO
from unittest.mock import ANY

import pytest

from hotshoe import paths
from hotshoe.stage import podman
from hotshoe.stage.topology import LAPTOP
from tests.stage.conftest import SharedStage, bare
from tests.stage.home import Home
from tests.stage.test_firewall import wait_until
from tests.unit.message import endpoints

OK = "226 Transfer complete."
UNIT, RUNS = "hotshoe-message.service", "hotshoe-message-program"
SECONDS = 4
SAID = f"message: {{program: messages/probe, timeout_seconds: {SECONDS}}}\n"
EXAMPLES = Path(__file__).parents[2] / "templates" / "message" / "examples"
# What it does is said by the name of the first photo.
PROBE = r"""#!/usr/bin/python3
import hashlib, json, os, pathlib, signal, socket, subprocess, sys, time

photos = json.load(sys.stdin)
path = pathlib.Path(photos[0]["path"])
does = path.name.split("-")[0]
secret = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"], "secret")


def may(change):
    try:
        return bool(change()) or True
    except OSError:
        return False


def connects(address):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(address)


if does == "hangs":
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(3600)
elif does == "forks":
    # As a daemon does: nobody's child any more, in a session of its own.
    subprocess.Popen(["setsid", "-f", "sleep", "3600"])
    subprocess.Popen(["sleep", "3600"], start_new_session=True)
elif does == "bombs":
    while True:
        try:
            os.fork()
        except OSError:
            pass
elif does == "floods":
    while True:
        print("no such topic " * 100)
elif does == "eats":
    print("taking 2 GiB")
    sys.stdout.flush()
    eaten = bytearray(1 << 31)
elif does == "grows":
    # In the control group that the test makes, where systemd finds none for memory (version 1).
    unified = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
    while not unified and "/told" not in pathlib.Path("/proc/self/cgroup").read_text():
        time.sleep(0.05)
    eaten = [bytearray(os.urandom(1 << 10) * (1 << 14)) for _ in range(48)]
elif does == "fails":
    sys.exit("no such topic for " + secret.read_text())
elif does == "may":
    told = {
        "user": subprocess.check_output(["id", "-un"], text=True).strip(),
        "secret": hashlib.sha256(secret.read_bytes()).hexdigest(),
        "photos": sorted(os.listdir("/srv/hotshoe")),
        "configuration": sorted(os.listdir("/etc/hotshoe")),
        "writes": [
            name
            for name in (str(path), str(path.parent / "x"), "/etc/x", "/var/lib/x", "/run/x",
                         "/dev/shm/x", "/tmp/x", "/var/tmp/x")
            if may(lambda: open(name, "a").close())
        ],
        "removes": may(path.unlink),
        "renames": may(lambda: path.rename(path.with_suffix(".x"))),
        "reads": [
            name
            for name in ("/etc/shadow", "/etc/ssh/ssh_host_ed25519_key", "/run/hotshoe",
                         "/var/lib/hotshoe-message")
            if may(lambda: os.listdir(name) if os.path.isdir(name) else open(name).close())
        ],
        "asks": may(lambda: connects("/run/hotshoe/message")),
        "ends": [
            name.name
            for name in pathlib.Path("/proc").iterdir()
            if name.name.isdigit() and int(name.name) not in (os.getpid(), os.getppid())
            and may(lambda: os.kill(int(name.name), 0))
        ],
        "left": sorted(os.listdir("/tmp")),
    }
    print(json.dumps(told))
else:
    told = [hashlib.sha256(pathlib.Path(p["path"]).read_bytes()).hexdigest()[:8] for p in photos]
    print(json.dumps({"photos": photos, "digests": told}))
"""


def deployed(name: str, release: str) -> Iterator[Home]:
    """A home whose Site has a message, deployed to."""
    for home in bare(name, release, "home", lambda said: said + SAID, prepared=True):
        # To the kernel, a user's processes are those of all containers. What fills one's limit must
        # not keep another worker's programs from starting.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
        most = f"SYS_UID_MAX {900 - 50 * worker}"
        login = "/etc/login.defs"
        home.sh(home.server, f"sed -i '/SYS_UID_MAX/d' {login}; echo {most} >>{login}")
        write(home, "probe", PROBE)
        home.deploy()
        home.equip("camera")
        yield home


def write(home: Home, name: str, program: str) -> None:
    path = home.project / "messages" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(program)


@pytest.fixture(params=["13", "12"])
def shaped(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A home with a program that is told of photos, on each Debian release."""
    release = request.param
    return stage.home(f"message, {release}", partial(deployed, f"test-message-{release}", release))


def new(does: str) -> str:
    return f"{does}-{time.time_ns()}.JPG"


def upload(home: Home, *names: str) -> None:
    assert home.ftp(*(["stor", name, 1000 + n] for n, name in enumerate(names))) == [OK] * len(
        names
    )


def upload_together(home: Home, *names: str) -> None:
    """Have photos come while the service is down, so that it meets all of them at once."""
    home.sh(home.server, f"systemctl stop {UNIT}")
    upload(home, *names)
    for name in names:
        home.photo(name)
    home.sh(home.server, f"systemctl start {UNIT}")


def said(home: Home, name: str) -> list[str]:
    """What the journal has of the photo of that name, from the service."""
    lines = home.sh(home.server, f"journalctl --quiet -o cat -u {UNIT}").splitlines()
    return [line for line in lines if name in line]


def wait_for(home: Home, name: str, what: str = "was told of") -> str:
    """The line in which the service tells of the photo of that name."""
    # The camera and the photo.
    found: list[str] = []

    def is_told() -> bool:
        found[:] = [line for line in said(home, name) if what in line]
        return bool(found)

    # One that failed first waits for a minute.
    wait_until(is_told, 150)
    return found[-1]


def printed(line: str) -> dict:
    return json.loads(line.partition("it printed: ")[2])


def forget(home: Home) -> None:
    """Have nothing be tried again: the next change of the program would begin with all of it."""
    delete = (
        f"import sqlite3; state = sqlite3.connect('{paths.MESSAGE_STATE}/messages.sqlite'); "
        "state.execute('DELETE FROM message WHERE tries > 0'); state.commit()"
    )
    command = f'systemctl stop {UNIT}; python3 -c "{delete}"; systemctl start {UNIT}'
    home.sh(home.server, command)


def running(home: Home) -> str:
    """Processes of the user who runs the program, by their command lines."""
    look = (
        f"for each in $(find /proc -maxdepth 1 -name '[1-9]*' -user {RUNS} 2>/dev/null); do "
        "tr '\\0' ' ' <$each/cmdline 2>/dev/null && echo; done; :"
    )
    return home.sh(home.server, look).strip()


@contextmanager
def installed(home: Home, change: str) -> Iterator[None]:
    """The program on the server, changed by hand."""
    kept = "/root/message-kept"
    home.sh(home.server, f"cp -a {paths.MESSAGE_RUNS} {kept}; {change}")
    try:
        yield
    finally:
        home.sh(home.server, f"mv {kept} {paths.MESSAGE_RUNS}")


@contextmanager
def configured(home: Home, **changed: object) -> Iterator[None]:
    """The service, told otherwise."""
    kept = home.sh(home.server, f"cat {paths.MESSAGE_CONFIGURATION}")
    write = f"cat >{paths.MESSAGE_CONFIGURATION} && systemctl restart {UNIT}"
    container = home.stage.container(home.server)
    podman.execute(container, "sh", "-c", write, input_text=json.dumps(json.loads(kept) | changed))
    try:
        yield
    finally:
        podman.execute(container, "sh", "-c", write, input_text=kept)


@contextmanager
def patient(home: Home, seconds: int) -> Iterator[None]:
    """The program may take longer than the Site says."""
    unit, kept = f"{paths.UNITS}/{RUNS}@.service", "/root/message-unit-kept"
    longer = f"s/ {SECONDS}$/ {seconds}/; s/={SECONDS + 10}$/={seconds + 10}/"
    home.sh(home.server, f"cp -a {unit} {kept}; sed -i '{longer}' {unit}; systemctl daemon-reload")
    try:
        with configured(home, timeout_seconds=seconds):
            yield
    finally:
        home.sh(home.server, f"mv {kept} {unit}; systemctl daemon-reload")


# -- it is told


def test_each_photo_is_told(shaped: Home) -> None:
    home, name = shaped, new("plain")
    upload(home, name)
    line = wait_for(home, name)
    assert line.startswith(f"messages/probe was told of {home.user}/{name} (")
    told = printed(line)
    (photo,) = told["photos"]
    path = home.photo(name)
    assert (photo["camera"], photo["path"], photo["size"]) == (home.user, path, 1000)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", photo["time"])
    assert told["digests"] == [home.sh(home.server, f"sha256sum {path}")[:8]]
    assert len([line for line in said(home, name) if "was told" in line]) == 1


def test_a_quiet_minute_is_told_once(shaped: Home) -> None:
    """Here, a quiet second."""
    home, names = shaped, [new("quiet") for _ in range(3)]
    with configured(home, quiet_seconds=1):
        upload_together(home, *names)
        line = wait_for(home, names[0])
        assert "was told of 3 photos" in line
        paths_told = [each["path"] for each in printed(line)["photos"]]
        assert sorted(path.rpartition("/")[2] for path in paths_told) == sorted(names)


# -- nothing that it does holds anything up


def test_one_that_hangs_holds_up_neither_uploads_nor_other_messages(shaped: Home) -> None:
    home = shaped
    hanging = [new("hangs") for _ in range(3)]
    upload(home, *hanging)
    wait_until(lambda: running(home).count(f"/python3 {paths.MESSAGE_RUNS}") == 3, 30)
    name = new("plain")
    upload(home, name)
    assert home.size(name) == 1000
    wait_for(home, name)
    for each in hanging:
        line = wait_for(home, each, "was to be told of")
        assert f"messages/probe was still running after {SECONDS} s, and was ended" in line
        assert line.endswith("next try in 1 min")
    wait_until(lambda: not running(home), 30)
    forget(home)


def test_what_it_leaves_behind_ends_with_it(shaped: Home) -> None:
    home, name = shaped, new("forks")
    upload(home, name)
    wait_for(home, name)
    wait_until(lambda: not running(home), 30)


def test_a_fork_bomb_ends_with_its_time(shaped: Home) -> None:
    home, name, other = shaped, new("bombs"), new("plain")
    upload(home, name)
    upload(home, other)
    wait_for(home, other)
    assert "was ended" in wait_for(home, name, "was to be told of")
    wait_until(lambda: not running(home), 30)
    forget(home)


def test_an_upload_is_through_before_a_fork_bomb_ends(shaped: Home) -> None:
    """Also where the kernel has no control groups for processors, as on the stage."""
    home, name, other = shaped, new("bombs"), new("plain")
    with patient(home, 30):
        upload(home, name)
        wait_until(lambda: running(home).count(PROGRAM) > 20, 30)
        upload(home, other)
        home.photo(other)
        assert running(home).count(PROGRAM) > 20
        assert not said(home, name)
        home.sh(home.server, f"systemctl stop '{RUNS}@*.service'")
        assert "was ended from outside" in wait_for(home, name, "was to be told of")
    assert not running(home)
    wait_for(home, other)
    forget(home)


def test_one_that_takes_2_gib_fails(shaped: Home) -> None:
    """Also where the kernel has no control groups for memory, as on the stage."""
    home, name, other = shaped, new("eats"), new("plain")
    upload(home, name)
    upload(home, other)
    line = wait_for(home, name, "was to be told of")
    assert "messages/probe failed with exit status 1;" in line
    assert "taking 2 GiB" in line
    assert line.endswith("MemoryError")
    wait_for(home, other)
    forget(home)


def test_one_that_outgrows_its_control_group_is_ended(shaped: Home) -> None:
    """With what runs it in the same one, as systemd has it, by the limit that the unit has."""
    home, name = shaped, new("grows")
    unit = f"{RUNS}@it.service"
    most = home.sh(home.server, f"systemctl show -P MemoryMax {unit}").strip()
    assert int(most) == 512 << 20
    upload(home, name)
    wait_until(lambda: running(home).count(PROGRAM) == 2, 30)
    group = "/sys/fs/cgroup/memory/told"
    home.sh(
        home.server,
        "test -e /sys/fs/cgroup/cgroup.controllers || { "
        f"mkdir {group}; echo {most} >{group}/memory.limit_in_bytes; "
        f"for each in $(pgrep -u {RUNS}); do echo $each >{group}/cgroup.procs; done; }}",
    )
    try:
        line = wait_for(home, name, "was to be told of")
        assert "was ended by SIGKILL, perhaps since it took too much memory;" in line
    finally:
        gone = f"test ! -e {group} || rmdir {group}"
        wait_until(lambda: home.succeeds(home.server, gone), 30)
    forget(home)


def test_one_that_floods_its_output_is_ended(shaped: Home) -> None:
    home, name = shaped, new("floods")
    upload(home, name)
    line = wait_for(home, name, "was to be told of")
    assert "printed more than 1 MiB, and was ended" in line
    assert len(line) < 3000
    size = home.sh(home.server, f"journalctl --quiet -u '{RUNS}@*' | wc -c")
    assert int(size) < 100_000
    forget(home)


def test_why_one_failed_is_told_without_its_secret(shaped: Home) -> None:
    home, name = shaped, new("fails")
    upload(home, name)
    line = wait_for(home, name, "was to be told of")
    assert "messages/probe failed with exit status 1;" in line
    assert line.endswith("it printed: no such topic for (secret)")
    secret = home.secrets.message_secret
    assert secret
    assert not home.succeeds(home.server, f"journalctl --quiet | grep -F '{secret}'")


PROGRAM = paths.MESSAGE_RUNS
LACKING = "it begins with #!/usr/bin/perl7, which this server lacks"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (f"chmod 644 {PROGRAM}", "could not be started: Permission denied"),
        (f"echo exit 0 >{PROGRAM}", "it neither begins with #! and the path of an interpreter"),
        (f"sed -i 1s/python3/perl7/ {PROGRAM}", LACKING),
        (f"rm {PROGRAM}", "did not start, or was ended from outside"),
    ],
)
def test_one_that_cannot_be_started_is_told(shaped: Home, change: str, reason: str) -> None:
    """And what was to be told is told once it can; a deploy restarts the service, too."""
    home, name = shaped, new("plain")
    with installed(home, change):
        upload(home, name)
        assert reason in wait_for(home, name, "was to be told of")
        # What is not there cannot be recorded either, so then it waits until a deploy puts it back.
        home.sh(home.server, f"systemctl restart {UNIT} || test ! -e {PROGRAM}")
    home.sh(home.server, f"touch {paths.MESSAGE_RUNS}; systemctl restart {UNIT}")
    wait_for(home, name)


# -- nothing is lost


def test_what_comes_while_it_is_down_is_told(shaped: Home) -> None:
    home, name = shaped, new("plain")
    home.sh(home.server, f"systemctl kill -s KILL {UNIT}; systemctl stop {UNIT}")
    upload(home, name)
    home.photo(name)
    home.sh(home.server, f"systemctl start {UNIT}")
    wait_for(home, name)


def test_a_photo_of_which_the_journal_is_lost_is_told(shaped: Home) -> None:
    """It loses its last lines with the power."""
    home, name = shaped, new("plain")
    home.sh(home.server, f"systemctl stop {UNIT}")
    upload(home, name)
    home.photo(name)
    home.sh(
        home.server,
        "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket "
        "systemd-journald-audit.socket systemd-journald 2>/dev/null; "
        "rm -rf /var/log/journal/*/* /run/log/journal/*/*; systemctl start systemd-journald.socket "
        "systemd-journald-dev-log.socket systemd-journald; "
        f"systemctl restart hotshoe-intake; systemctl start {UNIT}",
    )
    wait_for(home, name)


def test_a_photo_that_somebody_moves_is_told_once(shaped: Home) -> None:
    """Whether before that or after it; then the library is looked through."""
    home, early, late = shaped, new("plain"), new("plain")
    upload(home, late)
    wait_for(home, late)
    home.sh(home.server, f"systemctl stop {UNIT}")
    upload(home, early)
    for name in (early, late):
        home.sh(home.server, f"mv {home.photo(name)} {paths.LIBRARY}/picked-{name}")
    found, before = said(home, "the journal has not told"), looked(home)
    home.sh(home.server, f"systemctl start {UNIT}")
    # Where it was.
    assert "No such file" in wait_for(home, early, "was to be told of")
    wait_until(lambda: looked(home) > before, 30)
    upload(home, last := new("plain"))
    wait_for(home, last)
    assert said(home, "the journal has not told") == found
    assert not said(home, "picked-")


def looked(home: Home) -> float:
    """When the service has looked through the library, in seconds since 1970."""
    ask = "SELECT value FROM fact WHERE name = 'looked'"
    state = f"{paths.MESSAGE_STATE}/messages.sqlite"
    script = f'import sqlite3; print(*sqlite3.connect("{state}").execute("{ask}").fetchone())'
    return float(home.sh(home.server, f"python3 -c {shlex.quote(script)}"))


@pytest.mark.parametrize("power_cut", [False, True])
def test_a_reboot_loses_no_message(shaped: Home, power_cut: bool) -> None:
    home, name = shaped, new("plain")
    home.sh(home.server, f"systemctl stop {UNIT}")
    upload(home, name)
    home.photo(name)
    home.stage.reboot(home.server, power_cut=power_cut)
    home.wait_until_it_listens()
    wait_for(home, name)


# -- what it may


def test_what_a_program_may(shaped: Home) -> None:
    home, name = shaped, new("may")
    upload(home, name)
    told = printed(wait_for(home, name))
    digest = home.sh(home.server, f"sha256sum {paths.MESSAGE_SECRET}").split()[0]
    assert told == {
        "user": RUNS,
        "secret": digest,
        "photos": ["library"],
        "configuration": ["message"],
        "writes": ["/dev/shm/x", "/tmp/x", "/var/tmp/x"],
        "removes": False,
        "renames": False,
        "reads": [],
        "asks": False,
        "ends": [],
        "left": ["x"],
    }
    for unit, most in ((UNIT, 1.0), (f"{RUNS}@it.service", 2.0)):
        assert home.exposure(home.server, unit) < most
    # Nobody else asks for a run.
    ask = "import socket; socket.socket(socket.AF_UNIX).connect('/run/hotshoe/message')"
    as_user = 'setpriv --reuid={} --regid=nogroup --clear-groups python3 -c "{}"'
    assert not home.succeeds(home.server, as_user.format("nobody", ask))
    assert not home.succeeds(home.server, as_user.format(RUNS, ask))
    assert home.succeeds(home.server, as_user.format("hotshoe-message", ask))


# -- the way it is deployed

LEFT = (
    "ls -d /etc/hotshoe/* /etc/systemd/system/hotshoe-* /etc/systemd/system/*.wants/hotshoe-* "
    "/usr/local/lib/hotshoe/* /var/lib/hotshoe* /run/hotshoe/* 2>/dev/null; "
    "getent passwd | cut -d: -f1; getent group | cut -d: -f1; "
    "systemctl list-units --all --plain --no-legend 'hotshoe*' | cut -d' ' -f1"
)


def test_a_second_deploy_changes_nothing(shaped: Home) -> None:
    assert shaped.deploy() == {}


def test_without_the_setting_nothing_is_left(shaped: Home) -> None:
    """Even while the program runs."""
    home, name = shaped, new("hangs")
    upload(home, name)
    wait_until(lambda: "/etc/hotshoe/message" in running(home), 30)
    before = home.sh(home.server, LEFT).splitlines()
    with home.saying(SAID, ""):
        after = home.sh(home.server, LEFT).splitlines()
        assert [line for line in after if "hotshoe-message" in line or "/message" in line] == []
        gone = {line for line in before if line not in after}
        assert {line for line in gone if "message" not in line} == set()
        assert home.would_change() == []
    # And none of the photos that came before is told again.
    upload(home, last := new("plain"))
    wait_for(home, last)


def test_a_program_that_no_server_could_run_is_refused(shaped: Home) -> None:
    home = shaped
    kept = (home.project / "messages" / "probe").read_text()
    try:
        write(home, "probe", kept.replace("#!/usr/bin/python3\n", "import sys\n"))
        done = home.pyinfra("-y", check=False)
        assert done.returncode != 0
        assert "message.program: messages/probe is no program" in done.stdout + done.stderr
    finally:
        write(home, "probe", kept)
    assert home.would_change() == []


# -- the examples, against endpoints that speak the APIs

# Says what it has got, line by line.
SERVE = """
import os, sys

def end_with_input():
    sys.stdin.read()
    os._exit(0)

threading.Thread(target=end_with_input).start()
TOKEN = KEY = {secret!r}
endpoint = {kind}
endpoint.note = lambda said: print(json.dumps(said), flush=True)
print("ready", flush=True)
endpoint.serve_forever()
"""
PORT = 8000
NTFY, IMMICH = f"Ntfy(('', {PORT}))", f"Immich(3, ('', {PORT}))"


@contextmanager
def answering(home: Home, kind: str) -> Iterator[IO[str]]:
    """One of them on the laptop.

    :returns: what it says
    """
    program = Path(endpoints.__file__).read_text()
    program += SERVE.format(kind=kind, secret=home.secrets.message_secret)
    command = podman.inside(home.stage.container(LAPTOP), "python3", "-u", "-c", program)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            yield process.stdout
        finally:
            # It ends with its input.
            process.stdin.close()


def url(home: Home) -> str:
    """Of what answers on the laptop."""
    said = home.sh(LAPTOP, "ip -4 -brief address show scope global")
    return f"http://{said.split()[2].partition('/')[0]}:{PORT}"


def test_ntfy_is_told_of_a_quiet_minute(shaped: Home) -> None:
    home, names = shaped, [new("a"), new("b")]
    text = (EXAMPLES / "ntfy").read_text().replace('"https://ntfy.sh"', f'"{url(home)}"')
    filled = text.replace('TOPIC = ""', 'TOPIC = "private"')
    write(home, "ntfy", filled)
    said = SAID.replace("probe", "ntfy").replace("}", ", per: quiet-minute}")
    with (
        answering(home, NTFY) as told,
        home.saying(SAID, said),
        configured(home, quiet_seconds=1),
    ):
        upload_together(home, *names)
        # What has failed before is tried again by another program, too.
        message = next(each for each in map(json.loads, told) if names[0] in each["message"])
    assert all(name in message["message"] for name in names)
    assert message == {
        "topic": "private",
        "title": "2 new photos",
        "message": ANY,
        "tags": ["camera"],
    }


def test_immich_gets_each_photo(shaped: Home) -> None:
    home, name = shaped, new("a")
    filled = (EXAMPLES / "immich").read_text().replace('SERVER = ""', f'SERVER = "{url(home)}"')
    write(home, "immich", filled)
    said = SAID.replace("probe", "immich")
    with answering(home, IMMICH) as got, home.saying(SAID, said):
        upload(home, name)
        asset = next(each for each in map(json.loads, got) if each["name"] == name)
        wait_for(home, name)
    digest = home.sh(home.server, f"sha1sum {home.photo(name)}").split()[0]
    assert asset == {"name": name, "sha1": digest, "status": "created"}
