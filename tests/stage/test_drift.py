"""hotshoe diff, apply and drift on a stage: what was changed by hand is told, and corrected."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.stage import warm
from tests.stage.home import BIN, Home
from tests.stage.test_firewall import wait_until

UNIT = """[Service]
ExecStart=sleep infinity
[Install]
WantedBy=multi-user.target
"""


def hotshoe(home: Home, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on the stage, and what it prints; never a traceback."""
    done = subprocess.run(
        [warm.program("hotshoe"), command, "--stage", *arguments, home.stage.site],
        capture_output=True,
        text=True,
        cwd=home.project,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def hosts(home: Home) -> dict[str, Any]:
    """What drift tells of each host."""
    (site,) = json.loads(hotshoe(home, "drift", "--json").stdout)["sites"]
    assert not site["error"]
    return {host["host"]: host for host in site["hosts"]}


def drifted(home: Home) -> dict[str, list[str]]:
    """Of each host, the operations that would change it."""
    found = hosts(home).items()
    return {name: [each["name"] for each in host["operations"]] for name, host in found}


def records(home: Home) -> list[dict[str, Any]]:
    path = home.project / ".hotshoe" / f"{home.stage.site}.stage.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def applies(home: Home) -> str:
    """Apply, which has to work, and then nothing is left to do."""
    done = hotshoe(home, "apply")
    assert done.returncode == 0, done.stdout + done.stderr
    again = hotshoe(home, "drift")
    assert again.returncode == 0, again.stdout + again.stderr
    return done.stdout + done.stderr


def test_what_was_changed_by_hand_is_told_and_the_next_apply_corrects_it(home: Home) -> None:
    done = hotshoe(home, "drift")
    assert done.returncode == 0, done.stdout
    hosts = ", ".join(sorted((home.server, home.router)))
    assert done.stdout == f"{home.stage.site}: no change; {hosts}\n"
    home.sh(home.server, "nft add rule inet hotshoe_firewall input accept")
    home.sh(home.router, "rm /etc/hotshoe/hotshoe_forwards.nft")
    firewall = "Firewall | Load the rules for incoming connections"
    forwards = "Router | Load the rules for port forwards"
    assert hotshoe(home, "drift").returncode == 2
    assert drifted(home) == {home.server: [firewall], home.router: [forwards]}
    markdown = hotshoe(home, "diff", "--markdown")
    assert markdown.returncode == 0
    assert f"| {home.router} | Router \\| Load the rules for port forwards |" in markdown.stdout
    said = applies(home)
    assert f"✓ {home.server}" in said
    assert f"✓ {home.router}" in said
    begun, ended = records(home)[-2:]
    assert ended["apply"] == begun["apply"]
    assert ended["outcome"] == "applied"
    assert ended["changed"] == {home.server: [firewall], home.router: [forwards]}
    home.uploads_work()


SERVER_LEFTOVERS = [
    "unit hotshoe-old.timer",
    "unit hotshoe-old.service",
    "/etc/hotshoe/old.conf",
    "/usr/local/sbin/hotshoe-old",
    "table inet hotshoe_old",
    "user hotshoe-old",
    "group hotshoe-olds",
]
PLANT = f"""
cat >/etc/systemd/system/hotshoe-old.service <<'.'
{UNIT}.
printf '[Timer]\\nOnCalendar=daily\\n[Install]\\nWantedBy=timers.target\\n' \
    >/etc/systemd/system/hotshoe-old.timer
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin hotshoe-old
mkdir -p /etc/systemd/system/hotshoe-old.service.d
printf '[Service]\\nUser=hotshoe-old\\n' >/etc/systemd/system/hotshoe-old.service.d/user.conf
groupadd --system hotshoe-olds
systemctl daemon-reload
systemctl enable --quiet --now hotshoe-old.service hotshoe-old.timer
touch /etc/hotshoe/old.conf /usr/local/sbin/hotshoe-old
nft add table inet hotshoe_old
"""
# What has our name and is not ours to remove.
PLANT_OTHERS = """
useradd --no-create-home hotshoe-ann
useradd --system --no-create-home hotshoe-keeper
install -o hotshoe-keeper /dev/null /srv/hotshoe/r5/kept.JPG
mkdir -p /etc/hotshoe-pull /etc/systemd/system/hotshoe-intake.service.d
printf '[Service]\\nNice=1\\n' >/etc/systemd/system/hotshoe-intake.service.d/mine.conf
systemctl daemon-reload
nft add table inet hotshoe_check_1
touch /usr/local/bin/hotshoe /etc/hotshoes
"""
OTHERS = """
getent passwd hotshoe-ann hotshoe-keeper >/dev/null && nft list table inet hotshoe_check_1 &&
    ls /etc/hotshoe-pull /srv/hotshoe/r5/kept.JPG /usr/local/bin/hotshoe /etc/hotshoes \
        /etc/systemd/system/hotshoe-intake.service.d/mine.conf
"""
REMOVE_OTHERS = """
rm -rf /srv/hotshoe/r5/kept.JPG /usr/local/bin/hotshoe /etc/hotshoe-pull /etc/hotshoes \
    /etc/systemd/system/hotshoe-intake.service.d
systemctl daemon-reload
userdel hotshoe-ann; userdel hotshoe-keeper; nft delete table inet hotshoe_check_1
"""


@contextmanager
def also_there(home: Home) -> Iterator[None]:
    home.sh(home.server, PLANT_OTHERS)
    try:
        yield
        assert home.succeeds(home.server, OTHERS)
    finally:
        home.sh(home.server, REMOVE_OTHERS)


def test_leftovers_are_named_and_removed_and_nothing_else_is(home: Home) -> None:
    home.sh(home.server, PLANT)
    with also_there(home):
        told = hosts(home)
        assert [*told[home.server]["leftovers"]] == [
            *SERVER_LEFTOVERS[:3],
            "/etc/systemd/system/hotshoe-old.service.d",
            *(
                f"/etc/systemd/system/{kind}.target.wants/hotshoe-old.{unit}"
                for kind, unit in (("multi-user", "service"), ("timers", "timer"))
            ),
            *SERVER_LEFTOVERS[3:],
        ]
        assert told[home.router]["leftovers"] == []
        assert drifted(home) == {home.server: ["Server | Remove leftovers"], home.router: []}
        done = hotshoe(home, "drift")
        assert done.returncode == 2
        assert "leftover: user hotshoe-old\n" in done.stdout
        assert "mine.conf is a drop-in that hotshoe did not make" in done.stderr
        applies(home)
        gone = (
            "find /etc /usr/local/sbin /var/lib -name '*hotshoe-old*'; ls /etc/hotshoe/old.conf; "
            "systemctl list-units --all --plain --no-legend 'hotshoe-old*'; "
            "getent passwd hotshoe-old; getent group hotshoe-old hotshoe-olds; "
            "nft list tables | grep hotshoe_old"
        )
        assert home.sh(home.server, f"({gone}) 2>/dev/null || :") == ""
    home.uploads_work()


PLANT_SERVER = f"""
cat >/etc/systemd/system/hotshoe-intake.service <<'.'
{UNIT}.
systemctl daemon-reload
systemctl start hotshoe-intake
touch /etc/hotshoe/vsftpd.conf
useradd --system --no-create-home hotshoe
install -D -o hotshoe /dev/null /srv/hotshoe/x
"""


def test_a_host_loses_what_its_site_used_it_as_before_and_not_what_another_site_uses(
    home: Home,
) -> None:
    """A router that was a server, of the same Site and of another one."""
    note, before = "/etc/hotshoe/site-home", "router"
    assert home.sh(home.router, f"cat {note}") == f"{before}\n"
    home.sh(home.router, PLANT_SERVER)
    home.sh(home.router, "printf 'server\\n' >/etc/hotshoe/site-other")
    assert hotshoe(home, "drift").returncode == 0
    home.sh(home.router, f"rm /etc/hotshoe/site-other; printf 'router,server\\n' >{note}")
    assert hosts(home)[home.router]["leftovers"] == [
        "unit hotshoe-intake.service",
        "/etc/hotshoe/vsftpd.conf",
    ]
    applies(home)
    assert home.sh(home.router, f"cat {note}") == "router\n"
    assert home.succeeds(
        home.router, "! pgrep -x sleep && getent passwd hotshoe && ls /srv/hotshoe/x"
    )
    home.sh(home.router, "userdel hotshoe; rm -r /srv/hotshoe")


def test_a_host_that_cannot_be_asked_is_named(home: Home) -> None:
    home.sh(home.router, "mv /usr/sbin/sshd /usr/sbin/sshd.away")
    try:
        for command in ("drift", "diff", "apply"):
            done = hotshoe(home, command)
            assert done.returncode == 1
            assert f"Error: {home.router}: " in done.stderr
            assert "    -> " in done.stderr
    finally:
        home.sh(home.router, "mv /usr/sbin/sshd.away /usr/sbin/sshd")
    assert records(home)[-1]["outcome"] == "failed"
    assert hotshoe(home, "drift").returncode == 0


def starts(home: Home, *arguments: str) -> subprocess.Popen[str]:
    """An apply that has begun, in a group of processes of its own."""
    before = len(records(home))
    process = subprocess.Popen(
        [str(BIN / "hotshoe"), "apply", "--stage", *arguments],
        cwd=home.project,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: len(records(home)) > before or process.poll() is not None, 60)
    assert process.poll() is None, process.communicate()
    return process


def kill(process: subprocess.Popen[str], group: bool) -> None:
    (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_one_that_is_killed_is_healed_by_the_next_which_says_so(home: Home) -> None:
    """As by a power cut, once it has begun to change the server."""
    home.sh(home.server, "rm /etc/hotshoe/openssl.cnf /usr/local/sbin/hotshoe-sessions")
    process = starts(home)
    back: Callable[[], bool] = lambda: home.succeeds(home.server, "ls /etc/hotshoe/openssl.cnf")  # noqa: E731
    wait_until(lambda: back() or process.poll() is not None, 60)
    kill(process, group=True)
    assert "was interrupted; this one corrects what it left" in applies(home)
    outcomes = [line.get("outcome") for line in records(home)[-4:]]
    assert outcomes == [None, "interrupted", None, "applied"]
    home.uploads_work()


def test_of_two_applies_at_once_the_second_is_refused_or_waits(home: Home) -> None:
    process = starts(home)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        for command in ("apply", "drift", "diff"):
            done = hotshoe(home, command)
            assert done.returncode == 1
            assert "is being deployed to by " in done.stderr
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    assert hotshoe(home, "apply", "--wait", "60").returncode == 0
    assert process.wait(60) == 0
    assert process.stdout
    process.stdout.close()


def test_while_what_a_killed_one_began_runs_nobody_else_begins(home: Home) -> None:
    """pyinfra itself holds the lock: it may be in the middle of a change."""
    process = starts(home)
    pyinfra = ["pgrep", "--parent", str(process.pid), "--full", "bin/pyinfra"]
    wait_until(lambda: subprocess.run(pyinfra, stdout=subprocess.DEVNULL).returncode == 0, 30)
    (child,) = subprocess.run(pyinfra, capture_output=True, text=True).stdout.split()
    os.kill(int(child), signal.SIGSTOP)
    kill(process, group=False)
    done = hotshoe(home, "apply")
    assert done.returncode == 1
    assert f"(process {process.pid}, which was killed;" in done.stderr
    os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: hotshoe(home, "apply").returncode == 0, 30)
