"""An nftables table of ours, loaded now and at every boot."""

from __future__ import annotations

from typing import Any

from hotshoe.render import render
from roles.base import operations
from roles.base.device import record_path, ruleset_loaded, ruleset_path, ruleset_unit


def load(table: str, text: str, purpose: str, **arguments: Any) -> None:
    """Load a table, and have a unit that loads it again at boot.

    :param table: its name
    :param text: the rules
    :param purpose: what they are for, in a few words
    :param arguments: global arguments of pyinfra's operations
    :raises RefusedError: if a folder is in the way of the file with the rules
    """
    operations.refuse_folder(ruleset_path(table))
    unit = ruleset_unit(table)
    written = operations.put(
        f"/etc/systemd/system/{unit}",
        render(
            "base/ruleset.service.j2",
            table=table,
            purpose=purpose,
            path=ruleset_path(table),
            loaded=ruleset_loaded(table),
            record=record_path(unit),
        ),
        name=f"Unit that loads {purpose} at boot",
        **arguments,
    )
    operations.ruleset(table, text, [written], name=f"Rules: {purpose}", **arguments)
