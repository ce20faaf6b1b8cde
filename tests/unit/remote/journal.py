"""Lines of ``journalctl --output=json``, as Debian 13's prints what hotshoe-intake sends."""

from __future__ import annotations

import json
from typing import Any

# 2024-02-29 12:00:00 UTC
AT = 1_709_208_000


def value(text: str | bytes) -> Any:
    """A field's value: text, or a list of bytes where it cannot be printed or is not UTF-8."""
    data = text.encode() if isinstance(text, str) else text
    try:
        shown = data.decode()
    except UnicodeDecodeError:
        return list(data)
    return shown if not any(c < " " for c in shown) else list(data)


def line(seconds: float = 0, **fields: str | bytes) -> str:
    """A line.

    :param seconds: after :data:`AT`
    :param fields: without HOTSHOE_
    """
    entry = {
        "__CURSOR": "s=1ebd3d1dc9254ace9ade025c70e808d1;i=f9f;b=02512747de624d57b11704cecda62d63",
        "__REALTIME_TIMESTAMP": str(int((AT + seconds) * 1_000_000)),
        "__MONOTONIC_TIMESTAMP": "38870784098",
        "__SEQNUM": "3999",
        "__SEQNUM_ID": "1ebd3d1dc9254ace9ade025c70e808d1",
        "_BOOT_ID": "02512747de624d57b11704cecda62d63",
    }
    entry |= {f"HOTSHOE_{name}": value(text) for name, text in fields.items()}
    return json.dumps(entry)
