"""Interim."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from hotshoe_intake.formats import Look


@dataclass(frozen=True)
class Placed:
    """Placed."""

    path: str
    copy: bool


class Library:
    """Library."""

    def __init__(self, root: int, tree: str) -> None:
        self._root, self._tree = root, tree

    def place(self, source: int, name: str, camera: str, look: Look, arrived: float) -> Placed:
        """Place."""
        date = (look.exposure or time.strftime("%Y-%m-%d", time.localtime(arrived)))[:10]
        folder = f"{camera}/{date}"
        os.makedirs(f"/proc/self/fd/{self._root}/{folder}", 0o770, exist_ok=True)
        n, stem, ext = 1, *os.path.splitext(name)
        while True:
            path = f"{folder}/{stem}{'' if n == 1 else f'-{n}'}{ext}"
            full = Path(f"/proc/self/fd/{self._root}/{path}")
            if not full.exists():
                os.rename(name, path, src_dir_fd=source, dst_dir_fd=self._root)
                return Placed(path, False)
            if full.read_bytes() == Path(f"/proc/self/fd/{source}/{name}").read_bytes():
                os.unlink(name, dir_fd=source)
                return Placed(path, True)
            n += 1
