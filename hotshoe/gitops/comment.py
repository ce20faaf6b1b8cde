"""What a merge request changes, as Markdown: in the Plan of each home, and for its cameras.

Names and values come from files that a stranger may have written: outside of blocks of code they
are escaped, and no block can be ended from inside.
"""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hotshoe.deploy.markdown import escape
from hotshoe.errors import escaped
from hotshoe.gitops.changed import changed_sites
from hotshoe.gitops.notices import notices
from hotshoe.gitops.versions import Version, branched_off, now, then
from hotshoe.plan.model import Plan
from hotshoe.show.tables import tables

# What services take in a comment is a little more than 65,000 characters.
LONGEST, LONGEST_BLOCK = 60_000, 15_000
_WIDTH = 100
_FENCE = re.compile(r"`{3,}")


@dataclass(frozen=True)
class Change:
    """What becomes of a Site.

    :param site: its name
    :param before: None for a new one
    :param after: None for one that goes
    :param touched: whether anything differs that a deploy of it depends on
    """

    site: str
    before: Version | None
    after: Version | None
    touched: bool

    @property
    def plans(self) -> tuple[Plan | None, Plan | None]:
        """The Plan before and the Plan after."""
        before, after = self.before, self.after
        return before.plan if before else None, after.plan if after else None

    @property
    def summary(self) -> str:
        """What becomes of it, in a few words."""
        before, after = self.plans
        if self.after is None:
            return "goes from the repository; its hosts stay as they are"
        if after is None:
            return "is refused"
        if self.before is None:
            return "is new"
        if before != after:
            return "changes"
        if self.touched:
            return "keeps its Plan; something that it is deployed with changes"
        return "no change"


def changes(root: Path, base: str, sites: Sequence[str] = ()) -> tuple[Change, ...]:
    """What has become of the Sites of a repository since this work branched off.

    :param root: the folder that holds deploy.py
    :param base: the branch that it is to be merged into
    :param sites: of these alone; all if none is named
    :raises HotshoeError: if there is no such revision
    """
    commit = branched_off(root, base)
    before, after, touched = then(root, commit), now(root), changed_sites(commit, root)
    return tuple(
        Change(name, before.get(name), after.get(name), name in touched)
        for name in sorted(before.keys() | after.keys())
        if not sites or name in sites
    )


def markdown(found: Sequence[Change]) -> str:
    """The comment.

    :param found: what :func:`changes` returned
    """
    lines = ["## What this changes", "", "| home | |", "|---|---|"]
    lines += [f"| {escape(change.site)} | {change.summary} |" for change in found]
    lines += [""] if found else ["No home is in this repository.", ""]
    for change in found:
        lines += _section(change)
    text = "\n".join(lines).rstrip() + "\n"
    if len(text) > LONGEST:
        # Where a line ends, and no block is left open.
        cut = text[:LONGEST].rpartition("\n### ")[0]
        text = f"{cut}\n\nThere is more; `hotshoe comment` shows what each home changes.\n"
    return text


def _section(change: Change) -> Iterator[str]:
    before, after = change.plans
    if change.after and not after:
        yield from (f"### {escape(change.site)}", "", *_block("text", change.after.refusal))
    elif after and before != after:
        yield from (f"### {escape(change.site)}", "", "What a camera would notice:", "")
        told = notices(before, after, change.site) if before else ["it is a new home"]
        yield from [f"- {escape(each)}." for each in told] or ["- nothing."]
        was = _text(before) if before else []
        changed = difflib.unified_diff(was, _text(after), n=2, lineterm="")
        yield from ("", "The Plan, before and after:", "")
        yield from _block("diff", "\n".join([*changed][2:]))


def _text(plan: Plan) -> list[str]:
    """A Plan as it is shown on a terminal."""
    from rich.console import Console

    out = Console(file=io.StringIO(), width=_WIDTH, highlight=False, color_system=None)
    out.print(*tables(plan), sep="\n")
    assert isinstance(out.file, io.StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def _block(language: str, text: str) -> Iterator[str]:
    """A block of code with text that cannot end it (CommonMark 0.31, section 4.5)."""
    lines = [escaped(line) for line in text.splitlines()]
    shown = "\n".join(lines)
    if len(shown) > LONGEST_BLOCK:
        shown = shown[:LONGEST_BLOCK].rpartition("\n")[0] + "\n…"
    fence = "`" * max((len(run) + 1 for run in _FENCE.findall(shown)), default=3)
    yield from (f"{fence}{language}", shown, fence, "")


def pictures(found: Sequence[Change]) -> Mapping[str, str]:
    """The homes that change, before and after.

    :returns: by the name of a file, SVG
    """
    from hotshoe.show.diagram.layout import picture

    return {
        f"{change.site}-{when}.svg": picture(plan)
        for change in found
        if change.plans[0] != change.plans[1]
        for when, plan in zip(("before", "after"), change.plans, strict=True)
        if plan
    }
