"""What certbot is told, so that an ACME authority (RFC 8555) gives a server its certificate.

certbot works in folders of its own here, so it never meets what a person has set up with it.
"""

from __future__ import annotations

import json
from typing import Any

from hotshoe import paths
from hotshoe.plan.model import Acme, DnsUpdate

# What certbot calls the certificate, in its folders.
LINEAGE = "hotshoe"
RSA_BITS = 2048
# Of the certificate that vsftpd starts with until an authority has given one.
STAND_IN = "hotshoe stand-in"
# A rehearsal's file with what its authority's HTTPS is verified by, in the stage's folder.
STAGE_CA_BUNDLE = "acme-ca.pem"

_PACKAGES = ("certbot", "nftables", "openssl", "python3", "python3-cryptography")
_FOR_DNS = "python3-certbot-dns-rfc2136"
EVERY_PACKAGE = (*_PACKAGES, _FOR_DNS)


def packages(acme: Acme) -> tuple[str, ...]:
    """The Debian packages that a server needs for it."""
    return (*_PACKAGES, _FOR_DNS) if acme.update else _PACKAGES


def settings(acme: Acme, hostname: str) -> str:
    """What decides which certificate it is; where it changes, a new one is obtained."""
    chosen = {
        "hostname": hostname,
        "directory": acme.directory,
        "challenge": acme.challenge,
        "server": str(acme.update.server) if acme.update else None,
        "hook": acme.hook,
    }
    return json.dumps(chosen, indent=2) + "\n"


def certbot(acme: Acme) -> str:
    """The text of certbot's configuration (``certbot --config``)."""
    options: dict[str, str] = {
        "config-dir": paths.ACME_FOLDER,
        "work-dir": f"{paths.ACME_STATE}/work",
        "logs-dir": f"{paths.ACME_STATE}/logs",
        "max-log-backups": "20",
        "non-interactive": "true",
        "agree-tos": "true",
        "server": acme.directory,
        # The only kind that all cameras and cipher suites take.
        "key-type": "rsa",
        "rsa-key-size": str(RSA_BITS),
        # The timer has its own.
        "no-random-sleep-on-renew": "true",
    }
    if acme.email:
        options["email"] = acme.email
    else:
        options["register-unsafely-without-email"] = "true"
    options |= _challenge(acme)
    lines = [f"{key} = {value}" for key, value in options.items()]
    return "\n".join(("# Managed by hotshoe.", *lines, ""))


def _challenge(acme: Acme) -> dict[str, str]:
    """How certbot proves the name."""
    if acme.challenge == "http-01":
        return {
            "authenticator": "standalone",
            "preferred-challenges": "http-01",
            "pre-hook": f"{paths.ACME} open",
            "post-hook": f"{paths.ACME} close",
        }
    if acme.update:
        return {
            "authenticator": "dns-rfc2136",
            "dns-rfc2136-credentials": paths.ACME_CREDENTIALS,
            "dns-rfc2136-propagation-seconds": str(acme.propagation_seconds),
        }
    return {
        "authenticator": "manual",
        "preferred-challenges": "dns-01",
        "manual-auth-hook": f"{paths.ACME} hook add",
        "manual-cleanup-hook": f"{paths.ACME} hook remove",
    }


def credentials(update: DnsUpdate, secret: str) -> str:
    """The text of the file with the TSIG key; only root may read it.

    :param secret: of the key, in base64
    """
    options = {
        "server": update.server,
        "port": 53,
        "name": f"{update.key_name}.",
        "secret": secret,
        "algorithm": update.algorithm.upper(),
    }
    lines = [f"dns_rfc2136_{key} = {value}" for key, value in options.items()]
    return "\n".join(("# Managed by hotshoe.", *lines, ""))


def configuration(acme: Acme, hostname: str, port: int | None) -> str:
    """The text of the configuration of hotshoe-acme; it has no secret.

    :param port: the TCP port at which the authority asks; None if it asks at none
    """
    values: dict[str, Any] = {
        "hostname": hostname,
        "settings": settings(acme, hostname),
        "certbot": paths.ACME_CERTBOT,
        "ca_bundle": paths.ACME_CA_BUNDLE if acme.ca_bundle else None,
        "lineage": f"{paths.ACME_FOLDER}/live/{LINEAGE}",
        "archive": f"{paths.ACME_FOLDER}/archive/{LINEAGE}",
        "obtained": paths.ACME_OBTAINED,
        "server": paths.CERTIFICATE,
        "pair": paths.PAIR,
        "records": paths.RECORDS,
        "lock": paths.ACME_LOCK,
        "hook": acme.hook,
        "propagation_seconds": acme.propagation_seconds,
        "port": port,
        "what_to_check": what_to_check(acme, hostname),
    }
    return json.dumps(values, indent=2) + "\n"


def what_to_check(acme: Acme, hostname: str) -> str:
    """What a person may look at when an authority refuses."""
    if acme.challenge == "http-01":
        return (
            f"-> check that {hostname} leads to this home's public address on the Internet, and "
            "that every router set up by hand forwards TCP port 80 as its worksheet says (some "
            "providers block that port: then write challenge: dns-01)"
        )
    if acme.update:
        return (
            f"-> check that {acme.update.server} is the primary name server of the zone, and that "
            f"the TSIG key {acme.update.key_name} may set TXT records of _acme-challenge.{hostname}"
        )
    return (
        f"-> check that {acme.hook} add _acme-challenge.{hostname} VALUE sets that TXT record on "
        "the Internet, within certificate.propagation_seconds"
    )
