"""How fast it is. Nobody is judged."""

from __future__ import annotations

from statistics import median

from hotshoe.probe.connection import Connection
from hotshoe.probe.layers import Layer
from hotshoe.probe.session import Way
from hotshoe.probe.teller import Teller


def tell(teller: Teller, way: Way, connection: Connection) -> None:
    """Tell how fast it is.

    :param connection: on which replies came
    """
    connect, tls = connection.seconds["connect"], connection.seconds.get("tls")
    reply = median(connection.waits)
    evidence = f"connect {connect * 1000:.0f} ms"
    evidence += f", TLS {tls * 1000:.0f} ms" if tls is not None else ""
    evidence += f", a reply {reply * 1000:.0f} ms"
    if way.bytes_per_second is not None:
        evidence += f", upload {way.bytes_per_second / 1e6:.1f} MB/s"
    teller.fine(
        Layer.SPEED,
        evidence,
        connect=connect,
        tls=tls,
        reply=reply,
        bytes_per_second=way.bytes_per_second,
    )
