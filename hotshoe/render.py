"""Templates: text with placeholders, under ``templates/``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    select_autoescape,
)
from markupsafe import Markup, escape

from hotshoe import paths, resources
from hotshoe.errors import HotshoeError

# A range of ports, or a date: a line that ends at its hyphen would make two numbers of it.
_WHOLE = re.compile(r"\d+(?:-\d+)+")


@cache
def _templates() -> Environment:
    # A missing value must end the run instead of leaving a gap.
    templates = Environment(
        loader=FileSystemLoader(resources.TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=select_autoescape(["html.j2", "svg.j2"], default=False),
    )
    templates.globals["paths"] = paths
    # For programs: a value as one word of the shell.
    templates.filters["quote"] = shlex.quote
    templates.filters["unbroken"] = unbroken
    return templates


def unbroken(text: object) -> Markup:
    """Text for HTML in which no range is broken at its hyphen, and which is still copied as it is.

    :param text: anything
    """
    return Markup(_WHOLE.sub(r'<span class="whole">\g<0></span>', str(escape(str(text)))))  # noqa: S704


def load(*folders: str) -> None:
    """Read all templates of these folders, for whoever has several processes render them.

    :param folders: below ``templates/``
    """
    for name in _templates().list_templates(extensions=["j2"]):
        if name.partition("/")[0] in folders:
            _templates().get_template(name)


def render(template: str, **values: Any) -> str:
    """Render a file of ``templates/``.

    :param template: its path below that folder
    :param values: what the placeholders are filled with; :mod:`hotshoe.paths` is there as ``paths``
    :returns: the text
    :raises HotshoeError: if there is no such file
    """
    try:
        parsed = _templates().get_template(template)
    except TemplateNotFound:
        raise HotshoeError(
            f"{resources.TEMPLATES / template}: there is no such file\n"
            "    -> install hotshoe anew, or, in a clone: git checkout templates"
        ) from None
    return parsed.render(**values)


def modules(program: str, folder: str) -> dict[str, str]:
    """The modules of a program in Python that runs on hosts.

    :param program: its package in ``templates/``: ``intake/hotshoe_intake``
    :param folder: of the package on a host
    :returns: by their paths there, their names in ``templates/``
    """
    found = sorted((resources.TEMPLATES / program).glob("*.py"))
    return {f"{folder}/{path.name}": f"{program}/{path.name}" for path in found}


def texts(names: Mapping[str, str]) -> dict[str, str]:
    """Files of ``templates/`` that are taken as they are.

    :param names: of each, such as one of :func:`modules`, its path below that folder
    :raises HotshoeError: if one cannot be read
    """
    return {key: text(name) for key, name in names.items()}


def text(name: str) -> str:
    """A file of ``templates/`` that is taken as it is.

    :param name: its path below that folder
    :raises HotshoeError: if it cannot be read
    """
    path = resources.TEMPLATES / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise HotshoeError(f"{path}: cannot be read: {error.strerror}") from None
