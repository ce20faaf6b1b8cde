"""What one run of a program costs: time, processor and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
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


# Which processes belong to a run: whatever they start inherits it, also what outlives its parent.
_MARK = "HOTSHOE_BENCHMARK_RUN"
_BETWEEN_LOOKS = 0.05


def measure_memory(command: list[str], folder: Path, environment: Mapping[str, str]) -> Run:
    """Run a program to its end, and look at the memory of all its processes meanwhile.

    The looks take processor time, so the other figures of such a run are not to be compared.

    :returns: with ``peak_bytes`` of all processes at once; a page that several share counts once
        (``Pss`` of proc(5))
    :raises HotshoeError: as :func:`measure`
    """
    mark = f"{_MARK}={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    done = threading.Event()
    peaks = [0]

    def look() -> None:
        known: set[str] = set()
        while not done.wait(_BETWEEN_LOOKS):
            peaks.append(_shared_out(mark.encode(), known))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        run = measure(command, folder, {**environment, name: value})
    finally:
        done.set()
        watcher.join()
    return replace(run, peak_bytes=max(peaks))


def _shared_out(mark: bytes, known: set[str]) -> int:
    """The memory of the processes with a mark in their environment, in bytes.

    :param known: those that are known to have it; added to
    """
    total = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if process.name not in known:
                if mark not in (process / "environ").read_bytes().split(b"\0"):
                    continue
                if b"child.py" in (process / "cmdline").read_bytes():
                    continue
                known.add(process.name)
            sizes = (process / "smaps_rollup").read_text()
        except (OSError, ValueError):
            continue  # it has ended meanwhile
        total += sum(
            int(line.split()[1]) * 1024 for line in sizes.splitlines() if line.startswith("Pss:")
        )
    return total
