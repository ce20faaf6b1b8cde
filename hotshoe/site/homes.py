"""The Sites of a repository."""

from __future__ import annotations

from pathlib import Path

from hotshoe.site.reading import FOLDER, SHARED

INVENTORIES = Path("inventories")


def homes(root: Path = Path()) -> tuple[str, ...]:
    """The names of all Sites that can be deployed: those with an inventory, in their order.

    :param root: the folder that holds deploy.py
    """
    sites = (root / FOLDER).glob("*.yml")
    names = {path.stem for path in sites if path.name != SHARED and "." not in path.stem}
    return tuple(sorted(name for name in names if (root / INVENTORIES / f"{name}.py").exists()))
