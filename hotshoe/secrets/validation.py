"""Whether the content of a vault fits its Site; no message holds a secret."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hotshoe.debian import authority, passwords
from hotshoe.errors import Problem
from hotshoe.secrets import delivery_secrets
from hotshoe.site.certificate import needs_tsig_key
from hotshoe.site.ddns import NSUPDATE, secret_of
from hotshoe.site.model import Site

SHORTEST_PASSPHRASE = 12
# 128 bits, which nobody guesses.
SHORTEST_TSIG_BYTES = 16
# What fits into a quoted string of any client's configuration, on one line and unchanged.
_DDNS_SECRET = re.compile(r"[!#-&(-\[\]-~]{1,200}")
_KEYS = {
    *("camera_passwords", "ca_passphrase", "ddns_secret", "acme_secret"),
    *(delivery_secrets.KEYS),
}


def problems_of(
    raw: dict[str, Any], site: Site, file: str, *, shared: bool = False
) -> Iterator[Problem]:
    """What is wrong with the vault's content.

    :param raw: the content
    :param site: the Site that it belongs to
    :param file: the vault's file, for messages
    :param shared: whether it may hold passwords of other Sites' cameras
    """
    for key in sorted(set(raw) - _KEYS, key=str):
        yield Problem(
            file,
            _shown(key, _KEYS),
            "is not a key that belongs here",
            f"remove it; the keys here are {', '.join(sorted(_KEYS))}",
        )
    remedy = (
        "write a long random text, such as the command openssl rand -hex 16 prints; it encrypts "
        "the key of the certificate authority"
    )
    passphrase = raw.get("ca_passphrase")
    if not isinstance(passphrase, str) or len(passphrase) < SHORTEST_PASSPHRASE:
        yield Problem(
            file,
            "ca_passphrase",
            f"is missing or shorter than {SHORTEST_PASSPHRASE} characters",
            remedy,
        )
    elif not authority.is_passphrase(passphrase):
        yield Problem(
            file,
            "ca_passphrase",
            f"is longer than {authority.LONGEST_PASSPHRASE} bytes or is not text",
            "write a shorter one of letters and digits",
        )
    elif reason := passwords.why_guessable(passphrase, [site.hostname]):
        yield Problem(file, "ca_passphrase", reason, remedy)
    yield from _problems_of_ddns_secret(raw, site, file, shared)
    yield from _problems_of_acme_secret(raw, site, file, shared)
    yield from delivery_secrets.problems_of(raw, site, file, shared=shared)
    given = raw.get("camera_passwords")
    if not isinstance(given, dict):
        yield Problem(
            file,
            "camera_passwords",
            "is missing or is not a mapping of camera names to passwords",
            "write one line a camera below it",
        )
        return
    cameras = [camera.name for camera in site.cameras]
    for name in cameras:
        key = f"camera_passwords.{name}"
        if name not in given:
            yield Problem(file, key, "is missing", "give this camera of the Site a password")
        elif reason := passwords.why_unusable(given[name], [name, site.hostname]):
            yield Problem(
                file,
                key,
                reason,
                f"take {passwords.SHORTEST} to {passwords.LONGEST} letters and digits, such as the "
                "command hotshoe password prints",
            )
    for name in () if shared else given:
        if name not in cameras:
            yield Problem(
                file,
                f"camera_passwords.{_shown(name, cameras)}",
                "is no camera of the Site",
                f"remove it, or correct the name; the cameras are {', '.join(cameras)}",
            )


def _problems_of_ddns_secret(
    raw: dict[str, Any], site: Site, file: str, shared: bool
) -> Iterator[Problem]:
    """What is wrong with the secret by which the record of the name is updated."""
    way = secret_of(site)
    if way is None:
        if "ddns_secret" in raw and not shared:
            yield Problem(
                file,
                "ddns_secret",
                "is not used, since no device that hotshoe sets up updates the record",
                "remove it",
            )
        return
    secret = raw.get("ddns_secret")
    remedy = f"write {way.secret}"
    if "ddns_secret" not in raw:
        yield Problem(file, "ddns_secret", "is missing, and updates of the record need it", remedy)
    elif not isinstance(secret, str):
        yield Problem(file, "ddns_secret", "is not text; put it in quotes", remedy)
    elif way is NSUPDATE and len(_decoded(secret)) < SHORTEST_TSIG_BYTES:
        yield Problem(
            file,
            "ddns_secret",
            f"is not the base64 text of {SHORTEST_TSIG_BYTES} bytes or more",
            remedy,
        )
    elif not _DDNS_SECRET.fullmatch(secret):
        yield Problem(
            file,
            "ddns_secret",
            "is not 1 to 200 ASCII letters, digits and symbols other than quotes and backslash",
            remedy,
        )


def _problems_of_acme_secret(
    raw: dict[str, Any], site: Site, file: str, shared: bool
) -> Iterator[Problem]:
    """What is wrong with the TSIG key by which the name of a certificate is proved."""
    if not needs_tsig_key(site):
        if "acme_secret" in raw and not shared:
            yield Problem(
                file,
                "acme_secret",
                "is not used, since no name is proved by a TSIG key (certificate.key_name)",
                "remove it",
            )
        return
    secret = raw.get("acme_secret")
    remedy = f"write {NSUPDATE.secret}"
    if "acme_secret" not in raw:
        reason = "is missing, and the name of the certificate is proved by it (DNS-01)"
        yield Problem(file, "acme_secret", reason, remedy)
    elif not isinstance(secret, str) or len(_decoded(secret)) < SHORTEST_TSIG_BYTES:
        reason = f"is not the base64 text of {SHORTEST_TSIG_BYTES} bytes or more"
        yield Problem(file, "acme_secret", reason, remedy)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _shown(key: object, known: Iterable[str]) -> str:
    """A key, unless it may be a password that got into its place."""
    text = str(key)
    if len(text) < passwords.SHORTEST or difflib.get_close_matches(text, known):
        return text
    return f"(a key of {len(text)} characters)"
