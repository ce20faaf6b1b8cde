"""What each operation runs on an OpenWrt router, and when it runs nothing.

``cases/OPERATION/CASE.json`` says what is known about the router, the arguments, and the commands
that follow (a program by its lines), or the reason why there are none. Where a text is long, ``INIT
SCRIPT`` and ``KEEP LIST`` stand for it, and for its digest.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotshoe.openwrt.paths import ENABLED, FOLDER, HOTPLUG, INIT, KEEP
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.uci.data import Section
from roles.openwrt import operations
from roles.openwrt.facts import RouterState
from roles.openwrt.state import reason_to_change
from tests.operations.conftest import as_texts
from tests.operations.openwrt.conftest import HERE, inbound, outbound, recorded

CASES = sorted((HERE / "cases").rglob("*.json"))
TEXTS = {"INIT SCRIPT": operations.init_script, "KEEP LIST": operations.keep_list}


def case_name(path: Path) -> str:
    return f"{path.parent.name}: {path.stem.replace('_', ' ')}"


def state_of(known: dict[str, Any]) -> RouterState:
    digests = {
        path: operations.digest(TEXTS[text]() if text in TEXTS else text)
        for path, text in known.get("files", {}).items()
    }
    others = {name: value for name, value in known.items() if name != "files"}
    return RouterState(digests=digests, **others)


def known_of(said: dict[str, Any]) -> dict[str, Any]:
    return {fact: frozenset(v) if isinstance(v, list) else v for fact, v in said.items()}


def program(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def with_long_texts(commands: list[Any]) -> list[Any]:
    for command in commands:
        if isinstance(command, dict):
            command["command"] = program(command["command"])
            stdin = command["stdin"]
            command["stdin"] = TEXTS[stdin]() if stdin in TEXTS else stdin
    return commands


@pytest.mark.parametrize("path", CASES, ids=case_name)
def test_an_operation_runs_the_commands_of_its_case(path, on_router):
    case = json.loads(path.read_text())
    assert set(case) <= {"args", "router", "facts", "commands", "noop"}
    host = on_router(state_of(case.get("router", {})), **known_of(case.get("facts", {})))
    args = [tuple(arg) if isinstance(arg, list) else arg for arg in case.get("args", ())]
    run = getattr(operations, path.parent.name)._inner
    assert as_texts(run(*args)) == with_long_texts(case.get("commands", []))
    assert host.noops == ([case["noop"]] if "noop" in case else [])


def test_every_operation_has_cases_with_and_without_a_change():
    every = {
        name
        for name, value in vars(operations).items()
        if hasattr(value, "_inner") and value.__module__ == operations.__name__
    } - {"configuration"}  # below, and what its steps do in test_change
    cases = {path: json.loads(path.read_text()) for path in CASES}
    assert {path.parent.name for path, case in cases.items() if case.get("commands")} == every
    assert {path.parent.name for path, case in cases.items() if not case.get("commands")} == every


@pytest.mark.parametrize(
    "path", [path for path in CASES if '"commands"' in path.read_text()], ids=case_name
)
def test_every_command_is_shell_that_parses(path):
    for command in json.loads(path.read_text())["commands"]:
        text = command if isinstance(command, str) else program(command["command"])
        done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


class TestWriteOnARealShell:
    """What ``put`` and ``service`` run; a router's shell is no bash."""

    def run(self, path: Path, content: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = operations._write(str(path), content, "644", *more)
        return subprocess.run(
            ["sh", "-c", str(command)],
            input=command.connector_arguments["_stdin"],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_makes_the_folder_and_the_file_with_its_mode(self, tmp_path):
        path = tmp_path / "hotshoe" / "ports.nft"
        done = self.run(path, "new 'quotes' $x `y` \\ ü\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert path.read_text() == "new 'quotes' $x `y` \\ ü\n"
        assert path.stat().st_mode & 0o7777 == 0o644
        assert [other.name for other in path.parent.iterdir()] == ["ports.nft"]

    def test_keeps_the_old_file_when_the_new_one_is_bad(self, tmp_path):
        path = tmp_path / "hotshoe.init"
        path.write_text("old")
        assert self.run(path, "if then", "sh -n").returncode != 0
        assert path.read_text() == "old"

    def test_fails_if_what_comes_after_it_does(self, tmp_path):
        assert self.run(tmp_path / "file", "new", "", "false").returncode != 0


def test_a_secret_travels_over_standard_input_alone(on_router):
    on_router(recorded("fresh"))
    (command,) = operations.put._inner("/etc/hotshoe/record.conf", "token = s3cret\n", "600")
    assert "s3cret" not in str(command)
    assert command.connector_arguments["_stdin"] == "token = s3cret\n"
    assert "umask 077" in str(command)
    assert "chmod 600 /etc/hotshoe/record.conf.new" in str(command)


def test_what_a_firmware_upgrade_keeps_is_the_first_files_and_the_programs():
    assert operations.keep_list().splitlines() == [f"{FOLDER}/", INIT, ENABLED, HOTPLUG, KEEP]
    assert KEEP.startswith("/lib/upgrade/keep.d/")


@pytest.mark.parametrize(
    "path", ["/etc/foo bar", "/etc/hotshoe/../passwd.nft", "/etc/hotshoe/pending", "ports.nft"]
)
def test_files_of_others_are_neither_written_nor_removed(on_router, path):
    on_router(recorded("fresh"))
    for steps in (operations.put._inner(path, "x"), operations.absent._inner((path,))):
        (step,) = steps
        assert step.function is operations._refuse
        assert step.args == (f"{path!r} is no file in /etc/hotshoe",)


def test_a_file_of_rules_in_hotshoe_s_folder_can_be_removed(on_router):
    """Whatever its name is."""
    seen = recorded("fresh")
    on_router(replace(seen, digests=seen.digests | {"/etc/hotshoe/source-ports.old.nft": "x"}))
    (command,) = operations.absent._inner(("/etc/hotshoe/source-ports.old.nft",))
    assert command == "rm -f /etc/hotshoe/source-ports.old.nft"


class TestConfiguration:
    @staticmethod
    def steps(wanted: tuple[Wanted, ...], label: str = "", **more: int) -> list[Any]:
        return list(operations.configuration._inner(wanted, label=label, **more))

    def test_changes_nothing_on_a_router_as_wanted(self, on_router, gateway):
        seen = recorded("deployed")
        host = on_router(seen)
        assert self.steps(outbound(gateway, seen)) == []
        assert self.steps(inbound(gateway, seen), "hotshoe: ") == []
        assert host.noops == ["the router is as it should be"] * 2

    def test_has_three_steps_of_one_change(self, on_router, gateway):
        seen = recorded("fresh")
        host = on_router(seen)
        steps = self.steps(inbound(gateway, seen), "hotshoe: ", seconds=33)
        assert [step.function.__name__ for step in steps] == ["stage", "apply", "confirm"]
        change = steps[0].function.__self__
        assert all(step.function.__self__ is change for step in steps)
        assert (change.wanted, change.label) == (inbound(gateway, seen), "hotshoe: ")
        assert change.seconds == 33
        assert host.noops == []

    def test_refuses_an_option_whose_value_could_not_be_compared(self, on_router):
        on_router(recorded("fresh"))
        wanted = Wanted("network", "x", (Section("interface", "x_vpn", {"private_key": "k"}),))
        (step,) = self.steps((wanted,))
        assert step.function is operations._refuse
        assert step.args == (
            "network: the values of option 'private_key' do not leave the router; set it by other "
            "means",
        )

    @pytest.mark.parametrize("seconds", [-5, 0, 4, 7.5])
    def test_refuses_seconds_that_a_router_cannot_count(self, on_router, gateway, seconds):
        seen = recorded("fresh")
        on_router(seen)
        (step,) = self.steps(outbound(gateway, seen), seconds=seconds)
        assert step.function is operations._refuse
        assert step.args == (f"seconds: at least 5, and whole, not {seconds}",)

    def test_has_another_id_each_time_so_that_an_old_run_confirms_nothing(self, on_router, gateway):
        seen = recorded("fresh")
        on_router(seen)
        ids = [self.steps(outbound(gateway, seen))[0].function.__self__.id for _ in range(4)]
        assert len(set(ids)) == 4
        assert all(len(each) == 8 and each.isalnum() for each in ids)

    def test_contacts_no_host_to_find_out(self, on_router, gateway):
        seen = recorded("fresh")
        host = on_router(seen)
        self.steps(outbound(gateway, seen))
        assert host.asked == []

    def test_reads_a_package_that_no_role_knows_as_well(self, on_router):
        fresh = recorded("fresh")
        host = on_router(fresh, Router=replace(fresh, pending=""))
        host.known["Router"].packages["system"] = (
            host.known["Router"].packages["dhcp"].__class__("system")
        )
        assert self.steps((Wanted("system", "mine"),)) == []
        assert host.asked == ["Router"]


class TestWhyARouterIsChanged:
    def test_an_unconfirmed_change_is_a_reason(self, gateway):
        seen = recorded("killed_before_confirming")
        assert reason_to_change(seen, outbound(gateway, seen), "") == "a change was never confirmed"

    def test_a_differing_package_is_a_reason(self, gateway):
        seen = recorded("fresh")
        assert reason_to_change(seen, outbound(gateway, seen), "") == "firewall differs"
        (firewall,) = inbound(gateway, seen)
        assert reason_to_change(seen, (firewall,), "hotshoe: ") == "firewall differs"

    def test_an_unknown_package_is_a_reason(self, gateway):
        seen = recorded("deployed")
        seen = replace(seen, packages={"firewall": seen.packages["firewall"]})
        _, _, dhcp = outbound(gateway, seen)
        assert reason_to_change(seen, (dhcp,), "") == "dhcp differs"

    def test_rules_missing_from_the_kernel_are_a_reason(self, gateway):
        seen = recorded("deployed")
        rules = tuple(rule for rule in seen.rules if "50000-50199/tcp to" not in rule)
        reason = reason_to_change(replace(seen, rules=rules), inbound(gateway, seen), "hotshoe: ")
        assert reason == (
            "rule 'hotshoe: cameras to darkroom, 50000-50199/tcp to 192.168.1.10' is not in force"
        )

    def test_a_router_as_wanted_gives_no_reason(self, gateway):
        seen = recorded("deployed")
        assert reason_to_change(seen, inbound(gateway, seen), "hotshoe: ") == ""
