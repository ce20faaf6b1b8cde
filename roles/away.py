"""A deploy goes on without a computer that fetches photos and does not answer.

It is left as it is until the next deploy: a camera's way home does not depend on a computer that
may be off for the night. pyinfra knows of no such host, and ends the run for all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from paramiko import ProxyCommandFailure
from pyinfra import logger
from pyinfra.api import Host, State
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.state import StateStage
from pyinfra.connectors.ssh import SSHConnector

from hotshoe.deploy.results import AWAY

# What the inventory says of such a host.
MAY_BE_AWAY = "may_be_away"
_REMEDY = "deploy again once it answers; if it is no more, take its delivery out of the Site"
# Hosts of this run that do not answer, and what was said of each.
_silent: dict[Host, str] = {}
_connect = SSHConnector.connect


@cache
def allow() -> None:
    """Have pyinfra go on without hosts that may be away; a person who is asked decides himself."""
    replaced: Any = (SSHConnector, State)
    connector, state = replaced
    connector.connect = connect
    state.should_raise_failed_hosts = staticmethod(ends_the_run)


def is_silence(error: BaseException | None) -> bool:
    """Whether nothing that speaks SSH answers.

    Another host key, or a login that is refused, does not go away by itself, and is told as an
    error.

    :param error: as paramiko raises it
    """
    # Of what a ProxyCommand leads to, no more is known.
    silent = isinstance(error, OSError | EOFError | ProxyCommandFailure)
    return silent or "SSH protocol banner" in str(error)


def connect(connector: SSHConnector) -> None:
    """Connect as pyinfra does, and note who does not answer.

    :raises ConnectError: as pyinfra's does
    """
    try:
        _connect(connector)
    except ConnectError as error:
        if is_silence(error.__context__):
            _silent[connector.host] = _why(error)
        raise


def _why(error: ConnectError) -> str:
    # What is said of a ProxyCommand begins with all of it.
    if isinstance(error.__context__, ProxyCommandFailure):
        return "the ProxyCommand has ended"
    return str(error)


def ends_the_run(state: State) -> bool:
    """Whether the hosts that failed end the run; pyinfra asks (``State.fail_hosts``).

    Those that may be away are none that failed from then on.
    """
    away = {host for host in state.failed_hosts if _is_away(state, host)}
    for host in away:
        logger.warning(f"{host.name}{AWAY}{_silent[host]}\n    -> {_REMEDY}")
    state.failed_hosts -= away
    return bool(state.failed_hosts)


def _is_away(state: State, host: Host) -> bool:
    connecting = state.current_stage == StateStage.Connect
    return connecting and host in _silent and bool(host.data.get(MAY_BE_AWAY))
