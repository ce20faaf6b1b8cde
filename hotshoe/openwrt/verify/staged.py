"""Whether a staged change is what was meant, before it goes live.

``uci batch`` exits 0 whatever happens, and so does fw4 with sections that it leaves out. So what
they wrote is read: their messages, the packages read back, and the rules that would be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hotshoe.openwrt.rules import name_of, rules_of
from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.changes import Wanted, expected
from hotshoe.openwrt.uci.data import Package, UciError


def disproofs(
    wanted: Iterable[Wanted], before: Mapping[str, Package], said: Mapping[str, list[str]]
) -> tuple[str, ...]:
    """Tell what is wrong with a staged change.

    :param wanted: what the packages that it is about shall hold
    :param before: the packages before it
    :param said: what staging printed, by its headings: ``batch`` (messages of ``uci batch``), each
        package's name (``uci export``), ``before`` and ``after`` (messages of ``fw4 print``),
        ``check`` (of ``nft -c``), ``chains before``, ``print``
    :returns: in words; empty if the change may go live
    """
    return tuple(_disproofs(tuple(wanted), before, said))


def _disproofs(
    wanted: tuple[Wanted, ...], before: Mapping[str, Package], said: Mapping[str, list[str]]
) -> Iterator[str]:
    for line in said.get("batch", ["staging said nothing"]):
        yield f"uci: {line}"
    for each in wanted:
        try:
            read = text.parse("\n".join(said.get(each.package, ())), each.package)
        except UciError as error:
            yield f"{each.package}: what was staged cannot be read: {error}"
            continue
        if tuple(read) != (expected(before[each.package], each),):
            yield f"{each.package}: what was staged reads back differently"
    known = {_unnumbered(line) for line in said.get("before", ())}
    for line in said.get("after", ()):
        # What fw4 says of other people's sections, it said before.
        if _unnumbered(line) not in known:
            yield f"fw4: {line}"
    for line in said.get("check", ()):
        yield f"nft: {line}"
    printed = [line.strip() for line in said.get("print", ())]
    chains = {line.split(" {")[0] for line in printed if line.startswith("chain ")}
    if not said.get("chains before"):
        yield "fw4: there are no zones, so /etc/config/firewall was broken before this change"
    for chain in said.get("chains before", ()):
        if chain not in chains:
            yield f"fw4: the zone of {chain!r} would be gone"
    for name in (name_of(section) for each in wanted for section in rules_of(each)):
        if not any(line.endswith(f'comment "!fw4: {name}"') for line in printed):
            yield f"fw4: it makes no rule of {name!r}"


def _unnumbered(line: str) -> str:
    """A message of fw4's; a section without a name is called by its index, which ours shift."""
    return re.sub(r"@(\w+)\[\d+\]", r"@\1[]", line)
