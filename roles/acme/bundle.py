"""By what the authority's own HTTPS is verified, where the Site says it."""

from __future__ import annotations

from pathlib import Path

from pyinfra.api import Host

from hotshoe.debian.acme import STAGE_CA_BUNDLE
from hotshoe.debian.acme_files import read_bundle
from hotshoe.plan.model import Acme


def ca_bundle(host: Host, acme: Acme) -> str | None:
    """The text of the PEM file; a rehearsal has one of its own.

    :returns: None for the certificates that the system trusts
    :raises HotshoeError: if the file cannot be read, or holds no certificate
    """
    if acme.ca_bundle is None:
        return None
    stage = host.data.get("stage")
    played = Path(stage) / STAGE_CA_BUNDLE if stage else None
    return read_bundle(played if played and played.exists() else Path(acme.ca_bundle))
