"""How it is, for Prometheus: a file that node_exporter's textfile collector takes."""

from __future__ import annotations

from hotshoe import files
from hotshoe.gitops.pull.places import Places
from hotshoe.gitops.pull.settings import Settings
from hotshoe.gitops.pull.state import OUTCOMES, PASSING, SERIOUS, State
from hotshoe.render import render


def metrics(state: State, settings: Settings) -> str:
    """What is remembered, in Prometheus' text format.

    Names of branches have nothing in them that the format would have escaped (``Settings``).
    """
    return render(
        "pull/metrics.j2",
        state=state,
        branch=state.deployed_of or settings.branch,
        kinds=(*SERIOUS, *PASSING),
        outcomes=OUTCOMES,
    )


def write_metrics(places: Places, state: State, settings: Settings) -> None:
    """Replace the file in one step; everybody may read it.

    :raises OSError: if it cannot be written
    """
    files.replace(places.metrics, metrics(state, settings).encode(), 0o644, exact=True)
