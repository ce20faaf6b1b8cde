"""The secrets beside a Site: camera passwords and the passphrase of the CA key."""

from __future__ import annotations

import difflib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotshoe.debian import certificates, passwords
from hotshoe.errors import Problem, SiteError
from hotshoe.site.model import Site
from hotshoe.site.reading import MOST_BYTES, SiteFiles, parse_mapping

# ansible-core's own variable, so that one setting serves ansible-vault and hotshoe.
PASSWORD_FILE_VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105 - a variable's name
PASSWORD_FILE = ".vault-password"  # noqa: S105 - a file's name
DEMO_PASSWORD_FILE = Path("group_vars") / "demo.vault-password"
# What every secret of the published demo vault begins with.
PUBLISHED = "demo-"
SHORTEST_PASSPHRASE = 12
ENCRYPTED = b"$ANSIBLE_VAULT;"
# ansible-vault writes four characters for each byte, and line ends.
MOST_ENCRYPTED = 5 * MOST_BYTES
_KEYS = {"camera_passwords", "ca_passphrase"}


@dataclass(frozen=True)
class Secrets:
    """What the vault holds; never printed.

    :param camera_passwords: the password of each camera, by name
    :param ca_passphrase: what encrypts the key of the certificate authority
    :param demo: whether the published demo password opened the vault, or something published is
        still in it
    """

    camera_passwords: dict[str, str] = field(repr=False)
    ca_passphrase: str = field(repr=False)
    demo: bool


@dataclass(frozen=True)
class Opening:
    """A vault that ansible-vault has begun to open, which takes it about half a second.

    :param process: ansible-vault
    :param password_file: what it opens the vault with
    :param demo: whether that is the published demo password
    """

    process: subprocess.Popen[str]
    password_file: Path
    demo: bool


def begin_opening(files: SiteFiles) -> Opening:
    """Begin to open the vault, so that something else can be done meanwhile.

    :raises SiteError: if there is no encrypted vault, or no password for it
    """
    password_file, demo = _password_file(files.root)
    return Opening(_begin(files.vault, password_file), password_file, demo)


def load_secrets(files: SiteFiles, site: Site, opening: Opening | None = None) -> Secrets:
    """Open the vault and check that it fits the Site.

    :param opening: what :func:`begin_opening` returned, if that was called before
    :raises SiteError: if it cannot be opened or does not fit; no message holds a secret
    """
    opening = opening or begin_opening(files)
    raw = parse_mapping(_finish(opening, files.vault), str(files.vault), secret=True)
    strangers = files.vault == files.shared_vault
    problems = list(_problems(raw, site, str(files.vault), strangers=strangers))
    if problems:
        raise SiteError(problems)
    published = [raw["ca_passphrase"], *raw["camera_passwords"].values()]
    demo = opening.demo or any(str(secret).startswith(PUBLISHED) for secret in published)
    return Secrets(dict(raw["camera_passwords"]), raw["ca_passphrase"], demo)


def _password_file(root: Path) -> tuple[Path, bool]:
    """The file that holds the vault's password, and whether it is the published demo one."""
    named = os.environ.get(PASSWORD_FILE_VARIABLE)
    for path in (Path(named).expanduser() if named else None, root / PASSWORD_FILE):
        if path and path.exists():
            demo = _is_demo(path, root / DEMO_PASSWORD_FILE)
            if not demo:
                _require_private(path)
            return path, demo
        if path and named and path == Path(named).expanduser():
            raise SiteError(
                [Problem(PASSWORD_FILE_VARIABLE, "", f"{named} does not exist", "mend the path")]
            )
    return root / DEMO_PASSWORD_FILE, True


def _require_private(path: Path) -> None:
    """Refuse a password file that other users may read; a program that prints it, change.

    :raises SiteError: if they may
    """
    mode = path.stat().st_mode
    # ansible-vault runs what is executable.
    program = mode & 0o111
    if mode & (0o022 if program else 0o066):
        reason = "can be changed" if program else "can be read or changed"
        remedy = f"chmod {'go-w' if program else '600'} {shlex.quote(str(path))}"
        raise SiteError(
            [Problem(str(path), "", f"{reason} by other users of this computer", remedy)]
        )


def _is_demo(path: Path, demo: Path) -> bool:
    """Whether a file holds the published password; a copy of it is no better."""
    try:
        return path.read_bytes().strip() == demo.read_bytes().strip()
    except OSError:
        return False


