"""The secrets of a vault by which photos leave the library; no message holds one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hotshoe.debian import passwords
from hotshoe.errors import Problem
from hotshoe.site.delivery import WAYS
from hotshoe.site.model import Site

KEYS = ("share_password", "message_secret", "delivery_secret", "delivery_passwords")
# What keys are derived from: 128 bits, as text.
SHORTEST_SECRET = 32
_RANDOM = "write what the command openssl rand -hex 16 prints"
# Another service may have chosen it, so it may hold whatever fits on one line.
_LONGEST = 500


def problems_of(
    raw: Mapping[str, Any], site: Site, file: str, *, shared: bool = False
) -> Iterator[Problem]:
    """What is wrong with the secrets by which photos leave the library.

    :param raw: the vault's content
    :param site: the Site that it belongs to
    :param file: the vault's file, for messages
    :param shared: whether it may hold secrets of other Sites
    """
    for key, reason, remedy in (
        *_of_share(raw, site, shared),
        *_of_message(raw, site, shared),
        *_of_keys(raw, site, shared),
        *_of_passwords(raw, site, shared),
    ):
        yield Problem(file, key, reason, remedy)


def needs_keys(site: Site, given: Mapping[str, Any]) -> bool:
    """Whether SSH keys are derived from ``delivery_secret``.

    :param given: the passwords of deliveries, by their names
    """
    by_key = (each.by == "sftp" and each.name not in given for each in site.delivery)
    return any(each.by == "fetch" for each in site.delivery) or any(by_key)


def passwords_of(raw: Mapping[str, Any], site: Site) -> dict[str, str]:
    """The passwords of a Site's deliveries, by their names; a shared vault may hold others too.

    :param raw: the vault's content, which fits the Site
    """
    given = raw.get("delivery_passwords", {})
    names = [each.name for each in site.delivery if WAYS[each.by].password]
    return {name: given[name] for name in names if name in given}


def used(raw: Mapping[str, Any], site: Site) -> list[str]:
    """Those of a vault's secrets that a Site uses for this.

    :param raw: the vault's content, which fits the Site
    """
    given = raw.get("delivery_passwords", {})
    found = [*passwords_of(raw, site).values()]
    found += [raw["delivery_secret"]] if needs_keys(site, given) else []
    found += [raw["share_password"]] if site.library.share == "smb" else []
    found += [raw["message_secret"]] if site.message and "message_secret" in raw else []
    return found


def made_up(
    site: Site, new_secret: Callable[[], str], new_password: Callable[[], str]
) -> dict[str, object]:
    """What a vault made anew holds of these secrets: what the Site needs.

    :param new_secret: makes a random text of 128 bits
    :param new_password: makes a random password
    """
    content: dict[str, object] = {}
    if site.library.share == "smb":
        content["share_password"] = new_password()
    if site.message:
        content["message_secret"] = new_secret()
    if needs_keys(site, {}):
        content["delivery_secret"] = new_secret()
    given = {
        each.name: new_password()
        for each in site.delivery
        if WAYS[each.by].password_needed and WAYS[each.by].password
    }
    if given:
        content["delivery_passwords"] = given
    return content


def why_unusable(secret: object) -> str | None:
    """Say why a secret of an external service cannot be used.

    :returns: the reason as a clause that holds no part of it, or None for a good one
    """
    if not isinstance(secret, str):
        return "is not text; put it in quotes"
    if not secret or len(secret) > _LONGEST:
        return f"has {len(secret)} characters, not 1 to {_LONGEST}"
    if not re.sub(" ", "", secret).isprintable():
        return "has a line break or another character that nobody can type"
    return None


Finding = tuple[str, str, str]


def _of_share(raw: Mapping[str, Any], site: Site, shared: bool) -> Iterator[Finding]:
    key = "share_password"
    if site.library.share == "none":
        if key in raw and not shared:
            yield (key, "is not used, since the Site has no share (library.share)", "remove it")
    elif key not in raw:
        yield (key, "is missing, and the share of the library needs it", _password_remedy())
    elif reason := passwords.why_unusable(raw[key], [site.hostname]):
        yield (key, reason, _password_remedy())


def _password_remedy() -> str:
    return (
        f"take {passwords.SHORTEST} to {passwords.LONGEST} letters and digits, such as the command "
        "hotshoe password prints"
    )


def _of_message(raw: Mapping[str, Any], site: Site, shared: bool) -> Iterator[Finding]:
    key = "message_secret"
    if key not in raw:
        return
    if site.message is None:
        if not shared:
            yield (key, "is not used, since the Site has no message", "remove it")
    elif reason := why_unusable(raw[key]):
        yield (key, reason, "write the token or password that message.program needs")


def _of_keys(raw: Mapping[str, Any], site: Site, shared: bool) -> Iterator[Finding]:
    key, given = "delivery_secret", raw.get("delivery_passwords")
    given = given if isinstance(given, dict) else {}
    if not needs_keys(site, given):
        if key in raw and not shared:
            yield (key, "is not used, since no delivery logs in by a key", "remove it")
    elif key not in raw:
        or_else = (
            f"; or, for {each.name}, its password as delivery_passwords.{each.name}"
            for each in site.delivery
            if each.by == "sftp" and each.name not in given
        )
        remedy = _RANDOM + "".join(or_else)
        yield (key, "is missing, and keys of deliveries are derived from it", remedy)
    elif not isinstance(raw[key], str) or len(raw[key]) < SHORTEST_SECRET:
        yield (key, f"is not text of {SHORTEST_SECRET} characters or more", _RANDOM)
    elif reason := passwords.why_guessable(raw[key], [site.hostname]):
        yield (key, reason, _RANDOM)


def _of_passwords(raw: Mapping[str, Any], site: Site, shared: bool) -> Iterator[Finding]:
    wanted = {each.name: WAYS[each.by] for each in site.delivery if WAYS[each.by].password}
    given = raw.get("delivery_passwords", {})
    if not isinstance(given, dict):
        yield (
            "delivery_passwords",
            "is not a mapping of deliveries' names to passwords",
            "write one line a delivery below it",
        )
        return
    for name, way in wanted.items():
        key, remedy = f"delivery_passwords.{name}", f"write {way.password}"
        if name in given:
            if reason := why_unusable(given[name]):
                yield (key, reason, remedy)
        elif way.password_needed:
            yield (key, f"is missing, and a delivery {way.title} needs it", remedy)
    for name in () if shared else given:
        if name not in wanted:
            yield (
                "delivery_passwords",
                "has a name that is no delivery with a password",
                f"remove it, or correct it; those are {', '.join(wanted) or 'none'}",
            )
