"""A check as JSON, for programs, and the JSON Schema of that.

``hotshoe/show/check.schema.json`` describes it. Write it anew, after a change that is meant, with
``hotshoe check --json-schema``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from hotshoe.check.model import Finding
from hotshoe.probe.layers import Layer, Status
from hotshoe.show import documents

SCHEMA: Final = 1
Outcome = Literal["fine", "broken", "unknown"]
# By exit status.
OUTCOMES: tuple[Outcome, ...] = ("fine", "broken", "unknown")


@dataclass(frozen=True)
class FindingDocument:
    """What is to be said of one layer; a layer may have several findings.

    :param layer: the layer
    :param status: how it is
    :param problem: what is wrong, by its name, such as ``PORT_SILENT``; null if nothing is
    :param box: the router or server at which it is wrong, or several with ``or`` in between;
        empty if it is none of the home's, or nobody can tell
    :param evidence: what was seen
    :param cause: why, most likely; empty if nothing is wrong
    :param remedy: what to do about it; empty if there is nothing to do
    :param data: the evidence for programs; its keys are not promised
    """

    layer: Layer
    status: Status
    problem: str | None
    box: str
    evidence: str
    cause: str
    remedy: str
    data: dict[str, Any]


@dataclass(frozen=True)
class ServerDocument:
    """A check of one server.

    :param server: the server
    :param camera: the camera as which the check logged in
    :param outcome: ``fine``, ``broken``, or ``unknown`` if nobody could tell
    :param findings: the outermost fault first
    :param left: test photos that could not be removed, each with the reason
    """

    server: str
    camera: str
    outcome: Outcome
    findings: tuple[FindingDocument, ...]
    left: tuple[str, ...]


@dataclass(frozen=True)
class CheckDocument:
    """What ``hotshoe check --json`` prints: whether cameras get in, and if not, why.

    :param schema: the number of this description; it rises when a key is removed or comes to mean
        something else, while a new key may be added at any time
    :param site: the Site's name
    :param vantage: where it was checked from: ``here``, ``ssh://HOST``, or ``code``
    :param servers: each server that was checked
    """

    schema: Literal[1]
    site: str
    vantage: str
    servers: tuple[ServerDocument, ...]


def server_document(
    server: str, camera: str, status: int, findings: Iterable[Finding], left: Iterable[str]
) -> ServerDocument:
    """A check of a server.

    :param status: the exit status
    """
    told = tuple(_finding(finding) for finding in findings)
    return ServerDocument(server, camera, OUTCOMES[status], told, tuple(left))


def _finding(finding: Finding) -> FindingDocument:
    return FindingDocument(
        finding.layer,
        finding.status,
        finding.problem.name if finding.problem else None,
        finding.box,
        finding.evidence,
        finding.cause,
        finding.remedy,
        finding.data,
    )


def dump(site: str, vantage: str, servers: Iterable[ServerDocument]) -> str:
    """A check as JSON.

    :returns: one JSON object, in lines
    """
    return documents.dump(CheckDocument(SCHEMA, site, vantage, tuple(servers)))


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of what :func:`dump` returns."""
    return documents.schema_of(CheckDocument)
