"""What pull mode is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from hotshoe.errors import HotshoeError, Problem, SiteError, shown
from hotshoe.gitops.pull.places import Places

SCHEMES = ("ssh", "https", "file")
# As git takes it for SSH: [USER@]HOST:PATH (git-fetch(1), GIT URLS).
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:[^:]+")
_BRANCH = r"^[\w][\w./-]*$"
# systemd.time(7), as far as anybody needs it.
_SPAN = r"[1-9][0-9]{0,3}(s|min|h)"
# What a deploy to the box itself takes for a leftover of its own (hotshoe.debian.leftovers).
_REMOVED = re.compile(r"/etc/hotshoe/.*|/usr/local/sbin/hotshoe(?!-pull)([-_.].*)?")
_FORMS = "write ssh://HOST/PATH, https://HOST/PATH, USER@HOST:PATH, or an absolute path"


class Settings(BaseModel):
    """What ``hotshoe pull install`` was told.

    :param repository: where the repository is: ``ssh://``, ``https://``, ``USER@HOST:PATH`` or an
        absolute path
    :param branch: the branch that is deployed
    :param testing: another one, which is deployed instead while it comes after that; None for none
    :param sites: the Sites that are
    :param every: how often it is looked for a new commit, as systemd.time(7) writes it
    :param hook: a program that is told what happens; None for none
    :param check_from: a computer outside from which it is checked whether cameras get in, as
        ``ssh://[USER@]HOST[:PORT]``; None for the box itself, which sees no port forward
    :param hook_user: the user that it runs as
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: str
    branch: str = Field("main", pattern=_BRANCH)
    testing: str | None = Field(None, pattern=_BRANCH)
    sites: tuple[str, ...] = Field(("home",), min_length=1)
    every: str = Field("5min", pattern=f"^{_SPAN}$")
    hook: Path | None = None
    check_from: str | None = Field(None, pattern=r"^ssh://[^\s-]\S*$")
    hook_user: str = Field("nobody", pattern=r"^[a-z_][a-z0-9_-]*$")

    @property
    def delay(self) -> int:
        """Up to how many seconds later each look may be, so that many boxes do not look at once."""
        return self.seconds // 10

    @property
    def seconds(self) -> int:
        """How many are between two looks."""
        number, unit = int(self.every.rstrip("smhin")), self.every.lstrip("0123456789")
        return number * {"s": 1, "min": 60, "h": 3600}[unit]

    @field_validator("repository")
    @classmethod
    def _is_fetched_safely(cls, value: str) -> str:
        if reason := why_not_a_repository(value):
            raise ValueError(reason)
        return value

    @field_validator("testing")
    @classmethod
    def _is_another(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and value == info.data.get("branch"):
            raise ValueError("name another branch than the one that is deployed anyway")
        return value

    @field_validator("sites")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[^\W_][\w.-]*", name):
                raise ValueError(f"{shown(name)} is not the name of a Site")
        return value

    @field_validator("hook")
    @classmethod
    def _is_absolute(cls, value: Path | None) -> Path | None:
        if value and not value.is_absolute():
            raise ValueError("write the whole path, from / on")
        if value and _REMOVED.fullmatch(str(value)):
            raise ValueError(
                "call it otherwise: a deploy to this computer takes it for its own, and removes it"
            )
        return value


def why_not_a_repository(text: str) -> str | None:
    """Why a repository is not one to pull from; None if it is."""
    if text.startswith("/") or (_SCP.fullmatch(text) and "://" not in text):
        return None
    try:
        url = urlsplit(text)
    except ValueError:  # half an IPv6 address
        return _FORMS
    if url.password is not None:
        return "a password in it would be shown; use an SSH key that may only read"
    if url.scheme not in SCHEMES or not (url.netloc or url.scheme == "file"):
        return _FORMS
    return None


def make_settings(**said: object) -> Settings:
    """The settings that a person asks for.

    :raises SiteError: with all that is wrong with them
    """
    try:
        return Settings.model_validate(said)
    except ValidationError as error:
        raise SiteError(_problems(error, "hotshoe pull install")) from None


def read_settings(places: Places) -> Settings:
    """The settings of this box.

    :raises HotshoeError: if pull mode is not installed here, or they make no sense
    """
    try:
        text = places.settings.read_bytes()
    except FileNotFoundError:
        raise HotshoeError(
            "pull mode is not installed on this computer\n"
            "    -> hotshoe pull install REPOSITORY --signers FILE"
        ) from None
    except OSError as error:
        raise HotshoeError(
            f"{places.settings}: cannot be read: {error.strerror}\n    -> run this as root"
        ) from None
    try:
        return Settings.model_validate(json.loads(text))
    except ValidationError as error:
        raise SiteError(_problems(error, str(places.settings))) from None
    except ValueError as error:
        raise HotshoeError(
            f"{places.settings}: is not JSON: {error}\n    -> hotshoe pull install writes it anew"
        ) from None


# What to write where a pattern does not fit; pydantic would show the pattern.
_REMEDIES = {
    "branch": "write the name of a branch, such as main",
    "testing": "write the name of a branch, such as testing",
    "sites": "name a Site",
    "every": "write a number and s, min or h, such as 90s, 5min or 1h",
    "check_from": "write ssh://HOST, ssh://USER@HOST or ssh://HOST:PORT",
    "hook_user": "write the name of a user, in small letters",
}


def _problems(error: ValidationError, file: str) -> Iterator[Problem]:
    for each in error.errors():
        key = ".".join(str(part) for part in each["loc"])
        # An address may have a password in it.
        value = "" if key == "repository" else f"{shown(each['input'])} "
        said = each["msg"].removeprefix("Value error, ")
        remedy = said if each["type"] == "value_error" else _REMEDIES.get(key, said)
        yield Problem(file, key, f"{value}does not fit", remedy)
