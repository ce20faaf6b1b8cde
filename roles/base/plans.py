"""From a Site's name to what a role needs, loaded once a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NoReturn, TypeVar

from pyinfra.api import Host
from pyinfra.api.exceptions import PyinfraError

from hotshoe.debian import certificate_files, message_file
from hotshoe.debian.acme_files import read_bundle
from hotshoe.debian.authority_files import AuthorityFiles, utc_now
from hotshoe.debian.pair import Verdict
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import CertificatePlan, Plan
from hotshoe.secrets import Opening, Secrets, begin_opening, load_secrets
from hotshoe.site.model import Site
from hotshoe.site.reading import SiteFiles, load_site

T = TypeVar("T")


class RefusedError(PyinfraError):
    """A refusal that pyinfra prints as it is."""

    # pyinfra would begin the message with the file and the line of ours that raised it.
    __traceback__ = property(lambda _: None, lambda _self, _value: None)


def refusing(load: Callable[[], T]) -> T:
    """Turn a refusal of the core into one that pyinfra prints without a traceback.

    :raises RefusedError: with the refusal's message
    """
    try:
        return load()
    except HotshoeError as error:
        raise RefusedError(str(error)) from None


@cache
def site_of(name: str) -> Site:
    """The Site of that name, checked."""
    return refusing(lambda: load_site(SiteFiles(name)))


@cache
def plan_of(name: str) -> Plan:
    """The Plan of the Site of that name."""
    return make_plan(site_of(name))


@cache
def secrets_of(name: str) -> Secrets:
    """The secrets of the Site of that name. Kept out of host data, which pyinfra prints."""
    opening = _openings.pop(name, None)
    return refusing(lambda: load_secrets(SiteFiles(name), site_of(name), opening))


_openings: dict[str, Opening] = {}


def begin_secrets(name: str) -> None:
    """Begin to open the vault of a Site, while pyinfra connects."""
    _openings[name] = refusing(lambda: begin_opening(SiteFiles(name)))


def authority_of(host: Host) -> AuthorityFiles:
    """Where the certificate authority of a home is kept; a rehearsal has one of its own."""
    return AuthorityFiles.of(plan_of(host.data.site), Path(host.data.get("stage") or ""))


@cache
def pair_of(name: str, certificate: CertificatePlan) -> Verdict:
    """The person's own certificate, judged, of the Site of that name.

    :raises RefusedError: if it must not go live
    """
    files, hostname = SiteFiles(name), plan_of(name).hostname
    return refusing(
        lambda: certificate_files.load(certificate, hostname, files.site, files.root, utc_now())
    )


def require_pairs(name: str) -> None:
    """Refuse a Site whose own certificates must not go live, before any host is contacted.

    :raises RefusedError: with everything that is wrong with them
    """
    for server in plan_of(name).servers:
        said = server.certificate
        if said and said.issuer == "files":
            pair_of(name, said)
        if said and said.acme and said.acme.ca_bundle:
            bundle = SiteFiles(name).root / said.acme.ca_bundle
            refusing(partial(read_bundle, bundle))


@cache
def program_of(name: str) -> str:
    """The person's program that servers of the Site of that name run for new photos.

    :raises RefusedError: if it is none
    """
    files, message = SiteFiles(name), plan_of(name).servers[0].message
    assert message, "only where the Site names one"
    return refusing(lambda: message_file.load(message, files.site, files.root))


def require_program(name: str) -> None:
    """Refuse a Site whose program for new photos is none, before any host is contacted.

    :raises RefusedError: with what is wrong with it
    """
    if plan_of(name).servers[0].message:
        program_of(name)


def refuse(host: Host, reason: str, remedy: str) -> NoReturn:
    """End the run for a host before anything is changed.

    :raises RefusedError: always
    """
    raise RefusedError(f"{host.name}: {reason}\n    -> {remedy}")
