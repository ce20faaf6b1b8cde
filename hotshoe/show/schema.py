"""A Plan as JSON, for programs, and the JSON Schema of that.

Everything follows from the dataclasses of :mod:`hotshoe.plan.model`: keys are their fields,
addresses and networks are strings, a port or a range of ports is ``{"first": …, "last": …}``, and
what there is none of is ``null`` or an empty list. Nothing is ever left out.
``hotshoe/show/plan.schema.json`` is the same as a JSON Schema. Write it anew, after a change
that is meant, with ``hotshoe plan --json-schema``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from hotshoe.errors import Problem
from hotshoe.plan.model import Plan
from hotshoe.show import documents

SCHEMA: Final = 3


@dataclass(frozen=True)
class Document:
    """What ``hotshoe plan --json`` prints: everything that follows from a Site, per device.

    :param schema: the number of this description; it rises when a key is removed or comes to mean
        something else, while a new key may be added at any time
    :param site: the Site's name
    :param plan: everything that follows from it
    :param warnings: what works, though not as well as one may think
    """

    schema: Literal[3]
    site: str
    plan: Plan
    warnings: tuple[Problem, ...]


def dump(site: str, plan: Plan, warnings: Iterable[Problem]) -> str:
    """A Plan as JSON.

    :param site: the Site's name
    :param warnings: what :func:`hotshoe.site.reading.warnings_of` returned
    :returns: one JSON object, in lines
    """
    return documents.dump(Document(SCHEMA, site, plan, tuple(warnings)))


def json_schema() -> str:
    """The JSON Schema (draft 2020-12) of what :func:`dump` returns."""
    return documents.schema_of(Document)
