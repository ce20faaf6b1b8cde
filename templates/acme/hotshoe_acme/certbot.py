"""certbot, and what it needs while an authority asks for proof of the name."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from hotshoe_acme.configuration import WARNING, Configuration, FailedError, say

# Debian's, whatever else is called so on the server.
_CERTBOT = "/usr/bin/certbot"
# What certbot has of a certificate; without one of them it renews nothing.
_PARTS = ("cert", "chain", "fullchain", "privkey")
# Of the firewall's table, in which the port is open as long as it is an element.
_SET = ("inet", "hotshoe_firewall", "challenge")
# Longer than any validation; it closes by itself if this is killed.
_OPEN_SECONDS = 300
# Longer than certbot waits for an authority (its own limits are minutes).
_LONGEST = 900
_LAST_LINES = 12


def run(configuration: Configuration, *arguments: str) -> None:
    """Run certbot with the configuration of ours alone.

    :raises FailedError: with the end of what it said, and what to check
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    if configuration.ca_bundle:
        # What requests, certbot's HTTP library, verifies by.
        environment["REQUESTS_CA_BUNDLE"] = configuration.ca_bundle
    command = [_CERTBOT, *arguments, "--config", configuration.certbot]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"certbot does not end within {_LONGEST} seconds") from None
    if done.returncode != 0:
        # Nobody needs a line that only separates, or the one that advertises a forum.
        lines = [line for line in done.stdout.splitlines() if line.strip(" -*")]
        lines = [line for line in lines if "community.letsencrypt.org" not in line]
        said = "\n".join(f"certbot: {line}" for line in lines[-_LAST_LINES:])
        raise FailedError(f"{said}\n{configuration.what_to_check}")


def obtain(configuration: Configuration) -> None:
    """Get a certificate for these settings, whatever there was before.

    :raises FailedError: if the authority does not give one
    """
    _forget(configuration)
    name = Path(configuration.lineage).name
    run(configuration, "certonly", "--cert-name", name, "--domain", configuration.hostname)
    _write(Path(configuration.obtained), configuration.settings)


def _forget(configuration: Configuration) -> None:
    """Remove what certbot has of another certificate, or had half of when it was killed.

    Where its configuration is empty, or a folder is there without it, certbot refuses, or puts what
    it gets under another name. The certificate in use is a file of its own, and stays.
    """
    Path(configuration.obtained).unlink(missing_ok=True)
    for folder in (_renewal(configuration), Path(configuration.lineage), configuration.archive):
        for found in Path(folder).parent.glob(f"{Path(folder).stem}*"):
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink()


def _renewal(configuration: Configuration) -> Path:
    """What certbot has written of how it renews the certificate."""
    lineage = Path(configuration.lineage)
    return lineage.parent.parent / "renewal" / f"{lineage.name}.conf"


def renew(configuration: Configuration, *, force: bool) -> None:
    """Renew the certificate if certbot finds that its time has come.

    :param force: renew it in any case
    :raises FailedError: if the authority does not give one
    """
    name = Path(configuration.lineage).name
    run(configuration, "renew", "--cert-name", name, *(["--force-renewal"] if force else []))


def is_obtained(configuration: Configuration) -> bool:
    """Whether certbot has got a certificate for these settings, and has all that renewing needs."""
    try:
        said = Path(configuration.obtained).read_text()
        whole = _renewal(configuration).stat().st_size > 0
    except FileNotFoundError:
        return False
    parts = (Path(configuration.lineage, f"{part}.pem") for part in _PARTS)
    return said == configuration.settings and whole and all(part.exists() for part in parts)


def open_port(configuration: Configuration) -> None:
    """Open the port at which the authority asks, for as long as certbot needs it at most."""
    if configuration.port:
        until = ("timeout", f"{_OPEN_SECONDS}s")
        _nft("add", "element", *_SET, "{", str(configuration.port), *until, "}")


def close_port(configuration: Configuration) -> None:
    """Close it again."""
    if configuration.port:
        try:
            _nft("delete", "element", *_SET, "{", str(configuration.port), "}")
        except FailedError as error:
            say(WARNING, f"{error}; the port closes by itself within {_OPEN_SECONDS} seconds")


def call_hook(configuration: Configuration, action: str) -> None:
    """Have the person's program set the record that proves the name, or remove it.

    It gets the record's name and value as arguments, and all of certbot's own variables.

    :param action: ``add`` or ``remove``
    :raises FailedError: if the program fails
    """
    hook = configuration.hook
    domain, value = os.environ.get("CERTBOT_DOMAIN"), os.environ.get("CERTBOT_VALIDATION")
    if not (hook and domain and value):
        raise FailedError("this is for certbot to call, where the Site names a hook")
    try:
        done = subprocess.run(
            (hook, action, f"_acme-challenge.{domain}", value),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise FailedError(f"{hook} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise FailedError(f"{hook} {action} ends with {done.returncode}")
    if action == "add":
        time.sleep(configuration.propagation_seconds)


def _nft(*arguments: str) -> None:
    done = subprocess.run(("nft", *arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FailedError(f"nft {' '.join(arguments)}: {done.stderr.strip()}")


def _write(path: Path, text: str) -> None:
    """Replace a file in one step."""
    new = path.with_name(path.name + ".new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
