"""How the host keys of a home are got."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hotshoe.errors import escaped
from hotshoe.remote import known_hosts
from hotshoe.remote.known_hosts import HostKey
from hotshoe.remote.ssh import NO_SSH, ONLY_FILES, Host, RemoteError

# Until a host has told its key, through whatever leads to it.
SECONDS = 60


# The algorithms of an RSA key, which go by other names (RFC 8332).
_ALGORITHMS = {"ssh-rsa": "rsa-sha2-512,rsa-sha2-256"}


def fetch(host: Host, kinds: Sequence[str] = ()) -> HostKey:
    """Ask a host for its key, by OpenSSH, which goes the way that the person's configuration says.

    Nobody logs in: the connection ends as soon as the host has proved that it has the key. What is
    not known yet stays as little known.

    :param kinds: which of its keys to ask for, if it has that: the types of those that are known
    :raises RemoteError: if it does not tell
    """
    with tempfile.TemporaryDirectory(prefix="hotshoe-") as folder:
        told, errors = Path(folder) / "known_hosts", Path(folder) / "errors"
        try:
            # A file, since what leads there may leave something running that keeps a pipe open.
            with errors.open("wb") as stderr:
                done = subprocess.run(
                    _command(host, told, kinds),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    timeout=SECONDS,
                    check=False,
                )
        except FileNotFoundError:
            raise RemoteError(NO_SSH) from None
        except subprocess.TimeoutExpired:
            raise RemoteError(f"{host.name}: did not answer within {SECONDS} s") from None
        for entry in known_hosts.entries(known_hosts.read(told)):
            return entry.key
        said = errors.read_text(errors="backslashreplace").strip().splitlines()
    reason = escaped(said[-1].strip()) if said else f"ssh ended with status {done.returncode}"
    raise RemoteError(f"{host.name}: cannot be reached at {host.address}: {reason}")


def _command(host: Host, told: Path, kinds: Sequence[str]) -> list[str]:
    options = {
        **ONLY_FILES,
        "UserKnownHostsFile": f'"{told}"',
        "StrictHostKeyChecking": "accept-new",
        "HashKnownHosts": "no",
        # With a connection that is open already, no host has to prove anything.
        "ControlPath": "none",
        "PreferredAuthentications": "none",
    }
    if kinds:
        options["HostKeyAlgorithms"] = "^" + ",".join(_ALGORITHMS.get(kind, kind) for kind in kinds)
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    program, *rest = host.command("true")
    # Of an option that is given twice, ssh takes the first.
    return [program, *words, *rest]
