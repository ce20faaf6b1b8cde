"""No command shows a secret: neither in what it prints nor in files, nor to who lists processes.

Commands that need no host, in a folder whose secrets look like nothing else. What they tell hosts
is looked at on the stage (`tests/stage/test_secrets.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from hotshoe.check import vantage
from hotshoe.cli import main
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result as Told
from hotshoe.secrets.payload import decrypt
from tests.conftest import PROJECT
from tests.lookout import MARKED, Lookout, vault_text
from tests.unit.debian.pairs import ROOT

PYINFRA, HOTSHOE = (str(Path(sys.executable).with_name(name)) for name in ("pyinfra", "hotshoe"))
BROKEN = Told(Layer.PORT, Status.FAIL, "no answer", Problem.PORT_SILENT, {"port": 21, "own": "x"})
# Takes the order, in which a camera's password is, and tells that a port is silent.
PROBE = f"""
import sys
sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
sys.stdin.buffer.readline()
print({BROKEN.line()!r})
"""
# Writes down what everybody could read who lists processes, and reaches no host.
SSH = '#!/bin/sh\n(echo "$0 $*"; env) >>"$RECORD"\necho "No route to host" >&2\nexit 255\n'

# What a person may run, with the exit status.
COMMANDS: dict[str, int] = {
    "plan": 0,
    "plan --json": 0,
    "plan --worksheet=made/router.html --diagram=made/home.svg": 0,
    "plan dynamic": 0,
    "sheet": 0,
    "sheet --brand=canon --html=made/cameras.html --card=card": 1,
    "password --count=3": 0,
    "photos": 1,
    "photos --watch": 1,
    "photos --json": 1,
    "delivery": 0,
    "delivery fetch": 0,
    "plan push --json": 0,
    "check --root=root.pem": 1,
    "check --root=root.pem --json --no-inside": 1,
    "check --root=root.pem --from=ssh://office": 2,
    "check --root=root.pem --single-file=made/friend.pyz": 0,
    "check --root=root.pem --explain=QK7W": 1,
    "check --watch": 1,
    "authority show": 1,
    "diff --markdown": 1,
    "drift --json": 1,
    "apply dynamic": 1,
    "trust": 1,
    "trust --yes --fingerprint=darkroom=SHA256:x": 1,
    "comment --base=HEAD~1 --pictures=made": 0,
    "init made/homes --pipeline=github": 0,
    "pull status": 1,
}
# Where the password does not open the vault, or what is in it is wrong.
REFUSED = (
    "sheet --with-password",
    "check --root=root.pem",
    "stage up --site=dynamic",
)


def encrypt(content: str) -> bytes:
    """A vault with that content, and the marked password."""
    password = VaultSecret(MARKED["the password of the vault"].encode())
    encrypted: bytes = VaultLib([("default", password)]).encrypt(content.encode())
    return encrypted


@pytest.fixture(scope="session")
def vault() -> bytes:
    return encrypt(vault_text())


def commit(project: Path, subject: str) -> None:
    git = ("git", "-C", str(project), "-c", "user.name=ann", "-c", "user.email=ann@example.net")
    for words in (("init", "-q"), ("add", "group_vars"), ("commit", "-q", "-m", subject)):
        subprocess.run([*git, *words], check=True)


@pytest.fixture
def marked(project: Path, vault: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with marked secrets, from which no host is reached."""
    (project / "group_vars" / "all.vault.yml").write_bytes(vault)
    password = project / ".vault-password"
    password.touch(mode=0o600)
    password.write_text(MARKED["the password of the vault"])
    (project / "root.pem").write_bytes(ROOT.pem)
    # paramiko has a person's OpenSSH configuration from here.
    ssh = project / "person" / ".ssh"
    for folder in (ssh, project / "bin", project / "made", project / "card", project / "temporary"):
        folder.mkdir(parents=True)
    (ssh / "config").write_text("Host *\n    ProxyCommand /bin/false\n")
    (project / "bin" / "ssh").write_text(SSH)
    (project / "bin" / "ssh").chmod(0o755)
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
    monkeypatch.setenv("PATH", f"{project / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{project}:{PROJECT}")
    monkeypatch.setenv("HOME", str(project / "person"))
    monkeypatch.setenv("TMPDIR", str(project / "temporary"))
    monkeypatch.setenv("RECORD", str(project / "person" / "record"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    commit(project, "First")
    with (project / "group_vars" / "home.yml").open("a") as site:
        site.write("  - {name: z9}\n")
    commit(project, "Another camera")
    monkeypatch.setattr(vantage, "_pushed", lambda: PROBE)
    monkeypatch.setattr("hotshoe.stage.podman.why_no_stage", lambda: None)
    return project


@pytest.fixture
def lookout(marked: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Lookout]:
    """Watches while a test runs; at its end, nothing has been found."""
    watching = Lookout()
    with watching.watching(marked / "temporary"):
        yield watching
    said = capfd.readouterr()
    watching.look(said.out, "standard output")
    watching.look(said.err, "standard error")
    watching.look_at_files(marked, but=[marked / ".vault-password"])
    assert watching.found == set()


@pytest.fixture
def run(lookout: Lookout) -> Callable[[str], Result]:
    def run(words: str) -> Result:
        result = CliRunner().invoke(main, words.split())
        lookout.look(result.output, f"what hotshoe {words} prints")
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    return run


def test_every_command_is_watched():
    watched = {words.split()[0] for words in (*COMMANDS, *REFUSED)}
    # A rehearsal is made of a stage, a deploy and an upload, which are.
    assert set(main.commands) - watched == {"rehearse"}


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_shows_none(run, marked, words):
    result = run(words)
    assert result.exit_code == COMMANDS[words], result.output
    assert result.output


@pytest.mark.parametrize("words", ["check --root=root.pem --from=ssh://office", "apply"])
def test_a_password_in_the_environment_gets_no_further(marked, words):
    """`SSH` writes down the environment that it gets."""
    (marked / ".vault-password").unlink()
    lookout = Lookout()
    variable, password = "HOTSHOE_VAULT_PASSWORD", MARKED["the password of the vault"]
    with lookout.watching(allowed=[variable]):
        done = subprocess.run(
            [HOTSHOE, *words.split()],
            env=os.environ | {variable: password},
            capture_output=True,
            check=False,
            timeout=100,
        )
    assert done.returncode in (1, 2)
    assert b"vault" not in done.stderr
    lookout.look(done.stdout + done.stderr, f"what hotshoe {words} prints")
    lookout.look_at_files(marked)
    assert lookout.found == set()


def test_what_init_makes_up_is_in_the_vault_alone(lookout, marked, run):
    result = run("init made/homes")
    homes = marked / "made" / "homes"
    password = (homes / ".vault-password").read_bytes().strip()
    (vault,) = (homes / "group_vars").glob("*.vault.yml")
    opened = decrypt(vault.read_bytes(), password)
    content = YAML(typ="safe").load(opened)
    made = {**content.pop("camera_passwords"), **content, "it": password.decode()}
    assert len(made) > 2
    own = Lookout(made)
    own.look(result.output, "what it prints")
    own.look_at_files(marked, but=[homes / ".vault-password"])
    assert own.found == set()


def test_passwords_are_shown_to_who_asks_for_them_and_nothing_else_is(marked):
    lookout = Lookout()
    lookout.look(CliRunner().invoke(main, ["sheet", "--with-password"]).output, "the terminal")
    assert {name for _, name, _ in lookout.found} == {
        f"the password of {name}" for name in ("r5", "a7", "z9")
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("-y", "--diff", "-vvv", "--debug", "inventories/home.py", "deploy.py"),
        ("--dry", "--json", "-vvv", "--debug-facts", "inventories/dynamic.py", "deploy.py"),
        ("inventories/dynamic.py", "debug-inventory"),
        ("--dry", "--json", "-vvv", "--debug-facts", "inventories/push.py", "deploy.py"),
    ],
    ids=" ".join,
)
def test_pyinfra_shows_none(lookout, marked, arguments):
    done = subprocess.run([PYINFRA, *arguments], capture_output=True, check=False, timeout=100)
    assert b"darkroom" in done.stdout + done.stderr
    lookout.look(done.stdout, "what pyinfra prints")
    lookout.look(done.stderr, "what pyinfra says")


def drop(marked: Path, vault: bytes) -> None:
    (marked / "group_vars" / "all.vault.yml").unlink()


def leave_open(marked: Path, vault: bytes) -> None:
    """Forget to encrypt it."""
    # Where a secret lies open, the search would find it.
    own = marked / "group_vars" / "all.vault.yml"
    own.unlink()
    own.symlink_to(marked.parent / "open.yml")
    (marked.parent / "open.yml").write_text(vault_text())


def mistype(marked: Path, vault: bytes) -> None:
    (marked / ".vault-password").write_text(MARKED["the password of the vault"][:-1])


def reveal(marked: Path, vault: bytes) -> None:
    (marked / ".vault-password").chmod(0o644)


def damage(marked: Path, vault: bytes) -> None:
    (marked / "group_vars" / "all.vault.yml").write_bytes(vault[:-40])


def hold(content: str) -> Callable[[Path, bytes], None]:
    def change(marked: Path, vault: bytes) -> None:
        (marked / "group_vars" / "all.vault.yml").write_bytes(encrypt(content))

    return change


TEXT = vault_text()
MISTAKES: dict[str, Callable[[Path, bytes], None]] = {
    "there is no vault": drop,
    "it is not encrypted": leave_open,
    "the password is wrong": mistype,
    "others may read the password": reveal,
    "the vault is damaged": damage,
    "it is no YAML": hold(TEXT.replace('": "', '" "')),
    "it ends early": hold(TEXT[:-20]),
    "it is a text": hold(" ".join(MARKED.values())),
    "it is a list": hold(f"[{TEXT}]"),
    "a key is said twice": hold(TEXT + "\n" + TEXT),
    "secrets are keys": hold("\n".join(f"{s!r}: x" for s in MARKED.values())),
    "passwords are lists": hold(TEXT.replace('": "', '": ["').replace('"\n', '"]\n')),
    "a tag is unknown": hold(TEXT.replace('": "', '": !secret "')),
    "passwords of cameras are keys": hold(
        f"camera_passwords: {{{MARKED['the password of r5']}: r5}}"
    ),
    "the cameras have no names": hold(f"camera_passwords: {MARKED['the password of r5']}"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_refusal_shows_none(run, marked, vault, mistake):
    MISTAKES[mistake](marked, vault)
    for words in REFUSED:
        result = run(words)
        assert result.exit_code == 1, f"{words}: {result.output}"
        assert result.output.startswith("Error: ")


def test_pyinfra_s_refusal_shows_none(lookout, marked, vault):
    MISTAKES["secrets are keys"](marked, vault)
    command = [PYINFRA, "-y", "-vvv", "--debug", "--diff", "inventories/home.py", "deploy.py"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=100)
    assert done.returncode == 1
    lookout.look(done.stdout, "what pyinfra prints")
    lookout.look(done.stderr, "what pyinfra says")


@pytest.mark.parametrize(
    "line",
    [
        "ca_passphrase: {}",
        "cameras: [{{name: r5, password: {}}}]",
        "ddns: {{updated_by: server, provider: duckdns, secret: {}}}",
    ],
)
def test_a_secret_that_got_into_the_site_is_not_repeated(marked, run, line):
    secret = MARKED["the password of r5"]
    site = marked / "group_vars" / "home.yml"
    said = site.read_text().split("cameras:")[0] + line.format(secret) + "\n"
    site.unlink()
    site.symlink_to(marked.parent / "home.yml")
    (marked.parent / "home.yml").write_text(said)
    result = run("plan")
    assert result.exit_code == 1
    assert "is not a key that belongs here" in result.output
