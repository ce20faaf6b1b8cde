"""What is printed, and how it follows from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.stopwatch import Run


class Figure(NamedTuple):
    """One line of the result."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        digits = ".0f" if self.value >= 100 else ".3g"
        return f"{self.name} {self.value:{digits}} {self.unit}"


class Round(NamedTuple):
    """One run of each, right after each other."""

    hotshoe: Run
    ansible: Run


def compare(what: str, rounds: Sequence[Round]) -> Iterator[Figure]:
    """What hotshoe and Ansible took, and how many times as much Ansible took.

    A ratio is the median of the rounds' own, since only what ran side by side can be compared.

    :param what: the first word of the figures' names
    """

    def figures(name: str, unit: str, cost: dict[str, list[float]]) -> Iterator[Figure]:
        ratios = [a / h for h, a in zip(cost["hotshoe"], cost["ansible"], strict=True)]
        yield Figure(f"{what}_{name}_vs_ansible", median(ratios), "times")
        for tool, values in cost.items():
            yield Figure(f"{what}_{name}_{tool}", median(values), unit)

    runs = {"hotshoe": [r.hotshoe for r in rounds], "ansible": [r.ansible for r in rounds]}
    yield from figures("deploy", "seconds", {t: [r.seconds for r in runs[t]] for t in runs})
    yield from figures("cpu", "seconds", {t: [r.cpu_seconds for r in runs[t]] for t in runs})
    yield from figures(
        "peak_memory", "MB", {t: [r.peak_bytes / 1e6 for r in runs[t]] for t in runs}
    )
