"""The program.

Usage: python3 -m hotshoe_delivery CONFIGURATION
       python3 -m hotshoe_delivery status CONFIGURATION [MOST | -]
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Do what the arguments say.

    :returns: the exit status
    """
    # Each alone needs what it imports.
    if arguments[0] == "status":
        from hotshoe_delivery import status

        return status.main(arguments[1:])
    from hotshoe_delivery.configuration import Configuration
    from hotshoe_delivery.service import Service

    Service(Configuration.read(arguments[0])).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
