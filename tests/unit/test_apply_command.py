"""hotshoe diff, apply and drift: what they print, and how they end, whatever pyinfra says."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from hotshoe.cli import main
from hotshoe.deploy import program
from hotshoe.deploy.lock import locked
from hotshoe.deploy.markdown import markdown
from hotshoe.deploy.results import HostResult, Operation, SiteResult
from tests.conftest import PROJECT

NOTE = {"who": "ann@desk", "when": "2026-05-31T18:00:00Z", "process": "17"}
CONFIGURE = "vsftpd | Configure vsftpd 3.0.5"
SCHEMA = PROJECT / "hotshoe" / "deploy" / "diff.schema.json"


def host(
    name: str, *operations: tuple[str, str], leftovers: tuple[str, ...] = (), reason: str = ""
) -> HostResult:
    done = tuple(Operation(what, effect) for what, effect in operations)  # type: ignore[arg-type]
    return HostResult(name, done, leftovers, reason)


NOTHING = SiteResult("home", (host("darkroom"), host("gateway")))
DRIFT = SiteResult(
    "home",
    (host("darkroom", (CONFIGURE, "change"), leftovers=("user hotshoe-old",)), host("gateway")),
    ("gateway: eth1 was inside",),
)
GONE = SiteResult(
    "cascade",
    (host("darkroom"), host("box", reason="Could not connect")),
    error="box: Could not connect\n    -> see whether it is on",
)
DONE = SiteResult("home", (host("darkroom", (CONFIGURE, "changed")), host("gateway")))
FAILED = SiteResult(
    "cascade",
    (
        host("darkroom", (CONFIGURE, "changed")),
        host("box", ("Router | Load", "failed"), reason="x"),
    ),
    error="box: Router | Load: x",
)

Tells = Callable[..., None]


@pytest.fixture
def repository(home: Path) -> Path:
    """A folder with two Sites, which nobody reads."""
    (home / "inventories").mkdir()
    for site in ("home", "cascade"):
        (home / "group_vars" / f"{site}.yml").touch()
        (home / "inventories" / f"{site}.py").touch()
    return home


@pytest.fixture
def tells(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Tells:
    """Have pyinfra's runs come to these results."""

    def tell(*results: SiteResult) -> None:
        found = {result.site: result for result in results}
        for name in ("dry_run", "deploy"):
            monkeypatch.setattr(program, name, lambda site, *_: found[site])

    return tell


def run(*arguments: str):
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("results", "diff", "drift"),
    [([NOTHING], 0, 0), ([DRIFT], 0, 2), ([NOTHING, GONE], 1, 1), ([DRIFT, GONE], 1, 2)],
)
def test_the_exit_status_tells_drift(tells, results, diff, drift):
    tells(*results)
    sites = [each.site for each in results]
    assert run("diff", *sites).exit_code == diff
    assert run("drift", *sites).exit_code == drift
    assert run("drift", "--json", *sites).exit_code == drift


@pytest.mark.parametrize("wrong", [["--bogus"], ["nowhere"], ["--all", "home"], ["../home"]])
def test_a_wrong_call_is_not_taken_for_drift(tells, wrong):
    tells(NOTHING)
    result = run("drift", *wrong)
    assert result.exit_code == 1
    assert "Error: " in result.stderr


def test_each_host_and_operation_is_told_and_what_is_left_over(tells):
    tells(DRIFT)
    result = run("diff")
    assert result.stdout == (
        f"~ darkroom  {CONFIGURE} (would change)\n"
        "  darkroom    leftover: user hotshoe-old\n"
        "home: 1 change to make; darkroom, gateway\n"
    )
    assert "Note: gateway: eth1 was inside\n" in result.stderr


def test_without_a_change_that_is_told_with_the_hosts(tells):
    tells(NOTHING)
    assert run("diff").stdout == "home: no change; darkroom, gateway\n"


