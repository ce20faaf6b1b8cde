"""The commands that are run, and who is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull import programs, reports
from hotshoe.gitops.pull.agent import ssh_agent
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.programs import Commands, environment_of, health
from hotshoe.gitops.pull.reports import Reporter
from hotshoe.gitops.pull.state import Health

Program = Callable[[str], None]


@pytest.fixture
def hotshoe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Play the command hotshoe by a shell script."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))

    def play(script: str) -> None:
        path = tmp_path / "bin" / "hotshoe"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return play


def commands(said: list[str] | None = None) -> Commands:
    heard = [] if said is None else said
    return Commands(("home", "studio"), {"PATH": os.environ["PATH"]}, heard.append)


def test_the_deploy_is_the_command_that_a_person_types(hotshoe: Program, tmp_path: Path) -> None:
    hotshoe('pwd; echo "$@"; exit 1')
    said: list[str] = []
    ended = commands(said).apply(tmp_path)
    assert said == [str(tmp_path), "apply home studio"]
    assert (ended.status, ended.text) == (1, "\n".join(said))


def test_before_it_hotshoe_diff_is_asked(hotshoe: Program, tmp_path: Path) -> None:
    hotshoe('echo "$@"')
    ended = commands().plan(tmp_path)
    assert (ended.status, ended.text) == (0, "diff home studio")


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        (f"hotshoe=={version('hotshoe')}", True),
        ("hotshoe == 9.9", False),
        ("hotshoe @ git+https://git.example.net/hotshoe.git@v9.9", False),
        (f"hotshoe @ git+https://git.example.net/hotshoe.git@v{version('hotshoe')}", True),
        ("click==1.0", True),
    ],
)
def test_a_commit_for_another_release_waits_for_it(
    hotshoe: Program, tmp_path: Path, line: str, fits: bool
) -> None:
    hotshoe("exit 0")
    (tmp_path / "requirements.txt").write_text(f"# hotshoe==0.0\n{line}\n")
    ended = commands().plan(tmp_path)
    assert (ended.status == 0) is fits
    if not fits:
        assert "is for hotshoe 9.9, and this computer has " in ended.text
        assert f"\n    -> {tmp_path}/bin/pip install --requirement" in ended.text


def test_the_last_words_are_kept_and_disturb_no_terminal(hotshoe: Program, tmp_path: Path) -> None:
    hotshoe(r"seq 100; printf 'red \033[31m\n'; exit 3")
    ended = commands().apply(tmp_path)
    assert ended.status == 3
    assert ended.text.splitlines()[0] == "90"
    assert ended.text.endswith("red \\x1b[31m")


def test_a_deploy_that_does_not_end_is_ended_with_all_that_it_started(
    hotshoe: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "DEPLOY_SECONDS", 0.3)
    hotshoe("sleep 60 & echo $!; wait")
    said: list[str] = []
    ended = commands(said).apply(tmp_path)
    assert ended.status != 0
    assert ended.text.endswith("it did not end within 0.3 s")
    assert not Path(f"/proc/{said[0]}/cwd").exists()


def document(site: str, outcome: str, **layers: str) -> dict[str, object]:
    findings = [
        {"layer": layer, "status": status, "evidence": f"\x1b {status}", "remedy": "mend it"}
        for layer, status in layers.items()
    ]
    return {
        "site": site,
        "servers": [{"server": "darkroom", "outcome": outcome, "findings": findings}],
    }


def test_a_check_is_read(hotshoe: Program, tmp_path: Path) -> None:
    works = json.dumps(document("home", "fine", TLS="pass", speed="warning", SLOW="cannot tell"))
    broken = json.dumps(document("studio", "broken", TLS="fail", name="pass"))
    hotshoe(f"case $2 in home) echo '{works}' ;; *) echo '{broken}'; exit 1 ;; esac")
    found = commands().check(tmp_path)
    assert found.outcome == "broken"
    assert found.fine == ("home darkroom: TLS", "home darkroom: speed", "studio darkroom: name")
    assert found.broken == ("studio darkroom: TLS",)
    assert found.text == "studio darkroom: TLS: \\x1b fail\n    -> mend it"


def test_it_is_checked_from_outside_where_that_is_said(hotshoe: Program, tmp_path: Path) -> None:
    hotshoe('echo "$@" >&2; exit 2')
    asked = Commands(("home",), {"PATH": os.environ["PATH"]}, print, "ssh://outside")
    assert asked.check(tmp_path).text == "check home --quick --json --from ssh://outside"


def test_a_check_that_cannot_be_made_tells_nothing(hotshoe: Program, tmp_path: Path) -> None:
    hotshoe("echo 'Error: the vault does not open' >&2; exit 1")
    found = commands().check(tmp_path)
    assert (found.outcome, found.fine, found.broken) == ("unknown", (), ())
    assert "the vault does not open" in found.text


def test_a_layer_that_works_only_sometimes_is_broken() -> None:
    both = document("home", "broken", TLS="pass")
    both["servers"] += document("home", "broken", TLS="fail")["servers"]  # type: ignore[operator]
    assert health(both) == Health(
        "broken", (), ("home darkroom: TLS",), "home darkroom: TLS: \\x1b fail\n    -> mend it"
    )


def test_the_commands_see_no_more_than_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "geheim")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    places = Places(tmp_path)
    places.configuration.mkdir(parents=True)
    seen = environment_of(places, tmp_path / "agent")
    assert not {"SOME_TOKEN", "PYTHONPATH", "ANSIBLE_VAULT_PASSWORD_FILE"} & set(seen)
    places.vault_password.write_text("geheim")
    seen = environment_of(places, tmp_path / "agent")
    assert seen["ANSIBLE_VAULT_PASSWORD_FILE"] == str(places.vault_password)
    assert "geheim" not in seen.values()


def test_the_agent_has_the_key_and_ends(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with ssh_agent(key) as socket:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        listed = subprocess.run(["ssh-add", "-L"], env=environment, capture_output=True, text=True)
        assert listed.stdout.split()[1] == key.with_suffix(".pub").read_text().split()[1]
    assert not socket.exists()


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nothing")
    refusal = pytest.raises(HotshoeError, match=r"cannot be used.*\n    -> hotshoe pull install")
    with refusal, ssh_agent(tmp_path / "key"):
        pytest.fail("it has a key")


@pytest.fixture
def hook() -> Iterator[Path]:
    """Where a hook is that anybody may run, unlike in pytest's own folders."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "hook"


