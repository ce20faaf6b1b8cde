"""The log-in, and what the server announces for data connections."""

from __future__ import annotations

from hotshoe.probe.addresses import why_unreachable
from hotshoe.probe.broken import BrokenError
from hotshoe.probe.connection import Connection, dial
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.session import (
    DATA_PATIENCE,
    RefusedError,
    Way,
    announced_by_epsv,
    announced_by_pasv,
    log_in,
    prepare,
)
from hotshoe.probe.teller import Stop, Teller


def look(teller: Teller, way: Way, connection: Connection, *, trusted: bool) -> None:
    """Log in.

    :param trusted: whether the server has proved who it is
    :raises Stop: if it does not work, or must not be tried
    """
    data: dict[str, object] = {"port": way.control.port}
    if way.order.password is None:
        raise Stop(Layer.LOGIN, "no password was given")
    if not trusted:
        raise Stop(Layer.LOGIN, "the password would go to a server that did not prove who it is")
    try:
        reply = log_in(connection, way.order)
        prepare(connection, protect=way.encrypted)
    except RefusedError as error:
        full = error.reply.code == 421
        problem = Problem.LOGIN_FULL if full else Problem.LOGIN_REFUSED
        data["reply"] = error.reply.text
        teller.fail(Layer.LOGIN, problem, f"as {way.order.user}: {error}", **data)
        raise Stop(Layer.LOGIN) from error
    except BrokenError as error:
        evidence = f"as {way.order.user}: {error}"
        teller.fail(Layer.LOGIN, Problem.LOGIN_ENDED, evidence, **data)
        raise Stop(Layer.LOGIN) from error
    teller.fine(Layer.LOGIN, f"as {way.order.user}: {reply.text}", reply=reply.text, **data)


def look_at_pasv(teller: Teller, way: Way, connection: Connection) -> None:
    """Tell what the server announces to PASV and to EPSV.

    :raises Stop: if it announces nothing that a camera could dial
    """
    first, last = way.order.passive
    try:
        address, port = announced_by_pasv(connection)
        opened = _opens(way, port)
        port6 = announced_by_epsv(connection)
        opened6 = _opens(way, port6)
    except (RefusedError, BrokenError) as error:
        teller.fail(Layer.PASV, Problem.PASV_REFUSED, f"{error}")
        raise Stop(Layer.PASV) from error
    data = {
        "announced": address,
        "dialled": way.address,
        "announced_port": port,
        "announced_port6": port6,
        "opened": opened,
        "opened6": opened6,
    }
    problems = False
    if address != way.address:
        problems = True
        reason = why_unreachable(address)
        problem = Problem.PASV_PRIVATE if reason else Problem.PASV_ELSEWHERE
        evidence = f"it announces {address}, and {way.address} was dialled"
        teller.fail(
            Layer.PASV, problem, evidence + (f"; {reason}" if reason else ""), **data
        )  # fmt: skip
    outside = [announced for announced in (port, port6) if not first <= announced <= last]
    if outside:
        problems = True
        told = " and ".join(map(str, dict.fromkeys(outside)))
        evidence = f"it announces port {told}, and the passive ports are {first}-{last}"
        teller.fail(Layer.PASV, Problem.PASV_PORT, evidence, **data)
        if not opened and not opened6:
            raise Stop(Layer.PASV)
    if not problems:
        evidence = f"it announces {address} and ports in {first}-{last}, EPSV as well"
        teller.fine(Layer.PASV, evidence, **data)


def _opens(way: Way, port: int) -> bool:
    if port in way.dead:
        return False
    try:
        dial(way.address, port, min(way.order.patience, DATA_PATIENCE)).close()
    except BrokenError:
        return False
    return True
