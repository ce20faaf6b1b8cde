"""One look at a server, from the name to the speed."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from hotshoe.probe import (
    certificate,
    greeting,
    login,
    name,
    passive,
    refusals,
    speed,
    uploads,
    vantage,
)
from hotshoe.probe.addresses import is_address
from hotshoe.probe.broken import BrokenError
from hotshoe.probe.connection import Connection
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
from hotshoe.probe.session import RefusedError, Way
from hotshoe.probe.teller import Stop, Teller

# What is looked at for each control port, and what for one of them.
_EACH = (Layer.PORT, Layer.BANNER, Layer.TLS, Layer.CERTIFICATE, Layer.LOGIN, Layer.UPLOAD)
_ONCE = (
    *(Layer.PASV, Layer.PASSIVE, Layer.LARGE, Layer.SLOW, Layer.SESSIONS, Layer.SAME_NAME),
    *(Layer.REFUSALS, Layer.SPEED),
)
# The latter, with the upload that is looked at in between.
_AFTER = (Layer.PASV, Layer.PASSIVE, Layer.UPLOAD, *_ONCE[2:])


def run(
    order: Order, result: Callable[[Result], None], progress: Callable[[str], None] = lambda _: None
) -> None:
    """Look, and tell results as they come.

    :param result: takes a result
    :param progress: takes a line that says what goes on
    """
    teller = Teller(order, result, progress)
    address = _find(teller)
    if address is None:
        for layer in (*_EACH, *_ONCE):
            teller.unknown(layer, "not tried, since there is no address to dial")
        return
    looked, reached = False, None
    for control in order.controls:
        way = Way(order, address, control)
        progress(f"port {control.port}")
        connection, far = _look_at_control(teller, way)
        if connection is None:
            reached = reached or (way if far else None)
            continue
        if looked:
            # The same server, by another port: what is left to see is whether an upload works.
            result(uploads.small(way, connection, f"small-{control.port}"))
        else:
            looked = True
            connection = _look_closely(teller, way, connection)
        connection.quit()
    if not looked:
        if reached is not None:
            # Whoever has opened a control connection gets an answer at each passive port.
            progress("the passive ports")
            with suppress(Stop):
                passive.tell(teller, reached, passive.scan_all(reached))
        layers = [each for each in _ONCE if not (reached and each is Layer.PASSIVE)]
        _skip(teller, layers, f"no {Layer.LOGIN.value} succeeded")


def _find(teller: Teller) -> str | None:
    """Find the address to dial, and tell of the name."""
    order = teller.order
    own = vantage.own_address(order.server)
    inside = vantage.is_inside(order, own)
    address: str | None
    if not order.hostname or is_address(order.hostname):
        address = order.hostname or order.server
        evidence = f"cameras dial {address}, without a name"
        teller.fine(Layer.NAME, evidence, address=address, own=own, inside=inside)
    else:
        teller.progress(f"{order.hostname} by DNS")
        said = name.ask(order)
        address = name.look(
            teller, said, own, inside, lambda address: vantage.is_home(order, address)
        )
    if not inside:
        return address
    if address is not None and order.hostname and address != order.hostname:
        vantage.look_at_hairpin(teller, address)
    return order.server


def _look_at_control(teller: Teller, way: Way) -> tuple[Connection | None, bool]:
    """Look at a control port up to the log-in.

    :returns: a connection that is logged in, or None if it does not get so far; and whether the
        server answered at all
    """
    try:
        connection, doubt = greeting.begin(teller, way)
        trusted = True
        if way.encrypted:
            trusted = certificate.look(teller, way, connection, doubt) or way.order.unverified
        login.look(teller, way, connection, trusted=trusted)
    except Stop as stop:
        left = _EACH[_EACH.index(stop.layer) + stop.told :]
        _skip(teller, left, stop.since, way)
        return None, stop.layer not in (Layer.PORT, Layer.BANNER)
    return connection, True


def _look_closely(teller: Teller, way: Way, connection: Connection) -> Connection:
    """Look at what comes after the log-in.

    :returns: the connection, or another one in its place
    """
    slow = None
    try:
        teller.progress("the passive ports")
        seen = passive.scan_all(way, connection.seconds["connect"])
        # Who answers at the open ones is not known yet.
        way.dead |= seen.dead | seen.open
        login.look_at_pasv(teller, way, connection)
        passive.tell_if_none_answers(teller, way, seen)
        small = uploads.small(way, connection)
        if way.order.slow_seconds and small.status is Status.FINE:
            slow = uploads.Slow(way)
        teller.progress("the passive ports, with the server behind them")
        try:
            connection = _alive(way, connection)
            passive.draw(way, connection, seen)
        except (BrokenError, RefusedError, ssl.SSLError) as error:
            seen.broken = f"{error}"
        way.dead -= seen.worked
        way.dead |= seen.dead
        passive.tell(teller, way, seen)
        if seen.tls_failed and small.status is Status.FINE:
            evidence = f"on some data connections only: {seen.tls_failed}"
            small = replace(
                small, status=Status.FAIL, evidence=evidence, problem=Problem.UPLOAD_DATA_TLS
            )
        teller.result(small)
    except Stop as stop:
        _skip(teller, _AFTER[_AFTER.index(stop.layer) + stop.told :], stop.since)
        return connection
    return _Later(teller, way, connection).run(small, slow)


@dataclass
class _Later:
    """Looks at what comes after the first upload, with one session after another if need be."""

    teller: Teller
    way: Way
    connection: Connection

    def run(self, small: Result, slow: uploads.Slow | None) -> Connection:
        """Look at all of it.

        :param small: what came of the first upload
        :param slow: the slow one, which is under way; None without
        :returns: the session that is left
        """
        uploaded, sessions = small.status is Status.FINE, self.teller.order.sessions
        stranger = refusals.Stranger(self.way)
        if uploaded:
            self.look(Layer.LARGE, "a large upload", uploads.large)
            self.look(Layer.SAME_NAME, "the same photo twice", uploads.same_name)
        else:
            layers = (Layer.LARGE, Layer.SLOW, Layer.SESSIONS, Layer.SAME_NAME)
            _skip(self.teller, layers, f"{Layer.UPLOAD.value} failed")
        if slow is not None:
            self.teller.progress("the slow upload")
            self.teller.result(slow.wait())
        if uploaded:
            self.look(Layer.SESSIONS, f"{sessions} sessions at once", uploads.at_once)
        self.look(
            Layer.REFUSALS,
            "what must be refused",
            lambda teller, way, connection: refusals.look(teller, way, connection, stranger),
        )
        self.look(Layer.SPEED, "the speed", speed.tell)
        return self.connection

    def look(
        self, layer: Layer, what: str, look: Callable[[Teller, Way, Connection], None]
    ) -> None:
        """Look at a layer.

        :param what: goes on meanwhile
        """
        self.teller.progress(what)
        try:
            self.connection = _alive(self.way, self.connection)
            look(self.teller, self.way, self.connection)
        except (BrokenError, RefusedError, ssl.SSLError) as error:
            self.teller.unknown(layer, f"the session was lost, and no other opens: {error}")


def _alive(way: Way, connection: Connection) -> Connection:
    """A connection that is logged in: this one, or another one if it is broken.

    :raises BrokenError: if none opens
    :raises RefusedError: if the server says no
    """
    try:
        if connection.ask("NOOP").code == 200:
            return connection
    except BrokenError:
        pass
    connection.close()
    return way.log_in()


def _skip(teller: Teller, layers: Sequence[Layer], since: str, way: Way | None = None) -> None:
    """Tell which layers could not be looked at.

    :param way: by which control port; None for all
    """
    data = {"port": way.control.port} if way else {}
    for layer in layers:
        if way and not way.encrypted and layer in (Layer.TLS, Layer.CERTIFICATE):
            continue
        if layer is Layer.SLOW and not teller.order.slow_seconds:
            continue
        teller.unknown(layer, f"not tried, since {since}", **data)
