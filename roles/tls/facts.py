"""What has to be known of a server's certificate, and what watches it there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query


def _pem(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _time(lines: Sequence[str]) -> datetime | None:
    return datetime.fromtimestamp(int(lines[0]), UTC) if lines else None


# PEM; its key stays where it is.
CERTIFICATE = Query(
    "certificate", f"sed -n '/BEGIN CERT/,/END CERT/p' {paths.CERTIFICATE} 2>/dev/null", _pem
)
CLOCK = Query("clock", "date +%s", _time)
# What tells when it ends: a service, which a timer starts.
WATCH = "hotshoe-certificate.timer"
WATCH_SERVICE = "hotshoe-certificate.service"

FOOTPRINT = Footprint(
    paths=(paths.WATCH_CERTIFICATE,),
    files=(paths.CERTIFICATE,),
    packages=("openssl",),
    units_of_others=(WATCH, WATCH_SERVICE),
    queries=(CERTIFICATE, CLOCK),
)
