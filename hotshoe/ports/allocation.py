"""Which ports each server gets: a control port and a passive range, disjoint behind one address.

How large a passive range has to be. vsftpd tries nine random ports of it for each PASV and then
ends the session. A port counts as taken from PASV to the end of its transfer, and a transfer whose
camera vanished holds it for :data:`PORT_REUSE_SECONDS` more, until vsftpd's timeouts give it up. So
each camera is given one transfer that runs and one that broke off less than that ago, which makes
:data:`PORTS_IN_USE_PER_CAMERA`, and the range is made so large that all nine tries fail less often
than once in a hundred thousand: (in use / size)^9 < 10^-5. Ports in TIME_WAIT do not count: both of
Debian's versions of vsftpd bind to them (SO_REUSEADDR), which a stage test proves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from hotshoe.ports import portset
from hotshoe.ports.ranges import HIGHEST_PORT, PortRange

CONTROL_PORT = 21
PASSIVE_PORTS = PortRange(50000, 50099)
# vsftpd refuses a passive range that begins at or below 1024 (its source, standalone start-up).
LOWEST_PASSIVE_PORT = 1025

# data_connection_timeout of 30 seconds, which vsftpd waits for twice.
PORT_REUSE_SECONDS = 60
PORTS_IN_USE_PER_CAMERA = 2
TRIES = 9
ODDS = 1e-5


class AllocationError(Exception):
    """The ports do not suffice, or are not this home's.

    :param key: the key of the Site to blame
    :param reason: what is wrong
    :param remedy: what to do about it
    """

    def __init__(self, key: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.found = (key, reason, remedy)


@dataclass(frozen=True)
class FtpPorts:
    """The ports of one server.

    :param control: where the camera connects first
    :param passive: where its transfers connect
    """

    control: int
    passive: PortRange


def needed(cameras: int) -> int:
    """How many passive ports that many cameras need; see the module's text."""
    in_use = PORTS_IN_USE_PER_CAMERA * max(cameras, 1)
    return math.ceil(in_use / math.pow(ODDS, 1 / TRIES))


def bound(cameras: int) -> str:
    """The computation of :func:`needed`, told in a sentence."""
    cameras = max(cameras, 1)
    who, need = ("1 camera", "needs") if cameras == 1 else (f"{cameras} cameras", "need")
    return (
        f"{who} may use {PORTS_IN_USE_PER_CAMERA * cameras} ports at once (one transfer each, and "
        f"one that broke off less than {PORT_REUSE_SECONDS} seconds ago), and {need} "
        f"{needed(cameras)} for vsftpd's {TRIES} random tries to find a free one"
    )


def cameras_of(site: Any, index: int) -> list[Any]:
    """The cameras that upload to the server of that index."""
    name, single = site.servers[index].name, len(site.servers) == 1
    return [
        camera
        for camera in site.cameras
        if camera.server == name or (camera.server is None and single)
    ]


def allowed(site: Any) -> tuple[PortRange, ...] | None:
    """The ports of the public address that are this home's; None if all are."""
    shared = site.port_set
    if shared is None:
        return None
    if shared.ports:
        return portset.merged(shared.ports)
    if shared.psid_length == 0:
        return None  # nobody shares the address (RFC 7599, appendix A, example 4)
    return portset.port_set(shared.offset, shared.psid_length, shared.psid)


def allocate(site: Any) -> tuple[FtpPorts, ...]:
    """The ports of each server, in the Site's order.

    :raises AllocationError: if they do not suffice
    """
    own = allowed(site)
    return _split(site) if own is None else _pick(site, own)


def passive_range(site: Any) -> PortRange:
    """The range that servers share where the home has all ports of its address.

    :raises AllocationError: if so many cameras need more ports than there are
    """
    return site.ftp.passive_ports or _default_range(sum(_wanted(site)))


def _needs(site: Any) -> list[int]:
    """How many passive ports each server needs."""
    return [needed(len(cameras_of(site, i))) for i in range(len(site.servers))]


def _wanted(site: Any) -> list[int]:
    """How much of one range each server needs, with the control ports of all but the first."""
    return [need + bool(i) for i, need in enumerate(_needs(site))]


def _split(site: Any) -> tuple[FtpPorts, ...]:
    """Split one range; every server but the first has its control port in its own part."""
    control = site.ftp.control_port or CONTROL_PORT
    wanted = _wanted(site)
    passive = passive_range(site)
    spare = len(passive) - sum(wanted)
    if spare < 0:
        cameras = len(site.cameras)
        what = bound(cameras)
        if len(wanted) > 1:
            what = (
                f"{len(wanted)} servers with {cameras} cameras need {sum(wanted)}, with a control "
                "port in it for each but the first"
            )
        raise AllocationError(
            "ftp.passive_ports",
            f"{passive} has {len(passive)} ports; {what}",
            f"write for example: passive_ports: {_default_range(sum(wanted))}; or leave it out",
        )
    parts, first = [], passive.first
    for i, want in enumerate(wanted):
        size = want + spare // len(wanted) + (i < spare % len(wanted))
        part = PortRange(first, first + size - 1)
        parts.append(
            FtpPorts(control, part)
            if i == 0
            else FtpPorts(part.first, PortRange(part.first + 1, part.last))
        )
        first += size
    return tuple(parts)


