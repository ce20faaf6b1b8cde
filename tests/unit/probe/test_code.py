"""Codes: short, and without a typo that goes unseen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.probe.code import _LAYERS, Decoded, _text, _Writer, decode, encode, home_of
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.order import Control, Order
from hotshoe.probe.result import Result

ORDER = Order(
    run="ab7kq2xn",
    hostname="photos.example.net",
    public=("203.0.113.20",),
    address6=None,
    inside=("192.168.1.0/24",),
    server="192.168.1.10",
    controls=(Control(21, "explicit"), Control(990, "implicit")),
    passive=(50000, 50099),
    versions=("1.2",),
    root=None,
    user="r5",
    password="secret",
    sessions=8,
    quick=False,
    slow_seconds=60,
    patience=5,
    resolvers=(),
)
MOMENT = datetime(2026, 11, 27, 3, 14, tzinfo=UTC)
NAME = Result(
    Layer.NAME, Status.FINE, "", None, {"address": "203.0.113.20", "truth": ["203.0.113.20"]}
)
HEALTHY = [NAME, *(Result(layer, Status.FINE, "as told") for layer in _LAYERS[1:15])]


def code(*results: Result) -> str:
    return encode(ORDER, results, MOMENT.timestamp())


def problems(told: Decoded) -> list[tuple[Layer, Status, Problem]]:
    return [(each.layer, each.status, each.problem) for each in told.results if each.problem]


def test_a_healthy_home_has_a_code_of_forty_characters():
    text = code(*HEALTHY)
    told = decode(text)
    assert len(text) <= 40
    assert (told.run, told.made, told.inside) == ("ab7kq2xn", MOMENT, False)
    assert told.home == home_of("Photos.Example.net.", 21)
    assert [(each.layer, each.status) for each in told.results] == [
        (each.layer, Status.FINE) for each in HEALTHY
    ]


def test_a_broken_home_has_a_code_of_one_hundred_and_twenty_characters_at_most():
    """Two problems of each layer, ports of all kinds, and every address."""
    every = range(50000, 50100)
    ports = {
        "silent": [*every[:20], *every[30:40], *every[50:60]],
        "refused": [*every[20:30], 50045, 50062],
        "unreachable": [],
        "foreign": [50099],
    }
    several = [
        Result(Layer.NAME, Status.FAIL, "", Problem.NAME_ELSEWHERE, NAME.data),
        Result(Layer.PASV, Status.FAIL, "", Problem.PASV_PRIVATE, {"announced": "192.168.1.10"}),
        Result(Layer.PASSIVE, Status.FAIL, "", Problem.PASSIVE_SOME, ports),
        Result(Layer.LARGE, Status.FAIL, "", Problem.LARGE_STALLED),
        Result(Layer.SESSIONS, Status.FAIL, "", Problem.SESSIONS_FEW),
    ]
    text = code(*several)
    told = decode(text)
    assert len(text) <= 120
    assert problems(told) == [(each.layer, each.status, each.problem) for each in several]
    data = {each.layer: each.data for each in told.results}
    assert {kind: data[Layer.PASSIVE][kind] for kind in ports} == ports
    assert data[Layer.NAME]["address"] == "203.0.113.20"
    assert data[Layer.NAME]["truth"] == ["203.0.113.20"]
    assert data[Layer.PASV]["announced"] == "192.168.1.10"


def test_a_problem_of_another_control_port_says_so():
    failed = Result(Layer.PORT, Status.FAIL, "", Problem.PORT_SILENT, {"port": 990})
    told = decode(code(NAME, failed))
    assert told.results[1].data["control"] == 1


@pytest.mark.parametrize("layer", [*_LAYERS])
@given(problem=st.sampled_from(Problem), status=st.sampled_from(Status))
def test_every_problem_survives(layer, problem, status):
    told = decode(code(Result(layer, status, "", problem)))
    assert problems(told) == [(layer, status, problem)]


@given(
    ports=st.dictionaries(
        st.sampled_from(["silent", "refused", "unreachable", "foreign"]),
        st.sets(st.integers(1024, 65535), max_size=40).map(sorted),
    )
)
def test_any_ports_survive_up_to_three_ranges_of_a_kind(ports):
    result = Result(Layer.PASSIVE, Status.FAIL, "", Problem.PASSIVE_SOME, ports)
    told = decode(code(result)).results[0].data
    for kind, numbers in ports.items():
        assert set(told[kind]) <= set(numbers)
        assert told[kind] == numbers[: len(told[kind])]


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", max_size=15),
    st.floats(-1e10, 1e12),
)
def test_any_run_and_any_clock_survive(run, now):
    told = decode(encode(Order(**{**vars(ORDER), "run": run}), HEALTHY, now))
    assert told.run == run


@given(st.data())
def test_no_typo_goes_unseen(data):
    text = code(*HEALTHY)
    at = data.draw(st.integers(0, len(text) - 1).filter(lambda at: text[at] != "-"))
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    other = data.draw(st.sampled_from(letters).filter(lambda letter: letter != text[at]))
    with pytest.raises(ValueError, match="typo"):
        decode(text[:at] + other + text[at + 1 :])


@given(st.integers(0, 28))
def test_neighbours_in_the_wrong_order_are_seen(at):
    letters = code(*HEALTHY).replace("-", "")
    swapped = letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :]
    if swapped != letters:
        with pytest.raises(ValueError, match="typo"):
            decode(swapped)


def test_case_spaces_and_look_alikes_do_not_matter():
    text = code(*HEALTHY)
    spoken = text.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert decode(spoken) == decode(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "typo"),
        ("ABC", "typo"),
        ("U" * 20, "no code has a 'U'"),
        ("Ä" * 20, "no code has a 'Ä'"),
    ],
)
def test_what_is_no_code_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        decode(text)


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ-", max_size=60))
def test_any_text_is_refused_in_one_way(text):
    with pytest.raises(ValueError):
        decode(text)


def test_a_newer_code_is_told_as_one(monkeypatch):
    monkeypatch.setattr("hotshoe.probe.code._VERSION", 2)
    text = code(*HEALTHY)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="version 2"):
        decode(text)


def test_the_password_is_not_in_it():
    assert encode(ORDER, HEALTHY, 0) == encode(
        Order(**{**vars(ORDER), "password": None}), HEALTHY, 0
    )


def test_a_problem_of_a_newer_checker_is_told_as_one():
    writer = _Writer()
    # Version, no run, the moment, the home, no layers; one problem.
    fields = [(1, 4), (0, 4), (0, 24), (0, 16), (0, 16), (0, 1), (1, 4)]
    for value, bits in [*fields, (7, 4), (2, 2), (127, 7), (0, 2), (0, 3)]:
        writer.number(value, bits)
    with pytest.raises(ValueError, match="as new as the checker"):
        decode(_text(writer.bits))


def test_a_code_with_ports_that_do_not_exist_is_refused_at_once():
    writer = _Writer()
    # Version, no run, the moment, the home, no layers; one problem, and no addresses.
    fields = [(1, 4), (0, 4), (0, 24), (0, 16), (0, 16), (0, 1), (1, 4)]
    for value, bits in [*fields, (7, 4), (2, 2), (70, 7), (0, 2), (0, 3)]:
        writer.number(value, bits)
    writer.any_number(1)
    writer.number(50000, 16)
    writer.any_number(1 << 50)
    with pytest.raises(ValueError, match="this is no code of hotshoe"):
        decode(_text(writer.bits))
