"""What a deploy would change, or has changed: data alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hotshoe.deploy.log import Log, without_tracebacks

# ``if`` is that of a change that depends on an operation before it.
Effect = Literal["change", "if", "changed", "failed"]
# How roles tell a leftover (roles/leftovers).
LEFTOVER = ": leftover: "
# How a deploy tells of a host without which it went on (roles/away).
AWAY = " does not answer and is left as it is: "
_UNREACHABLE = "see whether it is on, and whether ssh reaches it from here"


@dataclass(frozen=True)
class Operation:
    """What an operation does to a host.

    :param name: the role's name and its own: ``vsftpd | Configure vsftpd 3.0.5``
    :param effect: ``change`` if it would change it; ``if`` if it may, since that depends on an
        operation before it; ``changed`` if it did; ``failed`` if it failed
    """

    name: str
    effect: Effect


@dataclass(frozen=True)
class HostResult:
    """What a deploy does to a host.

    :param host: its name
    :param operations: those that would change it, changed it or failed; in their order
    :param leftovers: what it has of hotshoe's that the Site does not have
    :param reason: what was said of it, in lines, if it failed or could not be reached; else empty
    """

    host: str
    operations: tuple[Operation, ...]
    leftovers: tuple[str, ...]
    reason: str

    @property
    def failed(self) -> bool:
        """Whether an operation failed on it, or nobody could ask it."""
        return bool(self.reason)


@dataclass(frozen=True)
class SiteResult:
    """What a deploy does to the hosts of a Site.

    :param site: the Site's name
    :param hosts: all that were asked, by their names: which connects first differs from run to run;
        not those that are left as they are, since they may be off
    :param notices: what the roles warn of or tell
    :param error: why it could not be told or done; empty if it could
    """

    site: str
    hosts: tuple[HostResult, ...] = ()
    notices: tuple[str, ...] = ()
    error: str = ""

    @property
    def changes(self) -> int:
        """How many changes of hosts there are, or may be."""
        return sum(each.effect != "failed" for host in self.hosts for each in host.operations)


def from_plan(site: str, log: Log, document: Mapping[str, Any]) -> SiteResult:
    """What pyinfra would change, by ``--dry --json``.

    :param site: the Site's name
    :param log: what it said
    :param document: what it printed
    """
    effects: dict[str, Effect]
    effects = {"hosts_with_change": "change", "hosts_with_conditional_change": "if"}
    planned = [
        (host, Operation(operation["name"], effect))
        for operation in document["plan"]
        for key, effect in effects.items()
        for host in operation[key]
    ]
    return _result(site, log, planned)


def from_results(site: str, log: Log) -> SiteResult:
    """What pyinfra changed, by what it said.

    :param site: the Site's name
    :param log: what it said
    """
    effects: tuple[Effect, ...] = ("changed", "failed")
    done = [
        (host, Operation(operation.name, effect))
        for operation in log.operations
        for effect, hosts in zip(effects, (operation.changed, operation.failed), strict=True)
        for host in hosts
    ]
    return _result(site, log, done)


def _result(site: str, log: Log, found: list[tuple[str, Operation]]) -> SiteResult:
    reasons = {host: _reason(log, host) for host in log.of_hosts}
    away = {notice.partition(AWAY)[0] for notice in log.notices if AWAY in notice}
    leftovers = {host: tuple(_leftovers(log, host)) for host in log.hosts}
    hosts = tuple(
        HostResult(
            host,
            tuple(operation for name, operation in found if name == host),
            leftovers.get(host, ()),
            reasons.get(host, ""),
        )
        for host in sorted({*log.hosts, *log.of_hosts, *(name for name, _ in found)} - away)
    )
    return SiteResult(
        site, hosts, tuple(each for each in log.notices if LEFTOVER not in each), _error(log, hosts)
    )


def _reason(log: Log, host: str) -> str:
    """Why a host failed; empty if it did not, since roles log what they do as well."""
    reached = host in log.hosts
    said = "\n".join(without_tracebacks(log.of_hosts[host])).strip()
    if not reached:
        return said if "\n    -> " in said else f"{said}\n    -> {_UNREACHABLE}"
    is_told_elsewhere = log.reasons() or any(each.failed for each in log.operations)
    if log.failed_in(host) or (log.errors and not is_told_elsewhere):
        return said or "it failed, and said nothing"
    return ""


def _leftovers(log: Log, host: str) -> Iterator[str]:
    for notice in log.notices:
        name, found, what = notice.partition(LEFTOVER)
        if found and name == host:
            yield what


def _error(log: Log, hosts: Iterable[HostResult]) -> str:
    said = [f"{each.host}: {_at(log, each.host)}{each.reason}" for each in hosts if each.reason]
    return "\n".join([*said, *log.reasons()])


def _at(log: Log, host: str) -> str:
    operation = log.failed_in(host)
    return f"{operation}: " if operation else ""
