"""How an ACME authority can be shown that the name is this home's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.ports.ranges import PortRange
from hotshoe.site.certificate import CHALLENGE_KEYS, HTTP_PORT, RFC2136_KEYS
from hotshoe.site.checks.base import Finding, router_index, with_fields
from hotshoe.site.ftp_ports import control_ports_of, key_of
from hotshoe.site.model import Certificate

_BY_DNS = "write challenge: dns-01 below certificate, which needs no port"


def _uses_acme(site: Any) -> bool:
    return bool(site.certificate.issuer == "letsencrypt" and site.ftp.tls != "none")


def _by_http(site: Any) -> bool:
    return _uses_acme(site) and site.certificate.challenge in (None, "http-01")


def challenge_has_what_it_needs(site: Any) -> Iterator[Finding]:
    """Refuse a way to prove the name that lacks a key, or has one that it does not use."""
    said = site.certificate
    if not _uses_acme(site):
        return
    given = [
        key for key in CHALLENGE_KEYS if getattr(said, key) != Certificate.model_fields[key].default
    ]
    if _by_http(site):
        for key in given:
            yield (
                f"certificate.{key}",
                "challenge: http-01 does not use it",
                "remove it, or write challenge: dns-01",
            )
    elif said.hook:
        for key in given:
            if key in RFC2136_KEYS:
                yield (
                    f"certificate.{key}",
                    "with certificate.hook, a program of yours sets the record",
                    "remove it, or remove certificate.hook",
                )
        if not said.hook.startswith("/"):
            yield (
                "certificate.hook",
                f"{said.hook} is no absolute path of a program on the server",
                "write for example hook: /usr/local/sbin/dns-hook",
            )
    elif not said.server and not said.key_name:
        yield (
            "certificate.challenge",
            "dns-01 needs to know how the record of the name is set",
            "write server and key_name (RFC 2136), or hook, a program of yours on the server",
        )
    else:
        for key in ("server", "key_name"):
            if not getattr(said, key):
                example = (Certificate.model_fields[key].examples or [""])[0]
                yield (
                    f"certificate.{key}",
                    "is missing, and dns-01 by RFC 2136 needs it",
                    f"write for example {key}: {example}",
                )


def directory_is_one(site: Any) -> Iterator[Finding]:
    """Refuse two directories at once, and what would verify none that is named."""
    said = site.certificate
    if not _uses_acme(site):
        return
    if said.staging and said.directory:
        yield (
            "certificate.staging",
            "is Let's Encrypt's, and certificate.directory names another authority",
            "remove one of them",
        )
    if said.ca_bundle and not said.directory:
        yield (
            "certificate.ca_bundle",
            "is not used: the HTTPS of Let's Encrypt is verified by what the server trusts",
            "remove it, or name the directory of your authority",
        )


def authority_reaches_the_server(site: Any) -> Iterator[Finding]:
    """Refuse HTTP-01 where port 80 of the name does not lead to the one server."""
    if not _by_http(site):
        return
    if site.port_set is not None:
        yield (
            "certificate.challenge",
            "http-01 needs port 80 of the public address, and of a shared one (port_set) that port "
            "belongs to another subscriber",
            _BY_DNS,
        )
    if len(site.servers) > 1:
        yield (
            "certificate.challenge",
            f"http-01 needs port 80, and of {len(site.servers)} servers at one public address it "
            "leads to one only",
            _BY_DNS,
        )


def port_80_is_free(site: Any) -> Iterator[Finding]:
    """Refuse HTTP-01 where something else has port 80 on the way."""
    if not _by_http(site):
        return
    why = "and there the certificate authority asks for proof of the name (http-01)"
    for way, port in control_ports_of(site.ftp).items():
        if port == HTTP_PORT:
            yield (
                f"ftp.{key_of(way)}",
                f"is {HTTP_PORT}, {why}",
                f"take another port, or {_BY_DNS}",
            )
    passive = site.ftp.passive_ports
    if passive and HTTP_PORT in passive:
        return  # refused anyway: vsftpd takes none below 1025
    for i, services, ssh_port, name in with_fields(site.servers, "open_to_lan", "ssh_port", "name"):
        if ssh_port == HTTP_PORT:
            yield (
                f"servers[{i}].ssh_port",
                f"SSH of {name} answers at {HTTP_PORT}, {why}",
                f"let SSH answer elsewhere, or {_BY_DNS}",
            )
        if _has_port(services):
            yield (
                f"servers[{i}].open_to_lan",
                f"{name} has a service of its own at port {HTTP_PORT}, {why}",
                _BY_DNS,
            )
    last = max(router_index(site, server) for server in site.servers)
    for i, opened, forwards, name in with_fields(
        site.routers, "open_to_wan", "other_forwards", "name"
    ):
        if i > last:
            continue
        for key, services in (("open_to_wan", opened), ("other_forwards", forwards)):
            if _has_port(services):
                what = (
                    f"has a service of its own at port {HTTP_PORT}"
                    if key == "open_to_wan"
                    else f"forwards port {HTTP_PORT} elsewhere"
                )
                yield (f"routers[{i}].{key}", f"{name} {what}, {why}", _BY_DNS)


def _has_port(services: Any) -> bool:
    """Whether one of these services is at TCP port 80."""
    port = PortRange(HTTP_PORT, HTTP_PORT)
    return any(s.protocol == "tcp" and s.ports.overlaps(port) for s in services)


def staging_is_trusted_by_nobody(site: Any) -> Iterator[Finding]:
    """Warn of certificates of Let's Encrypt's staging environment."""
    if _uses_acme(site) and site.certificate.staging:
        yield (
            "certificate.staging",
            "the certificates of Let's Encrypt's staging environment are trusted by no camera",
            "remove it once all else works",
        )
