"""What the probe tells of each layer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from hotshoe.probe.layers import Layer, Problem, Status


@dataclass(frozen=True)
class Result:
    """What was seen of one layer; a layer may have several, one for each problem.

    :param layer: the layer
    :param status: how it is
    :param evidence: what was seen, as a clause without a full stop
    :param problem: what is wrong with it; None if nothing is, or if it cannot be told
    :param data: the same for programs: ``address``, ``port``, ``silent`` and ``refused`` (lists of
        ports), ``reply`` (the server's), ``seconds``, and so on
    """

    layer: Layer
    status: Status
    evidence: str
    problem: Problem | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """As one line of JSON."""
        values = asdict(self) | {
            "layer": self.layer.value,
            "status": self.status.value,
            "problem": self.problem.name if self.problem else None,
        }
        return json.dumps(values)

    @classmethod
    def parse(cls, line: str) -> Result:
        """Read what :meth:`line` wrote.

        :raises ValueError: if it is none
        """
        try:
            values = json.loads(line)
            problem = values["problem"]
            return cls(
                Layer(values["layer"]),
                Status(values["status"]),
                str(values["evidence"]),
                Problem[problem] if problem else None,
                dict(values["data"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no result: {line!r}") from error
