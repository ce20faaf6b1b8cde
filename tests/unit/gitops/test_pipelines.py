"""The pipelines of a repository of homes: what they call, and who sees a secret."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from hotshoe.cli import main
from hotshoe.render import text

ACTIONS = ("github", "forgejo")
ALL = (*ACTIONS, "gitlab")
PINNED = re.compile(r"(https://code\.forgejo\.org/)?actions/[\w-]+@[0-9a-f]{40}")
SECRET = "HOTSHOE_VAULT_PASSWORD"


def read(name: str) -> dict[str, Any]:
    # The key "on" is a word in YAML 1.2.
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(text(f"repository/{name}.yml"))
    return loaded


def steps(name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The job's name, the job, and the step; of GitLab's, the job stands for its only step."""
    document = read(name)
    jobs = document["jobs"] if name in ACTIONS else document
    for job_name, job in jobs.items():
        if name in ACTIONS:
            for step in job["steps"]:
                yield job_name, job, step
        elif isinstance(job, dict) and "script" in job:
            yield job_name, job, {"run": "\n".join(job["script"])}


def commands(name: str) -> Iterator[tuple[str, list[str]]]:
    """The job's name, and each call of hotshoe in it, as words."""
    for job_name, _, step in steps(name):
        for line in step.get("run", "").replace("\\\n", " ").splitlines():
            words = shlex.split(line.partition(">")[0])
            if any(word.endswith("bin/hotshoe") for word in words):
                while not words[0].endswith("bin/hotshoe"):
                    words.pop(0)
                yield job_name, words[1:]


@pytest.mark.parametrize("name", ALL)
def test_every_call_is_one_that_hotshoe_takes(name):
    called = set()
    for _, words in commands(name):
        command = main.get_command(click.Context(main), words[0])
        assert command is not None, words
        # As click reads them; nothing is run.
        command.make_context(words[0], words[1:])
        called.add(words[0])
    assert called == {"comment", "rehearse", "apply", "drift", "check"}


@pytest.mark.parametrize("name", ALL)
def test_all_call_the_same(name):
    """So what gitlab-ci-local runs in a test is what the others run."""

    def of(pipeline: str) -> set[str]:
        return {re.sub(r"\$\w+", "REV", " ".join(words)) for _, words in commands(pipeline)}

    assert of(name) - {"apply --all"} == of("gitlab")


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_are_pinned_by_hash(name):
    used = [step["uses"] for _, _, step in steps(name) if "uses" in step]
    assert len(used) > 4
    assert [each for each in used if not PINNED.fullmatch(each)] == []


@pytest.mark.parametrize("name", ACTIONS)
def test_no_checkout_leaves_a_token_behind(name):
    checkouts = [step for _, _, step in steps(name) if "checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("name", ACTIONS)
def test_what_a_stranger_writes_is_run_without_secrets(name):
    on = read(name)["on"]
    assert set(on) == {"pull_request", "push", "schedule"}
    assert on["push"] == {"branches": ["main"]}
    seen = {job for job, _, step in steps(name) if SECRET in str(step)}
    assert seen == {"apply", "nightly"}
    for job_name, job, step in steps(name):
        if "secrets." in str(step):
            assert job_name in seen
            assert job.get("needs") == "last" or "pull_request" not in job["if"]


@pytest.mark.parametrize("name", ALL)
def test_who_gets_into_the_home_by_its_runner_is_said_where_it_is_set_up(name):
    head = " ".join(line.lstrip("# ") for line in text(f"repository/{name}.yml").splitlines())
    said = "a protected runner" if name == "gitlab" else "the repository has to be private"
    assert said in head.partition("jobs:")[0]


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_of_the_event_is_put_into_a_script(name):
    """It is handed over in the environment, where the shell takes it for what it is."""
    assert [step for _, _, step in steps(name) if "${{" in step.get("run", "")] == []


def test_github_s_jobs_may_do_no_more_than_they_have_to():
    document = read("github")
    assert document["permissions"] == {}
    given = {name: job["permissions"] for name, job in document["jobs"].items()}
    assert given == {
        "rehearse": {"contents": "read"},
        "comment": {"pull-requests": "write"},
        "last": {"actions": "read"},
        "apply": {"contents": "read"},
        "nightly": {"contents": "read"},
    }


def test_what_may_comment_runs_nothing_of_the_branch():
    for name in ACTIONS:
        used = [step.get("uses", "") for job, _, step in steps(name) if job == "comment"]
        assert not any("checkout" in each for each in used)
    assert read("gitlab")["comment"]["variables"]["GIT_STRATEGY"] == "none"


def test_one_apply_runs_at_a_time():
    github = read("github")["jobs"]["apply"]
    assert github["concurrency"] == {"group": "homes", "cancel-in-progress": False}
    assert github["environment"] == "homes"
    gitlab = read("gitlab")
    assert gitlab["apply"]["resource_group"] == "homes"
    assert gitlab[".at_home"]["environment"] == "homes"


def test_gitlab_s_jobs_run_when_they_should():
    document = read("gitlab")
    for job in ("plan", "rehearse"):
        assert document[job]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert document["apply"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "push"'}]
    for job in ("drift", "check"):
        assert document[job]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    assert SECRET not in str(document)
