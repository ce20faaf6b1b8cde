"""What is known of a router: as it was when the run began, and as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paramiko import SSHException
from pyinfra.api import Host, StringCommand

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.uci.changes import Wanted, diff
from hotshoe.openwrt.uci.data import Package
from hotshoe.openwrt.verify.drift import drift
from hotshoe.openwrt.verify.live import live_errors
from roles.openwrt.facts import Router, RouterState
from roles.openwrt.facts.router import PACKAGES
from roles.transport import is_alive


def state_at_start(host: Host, packages: tuple[str, ...] = PACKAGES) -> RouterState:
    """The router as it was when this run began; read once, then remembered.

    :raises HotshoeError: if a file under /etc/config cannot be read as UCI
    """
    key = f"openwrt {packages}"
    if key not in host.connector_data:
        host.connector_data[key] = host.get_fact(Router, packages)
    state: RouterState = host.connector_data[key]
    return state


def current_state(
    host: Host, packages: tuple[str, ...], seconds: int, compare: bool = False
) -> RouterState:
    """The router as it is now.

    :param packages: names of packages under /etc/config
    :param seconds: until it has to have answered
    :param compare: whether to find out what the firewall's files make, too
    :raises HotshoeError: if it does not answer, or a file under /etc/config cannot be read as UCI
    """
    fact = Router()
    done, output = run(host, fact.command(packages, compare), seconds)
    if not done:
        raise HotshoeError("\n".join(output.stderr_lines[-3:]) or "the router does not answer")
    return fact.process(output.stdout_lines)


def run(host: Host, command: str, seconds: int, **arguments: Any) -> tuple[bool, Any]:
    """Run a command on the router, which may cut the connection off, or never answer.

    :returns: whether it succeeded, and its output
    :raises HotshoeError: if the connection is lost
    """
    try:
        done, output = host.run_shell_command(StringCommand(command), _timeout=seconds, **arguments)
    except (OSError, EOFError, SSHException) as error:
        reason = str(error) or f"no answer for {seconds} seconds"
        raise HotshoeError(f"the connection to the router was lost ({reason})") from error
    if not done and not is_alive(host):
        raise HotshoeError("the connection to the router was lost (it ended before the command)")
    return done, output


def with_firewall(names: Iterable[str]) -> tuple[str, ...]:
    """The packages that are read for a change of some: the same for each, so as to read once."""
    return tuple(dict.fromkeys((*PACKAGES, *names)))


def drift_of(state: RouterState, wanted: Iterable[Wanted], label: str) -> tuple[str, ...]:
    """Where the router's files and what is in force differ (:mod:`hotshoe.openwrt.verify.drift`).

    While a change is not confirmed, nothing is said: its files and what it loaded go first.
    """
    if state.pending:
        return ()
    return drift(wanted, state.packages, state.from_files, state.rules, state.interfaces, label)


def reason_to_change(state: RouterState, wanted: tuple[Wanted, ...], label: str = "") -> str:
    """Why a router has to be changed; empty if it is as it should be."""
    if state.pending:
        return "a change was never confirmed"
    for each in wanted:
        if diff(state.packages.get(each.package, Package(each.package, ())), each):
            return f"{each.package} differs"
    return next(iter(not_in_force(state, wanted, label)), "")


def not_in_force(state: RouterState, wanted: Iterable[Wanted], label: str) -> tuple[str, ...]:
    """What of the wanted configuration is not in force (:mod:`hotshoe.openwrt.verify.live`)."""
    return live_errors(wanted, state.packages["firewall"], state.rules, state.routes, label)
