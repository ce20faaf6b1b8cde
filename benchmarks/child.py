"""Run a program and report what it used: ``child.py FD PROGRAM …``, for benchmarks.stopwatch.

The kernel counts the memory of whoever starts a process as that process's own, so this imports next
to nothing.
"""

import json
import os
import sys
import time

report = int(sys.argv[1])
os.set_inheritable(report, False)
started = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
seconds = time.monotonic() - started
os.write(
    report, json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]).encode()
)
sys.exit(status != 0)
