"""Camera passwords: how they are stored on the server, and which ones a camera can type."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping

from passlib.hash import sha512_crypt

# sha512-crypt's cost. Random passwords of twelve characters do not need a slow hash to be safe,
# and a camera logs in for every burst of photos.
ROUNDS = 40_000
SHORTEST, LONGEST = 12, 32
# zxcvbn's best: more than 10^10 tries. It takes no longer text than this.
_BEST_SCORE, _MOST_GUESSED = 4, 72
_WORDS = ("hotshoe", "camera", "photos")
# What every camera's keyboard has without a shift, less what looks like something else on a small
# screen: 0 and o, 1, i and l, 2 and z, 5 and s, 6 and b, 9, g and q.
TYPEABLE = "abcdefghjkmnprstuvwxyz3478"
# 70.5 bits; some cameras take no more than 16 characters.
TYPED = 15


def why_unusable(password: object, known: Iterable[str] = ()) -> str | None:
    """Say why a camera password cannot be used.

    :param known: names that somebody who guesses tries first: the camera's, the host name
    :returns: the reason as a clause, or None for a good one
    """
    if not isinstance(password, str):
        return "is not text; put it in quotes"
    if not SHORTEST <= len(password) <= LONGEST:
        return f"has {len(password)} characters, not {SHORTEST} to {LONGEST}"
    if not (password.isascii() and password.isprintable()) or " " in password:
        return "has a space or a character that not every keyboard has"
    return why_guessable(password, known)


def new_password() -> str:
    """A random password that is easy to type on a camera, of 70 bits or more."""
    while True:
        password = "".join(secrets.choice(TYPEABLE) for _ in range(TYPED))
        # One in millions has a word or a sequence in it.
        if why_unusable(password) is None:
            return password


def why_guessable(secret: str, known: Iterable[str] = ()) -> str | None:
    """Say that a secret is easy to guess: by repetitions, sequences, keyboards, dates, known words.

    :param known: further words
    :returns: the reason as a clause that holds no part of the secret, or None for a good one
    """
    # Only here, since its word lists take longer to load than all else that makes a Plan.
    from zxcvbn import zxcvbn

    words = {word for name in known for word in (name, *re.split(r"[.-]", name)) if word}
    result = zxcvbn(secret[:_MOST_GUESSED], [*_WORDS, *sorted(words)])
    if result["score"] >= _BEST_SCORE:
        return None
    warning = str(result["feedback"]["warning"]).rstrip(".")
    return f"is easy to guess: {warning[0].lower()}{warning[1:]}" if warning else "is easy to guess"


def salt_of(stored: str) -> str | None:
    """The salt of a ``$6$rounds=N$salt`` prefix that was made with our cost, else None."""
    fields = stored.split("$")
    if len(fields) >= 4 and fields[1] == "6" and fields[2] == f"rounds={ROUNDS}" and fields[3]:
        return fields[3]
    return None


def pwdfile(passwords: Mapping[str, str], salts: Mapping[str, str]) -> str:
    """The text of a pam_pwdfile(8) file, one ``user:hash`` a line.

    :param passwords: the password of each user
    :param salts: the salts that are in use already; keeping them keeps the text the same for an
        unchanged password, so that a second run changes nothing
    """
    # Each scheme of using() would try anew which implementation the system has.
    sha512_crypt.get_backend()
    lines = []
    for user in sorted(passwords):
        scheme = sha512_crypt.using(rounds=ROUNDS, salt=salts.get(user))
        lines.append(f"{user}:{scheme.hash(passwords[user])}\n")
    return "".join(lines)
