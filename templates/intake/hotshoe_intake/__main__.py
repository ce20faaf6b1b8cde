"""The program.

Usage: python3 -m hotshoe_intake CONFIGURATION
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from systemd import daemon

from hotshoe_intake.intake import Intake


def main() -> None:
    """Take photos in, as the file says."""
    intake = Intake(json.loads(Path(sys.argv[1]).read_text()))
    asyncio.run(intake.run(ready=lambda: daemon.notify("READY=1")))


if __name__ == "__main__":
    main()
