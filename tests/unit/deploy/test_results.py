"""What pyinfra says, read: what would change, what changed, and why it failed."""

from __future__ import annotations

import json

import pytest

from hotshoe.deploy.log import Log
from hotshoe.deploy.results import Operation, SiteResult, from_plan, from_results
from tests.unit.deploy.recorded import (
    AWAY,
    BEGUN,
    BROKEN_SITE,
    CALLBACK,
    CONFIGURE,
    DRY,
    EXCEPTION,
    FAILED,
    FORWARDS,
    PLAN,
    REFUSED,
    UNREACHABLE,
    WELL,
    log_of,
)


def effects(result: SiteResult) -> dict[str, tuple[Operation, ...]]:
    return {host.host: host.operations for host in result.hosts}


def test_a_dry_run_tells_what_would_change_and_what_may():
    result = from_plan("home", log_of(DRY), json.loads(PLAN))
    assert effects(result) == {
        "darkroom": (Operation(CONFIGURE, "change"),),
        "gateway": (Operation(FORWARDS, "if"),),
    }
    assert result.changes == 2
    assert result.error == ""


def test_a_dry_run_tells_leftovers_and_what_the_roles_say():
    result = from_plan("home", log_of(DRY), json.loads(PLAN))
    assert [host.leftovers for host in result.hosts] == [("unit hotshoe-settle.service",), ()]
    assert result.notices == (
        "group_vars/home.yml: ftp.tls: nobody verifies it\n-> write tls: explicit",
        "gateway: inside are eth1, lo; what comes in by any other interface is from outside",
    )


def test_a_host_that_does_not_answer_and_may_be_off_is_told_and_no_failure():
    result = from_plan("home", log_of(AWAY), json.loads(PLAN))
    assert list(effects(result)) == ["darkroom", "gateway"]
    assert result.error == ""
    assert result.notices[0] == (
        "nas does not answer and is left as it is: Could not connect (timed out)\n"
        "-> deploy again once it answers"
    )


def test_without_a_change_every_host_is_named():
    result = from_plan("home", log_of(DRY), {"plan": []})
    assert effects(result) == {"darkroom": (), "gateway": ()}
    assert result.changes == 0


def test_a_deploy_tells_what_it_changed():
    result = from_results("home", log_of(WELL))
    assert effects(result) == {
        "darkroom": (Operation(CONFIGURE, "changed"),),
        "gateway": (Operation(FORWARDS, "changed"),),
    }
    assert result.error == ""


def test_the_name_of_an_operation_is_told_as_it_begins():
    log = Log()
    told = [log.add(line) for line in BEGUN.splitlines()]
    assert [each for each in told if each] == [CONFIGURE, "Servers ready", FORWARDS]


def test_what_fails_is_told_with_its_reason_and_what_was_changed_before():
    result = from_results("home", log_of(FAILED))
    assert effects(result) == {
        "darkroom": (Operation(CONFIGURE, "changed"),),
        "gateway": (Operation(FORWARDS, "failed"),),
    }
    assert result.error == f"gateway: {FORWARDS}: nft: syntax error\nunexpected end of file"
    assert [host.failed for host in result.hosts] == [False, True]


def test_a_host_that_cannot_be_reached_is_named_with_what_to_do():
    result = from_results("home", log_of(UNREACHABLE))
    assert result.error == (
        "gateway: Could not connect ([Errno None] Unable to connect to port 22 on 192.168.1.1)\n"
        "    -> see whether it is on, and whether ssh reaches it from here"
    )
    assert [host.host for host in result.hosts if host.failed] == ["gateway"]


def test_a_host_with_another_key_is_named_with_what_to_do_about_that():
    says = "    [gateway]  SSH error (its host key has changed\n    -> do not go on: hotshoe trust)"
    lines = [line for line in UNREACHABLE.splitlines() if "Could not connect" not in line]
    (at,) = (i for i, line in enumerate(UNREACHABLE.splitlines()) if "Could not connect" in line)
    result = from_results("home", log_of("\n".join([*lines[:at], says, *lines[at:]])))
    assert result.error == (
        "gateway: SSH error (its host key has changed\n    -> do not go on: hotshoe trust)"
    )
    assert result.notices == from_results("home", log_of(UNREACHABLE)).notices


def test_a_refusal_is_told_as_it_is():
    said = from_results("home", log_of(REFUSED)).error
    assert said == (
        "darkroom: port 21 is taken by proftpd\n"
        "    -> stop that program, or choose another ftp.control_port"
    )


def test_a_broken_site_is_told_in_its_own_words():
    result = from_results("home", log_of(BROKEN_SITE))
    assert result.hosts == ()
    assert result.error == "\n".join(BROKEN_SITE.splitlines()[2:]).removeprefix(
        "--> pyinfra error: "
    )


@pytest.mark.parametrize(
    ("said", "why"), [(EXCEPTION, "KeyError: 'site'"), (CALLBACK, "ValueError('it is broken')")]
)
def test_no_traceback_is_passed_on(said, why):
    result = from_results("home", log_of(said))
    told = "\n".join((result.error, *result.notices))
    assert why in told
    assert "Traceback" not in told
    assert "File " not in told