def test_the_hook_is_told(hook: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hook.write_text(
        '#!/bin/sh\necho "$1|$2|$3|$HOTSHOE_EVENT|$HOTSHOE_COMMIT|$HOTSHOE_TEXT"; id -u'
    )
    hook.chmod(0o755)
    Reporter(hook).report("refused", "not $(id)", "abc")
    said = capfd.readouterr()
    told, user = said.out.splitlines()
    assert told == "refused|abc|not $(id)|refused|abc|not $(id)"
    assert user == ("65534" if os.geteuid() == 0 else str(os.geteuid()))
    assert said.err == "not $(id)\n"


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 7", "exit status 7"), ("sleep 60", "did not end within"), (None, "No such file")],
)
def test_a_hook_that_fails_is_told_and_harms_nothing(
    hook: Path,
    script: str | None,
    reason: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "HOOK_SECONDS", 0.3)
    if script:
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)
    Reporter(hook).report("applied", "deployed")
    said = capfd.readouterr().err
    assert said.startswith("deployed\n")
    assert f"{hook}: the hook was not told: " in said
    assert reason in said


def test_a_hook_of_a_user_that_is_gone_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    Reporter(tmp_path / "hook", "nobody-of-that-name").report("applied", "deployed")
    assert "nobody-of-that-name" in capfd.readouterr().err


def test_the_journal_gets_levels(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    reporter = Reporter()
    reporter.report("refused", "refused\n    -> do something")
    reporter.report("applied", "deployed")
    assert capfd.readouterr().err == "<3>refused\n<3>    -> do something\n<5>deployed\n"
