"""What a deploy would change, or changed, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hotshoe.deploy.results import Effect, SiteResult
from hotshoe.errors import escaped

# A symbol, its colour, and words that say the same.
_EFFECTS: dict[Effect, tuple[str, str, str]] = {
    "change": ("~", "yellow", "would change"),
    "if": ("?", "yellow", "may change, after one before it"),
    "changed": ("✓", "green", "changed"),
    "failed": ("✗", "bold red", "failed"),
}


def told(result: SiteResult) -> Iterator[RenderableType]:
    """A Site's result: what each host's operations do, and what it comes to.

    :param result: of a dry run or of a deploy
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for host in result.hosts:
        for operation in host.operations:
            symbol, style, words = _EFFECTS[operation.effect]
            row = (symbol, style), (host.host, ""), (operation.name, ""), (words, "dim")
            table.add_row(*(Text(escaped(text), style) for text, style in row))
        for leftover in host.leftovers:
            table.add_row("", Text(host.host), Text(f"  leftover: {escaped(leftover)}"), "")
    if table.row_count:
        yield table
    yield Text.assemble((result.site, "bold"), f": {summary(result)}")


def summary(result: SiteResult) -> str:
    """What it comes to, in one line; the error is told elsewhere."""
    effects = [each.effect for host in result.hosts for each in host.operations]
    done = effects.count("changed")
    if result.error:
        so_far = f" after {_count(done, 'change')}" if done else ""
        return f"failed{so_far}" if "failed" in effects or done else "could not be told or done"
    hosts = ", ".join(host.host for host in result.hosts)
    if not effects:
        return f"no change; {hosts or 'no host'}"
    if done:
        return f"{_count(done, 'change')} made; {hosts}"
    return f"{_count(len(effects), 'change')} to make; {hosts}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