def _default_range(size: int) -> PortRange:
    """The usual range, made longer when it has to be."""
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


def _pick(site: Any, own: tuple[PortRange, ...]) -> tuple[FtpPorts, ...]:
    """Choose inside a port set: a run of ports for each server, and control ports beside them."""
    needs = _needs(site)
    ours = {port for ports in own for port in ports}
    said, control = site.ftp.passive_ports, site.ftp.control_port
    for key, wanted in (("control_port", control and {control}), ("passive_ports", said)):
        if wanted and not ours.issuperset(wanted):
            raise AllocationError(
                f"ftp.{key}",
                f"{getattr(site.ftp, key)} is not among the ports that are this home's "
                f"({brief(own)})",
                "leave it out; hotshoe then picks one of them",
            )
    free = {port for port in ours if port >= LOWEST_PASSIVE_PORT} - _taken(site)
    controls = len(needs) - bool(control)
    pool = set(said) if said else free
    # One more run than servers, for the control ports, unless those have a place already.
    runs = _at_least(_runs(pool), len(needs) + bool(controls and not said))
    enough = [parts for parts in (_whole(runs, needs), _cut(_runs(pool), needs)) if parts]
    if not enough:
        raise _too_short(site, own, _runs(pool))
    for parts in enough:
        beside = sorted(free.difference(said or (), *parts))
        if len(beside) >= controls:
            dialled = [*([control] if control else []), *beside]
            return tuple(map(FtpPorts, dialled, parts))
    raise AllocationError(
        "ftp.passive_ports" if said else "port_set",
        f"the ports that are this home's ({brief(own)}) leave none for the control port beside "
        "the passive range",
        "leave it out; hotshoe then picks a smaller one"
        if said
        else "ask the provider for an address of your own or for more ports",
    )


def _whole(runs: Sequence[PortRange], needs: Sequence[int]) -> list[PortRange] | None:
    """A whole run for each server, the longest for the most cameras; None if some are too short."""
    order = sorted(range(len(needs)), key=lambda i: -needs[i])
    parts = dict(zip(order, runs, strict=False))
    if any(i not in parts or len(parts[i]) < need for i, need in enumerate(needs)):
        return None
    return [parts[i] for i in range(len(needs))]


def _cut(runs: Sequence[PortRange], needs: Sequence[int]) -> list[PortRange] | None:
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


def _too_short(site: Any, own: Sequence[PortRange], runs: Sequence[PortRange]) -> AllocationError:
    """Say that the ports hold no passive range as large as is needed."""
    needs, said = _needs(site), site.ftp.passive_ports
    longest = max(map(len, runs), default=0)
    most = bound(len(cameras_of(site, needs.index(max(needs)))))
    each = "" if len(needs) == 1 else f" for each of {len(needs)} servers"
    if said:
        return AllocationError(
            "ftp.passive_ports",
            f"{said} does not hold {max(needs)} ports{each}: {most}",
            "leave it out; hotshoe then picks some of the ports that are this home's",
        )
    return AllocationError(
        "port_set",
        f"the ports that are this home's ({brief(own)}) do not hold {max(needs)} free ports in a "
        f"row{each}, which vsftpd must have; the longest row has {longest}: {most}",
        "ask the provider for an address of your own or for more ports in a row (a shorter PSID)"
        + ("; or use fewer cameras" if len(site.cameras) > len(needs) else ""),
    )


def brief(ranges: Sequence[PortRange]) -> str:
    """Ranges in a few words: ``5696-5711, 9792-9807 … 63040-63055, 240 ports``."""
    if not ranges:
        return "none"
    shown = [str(r) for r in ranges]
    if len(shown) > 4:
        shown = [", ".join(shown[:2]) + " … " + shown[-1]]
    count = sum(len(r) for r in ranges)
    return f"{', '.join(shown)}, {count} port{'s' * (count > 1)}"


def _taken(site: Any) -> set[int]:
    """Ports that something else answers on, or that go elsewhere, or that were given already."""
    services = [s for r in site.routers for s in (*r.open_to_wan, *r.other_forwards)]
    for server in site.servers:
        services += [*server.open_to_lan, *(s for to in server.may_open for s in to.services)]
    taken = {port for s in services if s.protocol == "tcp" for port in s.ports}
    return taken | {server.ssh_port for server in site.servers} | {site.ftp.control_port}


def _runs(ports: Set[int]) -> list[PortRange]:
    """Ports as ranges, the longest first."""
    firsts = sorted(port for port in ports if port - 1 not in ports)
    lasts = sorted(port for port in ports if port + 1 not in ports)
    return sorted(map(PortRange, firsts, lasts), key=lambda run: (-len(run), run.first))


def _at_least(runs: list[PortRange], number: int) -> list[PortRange]:
    """That many ranges, by halving the longest; a port set without offset is a single range."""
    while runs and len(runs) < number and len(runs[0]) > 1:
        whole, middle = runs[0], runs[0].first + len(runs[0]) // 2
        runs[:1] = [PortRange(whole.first, middle - 1), PortRange(middle, whole.last)]
        runs.sort(key=lambda run: (-len(run), run.first))
    return runs
