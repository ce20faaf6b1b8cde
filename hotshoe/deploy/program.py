"""pyinfra, run as the program that it is: with its own arguments, in the folder of deploy.py."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from hotshoe import environment, venv
from hotshoe.deploy.log import Log
from hotshoe.deploy.results import SiteResult, from_plan, from_results
from hotshoe.errors import HotshoeError
from hotshoe.site.homes import INVENTORIES

Progress = Callable[[str], None]
# Seconds: to end by itself, when it is told to.
ENDING = 10


def inventory_of(site: str) -> Path:
    """The inventory of a Site, relative to the folder that holds deploy.py."""
    return INVENTORIES / f"{site}.py"


def dry_run(
    site: str, root: Path, arguments: Iterable[str] = (), progress: Progress = lambda _: None
) -> SiteResult:
    """What a deploy would change; it changes nothing.

    :param site: the Site's name
    :param root: the folder that holds deploy.py
    :param arguments: of pyinfra, besides
    :param progress: told what goes on
    """
    return _run(site, root, ["--dry", "--json", *arguments], progress, ())


def deploy(
    site: str,
    root: Path,
    arguments: Iterable[str] = (),
    progress: Progress = lambda _: None,
    kept_open: Iterable[int] = (),
) -> SiteResult:
    """Deploy: exactly ``pyinfra -y inventories/SITE.py deploy.py``.

    :param site: the Site's name
    :param root: the folder that holds deploy.py
    :param arguments: of pyinfra, besides
    :param progress: told the name of each operation as it starts
    :param kept_open: file descriptors that pyinfra keeps open until it ends
    """
    return _run(site, root, ["-y", "--json", *arguments], progress, kept_open)


def _run(
    site: str, root: Path, arguments: list[str], progress: Progress, kept_open: Iterable[int]
) -> SiteResult:
    command = [str(venv.program("pyinfra")), *arguments, str(inventory_of(site)), "deploy.py"]
    log = Log()
    try:
        process = subprocess.Popen(
            command,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            pass_fds=(*kept_open, *environment.inherited()),
        )
    except FileNotFoundError as error:
        raise HotshoeError(f"{error.filename}: cannot be run: {error.strerror}") from None
    assert process.stdout is not None
    assert process.stderr is not None
    with process, ThreadPoolExecutor(1) as pool:
        try:
            printed = pool.submit(process.stdout.read)
            for line in process.stderr:
                if started := log.add(line):
                    progress(started)
                elif line.startswith("--> "):
                    progress(line.removeprefix("--> ").strip().rstrip("."))
            status = process.wait()
        finally:
            _end(process)
        document = _document(printed.result())
    if document and document["results"] is None and status == 0:
        return from_plan(site, log, document)
    result = from_results(site, log)
    if status != 0 or document is None:
        return replace(result, error=result.error or _why_it_ended(status))
    return result


def _document(text: str) -> dict[str, object] | None:
    """What it printed; nothing if it ended before."""
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


def _why_it_ended(status: int) -> str:
    # Ctrl-C ends it with 0.
    if status <= 0:
        return "pyinfra was ended before it was done\n    -> run it again: it goes on from there"
    return f"pyinfra ended with status {status} and said nothing"


def _end(process: subprocess.Popen[str]) -> None:
    """End it, if it runs still, as when this program is ended."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
