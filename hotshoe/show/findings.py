"""What a check finds, as a person reads it: on a terminal as it comes, and in plain lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from hotshoe.check.model import Finding
from hotshoe.errors import escaped
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.result import Result

# A symbol and a colour for each; the word says it too.
_STYLES = {
    Status.FINE: ("✓", "green"),
    Status.WARNING: ("!", "yellow"),
    Status.FAIL: ("✗", "bold red"),
    Status.UNKNOWN: ("?", "dim"),
}
_STATUS_WIDTH = max(len(status.value) for status in Status)
_LAYER_WIDTH = max(len(layer.value) for layer in Layer)
# By exit status.
_SUMMARY = {0: ("cameras get in", "green"), 1: ("broken", "bold red"), 2: ("cannot tell", "yellow")}
# How the probe begins the evidence of what it had to leave out.
_NOT_TRIED = "not tried"


def grouped(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings, with those that say no more than that something was not tried as one."""
    left = list(findings)
    while left:
        first = left.pop(0)
        if not _not_tried(first):
            yield first
            continue
        more = [first]
        while left and _not_tried(left[0]):
            more.append(left.pop(0))
        if len(more) == 1:
            yield first
            continue
        names = ", ".join(dict.fromkeys(each.layer.value for each in more[1:]))
        yield replace(first, evidence=f"{first.evidence}; nor {names}")


def _not_tried(finding: Finding) -> bool:
    return finding.status is Status.UNKNOWN and finding.evidence.startswith(_NOT_TRIED)


def table(rows: Iterable[Finding | Result]) -> Table:
    """Results as they come, or findings: a row each."""
    shown = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold", ratio=1)
    for row in rows:
        symbol, style = _STYLES[row.status]
        shown.add_row(
            Text(f"{symbol} {row.status.value}", style),
            Text(row.layer.value),
            Text(escaped(row.evidence)),
        )
    return shown


def live(rows: Iterable[Result], progress: str) -> RenderableType:
    """What has come up to now, and what goes on."""
    return Group(table(rows), Spinner("dots", Text(f" {progress} …", "dim")))


def line(finding: Finding) -> str:
    """A finding as a plain line."""
    status, layer = finding.status.value, finding.layer.value
    return f"{status:<{_STATUS_WIDTH}}  {layer:<{_LAYER_WIDTH}}  {escaped(finding.evidence)}"


def explanations(findings: Iterable[Finding]) -> Iterator[Text]:
    """For each problem: where, why, and what to do."""
    for finding in findings:
        if finding.problem is None or not finding.cause:
            continue
        _, style = _STYLES[finding.status]
        at = f" at {finding.box}" if finding.box else ""
        yield Text()
        yield Text.assemble(
            (finding.status.value, style),
            f": {finding.layer.value}{at} ",
            (f"({finding.problem.name})", "dim"),
        )
        yield Text(f"  why:  {escaped(finding.cause)}")
        for each in finding.data.get("journal", ()):
            yield Text(f"  log:  {escaped(each)}", "dim")
        yield Text(f"  do:   {escaped(finding.remedy)}")


def summary(server: str, camera: str, vantage: str, status: int, *, at_home: bool) -> Text:
    """What it all means.

    :param status: the exit status
    :param at_home: whether it was checked from inside the home
    """
    word, style = _SUMMARY[status]
    if at_home and status == 0:
        word += " from inside; check from outside as well: --from ssh://HOST, or --single-file"
    return Text.assemble(f"{server} as {camera}, checked from {escaped(vantage)}: ", (word, style))
