"""The command ``hotshoe check``: what it asks, prints and leaves, with a probe that is played."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from hotshoe.check import vantage
from hotshoe.check.order import Options, make_order
from hotshoe.check.run import photos_of
from hotshoe.cli import main
from hotshoe.cli.check import SLOW_SECONDS
from hotshoe.probe import bundle, code
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
from tests.conftest import PROJECT, SMALLEST
from tests.homes import example
from tests.unit.conftest import A7_PASSWORD, R5_PASSWORD, SECRETS
from tests.unit.debian.pairs import ROOT

COMMITTED = PROJECT / "hotshoe" / "show" / "check.schema.json"
WELL = [Result(layer, Status.FINE, f"{layer.value} is well") for layer in code._LAYERS]
SILENT = Result(
    Layer.PORT, Status.FAIL, "\x1b[31mno answer", Problem.PORT_SILENT, {"port": 21, "own": "x"}
)
# Writes down what it is told, and tells what it shall.
PLAYED = """
import json, sys
size = int(sys.stdin.buffer.readline())
sys.stdin.buffer.read(size)
open({told!r}, "ab").write(sys.stdin.buffer.readline())
print(json.dumps({{"progress": "looking"}}), flush=True)
print({lines!r}, end="", flush=True)
{then}
"""


@pytest.fixture
def at_home(vault, monkeypatch):
    """The project's folder, with a root certificate, from which no box can be reached by SSH."""
    folder = Path.cwd()
    (folder / "root.pem").write_bytes(ROOT.pem)
    (folder / "templates").symlink_to(PROJECT / "templates")
    (folder / "bin").mkdir()
    (folder / "bin" / "ssh").write_text("#!/bin/sh\necho 'No route to host' >&2\nexit 255\n")
    (folder / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def plays(at_home, monkeypatch):
    """Have a probe tell something; the orders that it gets are in the file ``told``."""

    def play(results: list[Result], then: str = "") -> None:
        lines = "".join(f"{result.line()}\n" for result in results)
        program = PLAYED.format(told=str(at_home / "told"), lines=lines, then=then)
        monkeypatch.setattr(vantage, "_pushed", lambda: program)

    return play


def run(*arguments: str):
    result = CliRunner().invoke(main, ["check", "--root=root.pem", *arguments])
    said = result.stdout + result.stderr
    assert not [secret for secret in SECRETS if secret in said]
    assert "Traceback" not in said
    return result


def orders(folder: Path) -> list[Order]:
    return [Order.parse(line) for line in (folder / "told").read_text().splitlines()]


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert file.exists()


class TestACheck:
    def test_that_finds_all_well_exits_0(self, plays):
        plays(WELL)
        result = run("--no-inside")
        assert result.exit_code == 0, result.output
        assert re.search(r"(?m)^pass +control port +control port is well$", result.stdout)
        assert result.stdout.endswith("darkroom as r5, checked from here: cameras get in\n")

    def test_that_finds_something_broken_says_why_and_what_to_do_and_exits_1(self, plays):
        plays([WELL[0], SILENT])
        result = run("--no-inside")
        assert result.exit_code == 1
        assert re.search(r"(?m)^fail +control port +\\x1b\[31mno answer$", result.stdout)
        assert "fail: control port at gateway or darkroom (PORT_SILENT)\n  why:  " in result.stdout
        assert "\n  do:   " in result.stdout
        assert result.stdout.endswith("darkroom as r5, checked from here: broken\n")

    def test_that_cannot_tell_exits_2(self, plays):
        plays([Result(Layer.NAME, Status.UNKNOWN, "no answer", Problem.NAME_UNASKED)])
        assert run("--no-inside").exit_code == 2

    @pytest.mark.parametrize("results", [[], WELL[:1], WELL[:-8]])
    def test_whose_vantage_says_nothing_of_some_layers_exits_2(self, plays, results):
        plays(results)
        result = run("--no-inside")
        assert result.exit_code == 2
        assert result.stdout.endswith("darkroom as r5, checked from here: cannot tell\n")

    def test_whose_server_cannot_be_asked_says_so_and_exits_2(self, plays):
        plays(WELL)
        result = run()
        assert result.exit_code == 2
        assert re.search(r"(?m)^cannot tell +boxes +darkroom: .*No route to host$", result.stdout)
        assert "BOX_UNASKED" in result.stdout

    def test_that_cannot_remove_its_photos_says_how_to(self, plays):
        photos = {"photos": {"hotshoe-check-x-small.bin": "ab" * 32}}
        plays([Result(Layer.UPLOAD, Status.FINE, "well", None, photos)])
        result = run()
        assert "Error: darkroom: test photos stay there (1), since darkroom: root@" in result.stderr
        text = re.search(r"hotshoe check --explain (\S+)\n$", result.stderr)[1]
        assert code.decode(text).results

    def test_names_its_site_in_what_to_run_then(self, plays, at_home):
        folder = at_home / "group_vars"
        (folder / "home.yml").rename(folder / "cabin.yml")
        for vault in folder.glob("home.vault.yml"):
            vault.rename(folder / "cabin.vault.yml")
        photos = {"photos": {"hotshoe-check-x-small.bin": "ab" * 32}}
        plays([Result(Layer.UPLOAD, Status.FINE, "well", None, photos)])
        assert ": hotshoe check cabin --explain " in run("cabin").stderr
        assert ": hotshoe check cabin --explain CODE" in run("cabin", "--single-file=a.pyz").stderr

    def test_whose_probe_fails_is_told_in_one_message(self, plays):
        plays(WELL[:1], "sys.exit('out of luck')")
        result = run("--no-inside")
        assert result.exit_code == 2
        assert result.stderr.endswith("Error: here: the check ended early: out of luck\n")

    def test_that_ends_early_tells_of_photos_that_it_cannot_remove(self, plays):
        photos = {"photos": {"hotshoe-check-x-small.bin": "ab" * 32}}
        plays([Result(Layer.UPLOAD, Status.FINE, "well", None, photos)], "sys.exit('out of luck')")
        result = run()
        assert result.exit_code == 2
        assert "test photos stay there (1), since darkroom: root@" in result.stderr
        assert result.stderr.endswith("Error: here: the check ended early: out of luck\n")

    def _started(self) -> subprocess.Popen[str]:
        # Whoever runs the tests in the background of a shell ignores Ctrl-C, and so do they.
        program = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from hotshoe.check import vantage; from hotshoe.cli import main\n"
            f"vantage._pushed = lambda: {vantage._pushed()!r}; vantage._SECONDS = 1\n"
            "validated = vantage.validated\n"
            "def heard(line):\n"
            f"    {WELL[-1].layer.value!r} in line.decode() and open('heard', 'a')\n"
            "    return validated(line)\n"
            "vantage.validated = heard\n"
            "main()"
        )
        words = ["check", "--no-inside", "--root=root.pem"]
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-c", program, *words]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_that_is_ended_removes_its_photos(self, plays, at_home, how):
        plays(WELL, "import time; time.sleep(30)")
        # What is asked by SSH, the last word of its command line is.
        script = 'for word; do :; done; echo "$word" >>asked'
        (at_home / "bin" / "ssh").write_text(f"#!/bin/sh\n{script}\n")
        process = self._started()
        wait_for(at_home / "told")
        process.send_signal(how)
        assert process.wait(20) == 128 + how
        assert "Removal(json.load(sys.stdin))" in (at_home / "asked").read_text()

    @pytest.mark.parametrize("before", ["", "import time; time.sleep(30)"])
    def test_that_is_ended_while_it_tidies_up_says_what_may_be_left(self, plays, at_home, before):
        """By a second Ctrl-C, or by the first one, at the end."""
        plays(WELL, before)
        script = 'case "$*" in *Removal*) echo >removing; exec sleep 30;; esac; echo >asked'
        (at_home / "bin" / "ssh").write_text(f"#!/bin/sh\n{script}\n")
        with self._started() as process:
            if before:
                wait_for(at_home / "heard")
                process.send_signal(signal.SIGINT)
            wait_for(at_home / "removing")
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
            assert process.returncode == 128 + signal.SIGINT
        reason = "test photos may stay there, since their removal was interrupted"
        assert f"Error: darkroom: {reason}\n" in said
        assert code.decode(re.search(r"hotshoe check --explain (\S+)\n$", said)[1]).run

    def test_that_has_not_heard_of_its_photos_says_that_there_may_be_some(self, plays):
        """It is ended in the middle of the first upload."""
        login = next(result for result in WELL if result.layer is Layer.LOGIN)
        plays([login], "sys.exit('out of luck')")
        assert "test photos may stay there, since darkroom: root@" in run().stderr


