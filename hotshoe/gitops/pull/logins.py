"""Where the box may log in: to itself by its own doing, elsewhere once a person lets it in."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

from hotshoe import files
from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull.checkout import check_out
from hotshoe.gitops.pull.history import Mirror
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.signatures import signer, why_not
from hotshoe.plan.derivation import make_plan
from hotshoe.remote.known_hosts import SSH_PORT
from hotshoe.remote.ssh import Host
from hotshoe.site.reading import SiteFiles, load_site

AUTHORIZED_KEYS = Path("root/.ssh/authorized_keys")


def arrange(places: Places, sites: Sequence[str], mirror: Mirror) -> list[str]:
    """Let the box log in to itself, and say which other hosts have to let it in.

    What cannot be fetched, or is not signed, says nothing of them.

    :param sites: which Sites the box deploys
    :param mirror: of their repository
    :returns: what a person has to know and to do, in sentences
    """
    told = [f"Its public key: {public_key(places)}"]
    try:
        mirror.newest()
        head = mirror.fetch()
        if signer(mirror, head, places.signers) is None:
            why = why_not(mirror, head, places.signers)
            return [
                *told,
                f"The newest commit is {mirror.describe(head)}: {why}. Install it again "
                "once that is signed, and it says which hosts have to let the key in.",
            ]
        folder = check_out(mirror, places, head)
        plans = [make_plan(load_site(SiteFiles(site, folder))) for site in sites]
    except HotshoeError as error:
        return [
            *told,
            f"The repository cannot be used yet: {error}",
            "Install it again once it can be.",
        ]
    own = own_addresses()
    for host in (Host.of(device) for plan in plans for device in plan.hosts):
        if host.address in own and host.user == "root":
            trust_itself(places)
            told.append(f"{host.name} is this computer, and lets the key in.")
        else:
            command = command_to_trust(places, host)
            told.append(f"{host.name} has to let it in, once: {command}")
    return told


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
    _write(path, [*_others(path, key), line.encode()])


def distrust_itself(places: Places) -> None:
    """Take that away."""
    path = places.root / AUTHORIZED_KEYS
    if not path.exists() or not places.key.with_suffix(".pub").exists():
        return
    kept = _others(path, public_key(places))
    if len(kept) != len(path.read_bytes().splitlines()):
        _write(path, kept)


def _write(path: Path, lines: list[bytes]) -> None:
    files.replace(path, b"".join(each + b"\n" for each in lines), 0o600)


def _others(path: Path, key: str) -> list[bytes]:
    """The lines of authorized_keys that are about other keys, whatever characters are in them."""
    if not path.exists():
        return []
    body = key.split()[1].encode()
    lines = path.read_bytes().splitlines()
    return [line for line in lines if body not in line.split()]
