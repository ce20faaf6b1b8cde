"""What follows from another fault is no fault of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hotshoe.check.case import Case
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result

_TRANSFERS = frozenset({Layer.UPLOAD, Layer.LARGE, Layer.SLOW, Layer.SESSIONS, Layer.SAME_NAME})
# What cannot be well when a layer is not.
_NEEDED_BY = {
    Layer.PORT: frozenset({Layer.BANNER, Layer.TLS}),
    # Another server answers.
    Layer.BANNER: frozenset({Layer.TLS, Layer.CERTIFICATE}),
    Layer.PASV: frozenset({Layer.PASSIVE, *_TRANSFERS}),
    Layer.PASSIVE: frozenset({*_TRANSFERS, Layer.REFUSALS}),
    Layer.UPLOAD: frozenset({*(_TRANSFERS - {Layer.UPLOAD}), Layer.LIBRARY}),
}


def without_consequences(case: Case, results: Iterable[Result]) -> Iterator[Result]:
    """The results, with what follows from an earlier fault as unknown.

    :param results: in the order of their layers
    """
    failed: list[Result] = []
    for result in results:
        serious = result.status is Status.FAIL
        told = [f for f in failed if serious or f.problem is result.problem]
        if cause := next((f for f in told if _follows(case, f, result)), None):
            yield _unknown(result, cause)
            continue
        if serious:
            failed.append(result)
        yield result


def _follows(case: Case, cause: Result, result: Result) -> bool:
    if cause.layer is result.layer:
        # Dates say nothing where the clock is wrong.
        return cause.problem is Problem.CLOCK and result.problem is not Problem.CLOCK
    if cause.problem is result.problem:
        return True
    if cause.layer is Layer.NAME:
        return _dials_elsewhere(case, result)
    of_port, port = cause.data.get("port"), result.data.get("port")
    if cause.layer in (Layer.PORT, Layer.BANNER) and of_port and port and of_port != port:
        return False
    return result.layer in _NEEDED_BY.get(cause.layer, frozenset())


def _dials_elsewhere(case: Case, result: Result) -> bool:
    """Whether the probe dialled what the name led to, which is not the home."""
    if result.layer not in (Layer.PORT, Layer.BANNER, Layer.TLS, Layer.CERTIFICATE):
        return False
    home = case.plan.public_address
    dialled = result.data.get("address")
    return dialled is not None and dialled != str(home)


def _unknown(result: Result, cause: Result) -> Result:
    evidence = f"{result.evidence}; this follows from “{cause.layer.value}”"
    data = {**result.data, "follows": cause.layer.value}
    return replace(result, status=Status.UNKNOWN, problem=None, evidence=evidence, data=data)
