"""Runs the probe on a computer to which it is pushed, and leaves nothing there.

Its text is given to ``python3 -c``. On standard input come a line with the length of the probe's
archive, the archive, and the order as a line. Standard input then stays open: when it ends, whoever
pushed has gone, and so does the probe. Its folder is removed in any case.

It runs with any Python 3, so that an old one is told as such by the probe: hence the quotes.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

# How long the probe may take to end when it is asked to.
_SECONDS = 3


def main() -> int:
    """Run what comes on standard input.

    :returns: the probe's exit status
    """
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    source = sys.stdin.buffer
    archive = source.read(int(source.readline()))
    order = source.readline()
    with tempfile.TemporaryDirectory(prefix="hotshoe-check-") as folder:
        path = Path(folder, "check.pyz")
        path.write_bytes(archive)
        probe = subprocess.Popen([sys.executable, "-I", str(path)], stdin=subprocess.PIPE)
        try:
            assert probe.stdin
            with suppress(BrokenPipeError):  # why it has ended already, it has said
                probe.stdin.write(order)
                probe.stdin.close()
            threading.Thread(target=_end_with_input, args=(probe,), daemon=True).start()
            return probe.wait()
        finally:
            _end(probe)


def _leave(_number: int, _frame: Any) -> None:
    sys.exit(1)


def _end_with_input(probe: "subprocess.Popen[bytes]") -> None:
    # Not by sys.stdin: its lock would still be held when Python ends.
    while os.read(0, 4096):
        pass
    probe.terminate()


def _end(probe: "subprocess.Popen[bytes]") -> None:
    if probe.poll() is None:
        probe.terminate()
        try:
            probe.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            probe.kill()
            probe.wait()


if __name__ == "__main__":
    sys.exit(main())
