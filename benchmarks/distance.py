"""A longer way from a device of a stage to the SSH servers of others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.stage import podman
from hotshoe.stage.stage import Stage

_RELAY = str(Path(__file__).with_name("relay.py"))
_PORT, _MARK = 2200, 0x5C
_TABLE = "hotshoe_distance"
_REDIRECT = f"""
table ip {_TABLE} {{
    chain output {{
        type nat hook output priority -100
        meta mark {_MARK} accept
        tcp dport 22 redirect to :{_PORT}
    }}
}}
"""


@contextmanager
def distant(stage: Stage, node: str, round_trip: float) -> Iterator[None]:
    """Have every packet of SSH from a device take its time.

    :param stage: is up
    :param node: the name of the device
    :param round_trip: in seconds, there and back
    :raises HotshoeError: if that cannot be had
    """
    container = stage.container(node)
    network = ("nsenter", f"--target={podman.pid(container)}", "--net")
    arguments = (sys.executable, _RELAY, str(_PORT), str(_MARK), str(round_trip / 2))
    with subprocess.Popen([*network, *arguments], stdout=subprocess.PIPE) as relay:
        try:
            assert relay.stdout is not None
            if not relay.stdout.readline():
                raise HotshoeError(f"{_RELAY} has ended")
            # Its own nft: an older one may not bear the rules that it has.
            podman.execute(container, "nft", "-f", "-", input_text=_REDIRECT)
            yield
        finally:
            relay.terminate()
            podman.execute(container, "nft", "delete", "table", "ip", _TABLE)
