"""What is wrong, where, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from hotshoe.check.case import Case, Entries
from hotshoe.check.consequences import without_consequences
from hotshoe.check.machines import told_by_machines
from hotshoe.check.model import Finding, InsideView
from hotshoe.check.places import lost
from hotshoe.check.problems import boxes, encryption, login, names, ports, refusals, uploads
from hotshoe.check.root_causes import corrected, root_of, unseen
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.ranges import as_ranges
from hotshoe.probe.result import Result

# What may be wrong, each once.
THEMES: tuple[Entries, ...] = (
    names.ENTRIES,
    ports.ENTRIES,
    encryption.ENTRIES,
    login.ENTRIES,
    uploads.ENTRIES,
    refusals.ENTRIES,
    boxes.ENTRIES,
)
ENTRIES: Entries = {problem: entry for theme in THEMES for problem, entry in theme.items()}
_ORDER = {layer: number for number, layer in enumerate(Layer)}
# Of these, vsftpd's journal tells; a few lines are enough.
_IN_JOURNAL = frozenset({Layer.LOGIN, Layer.UPLOAD, Layer.LARGE, Layer.SLOW, Layer.SAME_NAME})
_LINES = 3
# A check that says nothing about one of these has not said whether the home works.
ESSENTIAL = frozenset(
    {
        Layer.NAME,
        Layer.PORT,
        Layer.BANNER,
        Layer.TLS,
        Layer.CERTIFICATE,
        Layer.LOGIN,
        Layer.PASV,
        Layer.PASSIVE,
        Layer.UPLOAD,
        Layer.LIBRARY,
    }
)


def diagnose(
    plan: Plan,
    server: ServerPlan,
    camera: str,
    results: Iterable[Result],
    inside: InsideView | None,
    now: datetime,
    *,
    at_home: bool = False,
) -> tuple[Finding, ...]:
    """Say what is wrong, the outermost fault first.

    :param camera: as which the probe logged in
    :param results: what it told
    :param inside: what the home's machines saw; None if they were not asked
    :param now: with a time zone
    :param at_home: whether the probe ran inside the home
    """
    case = Case(plan, server, camera, tuple(results), inside, at_home)
    whole = (each for result in case.results for each in _apart(case, corrected(case, result)))
    met = [_rooted(case, result) for result in (*whole, *_untold(case), *unseen(case))]
    # Rules that are gone are the cause of what ends at their box, and told there.
    blamed = {
        ports.ENTRIES[result.problem](case, result).box
        for result in met
        if result.problem is not None and result.problem in ports.ENTRIES
    }
    told = [
        _rooted(case, result)
        for result in told_by_machines(case, now)
        if result.problem is not Problem.FIREWALL_MISSING or result.data["box"] not in blamed
    ]
    in_order = sorted([*met, *told], key=lambda result: _ORDER[result.layer])
    return tuple(_finding(case, result) for result in without_consequences(case, in_order))


def _untold(case: Case) -> Iterator[Result]:
    """What a probe tells of in any case, and has not: whoever runs it may have cut it short."""
    wanted = ESSENTIAL - {Layer.LIBRARY} - {result.layer for result in case.results}
    if case.server.encryption is None:
        wanted -= {Layer.TLS, Layer.CERTIFICATE}
    for layer in wanted:
        yield Result(layer, Status.UNKNOWN, "the computer that checked told nothing of it")


def _apart(case: Case, result: Result) -> Iterator[Result]:
    """A result for each place at which ports end: the outermost one first."""
    dead = ports.ports_of(result)
    if result.layer is not Layer.PASSIVE or result.problem is None or len(dead) < 2:
        yield result
        return
    places = lost(case, dead)
    if len(places) < 2:
        yield result
        return
    for loss in places:
        these = [port for run in loss.ports for port in run]
        evidence = f"{result.evidence}; here: {as_ranges(these)}"
        yield replace(result, evidence=evidence, data={**result.data, "lost": these})


def _rooted(case: Case, result: Result) -> Result:
    """A result with what lies behind it, where the home's machines tell that."""
    root = root_of(case, result)
    if root is None or result.problem is None:
        return result
    return replace(result, problem=root, data={**result.data, "met": result.problem.name})


def _finding(case: Case, result: Result) -> Finding:
    common = (result.layer, result.status, result.evidence, result.problem)
    if result.problem is None:
        return Finding(*common, data=result.data)
    said = ENTRIES[result.problem](case, result)
    data = result.data | _journal(case, result)
    return Finding(*common, said.box, said.cause, said.remedy, data)


def _journal(case: Case, result: Result) -> dict[str, Any]:
    """What vsftpd's journal has of a failure, for the layers of which it has anything."""
    if result.layer not in _IN_JOURNAL or result.status is not Status.FAIL or not case.view:
        return {}
    lines = [line for line in case.view.journal if " FAIL " in line or "OOPS" in line]
    return {"journal": lines[-_LINES:]} if lines else {}


def exit_status(findings: Iterable[Finding]) -> int:
    """0 if it works, 1 if something is broken, 2 if nobody could tell."""
    found = list(findings)
    if any(finding.status is Status.FAIL for finding in found):
        return 1
    unknown = [f for f in found if f.status is Status.UNKNOWN and not f.data.get("skipped")]
    return 2 if any(f.layer in ESSENTIAL for f in unknown) else 0
