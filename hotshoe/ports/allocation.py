"""Which ports each server gets: control ports and a passive range, disjoint behind one address.

How large a passive range has to be. vsftpd tries nine random ports of it for each PASV and then
ends the session. A port counts as taken from PASV to the end of its transfer, and a transfer whose
camera vanished holds it for :data:`PORT_REUSE_SECONDS` more, until vsftpd's timeouts give it up.
Cameras upload over several connections at once. So each is given :data:`SESSIONS_PER_CAMERA`
transfers that run and as many that broke off less than that ago, and the range is made so large
that all nine tries fail less often than once in a hundred thousand: (in use / size)^9 < 10^-5.
Ports in TIME_WAIT do not count: both of Debian's versions of vsftpd bind to them (SO_REUSEADDR),
which a stage test proves.

Where the ports do not suffice for that, as in most port sets of MAP-E, cameras get as many
transfers at once as they do suffice for; one is the least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from hotshoe.ports.ranges import HIGHEST_PORT, PortRange

# RFC 959; of implicit FTPS, IANA's ftps.
CONTROL_PORT, IMPLICIT_PORT = 21, 990
# Three cameras' worth: whoever adds the second need not touch a router again.
PASSIVE_PORTS = PortRange(50000, 50199)
# vsftpd refuses a passive range that begins at or below 1024 (its source, standalone start-up).
LOWEST_PASSIVE_PORT = 1025

# data_connection_timeout of 30 seconds, which vsftpd waits for twice.
PORT_REUSE_SECONDS = 60
SESSIONS_PER_CAMERA = 8
PASV_TRIES = 9
FAILURE_ODDS = 1e-5


class AllocationError(Exception):
    """The ports do not suffice.

    :param key: the key of the Site to blame
    :param reason: what is wrong
    :param remedy: what to do about it
    """

    def __init__(self, key: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.finding = (key, reason, remedy)


@dataclass(frozen=True)
class Demand:
    """What the FTP ports of a home follow from.

    :param cameras: how many upload to each server
    :param control_ports: the first server's, one for each of its daemons; None where the person
        does not say it
    :param usual: what these are then, where the home has all ports of its address
    :param passive_ports: the range of all servers, where the person says it
    :param port_set: the only ports of the public address that are this home's, in order; None is
        all of them
    :param taken: ports of the set that something else uses
    """

    cameras: tuple[int, ...]
    control_ports: tuple[int | None, ...] = (None,)
    usual: tuple[int, ...] = (CONTROL_PORT,)
    passive_ports: PortRange | None = None
    port_set: tuple[PortRange, ...] | None = None
    taken: frozenset[int] = frozenset()

    def needs(self, sessions: int) -> tuple[int, ...]:
        """How many passive ports each server needs.

        :param sessions: how many sessions of a camera transfer something at once
        """
        return tuple(ports_needed(count, sessions) for count in self.cameras)


@dataclass(frozen=True)
class FtpPorts:
    """The ports of one server.

    :param controls: where cameras connect first, one for each daemon
    :param passive: where their transfers connect
    """

    controls: tuple[int, ...]
    passive: PortRange


def ports_needed(cameras: int, sessions: int = SESSIONS_PER_CAMERA) -> int:
    """How many passive ports that many cameras need; see the module's text.

    :param sessions: how many sessions of a camera transfer something at once
    """
    in_use = 2 * sessions * max(cameras, 1)
    return math.ceil(in_use / math.pow(FAILURE_ODDS, 1 / PASV_TRIES))


def sessions_at_once(cameras: int, ports: int) -> int:
    """How many sessions of each camera may transfer something at once, 1 at least.

    :param cameras: how many upload to the server
    :param ports: how many passive ports it has
    """
    fit = (n for n in range(SESSIONS_PER_CAMERA, 1, -1) if ports_needed(cameras, n) <= ports)
    return next(fit, 1)


def explain_need(cameras: int, sessions: int) -> str:
    """The computation of :func:`ports_needed`, as a sentence."""
    cameras = max(cameras, 1)
    who, need = ("1 camera", "needs") if cameras == 1 else (f"{cameras} cameras", "need")
    what = "one transfer" if sessions == 1 else f"{sessions} transfers"
    also = "one" if sessions == 1 else "as many"
    return (
        f"{who} may use {2 * sessions * cameras} ports at once ({what} each, and {also} that broke "
        f"off less than {PORT_REUSE_SECONDS} seconds ago), and {need} "
        f"{ports_needed(cameras, sessions)} for vsftpd's {PASV_TRIES} random tries to find a free "
        "one"
    )


def allocate(demand: Demand) -> tuple[FtpPorts, ...]:
    """The ports of each server, in the same order: for as many sessions a camera as they suffice.

    :param demand: ports that the person says are of the port set, if there is one
    :raises AllocationError: if they do not suffice for one
    """
    for sessions in range(SESSIONS_PER_CAMERA, 1, -1):
        with suppress(AllocationError):
            return _allocate(demand, sessions)
    return _allocate(demand, 1)


def _allocate(demand: Demand, sessions: int) -> tuple[FtpPorts, ...]:
    if demand.port_set is None:
        return _from_one_range(demand, sessions)
    return _from_port_set(demand, demand.port_set, sessions)


def default_range(cameras: Sequence[int], daemons: int = 1) -> PortRange:
    """The passive range of all servers where the person says none: the usual one, or a longer one.

    :param cameras: how many upload to each server
    :param daemons: how many control ports each server has
    :raises AllocationError: if so many cameras need more ports than there are
    """
    for sessions in range(SESSIONS_PER_CAMERA, 1, -1):
        with suppress(AllocationError):
            return _range_of(sum(_sizes(cameras, daemons, sessions)))
    return _range_of(sum(_sizes(cameras, daemons, 1)))


def _sizes(cameras: Sequence[int], daemons: int, sessions: int) -> list[int]:
    """How much of one range each server takes, with the control ports of all but the first."""
    return [
        ports_needed(count, sessions) + (daemons if i else 0) for i, count in enumerate(cameras)
    ]


def _from_one_range(demand: Demand, sessions: int) -> tuple[FtpPorts, ...]:
    """Split one range; every server but the first has its control ports in its own part."""
    daemons = len(demand.control_ports)
    said = zip(demand.control_ports, demand.usual, strict=True)
    controls = tuple(port or usual for port, usual in said)
    sizes = _sizes(demand.cameras, daemons, sessions)
    passive = demand.passive_ports or default_range(demand.cameras, daemons)
    spare = len(passive) - sum(sizes)
    if spare < 0:
        cameras = sum(demand.cameras)
        what = explain_need(cameras, sessions)
        if len(sizes) > 1:
            what = (
                f"{len(sizes)} servers with {cameras} cameras need {sum(sizes)}, with "
                f"{'a control port' if daemons == 1 else 'control ports'} in it for each but the "
                "first"
            )
        raise AllocationError(
            "ftp.passive_ports",
            f"{passive} has {len(passive)} ports; {what}",
            f"write for example: passive_ports: {default_range(demand.cameras, daemons)}; or leave "
            "it out",
        )
    parts, first = [], passive.first
    for i, least in enumerate(sizes):
        size = least + spare // len(sizes) + (i < spare % len(sizes))
        part = PortRange(first, first + size - 1)
        own = controls if i == 0 else tuple(part)[:daemons]
        parts.append(FtpPorts(own, PortRange(part.first + (daemons if i else 0), part.last)))
        first += size
    return tuple(parts)


def _range_of(size: int) -> PortRange:
    """The usual range, or one of that size where the usual one is too short."""
    size = max(size, len(PASSIVE_PORTS))
    most = HIGHEST_PORT - LOWEST_PASSIVE_PORT + 1
    if size > most:
        raise AllocationError(
            "cameras",
            f"are so many that they need {size} passive ports, and vsftpd can use {most}",
            "list fewer cameras",
        )
    first = min(PASSIVE_PORTS.first, HIGHEST_PORT - size + 1)
    return PortRange(first, first + size - 1)


def _from_port_set(
    demand: Demand, port_set: tuple[PortRange, ...], sessions: int
) -> tuple[FtpPorts, ...]:
    """Choose inside a port set: a run of ports for each server, and control ports beside them."""
    needs, daemons = demand.needs(sessions), len(demand.control_ports)
    ours = {port for ports in port_set for port in ports}
    given, said = demand.passive_ports, demand.control_ports
    free = {port for port in ours if port >= LOWEST_PASSIVE_PORT} - demand.taken - {*said}
    missing = len(needs) * daemons - sum(port is not None for port in said)
    pool = set(given) if given else free
    # One more run than servers, for the control ports, unless those have a place already.
    runs = _split_until_enough(_runs(pool), len(needs) + bool(missing and not given))
    chosen = (_whole_runs(runs, needs), _parts_of_runs(_runs(pool), needs))
    choices = [parts for parts in chosen if parts]
    if not choices:
        raise _too_short(demand, port_set, _runs(pool), sessions)
    for parts in choices:
        beside = sorted(free.difference(given or (), *parts))
        if len(beside) >= missing:
            others = iter(beside)
            first = tuple(port or next(others) for port in said)
            rest = [tuple(islice(others, daemons)) for _ in needs[1:]]
            return tuple(map(FtpPorts, [first, *rest], parts))
    raise AllocationError(
        "ftp.passive_ports" if given else "port_set",
        f"the ports that are this home's ({summary(port_set)}) leave none for the control "
        "port beside the passive range",
        "leave it out; hotshoe then picks a smaller one"
        if given
        else "ask the provider for an address of your own or for more ports",
    )


def _whole_runs(runs: Sequence[PortRange], needs: Sequence[int]) -> list[PortRange] | None:
    """A whole run for each server, the longest for the most cameras; None if some are too short."""
    order = sorted(range(len(needs)), key=lambda i: -needs[i])
    parts = dict(zip(order, runs, strict=False))
    if any(i not in parts or len(parts[i]) < need for i, need in enumerate(needs)):
        return None
    return [parts[i] for i in range(len(needs))]


def _parts_of_runs(runs: Sequence[PortRange], needs: Sequence[int]) -> list[PortRange] | None:
    """No more than each server needs, from the shortest run that holds it; None if none does."""
    left, parts = list(runs), {}
    for i in sorted(range(len(needs)), key=lambda i: -needs[i]):
        long_enough = [run for run in left if len(run) >= needs[i]]
        if not long_enough:
            return None
        run = min(long_enough, key=len)
        left.remove(run)
        parts[i] = PortRange(run.first, run.first + needs[i] - 1)
        if parts[i] != run:
            left.append(PortRange(parts[i].last + 1, run.last))
    return [parts[i] for i in range(len(needs))]


def _too_short(
    demand: Demand, port_set: Sequence[PortRange], runs: Sequence[PortRange], sessions: int
) -> AllocationError:
    """Say that the ports hold no passive range as large as is needed."""
    needs, given = demand.needs(sessions), demand.passive_ports
    longest = max(map(len, runs), default=0)
    most = explain_need(max(demand.cameras), sessions)
    each = "" if len(needs) == 1 else f" for each of {len(needs)} servers"
    if given:
        return AllocationError(
            "ftp.passive_ports",
            f"{given} does not hold {max(needs)} ports{each}: {most}",
            "leave it out; hotshoe then picks some of the ports that are this home's",
        )
    return AllocationError(
        "port_set",
        f"the ports that are this home's ({summary(port_set)}) do not hold {max(needs)} free ports "
        f"in a row{each}, which vsftpd must have; the longest row has {longest}: {most}",
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID)"
        + ("; or use fewer cameras" if sum(demand.cameras) > len(needs) else ""),
    )


def summary(ranges: Sequence[PortRange]) -> str:
    """Ranges in a few words: ``5696-5711, 9792-9807 … 63040-63055, 240 ports``."""
    if not ranges:
        return "none"
    shown = [str(r) for r in ranges]
    if len(shown) > 4:
        shown = [", ".join(shown[:2]) + " … " + shown[-1]]
    count = sum(len(r) for r in ranges)
    return f"{', '.join(shown)}, {count} port{'s' * (count > 1)}"


def _runs(ports: Set[int]) -> list[PortRange]:
    """Ports as ranges, the longest first."""
    firsts = sorted(port for port in ports if port - 1 not in ports)
    lasts = sorted(port for port in ports if port + 1 not in ports)
    return sorted(map(PortRange, firsts, lasts), key=lambda run: (-len(run), run.first))


def _split_until_enough(runs: list[PortRange], number: int) -> list[PortRange]:
    """Halve the longest range until there are enough: a port set without offset is just one."""
    while runs and len(runs) < number and len(runs[0]) > 1:
        whole, middle = runs[0], runs[0].first + len(runs[0]) // 2
        runs[:1] = [PortRange(whole.first, middle - 1), PortRange(middle, whole.last)]
        runs.sort(key=lambda run: (-len(run), run.first))
    return runs
