"""What the delivery of photos has on a server, and what else has to be known of it."""

from __future__ import annotations

from hotshoe.debian.device import Footprint

FOOTPRINT = Footprint()
