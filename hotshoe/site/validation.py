"""Validate a model field by field, so that one bad field does not hide what is wrong elsewhere.

Pydantic reports every bad field at once, but runs no check *across* fields while one is bad. Here
the valid fields are kept, and a check that reads an invalid one is skipped by
:class:`RefusedFieldError`.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hotshoe.errors import Problem, shown


class RefusedFieldError(Exception):
    """A check asked for a value that was refused already."""


class ValidFields:
    """The valid fields of a model; reading another raises :class:`RefusedFieldError`."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise RefusedFieldError(name)


def validate(
    model: type[BaseModel], raw: Any, file_of: Mapping[str, str], prefix: str = ""
) -> tuple[ValidFields, list[Problem]]:
    """Validate what can be validated.

    :param model: the model that the data should fit
    :param raw: the data, as read from YAML
    :param file_of: the file that each top-level key came from, and ``""`` for any other
    :param prefix: the dotted key of the data inside the file
    :returns: the valid fields, and a problem for each bad one
    """
    problems: list[Problem] = []
    known = model.model_fields

    def problem(key: str, reason: str, remedy: str) -> None:
        file = file_of.get(key.split(".")[0].split("[")[0], file_of[""])
        problems.append(Problem(file, key, reason, remedy))

    if not isinstance(raw, Mapping):
        problem(
            prefix, f"must be a mapping of keys to values, not {shown(raw)}", _example_of_all(known)
        )
        return ValidFields(), problems

    for key in raw:
        if key not in known:
            problem(
                _join(prefix, str(key)), "is not a key that belongs here", _suggestion(key, known)
            )

    values: dict[str, Any] = {}
    for name, field in known.items():
        key = _join(prefix, name)
        if name not in raw:
            if field.is_required():
                problem(key, "is missing", f"write for example: {_example(name, field)}")
            else:
                values[name] = field.get_default(call_default_factory=True)
            continue
        inner, is_list = _inner_model(field)
        if inner is not None and is_list and isinstance(raw[name], list) and raw[name]:
            parts = []
            for i, item in enumerate(raw[name]):
                part, more = validate(inner, item, file_of, f"{key}[{i}]")
                parts.append(part)
                problems.extend(more)
            values[name] = tuple(parts)
        elif inner is not None and not is_list and not _is_left_out(raw[name], field):
            values[name], more = validate(inner, raw[name], file_of, key)
            problems.extend(more)
        else:
            try:
                values[name] = _adapter(model, name).validate_python(raw[name])
            except ValidationError as error:
                for detail in error.errors():
                    at = key + "".join(f"[{i}]" for i in detail["loc"] if isinstance(i, int))
                    problem(at, _reason(detail), f"write for example: {_example(name, field)}")
    return ValidFields(**values), problems


def _is_left_out(value: Any, field: FieldInfo) -> bool:
    """Whether an optional field is null."""
    return value is None and types.NoneType in typing.get_args(field.annotation)


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    annotated: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotated)


def _inner_model(field: FieldInfo) -> tuple[type[BaseModel] | None, bool]:
    """The model inside a field, and whether the field is a list of them."""
    kind: Any = field.annotation
    if isinstance(kind, types.UnionType):
        (kind,) = (part for part in typing.get_args(kind) if part is not types.NoneType)
    is_list = typing.get_origin(kind) is tuple
    if is_list:
        kind = typing.get_args(kind)[0]
    is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
    return (kind if is_model else None), is_list


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _example(name: str, field: FieldInfo) -> str:
    return f"{name}: {(field.examples or ['…'])[0]}"


def _example_of_all(known: Mapping[str, FieldInfo]) -> str:
    examples = [_example(name, f) for name, f in known.items() if f.is_required()]
    # Where nothing is required, any one key shows how it is written.
    examples = examples or [_example(name, f) for name, f in known.items()][:1]
    return "write for example: {" + ", ".join(examples) + "}"


def _suggestion(key: Any, known: Mapping[str, FieldInfo]) -> str:
    close = difflib.get_close_matches(str(key), known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"remove it; the keys here are {', '.join(known)}"


# Pydantic's error types, in this project's words. Any other type keeps Pydantic's message.
_REASONS = {
    "ip_v4_address": "{} is not an IPv4 address",
    "ip_v4_interface": "{} is not an IPv4 address with the prefix length of its network",
    "ip_v4_network": "{} is not an IPv4 network",
    "ip_v6_address": "{} is not an IPv6 address",
    "ip_v6_interface": "{} is not an IPv6 address with the prefix length of its network",
    "bool_parsing": "{} is neither true nor false",
    "bool_type": "{} is neither true nor false",
    "tuple_type": "{} is not a list",
    "too_short": "{} is an empty list",
    "literal_error": "{} is not {expected}",
    "int_type": "{} is not a whole number",
    "int_parsing": "{} is not a whole number",
    "int_parsing_size": "{} is not a whole number",
    "int_from_float": "{} is not a whole number",
    "finite_number": "{} is not a whole number",
    "greater_than_equal": "{} is less than {ge}",
    "less_than_equal": "{} is more than {le}",
    "byte_size": "{} is not a number of bytes",
    "byte_size_unit": "{} is not a number of bytes",
}


def _reason(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return message
    given = shown(detail["input"])
    if detail["type"] in _REASONS:
        return _REASONS[detail["type"]].format(given, **detail.get("ctx", {}))
    return f"{message[0].lower()}{message[1:]}, not {given}"
