"""`pyinfra inventories/all.py deploy.py`: the real command, with homes that are this computer."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PYINFRA = str(Path(sys.executable).with_name("pyinfra"))
# Each home does what its file says, and tells the others that it has begun.
DEPLOY = """
from pathlib import Path
from pyinfra import host
from pyinfra.operations import server

home = host.data.home
if home == "refused":
    from roles.base.plans import refuse
    refuse(host, "is another machine", "correct it")
script = Path(f"{home}.sh").read_text()
server.shell(script, name="First")
server.shell(f"touch {home}.done", name="Last")
"""


@pytest.fixture
def homes(tmp_path: Path) -> Callable[..., None]:
    """Make a repository of homes, each with a script that a host of it runs."""

    def make(**scripts: str) -> None:
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "inventories").mkdir()
        for name, script in scripts.items():
            (tmp_path / f"{name}.sh").write_text(script)
            (tmp_path / "group_vars" / f"{name}.yml").write_text("")
            hosts = f"servers, routers = [('@local', {{'home': '{name}'}})], []\n"
            (tmp_path / "inventories" / f"{name}.py").write_text(
                f"from pyinfra import config\nconfig.FAIL_PERCENT = 0\n{hosts}"
            )
        all_homes = (PROJECT / "inventories" / "all.py").read_text()
        (tmp_path / "inventories" / "all.py").write_text(all_homes)
        (tmp_path / "deploy.py").write_text(DEPLOY)

    return make


def start(
    folder: Path, *options: str, sites: str | None = None, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    chosen = {} if sites is None else {"HOTSHOE_SITES": sites}
    return subprocess.Popen(
        [PYINFRA, *options, "inventories/all.py", "deploy.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | chosen,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *options: str, sites: str | None = None) -> tuple[int, str, str]:
    """Its exit status, and what it prints."""
    process = start(folder, *options, sites=sites)
    printed, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return process.returncode, printed, said


def wait_for(folder: Path, *names: str) -> None:
    """Wait until these files are there."""
    deadline = time.monotonic() + 30
    while not all((folder / name).exists() for name in names):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def done(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.done")}


def test_a_home_that_fails_does_not_stop_the_others_and_is_named(homes, tmp_path):
    homes(attic="exit 3", barn="true", cabin="true", refused="true")
    status, _, said = run(tmp_path, "-y")
    assert status == 1
    assert done(tmp_path) == {"barn", "cabin"}
    assert said.endswith(
        "--> 2 of 4 homes failed: attic, refused\n    -> what each of them said is above; the "
        "others are done\n"
    )
    # Each home's words are together.
    assert "@local: is another machine\n    -> correct it" in said.split("--> refused:")[1]


def test_each_home_can_open_its_vault_and_nothing_inherits_the_password(
    homes, tmp_path, monkeypatch
):
    """Nor does /proc show it, of the process that forks and of those that deploy."""
    monkeypatch.setenv("HOTSHOE_VAULT_PASSWORD", "geheim")
    own = os.getpid()
    homes(
        attic=f"""env >told; pid=$$; while [ $pid != {own} ]; do
            tr '\\0' '\\n' </proc/$pid/environ >>told
            pid=$(sed -n 's/^PPid:\\t//p' /proc/$pid/status); done"""
    )
    with (tmp_path / "inventories" / "attic.py").open("a") as inventory:
        inventory.write(
            "import os, pathlib\n"
            "opened = pathlib.Path(os.environ['ANSIBLE_VAULT_PASSWORD_FILE']).read_text()\n"
            "pathlib.Path('opened').write_text(opened)\n"
        )
    status, _, said = run(tmp_path, "-y", sites="attic")
    assert status == 0, said
    assert (tmp_path / "opened").read_text() == "geheim"
    told = (tmp_path / "told").read_text()
    assert told.count("HOTSHOE_SITES=") > 2
    assert "geheim" not in told


def test_all_that_goes_well_is_no_more_than_that(homes, tmp_path):
    homes(attic="true", barn="true")
    status, _, said = run(tmp_path, "-y")
    assert (status, done(tmp_path)) == (0, {"attic", "barn"})
    assert "failed:" not in said


def test_where_all_fail_all_are_named(homes, tmp_path):
    homes(attic="false", barn="false")
    status, _, said = run(tmp_path, "-y")
    assert (status, done(tmp_path)) == (1, set())
    assert said.endswith(
        "2 of 2 homes failed: attic, barn\n    -> what each of them said is above\n"
    )


def test_homes_do_not_wait_for_one_another(homes, tmp_path):
    """The first one ends only after the last one has."""
    homes(
        attic="timeout 30 sh -c 'until [ -e cabin.done ]; do sleep 0.05; done'",
        barn="true",
        cabin="true",
    )
    status, _, _ = run(tmp_path, "-y")
    assert (status, done(tmp_path)) == (0, {"attic", "barn", "cabin"})


def test_there_is_a_bound_on_how_many_are_at_work(homes, tmp_path):
    """mkdir fails where another one is at work."""
    alone = "mkdir busy && sleep 0.2 && rmdir busy"
    homes(attic=alone, barn=alone, cabin=alone)
    status, _, said = run(tmp_path, "-y", "--parallel=1")
    assert (status, done(tmp_path)) == (0, {"attic", "barn", "cabin"}), said


def test_some_homes_are_chosen_by_the_environment(homes, tmp_path):
    homes(attic="true", barn="true", cabin="true")
    status, _, _ = run(tmp_path, "-y", sites="attic, cabin")
    assert (status, done(tmp_path)) == (0, {"attic", "cabin"})
    status, _, said = run(tmp_path, "-y", sites="attik")
    assert status == 1
    assert said.endswith(
        "--> pyinfra error: HOTSHOE_SITES: there is no home 'attik'\n"
        "    -> name some of these: attic barn cabin\n"
    )


@pytest.mark.parametrize("sites", ["", " , "])
def test_an_empty_list_of_homes_is_not_all_of_them(homes, tmp_path, sites):
    homes(attic="true")
    status, _, said = run(tmp_path, "-y", sites=sites)
    assert (status, done(tmp_path)) == (1, set())
    assert "pyinfra error: HOTSHOE_SITES: is empty\n    -> name homes, or unset it" in said


def test_without_a_home_there_is_a_message(homes, tmp_path):
    homes()
    status, _, said = run(tmp_path, "-y")
    assert status == 1
    assert "pyinfra error: there is no home here\n    -> " in said


def test_a_dry_run_changes_nothing(homes, tmp_path):
    homes(attic="true", barn="true")
    status, _, said = run(tmp_path, "--dry")
    assert (status, done(tmp_path)) == (0, set())
    assert said.count("Detected changes:") == 2


def test_documents_are_one_document(homes, tmp_path):
    homes(attic="true", barn="false", refused="true")
    status, printed, _ = run(tmp_path, "-y", "--json")
    documents = json.loads(printed)
    assert status == 1
    assert documents["attic"]["results"]
    assert documents["refused"] is None


def test_whoever_is_asked_is_asked_about_one_home_after_the_other(homes, tmp_path):
    homes(attic="true", barn="true")
    person, terminal = pty.openpty()
    process = start(tmp_path, stdin=terminal)
    # pyinfra takes any other input for no.
    os.write(person, b"\nno\n")
    _, said = process.communicate(timeout=60)
    os.close(person)
    os.close(terminal)
    assert process.returncode == 0
    assert done(tmp_path) == {"attic"}
    assert said.index("--> attic:") < said.index("Press enter") < said.index("--> barn:")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_who_ends_it_ends_all_of_them(homes, tmp_path, number):
    slow = "touch $0.begun; exec sleep 60"
    homes(attic=slow.replace("$0", "attic"), barn=slow.replace("$0", "barn"))
    process = start(tmp_path, "-y")
    wait_for(tmp_path, "attic.begun", "barn.begun")
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert said.endswith("--> Ended early: run it again, and it goes on from there\n")
    assert done(tmp_path) == set()
