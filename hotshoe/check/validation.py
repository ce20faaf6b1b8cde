"""What a probe tells, checked before anything is concluded from it.

Whoever owns the computer on which it runs may let it tell anything.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from hotshoe.errors import escaped
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.result import Result

# Every port of a range in each list is less; a probe tells some dozens of lines.
LONGEST_LINE, MOST_LINES = 1 << 21, 2000
_LONGEST_TEXT = 2000
_MACHINES = frozenset({Layer.LIBRARY, Layer.BOXES, Layer.SERVER})
# The first number of a problem that the home's machines tell, and the one among them of the probe.
_FIRST_OF_MACHINES, _EXCEPT = Problem.LIBRARY_MISSING.value, Problem.HAIRPIN_MISSING
# What is written into data later, by this computer.
_OURS = frozenset({"box", "follows", "journal", "lost", "met", "remedy", "skipped", "units"})

_Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]
_Port = Annotated[int, Field(ge=0, le=65535)]


class _Data(BaseModel):
    """What conclusions are drawn from; of the rest, programs are told."""

    model_config = ConfigDict(extra="allow", strict=True)

    address: _Text | None = None
    announced: _Text = ""
    answers: dict[str, list[_Text]] = {}
    foreign: list[_Port] = []
    inside: bool = False
    own: _Text | None = None
    photos: dict[_Text, _Text] = {}
    port: _Port = 0
    refused: list[_Port] = []
    # Of TLS, whether nothing was said.
    silent: list[_Port] | bool = []
    truth: list[_Text] = []
    unreachable: list[_Port] = []


def validated(line: bytes) -> Result | str | None:
    """What a line tells: a result, or what goes on.

    :returns: None if it is nothing that a probe tells: a login script may print as well
    """
    if not line.startswith(b"{"):
        return None
    try:
        text = line.decode()
        values = json.loads(text, parse_constant=_refuse)
        if isinstance(values, dict) and "progress" in values:
            return escaped(str(values["progress"])[:_LONGEST_TEXT])
        return _checked(Result.parse(text))
    # Lists within lists without an end are a RecursionError.
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    """NaN and Infinity are no JSON, and would make none of what is printed as such."""
    raise ValueError(f"{constant} is no JSON")


def is_of_probe(layer: Layer, problem: Problem | None) -> bool:
    """Whether it is a probe that tells of such a thing, and not the home's machines."""
    of_probe = (
        problem is None or problem.value < _FIRST_OF_MACHINES or problem is _EXCEPT
    ) and problem is not Problem.PASV_REWRITTEN
    return of_probe and layer not in _MACHINES


def _checked(result: Result) -> Result:
    """A result, if it is one of a probe.

    :raises ValueError: if it is not
    """
    if not is_of_probe(result.layer, result.problem):
        raise ValueError("no probe tells that")
    if _OURS & result.data.keys():
        raise ValueError("no probe tells it so")
    _Data.model_validate(result.data)
    # A reply that an evidence quotes may be long.
    if len(result.evidence) > _LONGEST_TEXT:
        return replace(result, evidence=f"{result.evidence[:_LONGEST_TEXT]}…")
    return result
