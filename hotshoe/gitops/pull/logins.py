"""Where the box may log in: to itself by its own doing, elsewhere once a person lets it in."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from hotshoe import files
from hotshoe.gitops.pull.settings import Places
from hotshoe.remote.known_hosts import SSH_PORT
from hotshoe.remote.ssh import Host

AUTHORIZED_KEYS = Path("root/.ssh/authorized_keys")


def public_key(places: Places) -> str:
    """The box's public key, as authorized_keys has it (sshd(8))."""
    return places.key.with_suffix(".pub").read_text(encoding="utf-8").strip()


def own_addresses() -> frozenset[str]:
    """The addresses of this computer."""
    done = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=False)
    return frozenset(_addresses(done.stdout.split()))


def _addresses(words: list[str]) -> Iterator[str]:
    for word in words:
        try:
            yield str(ip_address(word.partition("/")[0]))
        except ValueError:
            continue


def command_to_trust(places: Places, host: Host) -> str:
    """What a person types, so that a host lets the box in."""
    option = ["-p", str(host.port)] if host.port != SSH_PORT else []
    login = f"{host.user}@{host.address}"
    return shlex.join(["ssh-copy-id", "-f", "-i", str(places.key), *option, login])


def trust_itself(places: Places) -> None:
    """Let the box's key log in to the box itself as root, and from the box alone."""
    path = places.root / AUTHORIZED_KEYS
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = public_key(places)
    line = f'from="{",".join(sorted(own_addresses()))}",restrict,pty {key}'
    _write(path, [*_others(path, key), line])


def distrust_itself(places: Places) -> None:
    """Take that away."""
    path = places.root / AUTHORIZED_KEYS
    if not path.exists() or not places.key.with_suffix(".pub").exists():
        return
    kept = _others(path, public_key(places))
    if len(kept) != len(path.read_text(encoding="utf-8").splitlines()):
        _write(path, kept)


def _write(path: Path, lines: list[str]) -> None:
    files.replace(path, "".join(f"{each}\n" for each in lines).encode(), 0o600)


def _others(path: Path, key: str) -> list[str]:
    """The lines of authorized_keys that are about other keys."""
    if not path.exists():
        return []
    body = key.split()[1]
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if body not in line.split()]
