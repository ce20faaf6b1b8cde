"""Tests that are asynchronous."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine


def runs(test: Callable[..., Coroutine[object, object, None]]) -> Callable[..., None]:
    """A test that is asynchronous."""

    @functools.wraps(test)
    def run(*fixtures: object, **named: object) -> None:
        asyncio.run(test(*fixtures, **named))

    return run
