"""The program runs here without Debian's binding for the journal, which servers have."""

from __future__ import annotations

import sys
from types import ModuleType

fake = ModuleType("systemd")
fake.journal = ModuleType("systemd.journal")  # type: ignore[attr-defined]
fake.daemon = ModuleType("systemd.daemon")  # type: ignore[attr-defined]
for name, module in (
    ("systemd", fake),
    ("systemd.daemon", fake.daemon),  # type: ignore[attr-defined]
    ("systemd.journal", fake.journal),  # type: ignore[attr-defined]
):
    sys.modules.setdefault(name, module)
known = sys.modules["systemd.journal"]
known.LOG_INFO, known.LOG_WARNING, known.SYSTEM = 6, 4, 4  # type: ignore[attr-defined]