def _begin(vault: Path, password_file: Path) -> subprocess.Popen[str]:
    if not vault.exists():
        raise SiteError(
            [
                Problem(
                    str(vault),
                    "",
                    "there is no such file",
                    f"make it with: ansible-vault create {vault}",
                )
            ]
        )
    try:
        with vault.open("rb") as file:
            encrypted = file.read(len(ENCRYPTED)) == ENCRYPTED
        size = vault.stat().st_size
    except OSError as error:
        raise SiteError(
            [Problem(str(vault), "", f"cannot be read: {error.strerror}", "make it readable")]
        ) from None
    if not encrypted:
        raise SiteError(
            [
                Problem(
                    str(vault),
                    "",
                    "is not encrypted",
                    f"encrypt it with: ansible-vault encrypt {vault}",
                )
            ]
        )
    if size > MOST_ENCRYPTED:
        reason = f"is longer than {MOST_ENCRYPTED // 1024} KiB"
        remedy = "keep nothing in it but the passwords of cameras and ca_passphrase"
        raise SiteError([Problem(str(vault), "", reason, remedy)])
    # A process of its own: importing ansible beside gevent (pyinfra) prints a traceback.
    command = [
        str(Path(sys.executable).with_name("ansible-vault")),
        "view",
        "--vault-password-file",
        str(password_file),
        str(vault),
    ]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C.UTF-8"},  # ansible refuses to run in any other encoding
    )


def _finish(opening: Opening, vault: Path) -> str:
    text, _ = opening.process.communicate()
    if opening.process.returncode != 0:
        raise SiteError(
            [
                Problem(
                    str(vault),
                    "",
                    f"does not open with the password in {opening.password_file}",
                    f"put the vault's password into {PASSWORD_FILE}, or name its file in "
                    f"{PASSWORD_FILE_VARIABLE}",
                )
            ]
        )
    return text


def _problems(
    raw: dict[str, Any], site: Site, file: str, *, strangers: bool = False
) -> Iterator[Problem]:
    """What is wrong with the vault's content.

    :param strangers: whether it may hold passwords of other Sites' cameras
    """
    for key in sorted(set(raw) - _KEYS, key=str):
        yield Problem(
            file,
            _shown(key, _KEYS),
            "is not a key that belongs here",
            f"remove it; the keys here are {', '.join(sorted(_KEYS))}",
        )
    remedy = (
        "write a long random text, such as the command openssl rand -hex 16 prints; it encrypts "
        "the key of the certificate authority"
    )
    passphrase = raw.get("ca_passphrase")
    if not isinstance(passphrase, str) or len(passphrase) < SHORTEST_PASSPHRASE:
        yield Problem(
            file,
            "ca_passphrase",
            f"is missing or shorter than {SHORTEST_PASSPHRASE} characters",
            remedy,
        )
    elif not certificates.is_passphrase(passphrase):
        yield Problem(
            file,
            "ca_passphrase",
            f"is longer than {certificates.LONGEST_PASSPHRASE} bytes or is not text",
            "write a shorter one of letters and digits",
        )
    elif reason := passwords.why_guessable(passphrase, [site.hostname]):
        yield Problem(file, "ca_passphrase", reason, remedy)
    given = raw.get("camera_passwords")
    if not isinstance(given, dict):
        yield Problem(
            file,
            "camera_passwords",
            "is missing or is not a mapping of camera names to passwords",
            "write one line a camera below it",
        )
        return
    cameras = [camera.name for camera in site.cameras]
    for name in cameras:
        key = f"camera_passwords.{name}"
        if name not in given:
            yield Problem(file, key, "is missing", "give this camera of the Site a password")
        elif reason := passwords.why_unusable(given[name], [name, site.hostname]):
            yield Problem(
                file,
                key,
                reason,
                f"take {passwords.SHORTEST} to {passwords.LONGEST} letters and digits, such as the "
                "command openssl rand -hex 8 prints",
            )
    for name in () if strangers else given:
        if name not in cameras:
            yield Problem(
                file,
                f"camera_passwords.{_shown(name, cameras)}",
                "is no camera of the Site",
                f"remove it, or mend the name; the cameras are {', '.join(cameras)}",
            )


def _shown(key: object, known: Iterable[str]) -> str:
    """A key, unless it may be a password that got into its place."""
    text = str(key)
    if len(text) < passwords.SHORTEST or difflib.get_close_matches(text, known):
        return text
    return f"(a key of {len(text)} characters)"