class TestAnOrder:
    def test_says_what_the_site_says(self, plays, at_home):
        plays(WELL)
        run("--no-inside")
        (order,) = orders(at_home)
        assert (order.hostname, order.public) == ("photos.example.net", ("203.0.113.20",))
        assert (order.user, order.password) == ("r5", R5_PASSWORD)
        assert (order.server, order.inside) == ("192.168.1.10", ("192.168.1.0/24",))
        assert (order.sessions, order.versions) == (8, ("1.2",))
        assert order.root == ROOT.pem.decode()
        assert (order.quick, order.slow_seconds) == (False, SLOW_SECONDS)

    def test_says_what_is_asked_for(self, plays, at_home):
        plays(WELL)
        run("--no-inside", "--quick", "--camera=a7")
        run("--no-inside", "--quick", "--slow-seconds=6", "--server=darkroom")
        first, second = orders(at_home)
        assert (first.user, first.password) == ("a7", A7_PASSWORD)
        assert (first.quick, first.slow_seconds) == (True, 0)
        assert (second.user, second.slow_seconds) == ("r5", 6)
        assert first.run != second.run

    @pytest.mark.parametrize(
        "site", ["cascade", "dynamic", "implicit", "ipv6", "map-e", "two-servers", "letsencrypt"]
    )
    def test_follows_from_every_kind_of_home(self, site, tmp_path):
        plan, root = example(site), tmp_path / "root.pem"
        root.write_bytes(ROOT.pem)
        for server in plan.servers:
            order = make_order(plan, server, server.cameras[0], None, Options(root=root))
            assert Order.parse(order.text()) == order
            assert [c.port for c in order.controls] == [c.port for c in server.control_ports]
            assert bool(order.public) == (plan.public_address is not None)

    @pytest.mark.parametrize("said", ["chain: root.pem", "chain: none.pem, root: root.pem"])
    @pytest.mark.parametrize("more", [[], ["--ssh-config=stage/ssh_config"]])
    def test_has_the_root_of_a_certificate_of_ones_own_that_a_card_gets(
        self, plays, at_home, said, more
    ):
        (at_home / "stage" / "pki").mkdir(parents=True)
        (at_home / "stage" / "ssh_config").touch()
        site = at_home / "group_vars" / "home.yml"
        text = f"certificate: {{issuer: files, key: key.pem, {said}}}\n"
        site.write_text(site.read_text() + text)
        plays(WELL)
        assert CliRunner().invoke(main, ["check", "--no-inside", *more]).exit_code == 0
        assert orders(at_home)[0].root == ROOT.pem.decode()

    def test_of_a_direct_link_has_an_address_and_no_certificate(self):
        plan = example("direct")
        server = plan.servers[0]
        order = make_order(plan, server, server.cameras[0], "x", Options(), "192.168.9.1")
        assert (order.hostname, order.server, order.root) == ("192.168.9.1", "192.168.9.1", None)
        assert (order.public, order.resolvers) == ((), ())


