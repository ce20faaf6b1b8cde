"""Where the server's certificate comes from, and what its issuer has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.certificate import needs_of
from hotshoe.site.checks.base import Finding
from hotshoe.site.model import Certificate


def certificate_has_what_it_needs(site: Any) -> Iterator[Finding]:
    """Refuse an issuer that lacks a key, or has one that it does not use."""
    said = site.certificate
    needs = needs_of(said)
    for key, field in Certificate.model_fields.items():
        value = getattr(said, key)
        if key in needs.needs and value is None:
            yield (
                f"certificate.{key}",
                f"is missing, and {needs.title} needs it",
                f"write for example {key}: {(field.examples or [''])[0]}",
            )
        elif key not in ("issuer", *needs.needs, *needs.takes) and value != field.default:
            yield (f"certificate.{key}", f"{needs.title} does not use it", "remove it")


def certificate_is_used(site: Any) -> Iterator[Finding]:
    """Refuse to name an issuer where nothing is encrypted."""
    if site.ftp.tls == "none" and site.certificate != Certificate():
        yield (
            "certificate",
            "is not used: with tls: none, nothing is encrypted",
            "remove it, or write another ftp.tls",
        )
