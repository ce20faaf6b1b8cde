"""Which certificate is in use: when a new one takes its place, and how."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hotshoe_acme.configuration import INFO, WARNING, Configuration, FailedError, say

DAY = 24 * 3600
# A camera whose clock is a day behind refuses what began less than a day ago; clocks are set by
# hand and know no time zone. Authorities date a certificate back by an hour.
OLD_ENOUGH = 2 * DAY
# With less left, one that some cameras may refuse is better than one that all of them soon will.
MUST_LAST = 7 * DAY
DAEMONS = "hotshoe-vsftpd*.service"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Span:
    """From when until when a certificate is valid, in seconds since 1970."""

    begins: float
    ends: float


def may_go_live(new: Span, current: Span | None, now: float) -> bool:
    """Whether a renewed certificate takes the place of the current one already.

    :param current: the one in use; None if it is none that the authority gave for this name
    """
    return current is None or now - new.begins >= OLD_ENOUGH or current.ends - now < MUST_LAST


def install(configuration: Configuration, now: float, *, at_once: bool = False) -> None:
    """Put the last certificate into use, if it is good and old enough.

    :param now: the time
    :param at_once: whether it may be as young as it is
    :raises FailedError: if it is not good; nothing is changed then
    """
    wanted, notes = _checked(configuration)
    server = Path(configuration.server)
    current = server.read_bytes() if server.exists() else b""
    if wanted != current:
        new = _span(_leaf(wanted))
        if at_once or may_go_live(new, _span_of_ours(configuration, current), now):
            _replace(server, wanted)
            say(INFO, f"the new certificate for {configuration.hostname} is in use")
            say(WARNING, notes)
        else:
            hours = (new.begins + OLD_ENOUGH - now) / 3600
            say(
                INFO,
                f"the renewed certificate goes live in {hours:.0f} hours, so that cameras whose "
                "clocks are a day behind accept it; for now: hotshoe-acme install --now",
            )
    restart(configuration)


def restart(configuration: Configuration) -> None:
    """Restart the daemons that run with another certificate than the file's.

    :raises FailedError: if systemd cannot
    """
    line = f"{_digest(Path(configuration.server))}  {configuration.server}"
    for unit in _active_daemons():
        record = Path(configuration.records) / f"{unit.removesuffix('.service')}.loaded"
        loaded = record.read_text().splitlines() if record.exists() else []
        if line not in loaded:
            _systemctl("restart", unit)


def tell_what_is_left(configuration: Configuration, now: float) -> None:
    """Say how long the certificate in use lasts, when no other can be had."""
    server = Path(configuration.server)
    leaf = _leaf(server.read_bytes()) if server.exists() else b""
    if leaf:
        days = (_span(leaf).ends - now) / DAY
        say(WARNING, f"the certificate in use stays; it has {days:.0f} days left")


def _checked(configuration: Configuration) -> tuple[bytes, str]:
    """What the server's file has to be, and what may trouble some cameras about it.

    :raises FailedError: if key and chain are not good
    """
    chain, key = (f"{configuration.lineage}/{name}.pem" for name in ("fullchain", "privkey"))
    command = (sys.executable, "-B", "-P", "-s", configuration.pair, configuration.hostname)
    done = subprocess.run((*command, chain, key), capture_output=True, check=False)
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode != 0 or not done.stdout:
        raise FailedError(
            f"what certbot got is not used, and the certificate in use stays:\n{said}"
        )
    return done.stdout, said


def _span_of_ours(configuration: Configuration, pem: bytes) -> Span | None:
    """The time of a certificate that certbot got; None of another, and of one that is broken."""
    leaf = _leaf(pem)
    if not leaf or leaf not in _archived(configuration):
        return None
    return _span(leaf)


def _archived(configuration: Configuration) -> Iterator[bytes]:
    for file in Path(configuration.archive).glob("cert*.pem"):
        yield _leaf(file.read_bytes())


def _leaf(pem: bytes) -> bytes:
    """The first certificate of a file; empty if there is none."""
    found = _CERTIFICATE.search(pem)
    return found[0].replace(b"\r", b"") if found else b""


def _span(leaf: bytes) -> Span:
    command = ("openssl", "x509", "-noout", "-startdate", "-enddate")
    done = subprocess.run(command, input=leaf, capture_output=True, check=False)
    lines = dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)
    try:
        begins, ends = (ssl.cert_time_to_seconds(lines[key]) for key in ("notBefore", "notAfter"))
    except (KeyError, ValueError):
        return Span(0, 0)
    return Span(begins, ends)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step, for root alone."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _active_daemons() -> list[str]:
    command = ("list-units", "--state=active", "--plain", "--no-legend", DAEMONS)
    return [line.split()[0] for line in _systemctl(*command).splitlines() if line.strip()]


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(("systemctl", *arguments), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FailedError(f"systemctl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
