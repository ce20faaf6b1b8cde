"""nftables tables of ours, loaded now and at every boot."""

from __future__ import annotations

from typing import Any

from hotshoe import paths
from hotshoe.debian.device import Query
from hotshoe.debian.units import Ruleset
from hotshoe.render import render
from roles.base import operations

# Kernels are built without it, Raspberry Pi OS's for example.
_HANDSHAKE = (
    "table inet hotshoe_probe { ct timeout t { protocol tcp; policy = { syn_sent : 10 }; }; }"
)
# Whether the kernel has nftables' ``ct timeout``; taken for granted while there is no ``nft`` to
# ask it with.
TIMEOUTS: Query[bool] = Query(
    "timeouts",
    f"! command -v nft >/dev/null || printf '%s\\n' '{_HANDSHAKE}' | "
    "nft --check --file - 2>/dev/null || echo unsupported",
    lambda lines: "unsupported" not in lines,
)
# What dropping() reads.
CHAINS = "nft --json list chains 2>/dev/null"


def install() -> None:
    """Install the program that loads tables and puts them back, before any table."""
    operations.put(
        paths.RULESET,
        render("base/ruleset.sh.j2"),
        mode="755",
        name="Install hotshoe-ruleset",
    )


def load(ruleset: Ruleset, text: str, purpose: str, **arguments: Any) -> None:
    """Load a table, and install a unit that loads it again at boot.

    :param ruleset: the table
    :param text: the rules
    :param purpose: what they are for, in a few words
    :param arguments: global arguments of pyinfra's operations
    :raises RefusedError: if a folder is in the way of the file with the rules
    """
    operations.refuse_folder(ruleset.path)
    written = operations.put(
        ruleset.unit.path,
        render("base/ruleset.service.j2", ruleset=ruleset, purpose=purpose),
        name=f"Install the unit that loads the rules for {purpose}",
        **arguments,
    )
    operations.ruleset(ruleset, text, [written], name=f"Load the rules for {purpose}", **arguments)
