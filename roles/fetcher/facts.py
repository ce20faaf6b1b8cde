"""What the fetcher role has on a computer at home, and what else has to be known of it."""

from __future__ import annotations

from hotshoe.debian.device import Footprint

FOOTPRINT = Footprint()
