"""``hotshoe authority``: the home's own certificate authority, and its replacement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import one_message, site_argument
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from cryptography import x509

    from hotshoe.debian.authority import Roots
    from hotshoe.debian.authority_files import AuthorityFiles


@click.group("authority")
def group() -> None:
    """The authority that cameras trust, and its replacement."""


@group.command()
@site_argument
@one_message
def show(site: str) -> None:
    """Show the root certificate that cameras need, and whether it is being replaced.

    SITE is the name of a file in group_vars/; home unless said.
    """
    files = _files(site)
    roots = files.load_roots()
    if roots is None:
        raise HotshoeError(
            f"{files.folder}: there is no certificate authority yet\n"
            "    -> deploy first, which makes one, or run: hotshoe authority create"
        )
    _tell(files, roots)


@group.command()
@site_argument
@one_message
def create(site: str) -> None:
    """Make the authority before the first deploy, such as to commit it where a pipeline deploys.

    One that is there stays. SITE is the name of a file in group_vars/; home unless said.
    """
    from hotshoe.debian.authority_files import utc_now

    files = _files(site)
    hostname, passphrase = _secret(site)
    _tell(files, files.load_or_create(hostname, passphrase, utc_now()).roots)


@group.command()
@site_argument
@one_message
def rotate(site: str) -> None:
    """Replace the authority, with a time in which cameras may trust either.

    The next deploy gives the server a certificate of the new one and what the old one vouches for
    it by. SITE is the name of a file in group_vars/; home unless said.
    """
    from hotshoe.debian.authority_files import utc_now

    files = _files(site)
    hostname, passphrase = _secret(site)
    _tell(files, files.rotate(hostname, passphrase, utc_now()).roots)


@group.command()
@site_argument
@click.option("--yes", is_flag=True, help="Every camera has the new root certificate: do not ask.")
@one_message
def finish(site: str, yes: bool) -> None:
    """End the time in which cameras may trust either authority.

    From the next deploy on, cameras need the new root certificate. SITE is the name of a file in
    group_vars/; home unless said.
    """
    from hotshoe.debian.authority_files import fingerprint

    files = _files(site)
    roots = files.load_roots()
    if roots and roots.previous and not yes:
        click.confirm(
            "Does every camera have the root certificate whose SHA-256 fingerprint begins with "
            f"{fingerprint(roots.current)[:16]}? Those without it are shut out",
            abort=True,
        )
    _tell(files, files.finish())
    click.echo("Deploy: from then on, no camera that has the previous one alone gets in.")


def _files(site: str) -> AuthorityFiles:
    """Where the authority of a Site is kept.

    :raises HotshoeError: if its certificate is another authority's
    """
    from hotshoe.debian.authority_files import AuthorityFiles
    from hotshoe.plan.derivation import make_plan
    from hotshoe.site.reading import SiteFiles, load_site

    plan = make_plan(load_site(SiteFiles(site)))
    certificate = plan.servers[0].certificate
    if certificate is None or certificate.issuer != "own-ca":
        has = f"is of issuer: {certificate.issuer}" if certificate else "there is none: tls is none"
        raise HotshoeError(
            f"{SiteFiles(site).site}: the certificate {has}, not of an authority of this home\n"
            "    -> write certificate: {issuer: own-ca}, or ask the issuer that it has"
        )
    return AuthorityFiles.of(plan, Path())


def _secret(site: str) -> tuple[str, str]:
    """What a Site's authority vouches for, and what encrypts its key."""
    from hotshoe.secrets import load_secrets
    from hotshoe.site.reading import SiteFiles, load_site

    files = SiteFiles(site)
    described = load_site(files)
    return described.hostname, load_secrets(files, described).ca_passphrase


def _tell(files: AuthorityFiles, roots: Roots) -> None:
    from hotshoe.debian.authority_files import EXPORTS

    _certificate("Cameras need", roots.current)
    click.echo(
        f"  files for their cards: {', '.join(str(files.folder / name) for name in EXPORTS)}"
    )
    if roots.previous:
        _certificate("It replaces, and they may still have", roots.previous)
        click.echo(
            "Deploy, give every camera the new one, and end this with: hotshoe authority finish"
        )


def _certificate(what: str, certificate: x509.Certificate) -> None:
    from cryptography.hazmat.primitives import hashes

    digits = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    click.echo(f"{what}: {certificate.subject.rfc4514_string().removeprefix('CN=')}")
    click.echo(f"  valid until {certificate.not_valid_after_utc:%Y-%m-%d}")
    click.echo(f"  SHA-256 {digits}")
