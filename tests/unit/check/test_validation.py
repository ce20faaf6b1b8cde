"""Whoever owns the computer that a probe runs on may let it tell anything."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from hotshoe.check.validation import is_of_probe, validated
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result
from tests.unit.check.scenes import Scene, fail, healthy_results

KEYS = "address announced answers box foreign inside journal lost own photos port refused silent"
VALUES = (None, -5, 10**30, "\x1b[2J", [], ["a"], [[1]], [70000], {"a": 1}, {"a": [["b"]]}, True)


def line(problem: Problem | None, layer: Layer, data: dict[str, Any]) -> bytes:
    return Result(layer, Status.FAIL, "seen", problem, data).line().encode()


def test_all_that_a_probe_tells_is_heard():
    for results in healthy_results().values():
        for result in results:
            assert validated(result.line().encode()) == result
    silent = fail(Problem.PASSIVE_SOME, Layer.PASSIVE, silent=[50000], total=100)
    assert validated(silent.line().encode()) == silent
    tls = fail(Problem.TLS_FAILED, Layer.TLS, silent=False, port=21, address="203.0.113.20")
    assert validated(tls.line().encode()) == tls


@pytest.mark.parametrize(
    "said",
    [
        b"Welcome to this computer!",
        b'{"a":' * 100_000,
        b'{"a": \xff}',
        b"{}",
        line(None, Layer.SPEED, {"seconds": float("nan")}),
        line(None, Layer.LIBRARY, {}),
        line(Problem.BOX_UNASKED, Layer.NAME, {}),
        line(Problem.PORT_SILENT, Layer.PORT, {"journal": ["\x1b[2J"]}),
    ],
)
def test_nothing_else_is(said):
    assert validated(said) is None


def test_a_long_reply_is_cut():
    told = validated(Result(Layer.TLS, Status.FAIL, "x" * 60_000).line().encode())
    assert isinstance(told, Result)
    assert 2000 <= len(told.evidence) < 2100


@pytest.mark.parametrize("problem", [None, *Problem])
def test_whatever_is_heard_can_be_concluded_from(problem):
    for layer, key, value in itertools.product(
        (Layer.NAME, Layer.PASSIVE, Layer.UPLOAD), KEYS.split(), VALUES
    ):
        if not isinstance(told := validated(line(problem, layer, {key: value})), Result):
            continue
        scene = Scene()
        scene.results[layer] = [told]
        found = scene.findings()
        json.dumps([finding.data for finding in found])


def test_problems_of_machines_are_not_the_probes():
    assert is_of_probe(Layer.HAIRPIN, Problem.HAIRPIN_MISSING)
    assert not is_of_probe(Layer.UPLOAD, Problem.ROOM_FULL)
