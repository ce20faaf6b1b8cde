"""Which release of hotshoe a commit is made for."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version
from pathlib import Path

from hotshoe.venv import program

# As `hotshoe init` writes it, in the form of pip.
FILE = "requirements.txt"
_PINNED = re.compile(r"(?m)^hotshoe(?:\[[^]]*\])?\s*(?:==\s*|@.*@v)(?P<version>[^\s;#]+)")


def why_another_release(folder: Path) -> str | None:
    """Why this release of hotshoe must not deploy a commit; None if it may.

    :param folder: the files of the commit
    """
    try:
        pinned = _PINNED.search((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    installed = version("hotshoe")
    if not pinned or pinned["version"] == installed:
        return None
    words = [str(program("pip")), "install", "--requirement", str(folder / FILE)]
    return (
        f"{FILE}: is for hotshoe {pinned['version']}, and this computer has {installed}\n"
        f"    -> {shlex.join(words)}"
    )
