"""Where hotshoe's roles and templates are: in a clone beside its package, installed below it."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent
# What pyproject.toml puts into a wheel.
_INSTALLED = _PACKAGE / "share"
ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
DEPLOY = ROOT / "deploy.py"
TEMPLATES = ROOT / "templates"
STANDIN = ROOT / "tests" / "standin"


def use_roles() -> None:
    """Let ``import roles`` find hotshoe's own, wherever this is run.

    A repository that holds only homes calls it in its inventories.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
