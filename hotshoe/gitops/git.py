"""The only place that runs git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hotshoe.errors import HotshoeError, escaped_lines

# What a repository that others write to could have this computer do.
SAFE = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "protocol.ext.allow": "never",
}


def git(
    root: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    configuration: Mapping[str, str] | None = None,
    seconds: float | None = None,
    input_text: str | None = None,
) -> str:
    """Run git in a repository.

    :param root: a folder of it
    :param arguments: of git
    :param environment: variables beside those of this process
    :param configuration: what counts more than any file of git-config(1), by its keys
    :param seconds: how long it may take; None for as long as it takes
    :param input_text: what it reads on standard input; nothing unless said
    :returns: what it prints
    :raises HotshoeError: with what it says, if it fails or is not there
    """
    settings = SAFE | dict(configuration or {})
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    try:
        done = subprocess.run(
            ["git", *options, "-C", str(root), *arguments],
            capture_output=True,
            input=input_text or "",
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            timeout=seconds,
            env={**os.environ, "LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0"}
            | dict(environment or {}),
        )
    except FileNotFoundError:
        raise HotshoeError("git is not installed\n    -> apt install git") from None
    except subprocess.TimeoutExpired:
        raise HotshoeError(f"{root}: git {arguments[0]} took longer than {seconds:g} s") from None
    if done.returncode != 0:
        if "not a git repository" in done.stderr:
            raise HotshoeError(
                f"{root.resolve()}: is in no repository of git\n"
                "    -> run this in a clone of your repository, or make it one: git init"
            )
        # Of what it says, a part may be what a server or a commit says.
        said = escaped_lines(done.stderr.strip()) or f"it ended with status {done.returncode}"
        raise HotshoeError(f"{root}: git {arguments[0]} failed: {said}")
    return done.stdout


def top_of(root: Path) -> Path:
    """The folder that a repository begins at.

    :param root: a folder of it
    :raises HotshoeError: if it is in none
    """
    return Path(git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
