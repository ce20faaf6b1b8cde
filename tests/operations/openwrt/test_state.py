"""What is read of a router, with a real host of pyinfra's: this pins what is used of it."""

from __future__ import annotations

from typing import Any

import pytest
from pyinfra.api import Config, Host, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.context import ctx_host, ctx_state

from hotshoe.errors import HotshoeError
from roles.openwrt.facts import Router
from roles.openwrt.state import current_state, run, state_at_start
from tests.operations.openwrt.conftest import recorded


@pytest.fixture
def local() -> Host:
    """This computer, connected."""
    state = State(Inventory((["@local"], {})), Config())
    (host,) = state.inventory
    connect_all(state)
    with ctx_state.use(state), ctx_host.use(host):
        yield host


def test_a_command_gets_its_input_and_gives_its_output(local):
    done, output = run(local, "cat; echo error >&2", 10, _stdin="a\nb\n")
    assert (done, output.stdout_lines, output.stderr_lines) == (True, ["a", "b"], ["error"])


def test_a_command_that_fails_says_so(local):
    done, _ = run(local, "exit 3", 10)
    assert not done


def test_a_command_without_an_answer_is_given_up(local):
    with pytest.raises(HotshoeError, match="the connection to the router was lost"):
        run(local, "sleep 60", 1)


def test_a_router_is_read_once_a_run(local, monkeypatch):
    asked: list[Any] = []

    def get_fact(fact: type, *args: object) -> Any:
        asked.append((fact, args))
        return recorded("fresh")

    monkeypatch.setattr(local, "get_fact", get_fact)
    assert state_at_start(local) is state_at_start(local)
    assert asked == [(Router, (("network", "firewall", "dhcp"),))]


def test_a_computer_that_is_no_router_is_read_as_well(local):
    """The command takes whatever shell and programs there are."""
    state = current_state(local, ("network",), 30)
    assert state.board.distribution != "OpenWrt"
    assert "uci" in state.missing
    assert state.packages["network"].sections == ()
