"""How TLS is spoken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.checks.base import Finding

_OPTIONS = ("tls_1_3", "legacy_tls", "rsa_key_exchange")


def tls_options_are_used(site: Any) -> Iterator[Finding]:
    """Refuse to say how TLS is spoken where it is not."""
    for key in _OPTIONS:
        if getattr(site.ftp, key) and site.ftp.tls == "none":
            yield (f"ftp.{key}", "is not used: tls: none has no TLS", "remove it")


def legacy_tls_can_be_broken(site: Any) -> Iterator[Finding]:
    """Warn of TLS 1.0 and 1.1."""
    if not site.ftp.legacy_tls or site.ftp.tls == "none":
        return
    networks = " and ".join(map(str, site.ftp.only_from))
    reach = f"who can reach the server from {networks}" if networks else "who can reach the server"
    yield (
        "ftp.legacy_tls",
        "TLS 1.0 and 1.1 sign with MD5 and SHA-1, which can be forged (RFC 8996): somebody on the "
        "way may make a camera and the server use them, and read a password. So strangers get "
        f"fewer sessions and connections and less time to log in; all {reach} may still try",
        "remove it once no camera needs it"
        + ("" if networks else "; until then write ftp.only_from: [the networks that cameras use]"),
    )
