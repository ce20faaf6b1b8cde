"""Results as lines for a person."""

from __future__ import annotations

import shutil
import textwrap

from hotshoe.probe.layers import Status
from hotshoe.probe.result import Result

# In words and signs that every terminal has.
_SIGNS = {Status.FINE: "ok", Status.WARNING: "!", Status.FAIL: "FAIL", Status.UNKNOWN: "?"}
_LAYER, _SIGN = 17, 5


def line(result: Result) -> str:
    """A result as one line, or more if the terminal is narrow."""
    begins = f"{result.layer.value:{_LAYER}}{_SIGNS[result.status]:{_SIGN}}"
    width = max(shutil.get_terminal_size((80, 24)).columns - 1, 40)
    return textwrap.fill(
        _printable(result.evidence),
        width,
        initial_indent=begins,
        subsequent_indent=" " * len(begins),
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Text that may hold what a stranger's server said: control characters could write anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
