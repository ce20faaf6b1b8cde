"""Commands on servers: what OpenSSH is told, and what a person is told when that fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hotshoe.remote import ssh
from hotshoe.remote.ssh import Access, Host, RemoteError

HOST = Host("darkroom", "192.168.1.10", "root", 22)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Have ``ssh`` be a shell script of the test's own."""

    def write(script: str) -> None:
        (tmp_path / "ssh").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return write


# Does there what it would do on the server.
HERE = 'for word; do :; done; eval "exec $word"'


def test_a_script_gets_its_arguments_and_its_input(program):
    program(HERE)
    said = HOST.run('cat; printf "[%s]" "$@"', "it's", "a b", "$HOME", given=b"given\xff")
    assert said == b"given\xff[it's][a b][$HOME]"


def test_openssh_understands_every_option(tmp_path):
    """What it would do is printed, and no connection made."""
    (tmp_path / "config").write_text("ControlMaster auto\nControlPath ~/.ssh/%C\nBatchMode no\n")
    words = Host("darkroom", "192.168.1.10", "me", 2222, Access(tmp_path / "config")).command(
        "true"
    )
    done = subprocess.run([words[0], "-G", *words[1:]], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert (told["hostname"], told["user"], told["port"]) == ("192.168.1.10", "me", "2222")
    assert (told["batchmode"], told["connecttimeout"], told["requesttty"]) == ("yes", "10", "false")
    assert told["controlmaster"] == "false"


def test_who_is_not_root_uses_sudo_without_a_password():
    command = Host("darkroom", "192.168.1.10", "me", 22).command("id -u", "x")
    assert command[-1] == "sudo -n -- sh -c 'id -u' sh x"
    assert HOST.command("id -u", "x")[-1] == "sh -c 'id -u' sh x"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'Connection refused' >&2; exit 255",
            "darkroom: root@192.168.1.10 cannot be reached by SSH: Connection refused\n"
            "    -> this has to work without a question: ssh root@192.168.1.10",
        ),
        (
            "echo 'sudo: a password is required' >&2; exit 1",
            "darkroom: root may not become root: sudo: a password is required\n"
            "    -> allow root to use sudo without a password, as the deploy needs it",
        ),
        ("exit 3", "darkroom: exit status 3"),
        ("printf 'first\\n\\033[31mred\\n' >&2; exit 1", "darkroom: \\x1b[31mred"),
    ],
)
def test_a_failure_is_one_message(program, script, message):
    program(script)
    with pytest.raises(RemoteError) as caught:
        HOST.run("true")
    assert str(caught.value) == message
    with pytest.raises(RemoteError) as caught:
        next(HOST.listen("true"))
    assert str(caught.value) == message


def test_the_remedy_is_the_command_as_it_has_to_work(program):
    program("exit 255")
    with pytest.raises(RemoteError, match=r"ssh -F 'a b' -p 2222 me@192\.168\.1\.10$"):
        Host("darkroom", "192.168.1.10", "me", 2222, Access(Path("a b"))).run("true")


def test_who_does_not_answer_is_not_waited_for(program, monkeypatch):
    program("exec sleep 60")
    monkeypatch.setattr(ssh, "SECONDS", 0.1)
    with pytest.raises(RemoteError, match="darkroom: did not answer within"):
        HOST.run("true")


def test_without_ssh_there_is_a_message(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for ask in (HOST.run, HOST.listen):
        with pytest.raises(RemoteError, match="apt-get install openssh-client"):
            ask("true")


def test_lines_come_as_they_are_said_until_it_is_ended(program):
    program(HERE)
    listening = HOST.listen("echo one; echo two; exec sleep 60")
    assert [next(listening), next(listening)] == [b"one\n", b"two\n"]
    listening.end()
    with pytest.raises(RemoteError):
        next(listening)
