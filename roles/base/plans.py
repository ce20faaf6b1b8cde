"""From a Site's name to what a role needs, loaded once a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NoReturn, TypeVar

from pyinfra.api import Host
from pyinfra.api.exceptions import PyinfraError

from hotshoe.debian.certificates import AuthorityFiles
from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
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


def refuse(host: Host, reason: str, remedy: str) -> NoReturn:
    """End the run for a host before anything is changed.

    :raises RefusedError: always
    """
    raise RefusedError(f"{host.name}: {reason}\n    -> {remedy}")
