"""The program.

Usage: python3 -m hotshoe_intake CONFIGURATION
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from hotshoe_intake.intake import Intake
from hotshoe_intake.living import live


def main() -> None:
    """Take photos in, as the file says."""
    # Threads that look into photos let go this often, since names wait to become free. In seconds.
    sys.setswitchinterval(0.0005)
    configuration = json.loads(Path(sys.argv[1]).read_text())
    if configuration["readable"]:
        # Folders that it makes in the library are then for others as well.
        os.umask(0o002)
    intake = Intake(configuration)
    asyncio.run(live(intake.run, intake.finish))


if __name__ == "__main__":
    main()
