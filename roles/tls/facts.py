"""What has to be known of a server's certificate."""

from __future__ import annotations

from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query


def _pem(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


# PEM; its key stays where it is.
CERTIFICATE = Query(
    "certificate", f"sed -n '/BEGIN CERT/,/END CERT/p' {paths.CERTIFICATE} 2>/dev/null", _pem
)

FOOTPRINT = Footprint(queries=(CERTIFICATE,))
