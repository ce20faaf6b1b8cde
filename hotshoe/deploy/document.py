"""What a deploy would change as JSON, for programs, and the JSON Schema of that.

``hotshoe/deploy/diff.schema.json`` describes it. Write it anew, after a change that is meant, with
``hotshoe diff --json-schema``. Names of operations and hosts are all that it tells of what is
deployed: the content of a file may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from hotshoe.deploy.results import HostResult, SiteResult
from hotshoe.show import documents

SCHEMA: Final = 1
Outcome = Literal["none", "changes", "unknown"]


@dataclass(frozen=True)
class SiteDocument:
    """What a deploy would change on the hosts of a Site.

    :param site: the Site's name
    :param outcome: ``none`` if nothing would change, ``changes``, or ``unknown`` if it could not be
        told
    :param hosts: all that were asked; one without operations is as the Site says
    :param notices: what the roles warn of or tell, each of one or several lines
    :param error: why it could not be told; empty if it could
    """

    site: str
    outcome: Outcome
    hosts: tuple[HostResult, ...]
    notices: tuple[str, ...]
    error: str


@dataclass(frozen=True)
class DiffDocument:
    """What ``hotshoe diff --json`` and ``hotshoe drift --json`` print.

    :param schema: the number of this description; it rises when a key is removed or comes to mean
        something else, while a new key may be added at any time
    :param sites: each Site that was asked
    """

    schema: Literal[1]
    sites: tuple[SiteDocument, ...]


def outcome(result: SiteResult) -> Outcome:
    """Whether a deploy would change something, if that is known."""
    if result.error:
        return "unknown"
    return "changes" if result.changes else "none"


def dump(results: Iterable[SiteResult]) -> str:
    """What deploys would change, as JSON.

    :returns: one JSON object, in lines
    """
    sites = tuple(
        SiteDocument(each.site, outcome(each), each.hosts, each.notices, each.error)
        for each in results
    )
    return documents.dump(DiffDocument(SCHEMA, sites))


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of what :func:`dump` returns."""
    return documents.schema_of(DiffDocument)
