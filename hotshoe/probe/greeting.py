"""The first words at a control port: TCP, the banner, and TLS."""

from __future__ import annotations

import ssl

from hotshoe.probe import tls, vantage
from hotshoe.probe.broken import BrokenError, Trouble
from hotshoe.probe.connection import Connection, Reply
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.session import RefusedError, Way, expect
from hotshoe.probe.teller import Stop, Teller

_NOT_OPEN = {
    Trouble.SILENT: Problem.PORT_SILENT,
    Trouble.REFUSED: Problem.PORT_REFUSED,
    Trouble.RESET: Problem.PORT_RESET,
    Trouble.ENDED: Problem.PORT_RESET,
    Trouble.UNREACHABLE: Problem.PORT_UNREACHABLE,
}
_LEGACY = ("1.0", "1.1")
# How long a server that does not speak TLS at once may take for its banner.
_PATIENCE = 3.0


def begin(teller: Teller, way: Way) -> tuple[Connection, ssl.SSLCertVerificationError | None]:
    """Look at a control port up to TLS.

    :returns: a connection with TLS, if the server speaks it; and why its certificate does not prove
        who it is, if it does not
    :raises Stop: if it does not get so far
    """
    connection = _open(teller, way)
    if way.control.tls != "implicit":
        _read_banner(teller, way, connection)
        if not way.encrypted:
            return connection, None
        feat = _ask_for_tls(teller, way, connection)
    doubt: ssl.SSLCertVerificationError | None = None
    try:
        context = tls.verifying(way.order.root, way.order.versions)
        connection.begin_tls(context, way.order.hostname)
    except ssl.SSLCertVerificationError as error:
        # A second time, to see the certificate and the version of TLS.
        doubt = error
        connection.close()
        connection = _begin_again(teller, way)
    except BrokenError as error:
        connection.close()
        raise _no_handshake(teller, way, error) from error
    if way.control.tls == "implicit":
        _tell_tls(teller, way, connection)
        _read_banner(teller, way, connection)
    else:
        _tell_tls(teller, way, connection, feat)
    return connection, doubt


def _data(way: Way) -> dict[str, object]:
    return {"port": way.control.port, "address": way.address}


def _open(teller: Teller, way: Way) -> Connection:
    where = f"{way.address}, port {way.control.port}"
    try:
        connection = way.connect()
    except BrokenError as error:
        problem = _NOT_OPEN.get(error.trouble)
        if error.trouble is Trouble.UNREACHABLE and not vantage.own_address(way.address):
            evidence = "this computer has no way to IPv4 addresses, which cameras dial"
            teller.unknown(Layer.PORT, evidence, **_data(way))
        elif problem is None:
            teller.unknown(Layer.PORT, f"{error}", **_data(way))
        else:
            teller.fail(Layer.PORT, problem, f"{where}: {error.trouble.value}", **_data(way))
        raise Stop(Layer.PORT) from error
    if way.control.tls == "implicit":
        _tell_open(teller, way, connection)
    return connection


def _tell_open(teller: Teller, way: Way, connection: Connection) -> None:
    seconds = connection.seconds["connect"]
    evidence = f"{way.address}, port {way.control.port}, opens in {seconds * 1000:.0f} ms"
    teller.fine(Layer.PORT, evidence, seconds=seconds, **_data(way))


def _read_banner(teller: Teller, way: Way, connection: Connection) -> None:
    """Tell who answers. Only now is it known whether the connection was closed at once."""
    implicit = way.control.tls == "implicit"
    data = _data(way)
    try:
        reply = connection.reply("before the banner")
    except BrokenError as error:
        connection.close()
        closed = error.trouble in (Trouble.RESET, Trouble.ENDED)
        if closed and not implicit:
            evidence = f"port {way.control.port} opened, and was {error.trouble.value} at once"
            teller.fail(Layer.PORT, Problem.PORT_RESET, evidence, **data)
            raise Stop(Layer.PORT) from error
        if not implicit:
            _tell_open(teller, way, connection)
        foreign = error.trouble is Trouble.GARBLED
        problem = Problem.BANNER_FOREIGN if foreign else Problem.BANNER_NONE
        evidence = f"what answers does not speak FTP: {error.more}" if foreign else f"{error}"
        teller.fail(Layer.BANNER, problem, evidence, **data)
        raise Stop(Layer.BANNER) from error
    if not implicit:
        _tell_open(teller, way, connection)
    data["reply"] = reply.text
    if reply.code != 220:
        connection.close()
        _turned_away(teller, reply, data)
    if reply.text == way.order.banner:
        teller.fine(Layer.BANNER, f"{reply.text}", **data)
    else:
        evidence = f"another server answers: {reply.text[:100]!r}, and not {way.order.banner!r}"
        teller.fail(Layer.BANNER, Problem.BANNER_FOREIGN, evidence, **data)


