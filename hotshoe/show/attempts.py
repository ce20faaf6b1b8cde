"""What cameras try, as a person reads it on a terminal while it happens."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from hotshoe.check.attempts import Notice
from hotshoe.errors import escaped

_STYLES = {True: "green", False: "red", None: ""}


def line(told: Notice, servers: Sequence[str]) -> Text:
    """Something that happened, in one line.

    :param servers: all that are watched; with one, its name is not told
    """
    words = [f"{told.at:%H:%M:%S}"]
    if len(servers) > 1:
        words.append(told.server.ljust(max(map(len, servers))))
    # Whoever knows a password chooses the names of photos.
    return Text.assemble("  ".join(words) + "  ", (escaped(told.text), _STYLES[told.fine]))
