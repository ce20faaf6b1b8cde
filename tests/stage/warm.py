"""Command-line programs that are loaded once and then run many times: each run is a fork.

pyinfra computes for a second until it has imported what it is made of, ansible-vault and hotshoe
for half a second; the tests run each of them very often. What runs is the same program, with
arguments, environment, folder, streams and exit status of its own.

    python warm.py SOCKET MODULE PRELOADED…     serves until its standard input ends
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# pyinfra replaces parts of the standard library when it is imported.
_fork, _waitpid, _select, _Socket = os.fork, os.waitpid, select.select, socket.socket

# A program that asks for the run of another one, and has hardly anything to import itself.
_CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({path!r})
order = {{"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd()}}
rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
line.sendmsg([b"."], [rights])
line.sendall(json.dumps(order).encode() + b"\\n")
status = line.recv(1)
if not status: os.kill(os.getpid(), signal.SIGKILL)
os._exit(status[0])
"""


# Of each program its module, whose ``main`` it is, and other modules that it needs: of a package,
# all that is in it.
PROGRAMS = {
    "pyinfra": (
        *("pyinfra_cli.main", "pyinfra.facts.server", "pyinfra.operations.server", "hotshoe"),
    ),
    "ansible-vault": ("ansible.cli.vault",),
    "hotshoe": ("hotshoe.cli", "hotshoe", "rich.console", "rich.table", "yaml"),
}


@functools.cache
def program(name: str) -> str:
    """The path of a client that can be run in the place of that program.

    Its server ends with this process. In the folder of the client are those of the other programs,
    since hotshoe looks for ansible-vault beside pyinfra.
    """
    return str(_clients() / name)


@functools.cache
def _clients() -> Path:
    # Not in the project: the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="hotshoe-warm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "python3").symlink_to(sys.executable)
    servers = [(_start(folder, name), folder / f"{name}.socket") for name in PROGRAMS]
    for server, path in servers:
        while not path.exists():
            assert server.poll() is None, server.args
            time.sleep(0.05)
    return folder


def _start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    path = f"{folder / name}.socket"
    client = folder / name
    client.write_text(_CLIENT.format(python=sys.executable, path=path))
    client.chmod(0o755)
    command = [sys.executable, __file__, path, *PROGRAMS[name]]
    # ansible refuses to be imported in any other encoding.
    environment = os.environ | {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)


def _serve(path: str, module: str, preloaded: list[str]) -> None:
    listening = _Socket(socket.AF_UNIX)
    main = importlib.import_module(module).main
    for name in preloaded:
        package = importlib.import_module(name)
        for each in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
            importlib.import_module(each.name)
    listening.bind(f"{path}.new")
    listening.listen(16)
    Path(f"{path}.new").rename(path)
    while True:
        ready, _, _ = _select([0, listening], [], [], 1)
        with contextlib.suppress(ChildProcessError):
            while _waitpid(-1, os.WNOHANG)[0]:
                pass
        if 0 in ready:
            return
        if listening in ready:
            accepted, _ = listening._accept()  # type: ignore[attr-defined]
            line = _Socket(fileno=accepted)
            if _fork() == 0:
                listening.close()
                _run(line, main)
            line.close()


def _run(line: socket.socket, main: Any) -> None:
    """Be the program: take the streams and the rest, and tell the exit status."""
    status = 1
    try:
        room = socket.CMSG_LEN(3 * array.array("i").itemsize)
        _, (rights, *_), _, _ = line.recvmsg(1, room)
        for number, descriptor in enumerate(array.array("i", rights[2])):
            os.dup2(descriptor, number)
            os.close(descriptor)
        order = json.loads(line.makefile("rb").readline())
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        sys.argv = order["argv"]
        # Where programs beside this one are looked for.
        sys.executable = str(Path(sys.argv[0]).with_name("python3"))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            main()
            status = 0
        except SystemExit as error:
            code = error.code
            status = 0 if code is None else code if isinstance(code, int) else 1
            if isinstance(code, str):
                print(code, file=sys.stderr)
        except BaseException:
            import traceback

            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Not by a socket of gevent's, which may have replaced it in the meantime.
        os.write(line.fileno(), bytes([status & 255]))
        os._exit(status & 255)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], sys.argv[3:])