def test_a_host_that_cannot_be_asked_is_told_and_the_others_go_on(tells):
    tells(GONE, DRIFT)
    result = run("diff", "--all")
    assert "Error: box: Could not connect\n    -> see whether it is on\n" in result.stderr
    assert "cascade: could not be told or done\n" in result.stdout
    assert "home: 1 change to make" in result.stdout


def test_json_is_as_its_schema_says(tells):
    tells(DRIFT, GONE)
    result = run("drift", "--all", "--json")
    document = json.loads(result.stdout)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert document == {
        "schema": 1,
        "sites": [
            {
                "site": "cascade",
                "outcome": "unknown",
                "hosts": [
                    {"host": "darkroom", "operations": [], "leftovers": [], "reason": ""},
                    {
                        "host": "box",
                        "operations": [],
                        "leftovers": [],
                        "reason": "Could not connect",
                    },
                ],
                "notices": [],
                "error": "box: Could not connect\n    -> see whether it is on",
            },
            {
                "site": "home",
                "outcome": "changes",
                "hosts": [
                    {
                        "host": "darkroom",
                        "operations": [{"name": CONFIGURE, "effect": "change"}],
                        "leftovers": ["user hotshoe-old"],
                        "reason": "",
                    },
                    {"host": "gateway", "operations": [], "leftovers": [], "reason": ""},
                ],
                "notices": ["gateway: eth1 was inside"],
                "error": "",
            },
        ],
    }


# -- Markdown


def test_markdown_is_a_table_of_each_site(tells):
    tells(DRIFT, GONE)
    assert run("diff", "home", "cascade", "--markdown").stdout == (
        "### home\n\n"
        "| host | operation | |\n|---|---|---|\n"
        "| darkroom | vsftpd \\| Configure vsftpd 3\\.0\\.5 | would change |\n"
        "| darkroom | user hotshoe\\-old | leftover, would go |\n\n"
        "### cascade\n\nCould not be told:\n\n"
        "> box&#58; Could not connect  \n> \\-&gt; see whether it is on  \n\n"
    )
    assert markdown([NOTHING]) == "### home\n\nNo change on darkroom, gateway.\n\n"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://example.net/x.png)",
        "a\n\n# heading",
        "@everyone",
        "https://example.net",
        "a | b",
        "`x`",
        "\x1b[31m\u202e",
    ],
)
def test_a_hostile_name_stays_text(hostile):
    text = markdown([SiteResult("home", (host("a", (hostile, "change")),))])
    (row,) = [line for line in text.splitlines() if "would change" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert not re.search(r"[<>@\x1b\u202e]|https?:|(?<!\\)[\[\]`]", row)


def test_json_and_markdown_do_not_go_together(tells):
    assert run("diff", "--json", "--markdown").exit_code == 2


# -- apply


def records(repository: Path, site: str = "home") -> list[dict[str, object]]:
    lines = (repository / ".hotshoe" / f"{site}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def git(repository: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.net"]
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"},
    )
    return done.stdout.strip()


def test_an_apply_tells_what_it_changed_and_records_it_with_the_commit(tells, repository):
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=The home")
    (repository / ".gitignore").write_text(".hotshoe/\n")
    tells(DONE)
    result = run("apply")
    assert result.exit_code == 0
    assert result.stdout.endswith("home: 1 change made; darkroom, gateway\n")
    begun, ended = records(repository)
    assert begun["revision"] == {"commit": git(repository, "rev-parse", "HEAD"), "clean": False}
    assert ended["outcome"] == "applied"
    assert ended["changed"] == {"darkroom": [CONFIGURE]}
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=What git ignores")
    run("apply")
    assert records(repository)[2]["revision"]["clean"] is True


def test_without_git_it_is_recorded_all_the_same(tells, repository):
    tells(NOTHING)
    assert run("apply").exit_code == 0
    assert records(repository)[0]["revision"] is None


