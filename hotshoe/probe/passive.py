"""The passive ports: each by a TCP connection, and each with the server behind it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from hotshoe.probe.broken import BrokenError, Trouble, telling
from hotshoe.probe.connection import Connection, dial
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.ranges import as_ranges
from hotshoe.probe.scan import scan
from hotshoe.probe.session import (
    DATA_PATIENCE,
    NoDataError,
    RefusedError,
    Way,
    announced_by_pasv,
    expect,
)
from hotshoe.probe.teller import Stop, Teller

# How many seconds it may take to see each port with the server behind it, or a few with --quick;
# and before, without.
_BUDGET, _QUICK_BUDGET, _SCAN_BUDGET = 60.0, 15.0, 90.0
# With --quick, so many ports are enough.
_QUICK = 16
# So many silent ports are asked again, and the others only if one of these answers then.
_ASKED_AGAIN = 64
# So many silent ports are asked once more when the server listens there.
_FEW = 8
# vsftpd draws ports at random; sessions that draw together are done sooner.
_SESSIONS = 4
# Every so many data connections, one has TLS and lists nothing.
_WITH_TLS = 8
# So many ports that refuse are enough to see that it is all of them.
_ENOUGH_REFUSED = 24
# Each of these costs a time-out.
_ENOUGH_FOREIGN = 3
# A port that has not come up in so many draws, times the number of ports, is in use by somebody
# else's session: by chance, one in 400 would be taken for such a one.
_DRAWS = 6
_PAUSE = 1.0


@dataclass
class Seen:
    """What was seen of the passive ports.

    vsftpd listens at a port until the transfer is over, and lets two connections wait there that it
    never accepts; those after them get no answer. So what is open or silent before the server has
    announced it may be in use by a camera.

    :param closed: where an answer came, and it was no, since the server does not listen
    :param open: where somebody answered while the server had not announced it
    :param silent: where none came
    :param unreachable: where a router on the way says that there is no way
    :param untried: for which there was no time
    :param announced: by the server to PASV, so that no other session has it
    :param worked: which the server announced, and that opened then
    :param refused: which the server announced, and that were refused nevertheless
    :param foreign: which the server announced, and where another host answers
    :param in_use: which the server never announced, however often it was asked
    :param connections: how many data connections there were
    :param tls_failed: why TLS failed on one of them; empty if it did not
    :param broken: why the look ended early; empty if it did not
    """

    closed: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    unreachable: set[int] = field(default_factory=set)
    untried: set[int] = field(default_factory=set)
    announced: set[int] = field(default_factory=set)
    worked: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    foreign: set[int] = field(default_factory=set)
    in_use: set[int] = field(default_factory=set)
    connections: int = 0
    tls_failed: str = ""
    broken: str = ""

    @property
    def dead(self) -> set[int]:
        """Those by which no data connection reaches the server."""
        return self.silent | self.unreachable | self.refused | self.foreign

    @property
    def unsure(self) -> set[int]:
        """Those that may be in use by another session."""
        return (self.silent | self.open) - self.announced - self.worked


def scan_all(way: Way, connect: float | None = None) -> Seen:
    """See which ports answer, while the server listens at none of them.

    :param connect: how many seconds the control connection took to open; None if that is not known
    """
    first, last = way.order.passive
    ports = range(first, last + 1)
    patience = min(way.order.patience, DATA_PATIENCE)
    if connect is not None:
        # Long enough for one lost packet, which is sent again after a second (RFC 6298); whatever
        # is silent is asked a second time.
        patience = min(patience, 1.5 + 10 * connect)
    found = scan(way.address, ports, patience, _SCAN_BUDGET)
    # A packet may be lost, and a router may drop some of so many at once.
    silent = sorted(port for port, how in found.items() if how is Trouble.SILENT)
    step = len(silent) // _ASKED_AGAIN + 1
    again = scan(way.address, silent[::step], patience, _SCAN_BUDGET)
    if step > 1 and any(how is not Trouble.SILENT for how in again.values()):
        again |= scan(way.address, set(silent) - set(again), patience, _SCAN_BUDGET)
    found |= again
    # Another camera may have its data connection there just now.
    opened = [port for port, how in found.items() if how is None]
    if opened:
        time.sleep(_PAUSE)
        found |= scan(way.address, opened, patience, _SCAN_BUDGET)
    seen = Seen(untried=set(ports) - set(found))
    for port, how in found.items():
        kind = {None: seen.open, Trouble.SILENT: seen.silent, Trouble.UNREACHABLE: seen.unreachable}
        kind.get(how, seen.closed).add(port)
    return seen


def tell_if_none_answers(teller: Teller, way: Way, seen: Seen) -> None:
    """Tell how the passive ports are, if no data connection can open.

    :raises Stop: then
    """
    if not seen.closed and not seen.open:
        tell(teller, way, seen)


@dataclass
class _Draw:
    """Draws ports by PASV until each has come up, in several sessions at once."""

    way: Way
    seen: Seen
    end: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    draws: int = 0

    @property
    def exhaustive(self) -> bool:
        """Whether a port that has not come up by now has to be in use."""
        first, last = self.way.order.passive
        return self.draws > _DRAWS * (last - first + 1)

    def done(self) -> bool:
        first, last = self.way.order.passive
        # The slow upload, which is under way, keeps its port.
        self.seen.worked |= self.way.opened - self.seen.open
        left = set(range(first, last + 1)) - self.seen.worked - self.seen.dead
        if self.way.order.quick and len(self.seen.worked) >= _QUICK:
            left = set()
        return (
            not (left | self.seen.unsure)
            or len(self.seen.refused) >= _ENOUGH_REFUSED
            or (len(self.seen.foreign) >= _ENOUGH_FOREIGN and not self.seen.worked)
            or self.exhaustive
            or time.monotonic() > self.end
        )

    def run(self, connection: Connection | None) -> None:
        """Draw with a session of its own, or with one that is there."""
        session = connection
        try:
            while not self.done():
                session = session or self.way.log_in()
                if not self._one(session):
                    # Another client took the data connection, and the server still waits for it.
                    session.close()
                    session = None
        except (BrokenError, RefusedError, ssl.SSLError) as error:
            # Without a session of its own, others draw; how many there may be is looked at later.
            if session is not None:
                self.seen.broken = self.seen.broken or f"{error}"
        finally:
            if session is not None and session is not connection:
                session.quit()

    def _one(self, session: Connection) -> bool:
        """Draw a port.

        :returns: whether the session can go on
        """
        _, port = announced_by_pasv(session)
        seen = self.seen
        with self.lock:
            new = port not in seen.announced
            self.draws += 1
            seen.announced.add(port)
        again = new and port in seen.silent and len(seen.silent) <= _FEW
        if port in seen.dead and not again:
            return True
        try:
            data = dial(self.way.address, port, min(self.way.order.patience, DATA_PATIENCE))
        except BrokenError as error:
            kind = seen.silent if error.trouble is Trouble.SILENT else seen.refused
            with self.lock:
                kind.add(port)
            return True
        unsure = port in seen.open and port not in seen.worked
        with self.lock:
            seen.silent.discard(port)
            seen.connections += 1
            often = self.way.encrypted and seen.connections % _WITH_TLS == 1
        if unsure or (often and not seen.tls_failed):
            try:
                self._list(session, data)
            except (BrokenError, RefusedError):
                if not unsure:
                    raise
                with self.lock:
                    seen.foreign.add(port)
                return False
        data.close()
        with self.lock:
            seen.worked.add(port)
        return True

    def _list(self, session: Connection, data: socket.socket) -> None:
        """Let the server say something over a data connection: whether it has a certain photo.

        Until it has, its firewall takes this computer for a stranger, and lets few data connections
        in.
        """
        try:
            expect(session, f"NLST {self.way.order.photo('none')}", 125, 150, named="NLST")
            try:
                data = self.way.protect(data)
                with telling("on the data connection"):
                    data.recv(4096)
            except BrokenError as error:
                self.seen.tls_failed = f"{error}"
        finally:
            data.close()
        session.reply("after NLST")

    def introduce(self, session: Connection) -> None:
        """Let the server say something over the first data connection."""
        with suppress(NoDataError):
            self._list(session, self.way.data(session))


def draw(way: Way, connection: Connection, seen: Seen) -> None:
    """See that data connections reach the server, by each port.

    :param connection: that is logged in, and stays so
    :param seen: what is known of the ports, which is completed
    """
    order = way.order
    budget = _QUICK_BUDGET if order.quick else _BUDGET
    work = _Draw(way, seen, time.monotonic() + budget)
    more = max(min(_SESSIONS, order.sessions) - 2, 0)
    threads = [threading.Thread(target=work.run, args=(None,), daemon=True) for _ in range(more)]
    own: Connection | None = connection
    try:
        work.introduce(connection)
    except (BrokenError, RefusedError) as error:
        if not seen.open:
            seen.broken = f"{error}"
            return
        # Another client may have taken the data connection.
        own = None
    for thread in threads:
        thread.start()
    work.run(own)
    for thread in threads:
        thread.join(order.patience)
    if work.exhaustive:
        seen.in_use = seen.unsure
        seen.silent -= seen.in_use


def tell(teller: Teller, way: Way, seen: Seen) -> None:
    """Tell how the passive ports are.

    :raises Stop: if no data connection can open
    """
    first, last = way.order.passive
    total = last - first + 1
    dead = seen.dead - seen.foreign
    in_use = seen.in_use | (seen.unsure - dead)
    data = {
        name: sorted(ports)
        for name, ports in (
            ("silent", seen.silent),
            ("refused", seen.refused),
            ("unreachable", seen.unreachable),
            ("foreign", seen.foreign),
            ("in_use", in_use),
            ("untried", seen.untried),
        )
    } | {"total": total, "worked": len(seen.worked), "connections": seen.connections}
    if seen.foreign:
        evidence = f"another program answers at {as_ranges(seen.foreign)} in place of the server"
        teller.fail(Layer.PASSIVE, Problem.PASSIVE_FOREIGN, evidence, **data)
    if dead:
        left = seen.closed - dead if len(seen.refused) < _ENOUGH_REFUSED else ()
        none = not seen.worked and not left
        problem = Problem.PASSIVE_NONE if none else Problem.PASSIVE_SOME
        evidence = f"of {first}-{last}: {'; '.join(_parts(seen))}"
        teller.fail(Layer.PASSIVE, problem, evidence, **data)
        if none:
            raise Stop(Layer.PASSIVE)
    if dead or seen.foreign:
        return
    if seen.broken and not seen.worked:
        teller.unknown(Layer.PASSIVE, f"the session broke: {seen.broken}", **data)
        return
    answering = total - len(seen.untried) - len(in_use)
    evidence = f"{'all ' if answering == total else ''}{answering} answer"
    if seen.worked:
        evidence += f"; data connections by {len(seen.worked)} of them reached the server"
    else:
        evidence += "; whether data connections reach the server was not tried"
    evidence += f"; {as_ranges(in_use)} in use by other sessions" if in_use else ""
    teller.fine(Layer.PASSIVE, evidence, **data)


def _parts(seen: Seen) -> list[str]:
    kinds = (
        ("silent", seen.silent),
        ("refused, though the server listened", seen.refused),
        ("unreachable", seen.unreachable),
    )
    parts = [f"{as_ranges(ports)} {word}" for word, ports in kinds if ports]
    if len(seen.refused) >= _ENOUGH_REFUSED and not seen.worked:
        parts += ["others were not tried any more"]
    return parts + ([f"{len(seen.worked)} work"] if seen.worked else [])
