"""What each operation runs on a host, and when it runs nothing.

``cases/OPERATION/CASE.json`` says what is known about the host, the arguments, and the commands
that follow, or the reason why there are none. ``like`` names a case with the same commands; of a
program, a case names the template and its values.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paramiko import SSHException
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.ssh import SSHConnector

from hotshoe.debian.device import Device
from hotshoe.debian.units import Ruleset
from hotshoe.render import render
from roles import tls
from roles.base import operations, rulesets
from roles.base.plans import RefusedError
from roles.router_linux import sysctl
from tests.operations.conftest import HERE, as_texts, device_from, operation

EVERY = {
    name: value
    for module in (operations, sysctl)
    for name, value in vars(module).items()
    if hasattr(value, "_inner") and value.__module__ == module.__name__ and name != "barrier"
}
CASES = sorted((HERE / "cases").rglob("*.json"))


def filled(said: Any) -> Any:
    """What a case says, with ``{"template": …, "values": …}`` rendered."""
    if isinstance(said, list):
        return [filled(each) for each in said]
    if isinstance(said, dict) and "template" in said:
        return render(said["template"], **said["values"])
    return {key: filled(value) for key, value in said.items()} if isinstance(said, dict) else said


def case_name(path: Path) -> str:
    return f"{path.parent.name}: {path.stem.replace('_', ' ')}"


@pytest.mark.parametrize("path", CASES, ids=case_name)
def test_case(path, on_host):
    case = json.loads(path.read_text())
    assert set(case) <= {"args", "kwargs", "device", "commands", "like", "noop"}
    if "like" in case:
        case["commands"] = json.loads(path.with_stem(case["like"]).read_text())["commands"]
    expected = filled(case.get("commands", []))
    host = on_host(device_from(case.get("device", {})))
    kwargs = case.get("kwargs", {})
    if "needs" in kwargs:
        kwargs["needs"] = [operation(what) for what in kwargs["needs"]]
    if "versions" in kwargs:
        kwargs["versions"] = frozenset(kwargs["versions"])
    name, args = path.parent.name, case.get("args", [])
    if name == "ruleset":
        args[0] = Ruleset(args[0])
    run = EVERY[name]._inner
    assert as_texts(run(*args, **kwargs)) == expected
    assert host.noops == ([case["noop"]] if "noop" in case else [])


def test_every_operation_has_cases_with_and_without_a_change():
    changing = {path.parent.name for path in CASES if "commands" in json.loads(path.read_text())}
    silent = {path.parent.name for path in CASES if "noop" in json.loads(path.read_text())}
    assert changing == silent == set(EVERY)


def test_every_operation_shows_an_example():
    for operation_ in (*EVERY.values(), operations.barrier, tls._issue):
        assert "\n    .. code:: python\n" in operation_.__doc__
    assert len(EVERY) > 8


def test_a_barrier_runs_nothing(on_host):
    host = on_host(Device())
    assert list(operations.barrier._inner()) == []
    assert host.noops == []


# -- content travels over standard input

SECRET = "a7:$6$rounds=40000$thesalt$thehash\n"


def test_content_is_never_in_the_text_of_a_command(on_host):
    on_host(Device())
    (command,) = operations.put._inner("/etc/hotshoe/cameras.pwd", SECRET, mode="600")
    assert command.connector_arguments["_stdin"] == SECRET
    for text in (str(command), repr(command), command.get_raw_value()):
        assert "thehash" not in text
        assert "thesalt" not in text


def mine(command: str) -> str:
    """The command as somebody who is not root can run it."""
    chown = 'chown root:root "$new"\n'
    assert chown in command
    return command.replace(chown, "")


class TestWriteOnARealShell:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "a file"
        path.write_text("old")
        return path

    def run(self, path: Path, content: str, **arguments: str) -> subprocess.CompletedProcess[str]:
        command = operations.write(str(path), content, **{"mode": "640"} | arguments)
        return subprocess.run(
            ["sh", "-c", mine(str(command))],
            input=command.connector_arguments["_stdin"],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_replaces_the_file_with_its_mode(self, path):
        content = "new\n'quotes' \"and\" $variables `and` \\ umlauts ü\n"
        done = self.run(path, content)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert path.read_text() == content
        assert path.stat().st_mode & 0o7777 == 0o640
        assert [other.name for other in path.parent.iterdir()] == ["a file"]

    def test_keeps_the_old_file_when_the_new_one_is_bad(self, path):
        done = self.run(path, "new", check='grep -q good "$new"')
        assert done.returncode != 0
        assert path.read_text() == "old"

    def test_fails_where_there_is_no_folder(self, path):
        done = self.run(path.parent / "no" / "file", "new")
        assert done.returncode != 0
        assert "no/file.new" in done.stderr

    def test_a_folder_in_the_way_is_named_and_stays(self, path):
        for folder in (path.with_name("cameras.pwd"), path.with_name("x.new")):
            folder.mkdir()
            done = self.run(folder.with_name(folder.name.removesuffix(".new")), "new")
            assert done.returncode != 0
            assert done.stderr == f"{folder}: is a folder, where a file belongs: move it away\n"
            assert list(folder.iterdir()) == []
        assert sorted(other.name for other in path.parent.iterdir()) == [
            "a file",
            "cameras.pwd",
            "x.new",
        ]

    @pytest.mark.parametrize("name", ["a file", "a file.new"])
    def test_a_link_in_the_way_is_replaced_and_not_followed(self, path, name):
        target = path.with_name("target")
        target.write_text("precious")
        link = path.with_name(name)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert self.run(path, "new").returncode == 0
        assert target.read_text() == "precious"
        assert not path.is_symlink()
        assert path.read_text() == "new"

    def test_a_link_to_a_folder_is_replaced_and_not_entered(self, path):
        folder = path.with_name("folder")
        folder.mkdir()
        path.unlink()
        path.symlink_to(folder)
        assert self.run(path, "new").returncode == 0
        assert list(folder.iterdir()) == []
        assert path.read_text() == "new"

    def test_the_check_sees_the_new_content(self, path):
        assert self.run(path, "good", check='grep -q good "$new"').returncode == 0
        assert path.read_text() == "good"

    def test_nobody_else_can_read_it_while_it_is_written(self, path):
        self.run(path, "new", check='stat -c %a "$new" >"$new".mode')
        assert Path(f"{path}.new.mode").read_text() == "600\n"


def test_the_digest_that_is_compared_is_that_of_the_bytes_on_disk(on_host):
    """A text with more than ASCII would be written again by every deploy otherwise."""
    text = "ü"
    state = {
        "kind": "f",
        "owner": "root",
        "group": "root",
        "mode": "644",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    host = on_host(device_from({"paths": {"/etc/hotshoe/x": state}}))
    assert list(operations.put._inner("/etc/hotshoe/x", text)) == []
    assert host.noops == ["/etc/hotshoe/x is as it should be"]


@pytest.mark.parametrize(
    "path", [path for path in CASES if '"commands"' in path.read_text()], ids=case_name
)
def test_every_command_is_shell_that_parses(path):
    for command in filled(json.loads(path.read_text())["commands"]):
        text = command if isinstance(command, str) else command.get("command", "")
        done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.parametrize(
    "place",
    [
        lambda: operations.put("/etc/hotshoe/hotshoe_forwards.nft", "x"),
        lambda: rulesets.load(Ruleset("hotshoe_forwards"), "x", "port forwards"),
    ],
)
def test_a_folder_in_the_way_of_a_file_ends_the_run_before_anything_is_changed(place, on_host):
    path = "/etc/hotshoe/hotshoe_forwards.nft"
    folder = {"kind": "d", "owner": "root", "group": "root", "mode": "755"}
    on_host(device_from({"paths": {path: folder}}))
    with pytest.raises(
        RefusedError, match=f"darkroom: {path} is a folder, where hotshoe puts a file"
    ):
        place()


@pytest.mark.parametrize(("kind", "what"), [("l", "link"), ("f", "file")])
def test_what_is_in_the_way_of_a_folder_ends_the_run_before_anything_is_changed(
    kind, what, on_host
):
    state = {"kind": kind, "owner": "root", "group": "root", "mode": "777"}
    on_host(device_from({"paths": {"/srv/hotshoe": state}}))
    with pytest.raises(
        RefusedError, match=f"darkroom: /srv/hotshoe is a {what}, where hotshoe has a folder"
    ):
        operations.folders(("/srv/hotshoe",))


# -- a change of rules is kept only if the host can still be reached


class Line(SSHConnector):
    """A connector whose next connection succeeds or fails as it is told."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails
        self.closed: list[str] = []
        self.old = SimpleNamespace(close=lambda: self.closed.append("old"))
        self.client = self.old

    def connect(self) -> None:
        self.client = "new"
        if self.fails:
            raise ConnectError("timed out")


