"""A deploy goes on without a computer that may be off."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from paramiko import ProxyCommandFailure, SSHException
from pyinfra.api import Config, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.state import StateStage
from pyinfra.connectors.ssh import SSHConnector

from hotshoe.debian.device import Device
from hotshoe.deploy.results import AWAY
from roles import away, inventory


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
def run(monkeypatch, closed_port) -> Callable[..., State]:
    """Connect to a server, which answers, and to a computer at whose port nobody does."""
    genuine = away._connect
    monkeypatch.setattr(
        away, "_connect", lambda each: None if each.host.name == "darkroom" else genuine(each)
    )
    monkeypatch.setattr(SSHConnector, "connect", away.connect)
    monkeypatch.setattr(State, "should_raise_failed_hosts", staticmethod(away.ends_the_run))

    def run(*servers: str, may_be_away: bool = True) -> State:
        data = {"ssh_port": closed_port, "ssh_hostname": "127.0.0.1", "may_be_away": may_be_away}
        state = State(Inventory(([*servers, ("nas", data)], {})), Config(FAIL_PERCENT=0))
        state.current_stage = StateStage.Connect
        connect_all(state)
        return state

    return run


def test_one_that_may_be_off_is_left_out_and_told(run, caplog):
    state = run("darkroom")
    assert [host.name for host in state.active_hosts] == ["darkroom"]
    assert state.failed_hosts == set()
    (told,) = (each.getMessage() for each in caplog.records if AWAY in each.getMessage())
    assert told.startswith(f"nas{AWAY}Could not connect")
    assert "\n    -> deploy again once it answers" in told


def test_one_that_has_to_be_there_ends_the_run(run):
    with pytest.raises(PyinfraError, match="Over 0% of hosts failed") as ended:
        run("darkroom", may_be_away=False)
    # Else pyinfra would tell a person where in our code that is.
    assert ended.traceback[-1].path.name == "state.py"
    assert not any(frame.path == Path(away.__file__) for frame in ended.traceback)


def test_it_alone_is_no_run(run):
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        run()


@pytest.mark.parametrize(
    ("error", "is_silence"),
    [
        (TimeoutError("timed out"), True),
        (EOFError(), True),
        (SSHException("Error reading SSH protocol banner"), True),
        (ProxyCommandFailure("podman exec", "no such container"), True),
        (SSHException("unknown host key ssh-ed25519 SHA256:…"), False),
        (None, False),
    ],
)
def test_one_that_answers_and_is_not_let_in_to_is_an_error(error, is_silence):
    assert away.is_silence(error) == is_silence


@pytest.mark.parametrize("removed", [False, True])
def test_only_whoever_fetches_may_be_away(on_host, project, fresh_plans, removed):
    on_host(Device())
    site = project / "group_vars" / "fetch.yml"
    if removed:
        said = site.read_text().replace("folder: /srv", "removed: true, folder: /srv")
        site.write_text(said[: said.index("retention:")])
    *others, fetchers = inventory.hosts("fetch")
    assert [data["may_be_away"] for _, data in fetchers] == [not removed]
    assert not any("may_be_away" in data for group in others for _, data in group)
