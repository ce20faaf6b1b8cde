"""What ``hotshoe pull`` prints, and its exit status."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from hotshoe.cli import main
from hotshoe.gitops.pull import places
from hotshoe.gitops.pull.lock import alone
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.settings import make_settings
from hotshoe.gitops.pull.state import State, Trouble, write_state
from tests.unit.gitops.pull.repository import Box


@pytest.fixture
def installed(box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    """Pull mode is installed on this computer, which is that box."""
    said = make_settings(repository=str(box.origin.folder))
    box.places.settings.write_text(said.model_dump_json())
    monkeypatch.setattr(places, "Places", lambda: box.places)
    remember(box, looked=time.time())
    return box


def remember(box: Box, **changes: object) -> State:
    state = replace(box.state, **changes)  # type: ignore[arg-type]
    write_state(box.places.state, state)
    return state


def pull(*words: str) -> Result:
    return CliRunner().invoke(main, ["pull", *words])


def test_status_says_which_commit_is_deployed(installed: Box) -> None:
    done = pull("status")
    assert done.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in done.output.splitlines())
    assert lines["deployed"].startswith(f"{installed.state.deployed}, since ")
    assert lines["repository"].strip() == f"{installed.origin.folder} (main)"


def test_status_says_that_it_is_of_the_testing_branch(installed: Box) -> None:
    said = make_settings(repository=str(installed.origin.folder), testing="try")
    installed.places.settings.write_text(said.model_dump_json())
    assert "testing        nothing to deploy (try)\n" in pull("status").output
    commit = installed.state.deployed
    remember(installed, deployed_of="try", testing=commit)
    done = pull("status")
    assert done.exit_code == 0
    assert f"deployed       {commit}, of the testing branch try, since " in done.output
    assert f"testing        {commit} (try)\n" in done.output


def test_a_run_writes_the_metrics(installed: Box) -> None:
    key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", installed.places.key]
    subprocess.run(key, check=True)
    done = pull("run")
    assert done.exit_code == 0, done.output
    assert f'{{commit="{installed.state.deployed}",branch="main"}} 1\n' in (
        installed.places.metrics.read_text()
    )


def test_a_run_goes_on_where_they_cannot_be_written(installed: Box) -> None:
    key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", installed.places.key]
    subprocess.run(key, check=True)
    installed.places.metrics.mkdir()
    done = pull("run")
    assert done.exit_code == 0, done.output
    assert "metrics.prom: cannot be written: Is a directory" in done.stderr


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("refused", 1), ("failed", 1), ("stuck", 1), ("testing-failed", 1)),
        *(("waiting", 2), ("unready", 2), ("testing-ignored", 2)),
    ],
)
def test_status_says_what_is_not_as_it_should_be(installed: Box, kind: str, status: int) -> None:
    trouble = Trouble("commit [red]abc[/red] is not signed\n    -> sign it", "abc", 1.0)
    remember(installed, troubles={kind: trouble})
    done = pull("status")
    assert done.exit_code == status
    assert f"{kind}, since 1970-01-01" in done.output
    assert trouble.text in done.output


def test_status_says_that_nothing_is_deployed_yet(installed: Box) -> None:
    remember(installed, deployed="", trusted="", good="")
    done = pull("status")
    assert done.exit_code == 2
    assert "none for sure" in done.output


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_wrong_call_is_not_what_has_to_be_waited_for(command: str) -> None:
    done = pull(command, "--unknown")
    assert done.exit_code == 1
    assert "No such option" in done.output


def test_status_says_that_it_has_not_looked_for_long(installed: Box) -> None:
    """Such as when somebody has stopped the timer."""
    remember(installed, looked=time.time() - 7200)
    done = pull("status")
    assert done.exit_code == 2
    assert "systemctl status hotshoe-pull.timer" in done.output


@pytest.mark.parametrize("word", ["status", "run"])
def test_where_it_is_not_installed_it_says_how(
    word: str, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "Places", lambda: Places(box.places.root / "elsewhere"))
    done = pull(word)
    assert done.exit_code == 1
    assert "pull mode is not installed on this computer\n    -> hotshoe pull" in done.output


def test_a_commit_is_accepted(installed: Box) -> None:
    commit = installed.origin.commit("second", by=None)
    installed.run()
    done = pull("accept", commit)
    assert done.exit_code == 0, done.output
    assert f"Accepted: {commit} ('second', by Ann" in done.output
    assert (installed.state.trusted, installed.state.troubles) == (commit, {})


def test_a_commit_that_is_nowhere_is_not_accepted(installed: Box) -> None:
    before = installed.state
    installed.origin.git("checkout", "--quiet", "-b", "side")
    aside = installed.origin.commit("aside")
    for commit in (aside, "0" * 40):
        done = pull("accept", commit)
        assert done.exit_code == 1
        assert "is not in the history of the branch main" in done.output
    assert installed.state == before


def test_nothing_is_accepted_while_a_run_goes_on(installed: Box) -> None:
    with alone(installed.places):
        done = pull("accept", installed.state.deployed)
    assert done.exit_code == 1
    assert "another run of pull mode is going on" in done.output


def test_the_only_authority_is_not_removed(installed: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (installed.places.pki / "photos.example.net").mkdir(parents=True)
    done = pull("uninstall")
    assert done.exit_code == 1
    assert "--keep-pki FOLDER" in done.output
    assert installed.places.pki.exists()
