"""The person's program that is told of photos, read on the computer that deploys."""

from __future__ import annotations

import stat
from pathlib import Path

from hotshoe.errors import Problem, SiteError
from hotshoe.plan.model import Message

# A program of a few lines, and what it brings along.
MOST_BYTES = 1024 * 1024
_KEY = "message.program"


def load(message: Message, site: Path, root: Path) -> str:
    """Read the program.

    :param site: the Site's file, for messages
    :param root: the folder that holds deploy.py
    :raises SiteError: if it is no program that a server can run
    """
    path = root / message.program
    try:
        # A link to what never ends, or to what waits, is none either.
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refusal(site, f"{path} is not a file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _refusal(site, f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise _refusal(
            site,
            f"{path} is longer than {MOST_BYTES // 1024} KiB",
            "write a short one, which calls what is long and is installed on the server",
        )
    begins, _, _ = content.partition(b"\n")
    if not begins.startswith(b"#!"):
        raise _refusal(
            site,
            f"{path} is no program: it does not begin with a line that names its interpreter",
            "begin it with a line such as #!/usr/bin/python3 or #!/bin/sh",
        )
    if begins.endswith(b"\r"):
        raise _refusal(
            site,
            f"{path} ends its lines as Windows does, so that no server finds its interpreter",
            "save it with the line ends of Unix (LF)",
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _refusal(site, f"{path} is not text in UTF-8", "save it as UTF-8") from None


def _refusal(site: Path, reason: str, remedy: str = "") -> SiteError:
    usual = "write the path of your program, which begins at the folder that holds deploy.py"
    return SiteError([Problem(str(site), _KEY, reason, remedy or usual)])
