"""The virtual environment that hotshoe is in."""

from __future__ import annotations

import sys
from pathlib import Path


def program(name: str) -> Path:
    """A command that is installed there, whether or not that is on the PATH.

    :param name: such as ``pyinfra``
    """
    return Path(sys.executable).with_name(name)
