"""Putting pull mode on a box, and taking it away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hotshoe import files
from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull.history import Mirror, ssh_command
from hotshoe.gitops.pull.logins import distrust_itself
from hotshoe.gitops.pull.places import UNIT, Places
from hotshoe.gitops.pull.settings import Settings
from hotshoe.render import render

PROGRAMS = {
    "git": "git",
    "ssh": "openssh-client",
    "ssh-agent": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemctl": "systemd",
}


@dataclass(frozen=True)
class Given:
    """Files that the person gives to the box; each is copied.

    :param signers: who may sign: allowed_signers, as ssh-keygen(1) has it
    :param vault_password: what opens the vault; None to leave what is there
    :param pki: the folder pki/ of the computer that deployed before; None to leave what is there
    """

    signers: Path
    vault_password: Path | None = None
    pki: Path | None = None


def mirror_of(places: Places, settings: Settings) -> Mirror:
    """The box's mirror of the repository."""
    environment = {"GIT_SSH_COMMAND": ssh_command(places.key, places.known_hosts)}
    return Mirror(
        places.mirror, settings.repository, settings.branch, environment, settings.testing
    )


# Where systemd runs (sd_booted(3)).
SYSTEMD = Path("run/systemd/system")


def require_programs(places: Places) -> None:
    """Refuse a box that lacks something.

    :raises HotshoeError: with how to get it
    """
    missing = sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})
    if missing:
        raise HotshoeError(
            f"pull mode needs these Debian packages\n    -> apt-get install {' '.join(missing)}"
        )
    if not (places.root / SYSTEMD).is_dir():
        raise HotshoeError(
            "systemd does not run on this computer, so it has no timers\n"
            "    -> install pull mode on a Debian computer, and not in a container without systemd"
        )


def require_signers(path: Path) -> None:
    """Refuse a file in which nobody is named who may sign.

    :raises HotshoeError: if it is no allowed_signers file, or is empty
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise HotshoeError(f"{path}: cannot be read: {reason}") from None
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    # ssh-keygen(1), ALLOWED SIGNERS: principals, options, key type, key.
    wrong = [line for line in keys if not re.search(r"^\S+\s.*\b(ssh|ecdsa|sk)-\S+\s+AAAA", line)]
    if wrong or not keys:
        reason = f"{wrong[0][:60]!r} names no key" if wrong else "names nobody who may sign"
        raise HotshoeError(
            f"{path}: {reason}\n"
            '    -> a line for each who may: NAME namespaces="git" ssh-ed25519 AAAA… '
            "(their .pub file)"
        )


def install(places: Places, settings: Settings, given: Given, program: Path) -> None:
    """Put everything there that pull mode needs; the units do not run yet.

    Again with other settings, it changes them, and keeps the key and what was deployed.

    :param program: the hotshoe that the units run
    :raises HotshoeError: if a file that is given is not there, or makes no sense
    """
    require_signers(given.signers)
    if given.pki and not given.pki.is_dir():
        raise HotshoeError(f"{given.pki}: there is no such folder")
    password = _content(given.vault_password) if given.vault_password else None
    for folder in (places.configuration, places.data):
        folder.mkdir(parents=True, exist_ok=True)
    places.configuration.chmod(0o700)
    # Whoever collects the metrics gets to them; all else that is there is root's alone.
    places.data.chmod(0o711)
    _write(places.signers, _content(given.signers))
    if password is not None:
        _write(places.vault_password, password)
    if given.pki:
        shutil.copytree(given.pki, places.pki, dirs_exist_ok=True)
    if places.pki.exists():
        places.pki.chmod(0o700)
    if not places.key.exists():
        _make_key(places.key)
    if not places.known_hosts.exists():
        _write(places.known_hosts, "")
    _write(places.settings, settings.model_dump_json(indent=2) + "\n")
    service = render("pull/service.j2", program=program)
    timer = render("pull/timer.j2", settings=settings)
    for kind, text in (("service", service), ("timer", timer)):
        places.unit(kind).parent.mkdir(parents=True, exist_ok=True)
        _write(places.unit(kind), text, 0o644)


def _write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    files.replace(path, content.encode() if isinstance(content, str) else content, mode)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HotshoeError(f"{path}: cannot be read: {error.strerror}") from None


def _make_key(path: Path) -> None:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", UNIT, "-f", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HotshoeError(f"{path}: cannot be made: {done.stderr.strip()}")


def start() -> None:
    """Have systemd run it from now on.

    :raises HotshoeError: with what systemd says
    """
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", "--quiet", f"{UNIT}.timer")
    # Other settings of the timer count at once.
    _systemctl("restart", f"{UNIT}.timer")


def _systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HotshoeError(f"systemctl {' '.join(words)}: {done.stderr.strip()}")


def uninstall(places: Places, *, keep_pki: Path | None = None) -> None:
    """Take everything away; harmless where there is nothing. What was deployed stays.

    :param keep_pki: where the home's certificate authority is moved to, since it exists only once
    """
    runs = (places.root / SYSTEMD).is_dir()
    if runs and places.unit("timer").exists():
        _systemctl("disable", "--now", "--quiet", f"{UNIT}.timer")
        _systemctl("stop", f"{UNIT}.service")
    for kind in ("timer", "service"):
        places.unit(kind).unlink(missing_ok=True)
    if runs:
        _systemctl("daemon-reload")
    distrust_itself(places)
    if keep_pki and places.pki.exists():
        shutil.move(places.pki, keep_pki)
    for folder in (places.data, places.configuration):
        if folder.exists():
            shutil.rmtree(folder)


def require_root() -> None:
    """Refuse anybody else.

    :raises HotshoeError: if this is not root
    """
    if os.geteuid() != 0:
        raise HotshoeError("pull mode is root's\n    -> run this with sudo")
