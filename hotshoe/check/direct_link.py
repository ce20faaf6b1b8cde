"""The address that cameras dial on a direct link, which no Site and no DNS has."""

from __future__ import annotations

import re

from hotshoe.plan.model import ServerPlan
from hotshoe.remote.ssh import PERSONAL, Access, Host, RemoteError

_ADDRESSES = 'exec ip -4 -oneline address show dev "$1" up'


def address_of(server: ServerPlan, access: Access = PERSONAL) -> str:
    """The server's address on its direct link.

    :param access: what leads to its machines
    :raises RemoteError: if it cannot be asked, or has none
    """
    assert server.only_on
    said = Host.of(server, access).run(_ADDRESSES, server.only_on).decode(errors="replace")
    found = re.search(r"\binet ([0-9.]+)[/ ]", said)
    if not found:
        raise RemoteError(
            f"{server.name}: has no address on {server.only_on}: the direct link is down\n"
            "    -> plug the cable in, or bring its Wi-Fi up"
        )
    return found[1]
