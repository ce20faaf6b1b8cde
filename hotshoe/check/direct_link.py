"""The address that cameras dial on a direct link, which no Site and no DNS has."""

from __future__ import annotations

import re
from pathlib import Path

from hotshoe.plan.model import ServerPlan
from hotshoe.remote.ssh import Host, RemoteError

_ADDRESSES = 'exec ip -4 -oneline address show dev "$1" up'


def address_of(server: ServerPlan, config: Path | None = None) -> str:
    """The server's address on its direct link.

    :param config: an ssh_config(5) file to use instead of the person's
    :raises RemoteError: if it cannot be asked, or has none
    """
    assert server.only_on
    said = Host.of(server, config).run(_ADDRESSES, server.only_on).decode(errors="replace")
    found = re.search(r"\binet ([0-9.]+)[/ ]", said)
    if not found:
        raise RemoteError(
            f"{server.name}: has no address on {server.only_on}: the direct link is down\n"
            "    -> plug the cable in, or bring its Wi-Fi up"
        )
    return found[1]
