"""Where a probe runs: here or by SSH, with nothing left in either place."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from hotshoe.check import vantage
from hotshoe.check.vantage import Probing, vantage_of
from hotshoe.errors import HotshoeError
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.order import Control, Order
from hotshoe.probe.result import Result

PASSWORD = "qk7wvm3xbt9zhd"
ORDER = Order(
    run="abcdefgh",
    hostname="photos.example.net",
    public=("203.0.113.20",),
    address6=None,
    inside=("192.168.1.0/24",),
    server="192.168.1.10",
    controls=(Control(21, "explicit"),),
    passive=(50000, 50099),
    versions=("1.2",),
    root=None,
    user="r5",
    password=PASSWORD,
    sessions=8,
    quick=True,
    slow_seconds=1,
    patience=1,
    resolvers=(),
)
# Tells what it was told, and where it is.
TELLS = """
import json, sys
sys.path.insert(0, "{project}")
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
order = Order.parse(sys.stdin.read())
print("Welcome to this computer!")
print(json.dumps({{"progress": "looking \\x1b[31m"}}))
print(Result(Layer.LOGIN, Status.FINE, order.password, None, {{"at": sys.argv[0]}}).line())
"""
WAITS = (
    "import sys, time\nprint('{\"progress\": \"' + sys.argv[0] + '\"}', flush=True)\ntime.sleep(60)"
)


def archive(program: str) -> bytes:
    """A probe that does something else."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("__main__.py", program)
    return made.getvalue()


TELLING = archive(TELLS.format(project=Path(__file__).parents[3]))


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have ssh do here what it would do elsewhere; what it was told is in the file ``told``."""
    script = f'printf "%s\\n" "$@" >{tmp_path}/told; for word; do :; done; exec sh -c "exec $word"'
    (tmp_path / "ssh").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin")
    return tmp_path


@pytest.mark.parametrize("where", ["here", "ssh://anna@studio:2222"])
class TestAProbe:
    def test_is_told_its_order_and_tells_results(self, ssh, where):
        with Probing(vantage_of(where), TELLING, ORDER) as probing:
            progress, result = list(probing)
        assert progress == "looking \\x1b[31m"
        assert isinstance(result, Result)
        assert (result.layer, result.status, result.evidence) == (
            Layer.LOGIN,
            Status.FINE,
            PASSWORD,
        )
        assert not Path(result.data["at"]).parent.exists()

    def test_leaves_when_it_is_not_wanted_any_more(self, ssh, where):
        with Probing(vantage_of(where), archive(WAITS), ORDER) as probing:
            path = next(iter(probing))
            assert Path(path).is_file()
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert not Path(path).parent.exists()

    def test_leaves_when_whoever_wants_it_is_killed(self, ssh, where):
        program = (
            "import os, signal, sys; from hotshoe.check.vantage import *; "
            "from tests.unit.check.test_vantage import *\n"
            f"probing = Probing(vantage_of({where!r}), archive(WAITS), ORDER)\n"
            "print(next(iter(probing)), flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        )
        folder = Path(done.stdout.strip()).parent
        assert folder.name.startswith("hotshoe-check-")
        deadline = time.monotonic() + 10
        while folder.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not folder.exists()

    def test_that_fails_is_told_with_its_last_words(self, ssh, where):
        program = archive("import sys; print('no\\x1b[31m', file=sys.stderr); sys.exit(3)")
        probing = Probing(vantage_of(where), program, ORDER)
        with probing, pytest.raises(HotshoeError) as error:
            list(probing)
        assert str(error.value) == f"{where}: the check ended early: no\\x1b[31m"

    @pytest.mark.parametrize(
        ("limit", "program", "said"),
        [
            ("_BEGINNING", "import time; time.sleep(60)", "begin within 1 s"),
            ("_LONGEST", WAITS, "come to an end within 2 s"),
        ],
    )
    def test_that_is_stuck_is_ended(self, ssh, where, limit, program, said, monkeypatch):
        monkeypatch.setattr(vantage, limit, 1)
        told = []
        with (
            Probing(vantage_of(where), archive(program), ORDER) as probing,
            pytest.raises(HotshoeError, match=f"{where}: the check did not {said}\n    -> see "),
        ):
            told.extend(probing)
        assert not [path for path in told if Path(path).exists()]


@pytest.mark.parametrize(
    "program",
    ["while True: print('{}')", "import sys\nwhile True: sys.stdout.write('{' * 65536)"],
)
def test_a_computer_that_tells_without_an_end_is_left(ssh, program):
    began = time.monotonic()
    with (
        Probing(vantage_of("ssh://anna@studio"), archive(program), ORDER) as probing,
        pytest.raises(HotshoeError, match="tells more than a check has to tell"),
    ):
        list(probing)
    assert time.monotonic() - began < 20


def test_the_password_is_in_no_command_line(ssh):
    with Probing(vantage_of("ssh://studio"), TELLING, ORDER) as probing:
        list(probing)
    told = (ssh / "told").read_text()
    assert "studio\n" in told
    assert PASSWORD not in told


def test_a_computer_without_python_is_told_as_such(ssh, monkeypatch):
    monkeypatch.setenv("PATH", f"{ssh}")
    (ssh / "ssh").write_text("#!/bin/sh\necho 'sh: 1: python3: not found' >&2\nexit 127\n")
    with (
        Probing(vantage_of("ssh://studio"), TELLING, ORDER) as probing,
        pytest.raises(HotshoeError, match="ssh://studio: has no python3"),
    ):
        list(probing)


def test_a_computer_that_cannot_be_reached_is_told_with_a_command_to_try(ssh):
    (ssh / "ssh").write_text("#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n")
    vantage = vantage_of("ssh://anna@studio:2222", Path("some/config"))
    with Probing(vantage, TELLING, ORDER) as probing, pytest.raises(HotshoeError) as error:
        list(probing)
    assert str(error.value) == (
        "ssh://anna@studio:2222: cannot be reached by SSH: Permission denied (publickey).\n"
        "    -> this has to work without a question: ssh -F some/config -p 2222 -l anna studio"
    )


def test_one_that_is_killed_there_was_reached_nevertheless(ssh):
    (ssh / "ssh").write_text('#!/bin/sh\necho \'{"progress": "looking"}\'\nexit 255\n')
    with (
        Probing(vantage_of("ssh://studio"), TELLING, ORDER) as probing,
        pytest.raises(HotshoeError, match="ssh://studio: the check ended early: the connection br"),
    ):
        list(probing)


def test_without_ssh_there_is_one_message(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HotshoeError, match="ssh: there is no such program"):
        Probing(vantage_of("ssh://studio"), TELLING, ORDER)


@pytest.mark.parametrize(
    "text",
    ["there", "studio", "http://studio", "ssh://", "ssh://-oProxyCommand=x", "ssh://a/b", ""],
)
def test_what_is_no_place_is_refused(text):
    with pytest.raises(HotshoeError, match="is no place to check from"):
        vantage_of(text)


def test_a_password_in_the_place_is_refused_and_not_repeated():
    with pytest.raises(HotshoeError) as error:
        vantage_of(f"ssh://anna:{PASSWORD}@studio")
    assert PASSWORD not in str(error.value)


def test_the_case_of_a_host_is_kept():
    assert vantage_of("ssh://Studio").login[-1] == "Studio"