class TestJson:
    def test_is_as_its_schema_says(self, plays):
        plays([WELL[0], SILENT])
        result = run("--no-inside", "--json")
        document = json.loads(result.stdout)
        Draft202012Validator(json.loads(COMMITTED.read_text())).validate(document)
        assert (document["site"], document["vantage"]) == ("home", "here")
        (server,) = document["servers"]
        assert (server["server"], server["camera"], server["outcome"]) == (
            "darkroom",
            "r5",
            "broken",
        )
        assert [f["problem"] for f in server["findings"] if f["status"] == "fail"] == [
            "PORT_SILENT"
        ]


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--server=attic"], "attic: there is no such server; the Site has darkroom\n"),
            (["--camera=z9"], "z9: there is no such camera; the Site has r5, a7\n"),
            (["--from=there"], "'there' is no place to check from\n"),
            (["--explain="], "--explain: this code has a typo, or a part of it is missing\n"),
            (["--explain=ABC"], "--explain: this code has a typo, or a part of it is missing\n"),
            (["--single-file=x.txt"], "x.txt: cannot be written: the name x.txt does not end in"),
            (["--root=group_vars/home.yml"], "group_vars/home.yml: is no certificate\n"),
            (["nowhere"], "1 problem, nothing was changed:\ngroup_vars/nowhere.yml: there is no"),
        ],
        ids=" ".join,
    )
    def test_is_refused_with_one_message(self, plays, at_home, arguments, message):
        plays(WELL)
        result = run(*arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {message}")
        assert not (at_home / "told").exists()

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--watch", "--from=here"],
            ["--watch", "--json"],
            ["--explain=x", "--single-file=x.pyz"],
            ["--explain=", "--watch"],
            ["--quick=1"],
        ],
        ids=" ".join,
    )
    def test_options_that_do_not_go_together_are_refused(self, plays, arguments):
        plays(WELL)
        assert run(*arguments).exit_code == 2

    def test_without_an_authority_it_says_how_to_get_one(self, plays):
        plays(WELL)
        result = CliRunner().invoke(main, ["check", "--no-inside"])
        assert result.exit_code == 1
        assert "there is no certificate authority yet\n    -> deploy first" in result.stderr


