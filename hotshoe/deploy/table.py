"""What a deploy would change, or changed, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

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


def told(result: SiteResult) -> Iterator[Text]:
    """A Site's result in lines: what each host's operations do, and what it comes to.

    :param result: of a dry run or of a deploy
    """
    width = max((len(host.host) for host in result.hosts), default=0)
    for host in result.hosts:
        name = f"{host.host:<{width}}"
        for operation in host.operations:
            symbol, style, words = _EFFECTS[operation.effect]
            what = escaped(operation.name)
            yield Text.assemble((symbol, style), f" {name}  {what} ", (f"({words})", "dim"))
        for leftover in host.leftovers:
            yield Text(f"  {name}    leftover: {escaped(leftover)}")
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
