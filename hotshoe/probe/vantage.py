"""Where the probe is: in the home, or outside of it."""

from __future__ import annotations

import socket

from hotshoe.probe import tls
from hotshoe.probe.addresses import within
from hotshoe.probe.broken import BrokenError
from hotshoe.probe.connection import Connection
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.order import Control, Order
from hotshoe.probe.teller import Teller

# What is near answers at once.
_PATIENCE = 3.0


def own_address(towards: str) -> str:
    """This computer's address on the way to another one; empty if there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((towards, 9))  # sends nothing
        except OSError:
            return ""
        return str(sock.getsockname()[0])


def banner_at(order: Order, address: str, control: Control) -> str:
    """What a server says first at an address.

    :returns: empty if nothing comes
    """
    patience = min(order.patience, _PATIENCE)
    try:
        connection = Connection(address, control.port, patience)
        try:
            if control.tls == "implicit":
                connection.begin_tls(tls.trusting(order.versions), order.hostname)
            line = connection.reply("before the banner").text
            connection.quit()
        finally:
            connection.close()
    except BrokenError:
        return ""
    return line


def is_home(order: Order, address: str) -> bool:
    """Whether the home's server answers at an address."""
    return any(banner_at(order, address, control) == order.banner for control in order.controls)


def is_inside(order: Order, own: str) -> bool:
    """Whether this computer is in the home. Other people's networks may have the same addresses."""
    return bool(own) and within(own, order.inside) and is_home(order, order.server)


def look_at_hairpin(teller: Teller, address: str) -> None:
    """Tell whether the home's public address works from inside.

    :param address: the one that the name leads to, or that the home has
    """
    order = teller.order
    data = {"inside": True, "address": address}
    if address == order.server:
        evidence = f"here the name leads to the server's own address {address} (split DNS)"
        teller.fine(Layer.HAIRPIN, evidence, **data)
        return
    missing = [c.port for c in order.controls if banner_at(order, address, c) != order.banner]
    data["missing"] = missing
    if missing:
        evidence = f"from inside, {address} does not lead to the server at port "
        evidence += ", ".join(map(str, missing))
        teller.warn(Layer.HAIRPIN, Problem.HAIRPIN_MISSING, evidence, **data)
    else:
        teller.fine(Layer.HAIRPIN, f"from inside, {address} leads to the server as well", **data)
