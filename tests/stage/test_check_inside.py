"""What routers and servers see of a check, and that nothing of the looking stays on them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hotshoe import paths
from hotshoe.check.cleaning import clean, empty_folders
from hotshoe.check.hops import addresses, chain, trace
from hotshoe.check.inside import Look, watching
from hotshoe.check.model import InsideView
from hotshoe.remote.ssh import Access
from hotshoe.stage.topology import CAMERA
from tests.stage.home import BIN, Home
from tests.stage.test_firewall import wait_until

OK = "226 Transfer complete."
# Whatever drops packets on their way, it is not hotshoe's own.
DROP = """\
nft -f - <<'.'
table inet others {
    chain others {
        type filter hook forward priority -5;
        tcp dport { 50003-50009 } drop
    }
}
."""


@pytest.fixture(autouse=True)
def _in_the_project(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.project)


@contextmanager
def looking(home: Home, run: str = "") -> Iterator[Look]:
    with watching(home.plan, home.server_plan, Access(home.stage.ssh_config), run) as look:
        assert [box.error for box in look.boxes if box.error] == []
        yield look


def camera_of(home: Home) -> str:
    return str(home.stage.node(CAMERA).ports[0].address.ip)


def dialled(home: Home, inside: InsideView, *ports: int) -> list[str]:
    """What became of the camera's connections to these ports."""
    hops, masks = chain(home.plan, home.server_plan, inside), addresses(home.plan, inside)
    return [str(loss) for loss in trace(hops, ports, [camera_of(home)], masks)]


def tables(home: Home) -> str:
    """Tables of a check, and what it runs, on either box."""
    script = (
        "nft list tables | grep 'hotshoe[_]check'; pgrep -a sleep; pgrep -af '=hotshoe[_]check'; :"
    )
    return "".join(home.sh(node, script) for node in (home.router, home.server))


def test_boxes_see_what_a_camera_dials_and_are_as_they_were_deployed(either_home: Home) -> None:
    home = either_home
    with looking(home) as look:
        assert "hotshoe_check" in tables(home)
        assert home.reach(CAMERA, home.public, 21) == ["open"]
        assert home.ftp(["stor", f"{time.time_ns()}.JPG", 9]) == [OK]
        inside = look.read()
    assert [box.name for box in inside.boxes] == [home.router, home.server]
    for box in inside.boxes:
        assert (box.error, box.stale, box.helper) == ("", (), False)
        seen = [(p.source, p.port) for p in box.passed or () if p.port == 21]
        assert seen == [(camera_of(home), 21)]
        # One of the passive ports, of which nobody knows which.
        assert len(box.arrived or ()) == 2
        assert box.arrived == box.passed
    assert inside.server
    assert inside.server.listening == {21}
    assert inside.server.announced == str(home.public)
    assert (inside.server.stopped, inside.server.clock, inside.server.closed) == ((), 0, ())
    assert any("OK UPLOAD" in line for line in inside.server.journal)
    assert tables(home) == ""


def test_what_a_router_drops_is_seen_to_be_lost_there(home: Home) -> None:
    home.sh(home.router, DROP)
    try:
        with looking(home) as look:
            # Whoever has a control connection may dial passive ports.
            wait_until(lambda: home.reach(CAMERA, home.public, 21) == ["open"], 5)
            assert home.reach(CAMERA, home.public, 50000) == ["closed"]
            assert home.reach(CAMERA, home.public, *range(50003, 50010)) == ["silent"] * 7
            said = dialled(home, look.read(), 21, 50000, *range(50003, 50010))
    finally:
        home.sh(home.router, "nft delete table inet others")
    assert said == [
        f"21, 50000 arrived at {home.server} and was let in",
        f"50003-50009 arrived at {home.router} and did not leave it",
    ]


def test_rules_that_are_gone_and_services_that_stopped_are_told(home: Home) -> None:
    handle = (
        "nft -a list chain inet hotshoe_forwards prerouting | sed -n 's/.*dport 50.* # handle //p'"
    )
    home.sh(home.router, f"nft delete rule inet hotshoe_forwards prerouting handle $({handle})")
    home.sh(home.server, "systemctl stop hotshoe-intake")
    try:
        with looking(home) as look:
            inside = look.read()
    finally:
        home.sh(home.router, "systemctl reload-or-restart hotshoe-forwards")
        home.sh(home.server, "systemctl start hotshoe-intake")
    router, _ = inside.boxes
    passive = home.server_plan.passive
    assert router.stale == (
        "the rules of the table hotshoe_forwards are not those that were deployed",
        f"TCP {passive} is not forwarded to {home.server_plan.address}",
    )
    assert inside.server
    assert inside.server.stopped == ("hotshoe-intake",)


