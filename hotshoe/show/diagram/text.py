"""Wrapping text into lines of a monospace font, at places where a reader does not mind."""

from __future__ import annotations

import re

# Where a name, an address or a list may be broken when there is no space.
_AFTER = ",:.-"
# What XML 1.0 has no way of writing; one such character would make a whole document unreadable.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def writable(text: str) -> str:
    """Text with nothing in it that an XML document cannot hold, escaped or not."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def wrap(text: str, width: int) -> tuple[str, ...]:
    """Break text into lines; joined again they are the text, for a space stays where it breaks.

    :param text: what is to be broken, as one paragraph; it does not break at a no-break space
    :param width: the most characters that a line may show; a space at its end does not show
    :returns: the lines, at least one
    """
    rest = re.sub("[\t\n\r ]+", " ", writable(text)).strip(" ")
    lines = []
    while len(rest) > width:
        cut = _cut(rest, width)
        lines.append(rest[:cut])
        rest = rest[cut:]
    return (*lines, rest)


def _cut(text: str, width: int) -> int:
    """How many characters of a long text go into its first line."""
    space = text.rfind(" ", 0, width + 1)
    if space > 0:
        return space + 1
    # Neither inside of "::" nor behind it, where an address would seem to end.
    ends = (
        i
        for i in range(width, 0, -1)
        if text[i - 1] in _AFTER and text[i] != ":" and text[i - 2 : i] != "::"
    )
    return next(ends, width)
