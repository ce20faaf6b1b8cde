"""``python -m benchmarks [PART …]``, as root, in the folder that holds deploy.py.

The parts are ``plan``, ``deploy``, ``hosts``, ``upload``, ``delivery``, ``fetch`` (which
``delivery`` includes) and ``intake``; without any, all but the last, which is long.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from benchmarks import planning
from benchmarks.bench import Bench, say
from benchmarks.delivery import Deliveries
from benchmarks.fetching import Fetches
from benchmarks.hosts import ManyHosts
from hotshoe.errors import HotshoeError
from hotshoe.stage import podman

PARTS = ("plan", "deploy", "hosts", "upload", "delivery", "fetch", "intake")


def main(parts: Collection[str]) -> None:
    """Print the figures, and leave nothing behind.

    :param parts: of :data:`PARTS`
    :raises HotshoeError: if there is no figure to print
    """
    if unknown := set(parts) - set(PARTS):
        raise HotshoeError(f"{', '.join(unknown)}: the parts are {', '.join(PARTS)}")
    if reason := podman.why_no_stage():
        raise HotshoeError(reason)
    with tempfile.TemporaryDirectory(prefix="hotshoe-bench-") as folder:
        if "plan" in parts:
            for figure in planning.figures(Path(folder)):
                print(figure, flush=True)
        if "hosts" in parts:
            for figure in ManyHosts(Path(folder)).figures(say):
                print(figure, flush=True)
        if "delivery" in parts:
            for figure in Deliveries(Path(folder)).figures(say):
                print(figure, flush=True)
        if {"delivery", "fetch"}.intersection(parts):
            for figure in Fetches(Path(folder)).figures(say):
                print(figure, flush=True)
        if {"deploy", "upload", "intake"}.isdisjoint(parts):
            return
        bench = Bench(Path(folder))
        try:
            for figure in bench.run(parts):
                print(figure, flush=True)
        finally:
            bench.stage.down()


# Containers are taken down also by whoever ends this.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
try:
    main(sys.argv[1:] or PARTS[:-1])
except HotshoeError as error:
    sys.exit(f"Error: {error}")
