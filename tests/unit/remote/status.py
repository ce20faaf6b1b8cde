"""What ``python3 -m hotshoe_delivery status`` prints on a server."""

from __future__ import annotations

import json
from typing import Any

PHOTO = "/srv/hotshoe/library/r5/2026-05-31/IMG_0001.JPG"


def destination(name: str, by: str = "fetch", **told: Any) -> dict[str, Any]:
    """A destination, where nothing waits and nothing is the matter unless said."""
    nothing = {
        "to": "",
        "delivered": 0,
        "waiting": 0,
        "waiting_bytes": 0,
        "error": None,
        "failing_since": None,
        "next_try": None,
        "succeeded": None,
    }
    return {"name": name, "by": by} | nothing | told


def photo(path: str, removed: float | None = None, **delivered: float | None) -> dict[str, Any]:
    """A photo, and when each destination got it; None for one that it waits for."""
    return {
        "path": path,
        "size": 3_000,
        "arrived": 0.0,
        "sha256": None,
        "gone": removed,
        "why_gone": "retention" if removed else None,
        "deliveries": [
            {
                "destination": name,
                "state": "delivered" if at else "waiting",
                "name": f"r5/{name}.JPG" if at else None,
                "delivered": at,
                "verified": at,
                "error": None,
            }
            for name, at in delivered.items()
        ],
    }


def status(
    *destinations: dict[str, Any],
    photos: list[dict[str, Any]] | None = None,
    retention: dict[str, Any] | None = None,
) -> bytes:
    """The document."""
    told = {
        "at": 0.0,
        "running": True,
        "destinations": destinations,
        "photos": photos or [],
        "retention": retention,
    }
    return json.dumps(told).encode()
