"""``python -m benchmarks``, as root, in the folder that holds deploy.py."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import planning
from benchmarks.bench import Bench
from hotshoe.errors import HotshoeError
from hotshoe.stage import podman


def main() -> None:
    """Print the figures, and leave nothing behind.

    :raises HotshoeError: if there is no figure to print
    """
    if reason := podman.why_no_stage():
        raise HotshoeError(reason)
    with tempfile.TemporaryDirectory(prefix="hotshoe-bench-") as folder:
        for figure in planning.figures(Path(folder)):
            print(figure, flush=True)
        bench = Bench(Path(folder))
        try:
            for figure in bench.run():
                print(figure, flush=True)
        finally:
            bench.stage.down()


try:
    main()
except HotshoeError as error:
    sys.exit(f"Error: {error}")
