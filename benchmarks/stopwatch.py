"""What one run of a program costs: time, processor and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hotshoe.errors import HotshoeError

_CHILD = str(Path(__file__).with_name("child.py"))


@dataclass(frozen=True)
class Run:
    """A program that has run.

    :param seconds: from start to end
    :param cpu_seconds: user and system, of the program and of every child that it waited for; the
        ssh that Ansible leaves behind to share its connection is not among them
    :param peak_bytes: memory of the largest process among them
    :param output: what it printed
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def measure(command: list[str], folder: Path, environment: Mapping[str, str]) -> Run:
    """Run a program to its end.

    :param folder: where it runs
    :param environment: what is added to this process's own
    :raises HotshoeError: with the end of what it said, if it fails
    """
    # Developers and containers set this; with it, hotshoe's own files are compiled in every run.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    reader, writer = os.pipe()
    done = subprocess.run(
        [sys.executable, "-I", "-S", _CHILD, str(writer), *command],
        cwd=folder,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        pass_fds=[writer],
        check=False,
    )
    os.close(writer)
    with os.fdopen(reader) as report:
        used = report.read()
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[-25:]
        raise HotshoeError("\n".join([f"this failed: {' '.join(command)}", *said]))
    seconds, cpu_seconds, peak_bytes = json.loads(used)
    return Run(seconds, cpu_seconds, peak_bytes, done.stdout)
