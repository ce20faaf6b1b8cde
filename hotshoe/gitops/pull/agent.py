"""An ssh-agent with the box's key, so that pyinfra, ssh and git log in with it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotshoe.errors import HotshoeError, escaped


@contextmanager
def ssh_agent(key: Path) -> Iterator[Path]:
    """Run one while this lasts.

    :param key: a private key without a passphrase
    :returns: where it listens
    :raises HotshoeError: if there is none
    """
    with tempfile.TemporaryDirectory(prefix="hotshoe-pull-") as folder:
        socket = Path(folder) / "agent"
        try:
            # With -D it stays in the foreground, and ends when it is ended.
            agent = subprocess.Popen(
                ["ssh-agent", "-D", "-a", str(socket)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise HotshoeError(
                "ssh-agent: there is no such program\n    -> apt-get install openssh-client"
            ) from None
        try:
            assert agent.stdout
            # It tells where it listens once it does.
            agent.stdout.readline()
            add = subprocess.run(
                ["ssh-add", "-q", str(key)],
                env={**os.environ, "SSH_AUTH_SOCK": str(socket)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if add.returncode != 0:
                raise HotshoeError(
                    f"{key}: cannot be used: {escaped(add.stderr.strip())}\n"
                    "    -> hotshoe pull install makes one where there is none"
                )
            yield socket
        finally:
            agent.terminate()
            agent.wait()
            assert agent.stdout
            agent.stdout.close()
