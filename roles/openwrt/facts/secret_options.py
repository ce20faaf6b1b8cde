"""Which options never leave a router: passwords and keys, and what has a name like theirs."""

from __future__ import annotations

import re


def _either_case(*words: str) -> str:
    """A regular expression; awk cannot be told to ignore case."""
    return "|".join("".join(f"[{c.upper()}{c}]" for c in word) for word in words)


# Of tokens and PINs, the name has to be a word: `pinned` is none.
NAMES = (
    f"[A-Za-z0-9_]*({_either_case('pass', 'key', 'psk', 'secret')})[A-Za-z0-9_]*|"
    f"([A-Za-z0-9_]+_)?({_either_case('token', 'pin', 'pincode')})(_[A-Za-z0-9_]+)?"
)


def is_secret(option: str) -> bool:
    """Whether the values of an option never leave a router."""
    return re.fullmatch(NAMES, option) is not None
