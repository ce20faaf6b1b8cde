"""What OpenSSH says when there is no connection, in plain words."""

from __future__ import annotations

# What its messages have in them (OpenSSH 9 and 10), the telling ones first, and what that means.
MEANINGS = (
    (
        "IDENTIFICATION HAS CHANGED",
        "the server has another host key than hotshoe gave it: another host may answer in its "
        "place, or delivery_secret in the vault has changed and not every host was deployed to",
    ),
    ("Host key verification failed", "the server's host key is not the one that hotshoe gave it"),
    (
        "Permission denied",
        "the server does not accept the key of this computer: was delivery_secret changed, or the "
        "delivery removed? Deploy to both",
    ),
    ("Connection refused", "nothing answers on the server: does hotshoe-fetch run there?"),
    (
        "timed out",
        "the server does not answer: it is off, or something on the way drops the connection",
    ),
    ("Timeout, server", "the server does not answer any more"),
    ("No route to host", "there is no way to the server: it is off, or a firewall is in between"),
    ("Network is unreachable", "this computer has no network"),
    ("hotshoe-delivery does not run", "hotshoe-delivery does not run on the server"),
    ("Connection reset", "the connection to the server was cut"),
    ("Connection closed", "the server has closed the connection"),
    ("Broken pipe", "the connection to the server was cut"),
)
HUNG_UP = "the server has closed the connection"


def in_words(said: str) -> str:
    """What ssh said before it ended, in plain words.

    :param said: its standard error
    :returns: what that means; its last line if that is not known
    """
    for words, meaning in MEANINGS:
        if words in said:
            return meaning
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "".join(c for c in lines[-1] if c.isprintable()) if lines else HUNG_UP
