"""Where the server's certificate comes from, and what its issuer has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.certificate import needs_of
from hotshoe.site.checks.base import Finding, check_keys
from hotshoe.site.model import Certificate


def certificate_has_what_it_needs(site: Any) -> Iterator[Finding]:
    """Refuse an issuer that lacks a key, or has one that it does not use."""
    said = site.certificate
    yield from check_keys(said, Certificate, "certificate", needs_of(said), ("issuer",))


def certificate_is_used(site: Any) -> Iterator[Finding]:
    """Refuse to name an issuer where nothing is encrypted."""
    if site.ftp.tls == "none" and site.certificate != Certificate():
        yield (
            "certificate",
            "is not used: with tls: none, nothing is encrypted",
            "remove it, or write another ftp.tls",
        )
