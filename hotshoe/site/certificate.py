"""What each issuer of a certificate has to be told, as a table.

The keys are those of :class:`~hotshoe.site.model.Certificate`; how each one is asked is where that
is done (``roles.tls``, ``roles.acme``).
"""

from __future__ import annotations

from typing import Any, get_args

from hotshoe.site.model import Issuer
from hotshoe.site.needs import Needs

# Where an ACME authority asks for HTTP-01, and nowhere else (RFC 8555, section 8.3).
HTTP_PORT = 80


# Of letsencrypt, what the ways to set a record for DNS-01 have to be told.
RFC2136_KEYS = ("server", "key_name", "algorithm")
CHALLENGE_KEYS = (*RFC2136_KEYS, "propagation_seconds", "hook")
ISSUERS: dict[Issuer, Needs] = {
    "own-ca": Needs("issuer: own-ca"),
    "letsencrypt": Needs(
        "issuer: letsencrypt",
        (),
        ("challenge", "staging", "directory", "ca_bundle", "email", "root", *CHALLENGE_KEYS),
    ),
    "files": Needs("issuer: files", ("chain", "key"), ("root",)),
}
assert set(ISSUERS) == set(get_args(Issuer))


def needs_of(certificate: Any) -> Needs:
    """What the chosen issuer needs.

    :param certificate: of a Site, checked or not
    """
    return ISSUERS[certificate.issuer]


def needs_tsig_key(site: Any) -> bool:
    """Whether hotshoe has to know the secret of a TSIG key, to prove the name by DNS-01.

    :param site: a Site that passed its checks
    """
    said = site.certificate
    by_dns = said.issuer == "letsencrypt" and said.challenge == "dns-01"
    return by_dns and said.hook is None and site.ftp.tls != "none"
