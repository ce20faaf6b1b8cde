"""A longer way from a device of a stage to the SSH servers of others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hotshoe.errors import HotshoeError

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
def distant(inside: Callable[..., list[str]], round_trip: float) -> Iterator[None]:
    """Have every packet of SSH from a device take its time.

    :param inside: makes of a command of this computer one that runs in the device's network
    :param round_trip: in seconds, there and back
    :raises HotshoeError: if that cannot be had
    """
    arguments = (sys.executable, _RELAY, str(_PORT), str(_MARK), str(round_trip / 2))
    with subprocess.Popen(inside(*arguments), stdout=subprocess.PIPE) as relay:
        try:
            assert relay.stdout is not None
            if not relay.stdout.readline():
                raise HotshoeError(f"{_RELAY} has ended")
            _nft(inside, "-f", "-", rules=_REDIRECT)
            yield
        finally:
            relay.terminate()
            _nft(inside, "delete", "table", "ip", _TABLE)


def _nft(inside: Callable[..., list[str]], *arguments: str, rules: str = "") -> None:
    command = inside("nft", *arguments)
    done = subprocess.run(command, input=rules, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HotshoeError(f"nft: {done.stderr.strip()}")