def test_a_check_that_is_killed_leaves_nothing(home: Home) -> None:
    program = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from hotshoe.check.inside import watching
        from hotshoe.plan.derivation import make_plan
        from hotshoe.remote.ssh import Access
        from hotshoe.site.reading import SiteFiles, load_site
        plan = make_plan(load_site(SiteFiles("{home.stage.site}")))
        with watching(plan, plan.servers[0], Access(Path("{home.stage.ssh_config}"))):
            print("looking", flush=True)
            time.sleep(60)
        """
    )
    for how in (signal.SIGKILL, signal.SIGINT):
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, cwd=home.project) as running:
            assert running.stdout
            assert running.stdout.readline() == b"looking\n"
            assert tables(home).count("table inet hotshoe_check_") == 2
            running.send_signal(how)
        wait_until(lambda: tables(home) == "", 5)


def test_what_was_killed_on_a_box_is_removed_by_the_next_look(home: Home) -> None:
    with looking(home) as look:
        home.sh(home.router, "pkill -KILL -f 'hotshoe[_]check'")
        router, server = look.read().boxes
        assert router.error
        assert server.error == ""
    assert "hotshoe_check" in home.sh(home.router, "nft list tables")
    home.sh(home.router, "pkill sleep || true")
    with looking(home):
        assert home.sh(home.router, "nft list tables").count("hotshoe_check_") == 1
    assert tables(home) == ""


def test_test_photos_are_found_and_removed_and_nothing_else(home: Home) -> None:
    names = f"find {paths.PHOTOS} ! -path '*/arriving/*' | sort"
    assert home.ftp(["stor", f"{time.time_ns()}.JPG", 9]) == [OK]
    time.sleep(1)
    run = f"t{time.time_ns()}"
    whole, cut = f"hotshoe-check-{run}-small.bin", f"hotshoe-check-{run}-cut.bin"
    before = home.sh(home.server, names)
    keep = empty_folders(home.server_plan, Access(home.stage.ssh_config))
    with looking(home, run) as look:
        # The same content twice is one photo; another one of the name gets a number.
        assert home.ftp(*(["stor", whole, size] for size in (5, 6))) == [OK] * 2
        assert home.ftp(["cut", cut, 300_000]) == ["gone"]
        home.set_aside(cut)
        home.photo(whole.replace(".bin", "-2.bin"))
        inside = look.read()
    assert inside.server
    found = inside.server.photos
    assert set(found) == {whole, whole.replace(".bin", "-2.bin"), cut}
    sent: dict[str, str | None] = {whole: found[whole].sha256, cut: None}
    access = Access(home.stage.ssh_config)
    # The other one has not been sent, by what is said here.
    assert len(clean(home.server_plan, run, sent, access, keep).removed) == 2
    sent = {whole: found[whole.replace(".bin", "-2.bin")].sha256}
    assert len(clean(home.server_plan, run, sent, access, keep).removed) == 1
    assert home.sh(home.server, names) == before


# -- what a camera tries

TRUSTING = "--cacert /root/ROOT.CRT"


class TestWatching:
    """``hotshoe check --watch``, beside a real client."""

    @contextmanager
    def watching(self, home: Home) -> Iterator[list[str]]:
        """The lines that come while something is done; all of them afterwards."""
        command = [str(BIN / "hotshoe"), "check", home.stage.site, "--watch"]
        command.append(f"--ssh-config={home.stage.ssh_config}")
        lines: list[str] = []
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, cwd=home.project
        ) as running:
            try:
                assert running.stderr
                assert running.stderr.readline() == f"{home.server}: watching; Ctrl-C ends\n"
                yield lines
                # Whatever ended lately is told some seconds later.
                time.sleep(5)
            finally:
                running.terminate()
                assert running.stdout
                lines += [
                    re.sub(r"^[:\d]{8} +", "", line) for line in running.stdout.read().splitlines()
                ]

    def curl(self, home: Home, options: str, password: str = "", port: int = 21) -> None:
        url = f"ftp://{home.user}:{password or home.password}@{home.server_plan.hostname}:{port}/"
        home.sh(CAMERA, f"curl -s -m 8 {options} {url} || true")
        # One attempt after the other, as a camera makes them.
        time.sleep(1)

    def test_every_attempt_is_told_in_plain_words(self, home: Home) -> None:
        stamp, camera = f"{time.time_ns()}", camera_of(home)
        home.sh(
            CAMERA, f"head -c 9 /dev/urandom >{stamp}-a.JPG; head -c 3M /dev/urandom >{stamp}-b.JPG"
        )
        with self.watching(home) as lines:
            # First: while its camera uploads, it is waited whether that belongs to it.
            self.curl(home, f"{TRUSTING} --ssl-reqd -P - -T {stamp}-a.JPG")
            self.curl(home, f"{TRUSTING} --ssl-reqd -T {stamp}-a.JPG", password="wrong")
            self.curl(home, f"--ssl-reqd -T {stamp}-a.JPG")
            self.curl(home, f"-T {stamp}-a.JPG")
            self.curl(home, f"{TRUSTING} --tlsv1.3 --ssl-reqd -T {stamp}-a.JPG")
            self.curl(home, "-m 1", port=22)
            self.curl(home, f"{TRUSTING} --ssl-reqd -T {stamp}-a.JPG")
            self.curl(home, f"{TRUSTING} --ssl-reqd -m 2 --limit-rate 500k -T {stamp}-b.JPG")
        for told in (
            f"the password of {home.user} is wrong, from {camera}",
            f"{camera} does not trust the certificate (unknown_ca)",
            f"{camera} logs in without TLS, which is refused",
            f"{camera} and the server have no version of TLS and no cipher suite in common",
            f"{camera} tries port 22, SSH or SFTP",
            f"{home.user} left without an upload: it may have tried active mode",
            f"{home.user} sends {stamp}-a.JPG",
            f"{home.user}: {stamp}-a.JPG arrived whole, and is {paths.LIBRARY}/",
            f"{home.user} sends {stamp}-b.JPG",
            f"{home.user}: {stamp}-b.JPG broke off after ",
        ):
            assert sum(line.startswith(told) for line in lines) == 1, (told, lines)
        assert not any("hung up" in line for line in lines), lines
        # It was killed.
        follows = "pgrep -a journalctl || true"
        wait_until(lambda: tables(home) + home.sh(home.server, follows) == "", 5)