def _turned_away(teller: Teller, reply: Reply, data: dict[str, object]) -> None:
    full = reply.code == 421
    problem = Problem.LOGIN_FULL if full else Problem.BANNER_FOREIGN
    teller.fail(Layer.BANNER, problem, f"it turns the connection away: {reply.text!r}", **data)
    raise Stop(Layer.BANNER)


def _ask_for_tls(teller: Teller, way: Way, connection: Connection) -> Reply:
    """Ask what the server can, as some cameras do, and for TLS.

    :returns: what it says that it can
    :raises Stop: if it does not begin TLS
    """
    try:
        feat = connection.ask("FEAT")
        expect(connection, "AUTH TLS", 234)
    except (BrokenError, RefusedError) as error:
        connection.close()
        data = _data(way)
        if isinstance(error, RefusedError):
            data["reply"] = error.reply.text
        teller.fail(Layer.TLS, Problem.TLS_REFUSED, f"{error}", **data)
        raise Stop(Layer.TLS) from error
    return feat


def _begin_again(teller: Teller, way: Way) -> Connection:
    try:
        connection = way.connect_until_tls()
        context = tls.trusting(way.order.versions)
        connection.begin_tls(context, way.order.hostname)
    except (BrokenError, RefusedError) as error:
        teller.fail(Layer.TLS, Problem.TLS_FAILED, f"the second time: {error}", **_data(way))
        raise Stop(Layer.TLS) from error
    return connection


def _no_handshake(teller: Teller, way: Way, error: BrokenError) -> Stop:
    if way.control.tls == "implicit" and (line := _in_clear(way)):
        evidence = f"another server answers, in clear: {line[:100]!r}"
        teller.fail(Layer.BANNER, Problem.BANNER_FOREIGN, evidence, reply=line, **_data(way))
        return Stop(Layer.BANNER)
    silent = error.trouble is Trouble.SILENT
    evidence = f"{error}" + ("; the server's part of it takes packets of full size" * silent)
    teller.fail(Layer.TLS, Problem.TLS_FAILED, evidence, silent=silent, **_data(way))
    return Stop(Layer.TLS)


def _in_clear(way: Way) -> str:
    """What the server says of itself where TLS should begin at once; empty if nothing."""
    try:
        connection = way.connect()
        try:
            return connection.reply("before the banner", _PATIENCE).text
        finally:
            connection.close()
    except BrokenError as error:
        return error.more if error.trouble is Trouble.GARBLED else ""


def _tell_tls(teller: Teller, way: Way, connection: Connection, feat: Reply | None = None) -> None:
    """Tell of the version and the cipher suite, and of versions that are out of use."""
    stream = connection.tls
    assert stream is not None
    version = (stream.version() or "").replace("TLSv1", "1", 1)
    version = "1.0" if version == "1" else version
    cipher = (stream.cipher() or ("",))[0]
    data = _data(way) | {"version": version, "cipher": cipher, "legacy": []}
    problems = False
    if version not in way.order.versions:
        problems = True
        evidence = f"TLS {version} is spoken, and the server offers {', '.join(way.order.versions)}"
        teller.fail(Layer.TLS, Problem.TLS_VERSION, evidence, **data)
    if feat and feat.code == 211 and not any("AUTH" in f for f in feat.text.split(" / ")):
        problems = True
        evidence = "AUTH TLS works, though FEAT does not list it; some cameras look there"
        teller.warn(Layer.TLS, Problem.TLS_REFUSED, evidence, reply=feat.text, **data)
    first = way.control == way.order.controls[0]
    out_of_use = [v for v in _LEGACY if v not in way.order.versions] if first else []
    tried = {v: _accepts(way, v) for v in out_of_use}
    data["legacy"] = taken = [v for v, accepted in tried.items() if accepted]
    if taken:
        problems = True
        evidence = f"TLS {' and '.join(taken)}, out of use since RFC 8996, is accepted"
        teller.warn(Layer.TLS, Problem.TLS_LEGACY, evidence, **data)
    if problems:
        return
    refused = [v for v, accepted in tried.items() if accepted is False]
    untold = [v for v, accepted in tried.items() if accepted is None]
    evidence = f"TLS {version}, {cipher}"
    evidence += f"; {' and '.join(refused)} refused" if refused else ""
    evidence += f"; this computer cannot try {' and '.join(untold)}" if untold else ""
    teller.fine(Layer.TLS, evidence, **data)


def _accepts(way: Way, version: str) -> bool | None:
    try:
        connection = way.connect_until_tls()
        try:
            return tls.accepts(connection, version)
        finally:
            connection.close()
    except (BrokenError, RefusedError):
        return None
