"""The program runs here without Debian's binding for the journal, which servers have."""

from __future__ import annotations

import sys
from types import ModuleType

fake = ModuleType("systemd")
fake.journal = ModuleType("systemd.journal")  # type: ignore[attr-defined]
fake.journal.LOG_INFO, fake.journal.LOG_WARNING, fake.journal.SYSTEM = 6, 4, 4  # type: ignore[attr-defined]
fake.daemon = ModuleType("systemd.daemon")  # type: ignore[attr-defined]
sys.modules.setdefault("systemd", fake)
sys.modules.setdefault("systemd.daemon", fake.daemon)  # type: ignore[attr-defined]
sys.modules.setdefault("systemd.journal", fake.journal)  # type: ignore[attr-defined]
