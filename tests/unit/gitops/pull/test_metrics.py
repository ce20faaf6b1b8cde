"""What Prometheus is told, read as Prometheus reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hotshoe.gitops.pull.metrics import metrics, write_metrics
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.settings import make_settings
from hotshoe.gitops.pull.state import PASSING, SERIOUS, State, Trouble
from tests.unit.gitops.pull.repository import Box

SETTINGS = make_settings(repository="ssh://git@forge.example.net/homes.git", testing="try/größe")
COMMIT = "a" * 40
STATE = State(deployed=COMMIT, checked="fine", looked=1764255555.25, changed=1764250000.0)


def read(state: State) -> dict[tuple[str, ...], float]:
    """Each sample, by its name and the values of its labels."""
    text = metrics(state, SETTINGS)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_deployed_and_since_when() -> None:
    told = read(STATE)
    assert told["hotshoe_pull_last_look_timestamp_seconds",] == 1764255555.25
    assert told["hotshoe_pull_last_deploy_timestamp_seconds",] == 1764250000.0
    assert told["hotshoe_pull_deployed_info", COMMIT, "main"] == 1
    outcomes = {key[1]: value for key, value in told.items() if key[0] == "hotshoe_pull_check"}
    assert outcomes == {"fine": 1, "broken": 0, "unknown": 0}


def test_of_the_testing_branch_that_is_told() -> None:
    told = read(replace(STATE, deployed_of="try/größe"))
    assert told["hotshoe_pull_deployed_info", COMMIT, "try/größe"] == 1


def test_before_the_first_deploy_nothing_is_deployed() -> None:
    told = read(State())
    assert "hotshoe_pull_deployed_info" not in {name for name, *_ in told}
    assert told["hotshoe_pull_last_deploy_timestamp_seconds",] == 0
    assert set(told.values()) == {0}


@pytest.mark.parametrize("kind", (*SERIOUS, *PASSING))
def test_each_trouble_is_told_by_its_kind_alone(kind: str) -> None:
    state = replace(STATE, troubles={kind: Trouble('who "knows"\nwhat', COMMIT, 1.0)})
    told = read(state)
    troubles = {key[1]: value for key, value in told.items() if key[0] == "hotshoe_pull_trouble"}
    assert troubles == {each: float(each == kind) for each in (*SERIOUS, *PASSING)}
    # The text is for the journal: it says where the repository is, and what a server said.
    assert "knows" not in metrics(state, SETTINGS)
    assert "forge" not in metrics(state, SETTINGS)


def test_each_has_a_type_and_a_help() -> None:
    text = metrics(STATE, SETTINGS)
    families = list(text_string_to_metric_families(text))
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    assert len(families) == text.count("# TYPE") == 5
    assert text.endswith("\n")
    assert not re.search(r"\n\n| \n", text)


@pytest.fixture
def private() -> Iterator[None]:
    """As the service runs."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("private")
def test_everybody_may_read_it(box: Box) -> None:
    write_metrics(box.places, State(), SETTINGS)
    write_metrics(box.places, STATE, SETTINGS)
    assert box.places.metrics.stat().st_mode & 0o777 == 0o644
    assert COMMIT in box.places.metrics.read_text()
    assert not list(box.places.data.glob("*.new"))


def readable(places: Places) -> set[str]:
    """What others than root can read or enter in the folder that they may go through."""
    return {each.name for each in places.data.iterdir() if each.stat().st_mode & 0o077}


def test_and_nothing_else_that_is_there(box: Box) -> None:
    """Also of what a person's root makes, who has another umask(2)."""
    before = os.umask(0o022)
    try:
        box.origin.commit("second")
        box.run()
        write_metrics(box.places, box.state, SETTINGS)
    finally:
        os.umask(before)
    names = {each.name for each in box.places.data.iterdir()}
    assert {"home", "pki", "record", "repository.git", "state.json"} <= names
    assert readable(box.places) == {"metrics.prom"}