class Reached:
    def __init__(self, connector: object, dead: BaseException | None = None) -> None:
        self.connector, self.dead = connector, dead
        self.data = {"_sudo": True}
        self.ran: list[tuple[str, dict]] = []
        self.said: list[str] = []

    def run_shell_command(self, command: object, **arguments: object) -> tuple[bool, None]:
        self.ran.append((str(command), arguments))
        if self.dead:
            raise self.dead
        return True, None

    def log_styled(self, message: str, **_: object) -> None:
        self.said.append(message)


def test_a_host_that_is_reached_again_keeps_the_new_rules_and_the_new_connection():
    host = Reached(Line(fails=False))
    assert operations._reach_again(None, host, "hotshoe_firewall", "abc")
    assert (host.connector.client, host.connector.closed) == ("new", ["old"])
    assert (host.ran, host.said) == ([], [])


def test_a_host_that_is_not_reached_again_gets_its_old_rules_back_over_the_old_connection():
    host = Reached(Line(fails=True))
    assert not operations._reach_again(None, host, "hotshoe_firewall", "abc")
    assert (host.connector.client, host.connector.closed) == (host.connector.old, [])
    assert host.ran == [
        ("/usr/local/sbin/hotshoe-ruleset rollback hotshoe_firewall abc", {"_sudo": True})
    ]
    assert host.said == [
        "with the new rules of hotshoe_firewall, a new SSH connection fails (timed out), so the "
        "old rules are back. Deploy from inside the home, or let the Site allow the network that "
        "you deploy from (server.ssh_from)."
    ]


@pytest.mark.parametrize("dead", [OSError("reset"), EOFError(), SSHException("not active")])
def test_a_host_whose_old_connection_is_lost_too_brings_its_old_rules_back_by_itself(dead):
    host = Reached(Line(fails=True), dead)
    assert not operations._reach_again(None, host, "hotshoe_firewall", "abc")
    assert "so the old rules come back by themselves within 30 seconds. " in host.said[0]


def test_a_host_without_ssh_cannot_be_locked_out():
    assert operations._reach_again(None, SimpleNamespace(connector=object()), "t", "abc")
