"""Whether a staged change is as wanted, before it goes live.

``uci batch`` exits 0 whatever happens, and so does fw4 with sections that it skips. So their output
is read: messages, the packages as staged, and the rules that would be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hotshoe.openwrt.rules import name_of, rules_of
from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.changes import Wanted, expected
from hotshoe.openwrt.uci.data import Package, UciError


def staging_errors(
    wanted: Iterable[Wanted], before: Mapping[str, Package], output: Mapping[str, list[str]]
) -> tuple[str, ...]:
    """Find what is wrong with a staged change.

    :param wanted: what the packages that it is about shall hold
    :param before: the packages before it
    :param output: what staging printed, by headings: ``batch`` (messages of ``uci batch``), each
        package's name (``uci export``), ``before`` and ``after`` (messages of ``fw4 print``),
        ``check`` (of ``nft -c``), ``chains before``, ``print``
    :returns: messages; empty if the change may go live
    """
    return tuple(_errors(tuple(wanted), before, output))


def _errors(
    wanted: tuple[Wanted, ...], before: Mapping[str, Package], output: Mapping[str, list[str]]
) -> Iterator[str]:
    for line in output.get("batch", ["staging printed nothing"]):
        yield f"uci: {line}"
    for each in wanted:
        try:
            read = text.parse("\n".join(output.get(each.package, ())), each.package)
        except UciError as error:
            yield f"{each.package}: what was staged cannot be read: {error}"
            continue
        if tuple(read) != (expected(before[each.package], each),):
            yield f"{each.package}: what was staged reads back differently"
    known = {_unnumbered(line) for line in output.get("before", ())}
    for line in output.get("after", ()):
        # What fw4 says of existing sections, it said before.
        if _unnumbered(line) not in known:
            yield f"fw4: {line}"
    for line in output.get("check", ()):
        yield f"nft: {line}"
    printed = [line.strip() for line in output.get("print", ())]
    chains = {line.split(" {")[0] for line in printed if line.startswith("chain ")}
    if not output.get("chains before"):
        yield "fw4: there are no zones, so /etc/config/firewall was broken before this change"
    for chain in output.get("chains before", ()):
        if chain not in chains:
            yield f"fw4: the zone of {chain!r} would disappear"
    for name in (name_of(section) for each in wanted for section in rules_of(each)):
        if not any(line.endswith(f'comment "!fw4: {name}"') for line in printed):
            yield f"fw4: no rule would be made of {name!r}"


def _unnumbered(line: str) -> str:
    """A message of fw4's without indices, by which it calls anonymous sections; ours shift them."""
    return re.sub(r"@(\w+)\[\d+\]", r"@\1[]", line)
