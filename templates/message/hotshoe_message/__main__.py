"""The program.

Usage: python3 -m hotshoe_message CONFIGURATION
"""

from __future__ import annotations

import asyncio
import json
import pwd
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hotshoe_message.journal import Journal
from hotshoe_message.living import live
from hotshoe_message.messages import Messages
from hotshoe_message.reports import Reports
from hotshoe_message.runs import run
from hotshoe_message.state import State

# What becomes of a state that cannot be read.
UNREADABLE = ".unreadable"


def open_state(path: Path, reports: Reports) -> State:
    """What has to be told; nothing, if the file cannot be read any more.

    :raises sqlite3.OperationalError: if it cannot be read or written just now
    """
    try:
        return State(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        kept = path.with_name(path.name + UNREADABLE)
        path.replace(kept)
        for more in ("-wal", "-shm"):
            path.with_name(path.name + more).unlink(missing_ok=True)
        reports.begun_anew(str(error), str(kept))
        return State(path)


async def tell(configuration: Mapping[str, Any], state: State, reports: Reports) -> None:
    """Tell the program of photos until systemd ends this."""
    entrance, seconds = Path(configuration["entrance"]), configuration["timeout_seconds"]
    library, intake = configuration["library"], pwd.getpwnam(configuration["intake"]).pw_uid
    messages = Messages(
        configuration,
        state,
        lambda read: run(entrance, read, seconds),
        reports,
        lambda cursor, since: Journal(intake, library, cursor, since),
    )
    await live(messages.run, messages.finish)


def main() -> None:
    """Tell the program of photos, as the file says."""
    configuration = json.loads(Path(sys.argv[1]).read_text())
    reports = Reports(configuration["program"])
    try:
        state = open_state(Path(configuration["state"]), reports)
        asyncio.run(tell(configuration, state, reports))
        state.close()
    except sqlite3.Error as error:
        reports.unwritable(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