def test_one_site_that_fails_does_not_stop_the_others_and_is_named_at_the_end(tells, repository):
    tells(FAILED, DONE)
    result = run("apply", "--all")
    assert result.exit_code == 1
    assert "home: 1 change made" in result.stdout
    assert "Error: box: Router | Load: x\n" in result.stderr
    assert result.stderr.endswith(
        "Error: 1 of 2 Sites failed: cascade\n    -> the reasons are above; what was done stays, "
        "and the next apply goes on from it\n"
    )
    assert records(repository, "cascade")[1]["outcome"] == "failed"


def test_a_second_apply_is_refused_and_a_look_at_half_of_it_too(tells, repository):
    tells(NOTHING, SiteResult("cascade", (host("box"),)))
    with locked(repository, "home", NOTE):
        for command, status in (("apply", 1), ("diff", 1), ("drift", 1)):
            result = run(command)
            assert result.exit_code == status
            assert "home: is being deployed to by ann@desk" in result.stderr
        assert run("apply", "cascade").exit_code == 0
    assert run("apply").exit_code == 0


def test_after_one_that_was_interrupted_the_next_says_so(tells, repository, monkeypatch):
    def killed(*_: object) -> SiteResult:
        raise KeyboardInterrupt

    tells(NOTHING)
    monkeypatch.setattr(program, "deploy", killed)
    assert run("apply").exit_code == 130
    tells(DONE)
    result = run("apply")
    assert result.exit_code == 0
    assert "was interrupted; this one corrects what it left\n" in result.stderr
    assert [each.get("outcome") for each in records(repository)] == [
        None,
        "interrupted",
        None,
        "applied",
    ]


def test_on_a_full_disk_nothing_is_begun_and_other_sites_are_not_stopped(
    tells, repository, monkeypatch
):
    tells(DONE, SiteResult("cascade", (host("box"),)))
    write = os.pwrite
    pending = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))]

    def full_once(*arguments: Any) -> int:
        if pending:
            raise pending.pop()
        return write(*arguments)

    monkeypatch.setattr(os, "pwrite", full_once)
    result = run("apply", "cascade", "home")
    assert result.exit_code == 1
    assert (
        "Error: .hotshoe/cascade.lock: cannot be written: No space left on device\n"
        "    -> make room on that disk, and run it again\n"
    ) in result.stderr
    assert "home: 1 change made" in result.stdout
    assert not (repository / ".hotshoe" / "cascade.jsonl").exists()


def test_what_a_deploy_did_is_told_though_it_cannot_be_recorded(tells, repository, monkeypatch):
    def deploy(*_: object) -> SiteResult:
        (repository / ".hotshoe" / "home.jsonl").unlink()
        (repository / ".hotshoe" / "home.jsonl").mkdir()
        return DONE

    tells(NOTHING)
    monkeypatch.setattr(program, "deploy", deploy)
    result = run("apply")
    assert result.exit_code == 1
    assert f"darkroom  {CONFIGURE} (changed)\n" in result.stdout
    assert "Error: .hotshoe/home.jsonl: cannot be opened: Is a directory\n" in result.stderr


# -- which Sites


def test_only_what_has_changed_is_contacted(tells, repository, monkeypatch):
    from hotshoe.gitops import changed

    monkeypatch.setattr(changed, "changed_sites", lambda since: ("home",))
    tells(NOTHING)
    assert run("diff", "--changed-since", "v1").stdout == "home: no change; darkroom, gateway\n"
    assert run("diff", "--changed-since", "v1", "cascade").stderr == "No Site has changed.\n"
    assert run("apply", "--changed-since", "v1").exit_code == 0


def test_a_site_that_is_not_there_is_refused_with_those_that_are(tells):
    result = run("apply", "castle")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: castle: there is no such Site with an inventory; there are cascade, home\n"
        "    -> run this in the folder that holds deploy.py, and name a file of inventories/ "
        "without .py\n"
    )


def test_in_another_folder_there_is_none(home):
    assert "there are none in this folder" in run("apply").stderr


@pytest.mark.parametrize("command", ["apply", "diff", "drift", "check"])
def test_where_no_site_is_nobody_says_that_all_are_well(home, command):
    result = run(command, "--all")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: there is no Site with an inventory in this folder\n    -> "
    )
