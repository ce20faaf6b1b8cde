"""What systemd is told, so that a program that hangs is started anew, and no other."""

from __future__ import annotations

import asyncio

import pytest

from hotshoe_intake import living


def test_systemd_hears_of_a_program_that_runs_several_times_before_it_would_end_it(monkeypatch):
    told: list[str] = []
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    monkeypatch.setattr(living.daemon, "notify", told.append, raising=False)

    async def story() -> None:
        async with asyncio.timeout(20):
            keeping = asyncio.create_task(living.keep_alive())
            while len(told) < 4:
                await asyncio.sleep(0.01)
            keeping.cancel()

    asyncio.run(story())
    assert set(told) == {"WATCHDOG=1"}


@pytest.mark.parametrize("limit", [None, "0"])
def test_without_a_watchdog_nobody_is_told(monkeypatch, limit):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    if limit:
        monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setattr(living.daemon, "notify", None, raising=False)
    asyncio.run(living.keep_alive())
