"""Opening a vault: which file, with which password.

With a password that stands in a file, in this process; by ansible-vault where a program prints the
password, and whatever else it takes that :mod:`hotshoe.secrets.payload` does not.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hotshoe import environment, venv
from hotshoe.environment import FILE_VARIABLE as PASSWORD_FILE_VARIABLE
from hotshoe.errors import Problem, SiteError
from hotshoe.secrets import payload
from hotshoe.site.reading import MOST_BYTES, SiteFiles

PASSWORD_FILE = ".vault-password"  # noqa: S105 - a file's name
DEMO_PASSWORD_FILE = Path("group_vars") / "demo.vault-password"
ENCRYPTED = b"$ANSIBLE_VAULT;"
# ansible-vault writes four characters for each byte, and line ends.
MOST_ENCRYPTED = 5 * MOST_BYTES


@dataclass(frozen=True)
class Opening:
    """A vault that is being opened; where ansible-vault does it, that takes half a second.

    :param text: waits for the text inside; None if the password does not open the vault
    :param password_file: what it is opened with
    :param demo: whether that is the published demo password
    """

    text: Callable[[], str | None]
    password_file: Path
    demo: bool


def begin_opening(files: SiteFiles) -> Opening:
    """Begin to open the vault, so that something else can be done meanwhile.

    :raises SiteError: if there is no encrypted vault, or no password for it
    """
    password_file, demo = _password_file(files.root)
    return Opening(_begin(files.vault, password_file), password_file, demo)


def _password_file(root: Path) -> tuple[Path, bool]:
    """The file that holds the vault's password, and whether it is the published demo one."""
    environment.take()
    named = os.environ.get(PASSWORD_FILE_VARIABLE)
    for path in (Path(named).expanduser() if named else None, root / PASSWORD_FILE):
        if path and path.exists():
            demo = _is_demo(path, root / DEMO_PASSWORD_FILE)
            if not demo:
                _require_private(path)
            return path, demo
        if path and named and path == Path(named).expanduser():
            raise SiteError(
                [Problem(PASSWORD_FILE_VARIABLE, "", f"{named} does not exist", "correct the path")]
            )
    if not (root / DEMO_PASSWORD_FILE).exists():
        reason = "is not there, and no variable tells the vault's password either"
        remedy = (
            f"put the vault's password there (chmod 600), or name its file in "
            f"{PASSWORD_FILE_VARIABLE}; a pipeline says it in {environment.VARIABLE}"
        )
        raise SiteError([Problem(str(root / PASSWORD_FILE), "", reason, remedy)])
    return root / DEMO_PASSWORD_FILE, True


def _require_private(path: Path) -> None:
    """Refuse a password file that other users may read; a program that prints it, change.

    :raises SiteError: if they may
    """
    mode = path.stat().st_mode
    # ansible-vault runs a password file that is executable.
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


def _begin(vault: Path, password_file: Path) -> Callable[[], str | None]:
    if not vault.exists():
        raise SiteError(
            [
                Problem(
                    str(vault),
                    "",
                    "there is no such file",
                    f"make it with: {_by_hand('create', vault, password_file)}",
                )
            ]
        )
    try:
        with vault.open("rb") as file:
            # One byte more shows that it is too long; a link may lead to an endless file.
            content = file.read(MOST_ENCRYPTED + 1)
    except OSError as error:
        raise SiteError(
            [Problem(str(vault), "", f"cannot be read: {error.strerror}", "make it readable")]
        ) from None
    if not content.startswith(ENCRYPTED):
        raise SiteError(
            [
                Problem(
                    str(vault),
                    "",
                    "is not encrypted",
                    f"encrypt it with: {_by_hand('encrypt', vault, password_file)}",
                )
            ]
        )
    if len(content) > MOST_ENCRYPTED:
        reason = f"is longer than {MOST_ENCRYPTED // 1024} KiB"
        remedy = "keep nothing in it but the passwords and secrets of homes"
        raise SiteError([Problem(str(vault), "", reason, remedy)])
    # Whoever tells ansible.cfg of further passwords has them tried by ansible-vault.
    text = payload.decrypt(content, _password_in(password_file))
    if text is not None:
        return partial(text.decode, "utf-8", "replace")
    return _begin_ansible_vault(vault, password_file)


def _by_hand(verb: str, vault: Path, password_file: Path) -> str:
    """What a person types to get a vault that opens with this password, and not with another."""
    named = environment.shown(password_file)
    option = [] if named == environment.VARIABLE else ["--vault-password-file", named]
    return shlex.join(["ansible-vault", verb, *option, str(vault)])


def _password_in(file: Path) -> bytes:
    """The password that stands in a file, as ansible-vault reads it.

    :returns: nothing if it is a program, or no file that can be read twice
    """
    try:
        mode = file.stat().st_mode
        password = file.read_bytes().strip() if stat.S_ISREG(mode) and not mode & 0o111 else b""
    except OSError:
        return b""
    # ansible-vault takes a password that is in a vault itself.
    return b"" if password.startswith(ENCRYPTED) else password


def _begin_ansible_vault(vault: Path, password_file: Path) -> Callable[[], str | None]:
    # A process of its own: importing ansible beside gevent (pyinfra) prints a traceback.
    command = [
        str(venv.program("ansible-vault")),
        "view",
        "--vault-password-file",
        str(password_file),
        str(vault),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C.UTF-8"},  # ansible refuses to run in any other encoding
        pass_fds=environment.inherited(),
    )

    def text() -> str | None:
        said, _ = process.communicate()
        return said if process.returncode == 0 else None

    return text


def finish_opening(opening: Opening, vault: Path) -> str:
    """The text inside of a vault.

    :param opening: what :func:`begin_opening` returned
    :param vault: the vault's file, for messages
    :raises SiteError: if the password does not open it
    """
    text = opening.text()
    if text is None:
        password_file = environment.shown(opening.password_file)
        reason = f"does not open with the password in {password_file}"
        if password_file == environment.VARIABLE:
            remedy = "correct that variable, which counts before any file"
        elif os.access(opening.password_file, os.X_OK):
            reason = f"does not open with the password that {password_file} prints"
            remedy = "run that program by hand: it has to print the password, and to end with 0"
        else:
            remedy = (
                f"put the vault's password into {PASSWORD_FILE}, or name its file in "
                f"{PASSWORD_FILE_VARIABLE}"
            )
        raise SiteError([Problem(str(vault), "", reason, remedy)])
    return text
