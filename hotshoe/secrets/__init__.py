"""The secrets beside a Site: camera passwords and the passphrase of the CA key.

:mod:`~hotshoe.secrets.vault` opens the file, :mod:`~hotshoe.secrets.validation` checks its content.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hotshoe.errors import SiteError
from hotshoe.secrets import delivery_secrets, validation, vault
from hotshoe.secrets.vault import Opening, begin_opening
from hotshoe.site.certificate import needs_tsig_key
from hotshoe.site.model import Site
from hotshoe.site.reading import SiteFiles, parse_mapping

__all__ = ["Opening", "Secrets", "begin_opening", "load_secrets"]

# What every secret of the published demo vault begins with.
PUBLISHED = "demo-"


@dataclass(frozen=True)
class Secrets:
    """What the vault holds; never printed.

    :param camera_passwords: the password of each camera, by name
    :param ca_passphrase: what encrypts the key of the certificate authority
    :param ddns_secret: the password, token or TSIG key by which the name's record is updated; None
        where nothing of hotshoe's does
    :param acme_secret: the TSIG key by which a certificate's name is proved; None where that is not
        needed
    :param share_password: of the share of the library; None where there is no share
    :param message_secret: what the program that is told of photos needs to know; None for nothing
    :param delivery_secret: what keys of deliveries are derived from
        (:mod:`hotshoe.secrets.delivery_keys`); None where none is needed
    :param delivery_passwords: the passwords of deliveries, by their names
    :param demo: whether the published demo password opened the vault, or something published is
        still in it
    """

    camera_passwords: dict[str, str] = field(repr=False)
    ca_passphrase: str = field(repr=False)
    demo: bool
    ddns_secret: str | None = field(default=None, repr=False)
    acme_secret: str | None = field(default=None, repr=False)
    share_password: str | None = field(default=None, repr=False)
    message_secret: str | None = field(default=None, repr=False)
    delivery_secret: str | None = field(default=None, repr=False)
    delivery_passwords: dict[str, str] = field(default_factory=dict, repr=False)


def load_secrets(files: SiteFiles, site: Site, opening: Opening | None = None) -> Secrets:
    """Open the vault and check that it fits the Site.

    :param files: of the Site
    :param site: what they say
    :param opening: what :func:`begin_opening` returned, if that was called before
    :raises SiteError: if it cannot be opened or does not fit; no message holds a secret
    """
    opening = opening or begin_opening(files)
    text = vault.finish_opening(opening, files.vault)
    raw = parse_mapping(text, str(files.vault), secret=True)
    shared = files.vault == files.shared_vault
    problems = list(validation.problems_of(raw, site, str(files.vault), shared=shared))
    if problems:
        raise SiteError(problems)
    published = [raw["ca_passphrase"], *raw["camera_passwords"].values()]
    published += [raw["ddns_secret"]] if site.ddns and "ddns_secret" in raw else []
    published += [raw["acme_secret"]] if needs_tsig_key(site) and "acme_secret" in raw else []
    published += delivery_secrets.used(raw, site)
    demo = opening.demo or any(str(secret).startswith(PUBLISHED) for secret in published)
    return Secrets(
        dict(raw["camera_passwords"]),
        raw["ca_passphrase"],
        demo,
        raw.get("ddns_secret"),
        raw.get("acme_secret"),
        raw.get("share_password") if site.library.share == "smb" else None,
        raw.get("message_secret") if site.message else None,
        raw.get("delivery_secret") if site.delivery else None,
        delivery_secrets.passwords_of(raw, site),
    )
