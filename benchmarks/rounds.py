"""Deploys that change nothing, each tool by turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Round
from benchmarks.stopwatch import Run
from benchmarks.tools import Tool
from hotshoe.errors import HotshoeError


def unchanged(tool: Tool, hosts: Sequence[str], after: Tool) -> Run:
    """Deploy what is there already.

    :param after: who has deployed before
    :raises HotshoeError: if the tool changes anything
    """
    run = tool.deploy(hosts)
    if changes := tool.changes(run):
        raise HotshoeError(
            f"{tool.name} changes what {after.name} has just deployed, so there is nothing to "
            f"compare: {'; '.join(changes)}"
        )
    return run


def rounds_without_change(
    hotshoe: Tool, ansible: Tool, hosts: Sequence[str], count: int, say: Callable[[str], None]
) -> Iterator[Round]:
    """Rounds of deploys that change nothing.

    :param say: told what is going on
    :raises HotshoeError: if one changes what the other has deployed
    """
    told = ", ".join(hosts) if len(hosts) <= 3 else f"{len(hosts)} hosts"
    for number in range(count):
        say(f"deploy to {told} that changes nothing, round {number + 1} of {count}")
        theirs = unchanged(ansible, hosts, after=ansible)
        yield Round(unchanged(hotshoe, hosts, after=ansible), theirs)
