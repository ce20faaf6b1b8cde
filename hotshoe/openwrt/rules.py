"""Which sections fw4 makes rules of, and what it calls them."""

from __future__ import annotations

from collections.abc import Iterator

from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.uci.data import Section

# How fw4 writes no (fw4.uc, parse_bool).
OFF = ("0", "off", "false", "no", "disabled")
_TYPES = ("redirect", "rule", "nat")


def rules_of(wanted: Wanted) -> Iterator[Section]:
    """The wanted sections that shall be rules in the kernel, which disabled ones are not."""
    if wanted.package == "firewall":
        for section in wanted.sections:
            if section.type in _TYPES and is_enabled(section):
                yield section


def is_enabled(section: Section) -> bool:
    """Whether fw4 reads a section."""
    return section.options.get("enabled") not in OFF


def name_of(section: Section) -> str:
    """What fw4 calls a section's rules, after ``!fw4: `` in their comments (fw4.uc, parse_rule)."""
    return str(section.options.get("name", section.name))
