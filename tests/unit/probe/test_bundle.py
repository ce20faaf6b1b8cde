"""The probe as one file: plain Python 3.9 and nothing else."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hotshoe.probe.bundle import bundle
from hotshoe.probe.code import decode
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
from tests.conftest import PROJECT
from tests.unit.probe.server import PASSWORD, Server

PUSHED = PROJECT / "hotshoe" / "probe" / "pushed.py"
MODULES = sorted((PROJECT / "hotshoe" / "probe").glob("*.py"))
# Not on every system, or not the same there.
UNIX_ONLY = {"fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_needs_python_3_9_and_its_standard_library_alone(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {f"{node.module}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    outside = {name for name in names if not name.startswith("hotshoe.probe")}
    assert {name.split(".")[0] for name in outside} <= sys.stdlib_module_names - UNIX_ONLY


@pytest.fixture
def order(good, root):
    with Server(good) as server:
        yield server.order(
            root.pem, hostname="127.0.0.1", sessions=2, slow_seconds=0, unverified=True
        )


def start(path: Path, given: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    command = [python, "-I", "-W", "ignore", path]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, timeout=60, cwd="/"
    )


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "probe.pyz"
    path.write_bytes(content)
    return path


def test_the_same_probe_is_the_same_file(order):
    assert bundle() == bundle()
    assert bundle(order) == bundle(order)
    assert len(bundle()) < 60_000


def test_it_reads_an_order_and_tells_results_as_lines(order, tmp_path):
    done = start(write(tmp_path, bundle()), order.text())
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = [Result.parse(json.dumps(each)) for each in lines if "layer" in each]
    assert {each.status for each in told if each.layer is not Layer.CERTIFICATE} == {Status.FINE}
    assert [list(each) for each in lines if "layer" not in each][:1] == [["progress"]]
    assert PASSWORD not in done.stdout


def python(version: str) -> str:
    """Another version of Python, if it is here."""
    found = sorted(Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob(f"versions/{version}.*"))
    if not found:
        pytest.skip(f"Python {version} is missing")
    return str(found[0] / "bin" / "python")


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_it_runs_with_the_oldest_and_a_new_python(order, tmp_path, version):
    done = start(write(tmp_path, bundle()), order.text(), python(version))
    assert (done.returncode, done.stderr) == (0, "")


OLD = "this is Python {}; the check needs 3.9 or newer\n"


@pytest.mark.parametrize("version", ["3.6", "3.8"])
def test_an_older_python_is_told_as_such_also_where_it_is_pushed(order, tmp_path, version):
    done = start(write(tmp_path, bundle(order)), "", python(version))
    assert (done.returncode, done.stderr) == (1, OLD.format(version))
    command = [python(version), "-I", "-c", PUSHED.read_text()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as pushed:
        assert pushed.stdin
        assert pushed.stderr
        # Which stays open: its end would mean that nobody wants the probe any more.
        pushed.stdin.write(b"%d\n%s%s\n" % (len(bundle()), bundle(), order.text().encode()))
        pushed.stdin.flush()
        assert pushed.wait(60) == 1
        assert pushed.stderr.read().decode() == OLD.format(version)


def test_for_a_friend_it_asks_for_the_password_and_prints_a_code(order, tmp_path):
    content = bundle(order)
    assert PASSWORD.encode() not in content
    done = start(write(tmp_path, content), f"{PASSWORD}\n")
    assert done.returncode == 0
    assert "large upload     ok" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    told = decode(done.stdout.splitlines()[-1])
    assert told.run == order.run
    assert Layer.SPEED in {each.layer for each in told.results}


def test_without_a_password_it_ends_before_the_log_in(order, tmp_path):
    done = start(write(tmp_path, bundle(order)), "\n")
    assert "log-in           ?    not tried, since no password was given" in done.stdout
    assert "passive ports    ok" in done.stdout
    told = decode(done.stdout.splitlines()[-1])
    statuses = {each.layer: each.status for each in told.results}
    assert statuses[Layer.LOGIN] is Status.UNKNOWN
    assert statuses[Layer.PASSIVE] is Status.FINE


def test_whoever_ends_it_gets_a_code_all_the_same(order, tmp_path):
    """Test photos may be there already, which nobody else knows of."""
    path = write(tmp_path, bundle(replace(order, slow_seconds=30)))
    # Whoever runs the tests in the background of a shell ignores Ctrl-C, and so do they.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"runpy.run_path({str(path)!r}, run_name='__main__')"
    )
    command, pipe = [sys.executable, "-I", "-c", program], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as friend:
        assert friend.stdin
        assert friend.stdout
        friend.stdin.write(f"{PASSWORD}\n")
        friend.stdin.close()
        while not friend.stdout.readline().startswith("same name again"):
            pass
        friend.send_signal(signal.SIGINT)
        told = decode(friend.stdout.read().splitlines()[-1])
        assert friend.wait(10) == 130
    assert told.run == order.run
    assert Layer.UPLOAD in {each.layer for each in told.results}


@pytest.mark.parametrize("given", ["", "{}", "[]", "null", '{"run": "a"}', "order"])
def test_what_is_no_order_is_refused_in_one_line(tmp_path, given):
    done = start(write(tmp_path, bundle()), given)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_an_order_survives_as_text(order):
    assert Order.parse(order.text()) == order
