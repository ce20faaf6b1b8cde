"""A journal that is a FIFO: each line is a photo's path, and a photo has just come there."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from datetime import UTC, datetime


class Reader:
    def __init__(self) -> None:
        self._fifo = os.open(os.environ["JOURNAL"], os.O_RDWR | os.O_NONBLOCK)

    def add_match(self, **fields: str) -> None:
        pass

    def seek_tail(self) -> None:
        pass

    def seek_head(self) -> None:
        pass

    def get_previous(self) -> dict[str, object]:
        # Nothing came before.
        return {}

    def wait(self, seconds: float) -> None:
        select.select([self._fifo], [], [], seconds)

    def __iter__(self) -> Iterator[dict[str, object]]:
        try:
            said = os.read(self._fifo, 1 << 16)
        except BlockingIOError:
            return
        for line in said.splitlines():
            yield {"HOTSHOE_PATH": os.fsdecode(line), "__REALTIME_TIMESTAMP": datetime.now(UTC)}
