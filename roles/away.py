"""A deploy goes on without a computer that fetches photos and does not answer.

It is left as it is until the next deploy: a camera's way home does not depend on a computer that
may be off for the night. pyinfra knows of no such host, and ends the run for all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

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
_fail_hosts = State.fail_hosts


@cache
def allow() -> None:
    """Have pyinfra go on without hosts that may be away."""
    replaced: Any = (SSHConnector, State)
    connector, state = replaced
    connector.connect, state.fail_hosts = connect, fail_hosts


def is_silence(error: BaseException | None) -> bool:
    """Whether nothing that speaks SSH answers.

    Another host key, or a login that is refused, does not go away by itself, and is told as an
    error.

    :param error: as paramiko raises it
    """
    # What a ProxyCommand leads to is known by that alone.
    return isinstance(error, OSError | EOFError) or "SSH protocol banner" in str(error)


def connect(connector: SSHConnector) -> None:
    """Connect as pyinfra does, and note who does not answer.

    :raises ConnectError: as pyinfra's does
    """
    try:
        _connect(connector)
    except ConnectError as error:
        if is_silence(error.__context__):
            _silent[connector.host] = str(error)
        raise


def fail_hosts(state: State, hosts: set[Host], activated_count: int | None = None) -> None:
    """Fail hosts as pyinfra does, but those that may be away.

    :param hosts: those that failed
    :param activated_count: how many hosts there are
    :raises PyinfraError: if the run ends with them
    """
    away = {host for host in hosts if _is_away(state, host)}
    if away and state.active_hosts:
        for host in away:
            logger.warning(f"{host.name}{AWAY}{_silent[host]}\n    -> {_REMEDY}")
        hosts = hosts - away
        activated_count = activated_count and activated_count - len(away)
    _fail_hosts(state, hosts, activated_count)


def _is_away(state: State, host: Host) -> bool:
    connecting = state.current_stage == StateStage.Connect
    return connecting and host in _silent and bool(host.data.get(MAY_BE_AWAY))
