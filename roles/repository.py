"""A repository that holds only homes, and whose deploy.py is hotshoe's."""

from __future__ import annotations

from functools import cache
from types import CodeType
from typing import Any

from hotshoe.resources import DEPLOY


@cache
def _code() -> CodeType:
    return compile(DEPLOY.read_text(encoding="utf-8"), str(DEPLOY), "exec")


def deploy() -> None:
    """Deploy the host that pyinfra is at, as hotshoe's own deploy.py does.

    pyinfra's own ``local.include`` would put that file's path before the name of each operation.
    """
    names: dict[str, Any] = {"__file__": str(DEPLOY), "__name__": "deploy"}
    exec(_code(), names)  # noqa: S102 - it is hotshoe's own