class TestSomebodyElsewhere:
    def test_gets_a_file_without_the_password(self, at_home):
        result = run("--single-file=friend.pyz")
        assert result.exit_code == 0, result.output
        assert "friend.pyz is written." in result.stderr
        made = (at_home / "friend.pyz").read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in made]
        # It may be written again, and nothing else is overwritten.
        assert run("--single-file=friend.pyz").exit_code == 0
        (at_home / "other.pyz").write_bytes(b"mine")
        assert run("--single-file=other.pyz").exit_code == 1

    def code_of(self, *results: Result) -> str:
        plan = example("home")
        server = plan.servers[0]
        order = make_order(plan, server, "r5", None, Options(root=Path("root.pem")))
        return code.encode(order, results)

    def test_gives_a_code_that_is_explained(self, at_home):
        result = run("--no-inside", f"--explain={self.code_of(WELL[0], SILENT)}")
        assert result.exit_code == 1
        assert "control port at gateway or darkroom (PORT_SILENT)" in result.stdout
        assert "checked from somewhere else at " in result.stdout

    def test_gives_a_code_of_another_home_which_is_told(self, at_home):
        text = self.code_of(*WELL)
        site = at_home / "group_vars" / "home.yml"
        site.write_text(site.read_text().replace("photos.example.net", "photos.example.org"))
        result = run("--no-inside", f"--explain={text}")
        assert result.exit_code == 1
        assert "this code is about another home than home" in result.stderr


def test_a_terminal_shows_what_comes_as_it_comes(plays, at_home):
    """Each layer when it has been looked at, and what is looked at meanwhile."""
    plays(WELL, "import time; time.sleep(0.6)")
    program = (
        "from hotshoe.check import vantage; from hotshoe.cli import main\n"
        f"vantage._pushed = lambda: {vantage._pushed()!r}\nmain()"
    )
    words = ["check", "--no-inside", "--root=root.pem"]
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    assert process.wait() == 0, said
    text = said.decode()
    assert "looking …" in text
    assert "✓ pass" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "cameras get in" in text


def test_every_photo_that_a_probe_sends_is_looked_for_afterwards():
    """Also those of a probe that was interrupted, which has not told of all."""
    server = example("implicit").servers[0]
    known = {name.split("-", 3)[3].removesuffix(".bin") for name in photos_of("x", server)}
    source = "".join(path.read_text() for path in (PROJECT / "hotshoe" / "probe").glob("*.py"))
    sent = set(re.findall(r'\.photo\(f?"([a-z-]+)', source)) | {"small", "small-"}
    assert {each for each in sent - {"none"} if not any(k.startswith(each) for k in known)} == set()
    assert {"large", "slow", "session-1", "small-21", "small-990"} <= known


def test_a_probe_reads_what_is_pushed():
    """The archive is what the probe's own tests run."""
    assert bundle.bundle().startswith(b"#!/usr/bin/env python3\nPK")


class TestEverySite:
    @pytest.fixture
    def homes(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for folder in ("group_vars", "inventories"):
            (tmp_path / folder).mkdir()
        for name in ("broken", "unknown", "well"):
            (tmp_path / "group_vars" / f"{name}.yml").write_text(SMALLEST)
            (tmp_path / "inventories" / f"{name}.py").touch()
        statuses = {"well": 0, "broken": 1, "unknown": 2}

        def check(asked, *_):
            raise SystemExit(statuses[asked.files.name])

        monkeypatch.setattr("hotshoe.cli.check._check", check)
        return tmp_path

    def test_each_is_checked_and_told_and_what_is_broken_counts_most(self, homes):
        result = CliRunner().invoke(main, ["check", "--all"])
        assert result.exit_code == 1
        assert result.stdout.splitlines()[-3:] == [
            "broken: broken, or refused",
            "unknown: could not be told",
            "well: works",
        ]

    def test_one_that_is_refused_stops_no_other(self, homes):
        (homes / "group_vars" / "broken.yml").write_text("hostname: x\n")
        result = CliRunner().invoke(main, ["check", "--all"])
        assert result.exit_code == 1
        assert "group_vars/broken.yml: " in result.stderr
        assert "well: works" in result.stdout

    def test_nobody_could_tell_of_one(self, homes):
        (homes / "inventories" / "broken.py").unlink()
        assert CliRunner().invoke(main, ["check", "--all"]).exit_code == 2

    def test_all_are_well(self, homes):
        for name in ("broken", "unknown"):
            (homes / "inventories" / f"{name}.py").unlink()
        assert CliRunner().invoke(main, ["check", "--all"]).exit_code == 0

    @pytest.mark.parametrize("more", [["well"], ["--json"], ["--watch"], ["--camera=r5"]])
    def test_with_what_is_about_one_it_is_refused(self, homes, more):
        assert CliRunner().invoke(main, ["check", "--all", *more]).exit_code == 2
