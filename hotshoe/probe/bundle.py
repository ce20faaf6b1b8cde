"""The probe as one file that plain Python runs (:mod:`zipapp`)."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

from hotshoe.probe.order import Order

# Where the order is within the file, beside this package.
ORDER = "order.json"
# As every Python 3 reads it: whoever has an old one shall be told so.
_MAIN = """\
import sys

if sys.version_info < (3, 9):
    sys.exit("this is Python %d.%d; the check needs 3.9 or newer" % sys.version_info[:2])
from hotshoe.probe.__main__ import main

sys.exit(main())
"""
# The first moment that a zip file knows: the same probe is the same file.
_BEGINNING = (1980, 1, 1, 0, 0, 0)


def bundle(order: Order | None = None) -> bytes:
    """Make the file.

    :param order: what it shall look at, for somebody who is told nothing else; its password is left
        out. None if the file gets its order by its standard input
    :returns: a .pyz file
    """
    package = Path(__file__).parent
    parts = {
        "hotshoe/__init__.py": "",
        **{f"hotshoe/probe/{path.name}": path.read_text("utf-8") for path in package.glob("*.py")},
        "__main__.py": _MAIN,
    }
    if order is not None:
        parts[ORDER] = replace(order, password=None).text()
    made = io.BytesIO()
    made.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(parts.items()):
            archive.writestr(zipfile.ZipInfo(name, _BEGINNING), text, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def order_inside() -> Order | None:
    """The order in the file that this runs from; None if there is none."""
    loader = globals().get("__loader__")
    try:
        return Order.parse(loader.get_data(f"{loader.archive}/{ORDER}").decode())  # type: ignore[union-attr]
    except (AttributeError, OSError):
        return None
