"""Dataclasses as JSON, and the JSON Schema of that.

Keys are the fields, their descriptions the ``:param`` lines of the class. Nothing is ever left out.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

# Validators refuse formats that JSON Schema does not know; an example says as much.
_EXAMPLES = {
    "ipv4network": "192.168.1.0/24",
    "ipv4interface": "192.168.1.1/24",
    "ipv6network": "2001:db8:1::/64",
    "ipv6interface": "2001:db8:1::1/64",
}


def dump(document: Any) -> str:
    """A dataclass as JSON.

    :returns: one JSON object, in lines
    """
    return _text(TypeAdapter(type(document)).dump_python(document, mode="json"))


def schema_of(document: type) -> str:
    """The JSON Schema (draft 2020-12) of what :func:`dump` returns for a dataclass."""
    schema = TypeAdapter(document).json_schema(
        mode="serialization", schema_generator=_DescribedByDocstrings
    )
    return _text({"$schema": GenerateJsonSchema.schema_dialect} | schema)


def _text(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


class _DescribedByDocstrings(GenerateJsonSchema):
    """Takes the description of each field from the ``:param`` line of its class."""

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        generated = super().dataclass_schema(schema)
        summary, texts = _docstring(schema["cls"])
        names = [field.name for field in fields(schema["cls"])]
        properties = {
            name: _with_examples(generated["properties"][name]) | {"description": texts[name]}
            for name in names
        }
        return generated | {"description": summary, "properties": properties, "required": names}


def _docstring(described: type) -> tuple[str, dict[str, str]]:
    """The summary of a docstring and its ``:param`` lines, in the words of JSON."""
    text = re.sub(r"\s+", " ", described.__doc__ or "").replace("``", "`")
    text = re.sub(r":[a-z]+:`([^`]*)`", r"\1", re.sub(r"\bNone\b", "null", text))
    summary, *rest = re.split(r" :(?=(?:param|raises|returns)\b)", text)
    parameters = (re.fullmatch(r"param (\w+): (.+)", part.strip()) for part in rest)
    return summary.strip(), {found[1]: found[2] for found in parameters if found}


def _with_examples(schema: Any) -> Any:
    """The schema of a field without titles, which repeat its name, or unknown formats."""
    if isinstance(schema, list):
        return [_with_examples(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _with_examples(part) for key, part in schema.items() if key != "title"}
    if kept.get("format") in _EXAMPLES:
        kept["examples"] = [_EXAMPLES[kept.pop("format")]]
    return kept
