"""The root certificate on a camera's memory card, under the names that cameras look for."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from hotshoe.debian.authority import NAME
from hotshoe.debian.authority_files import EXPORTS, AuthorityFiles
from hotshoe.debian.camera_roots import roots_of
from hotshoe.errors import HotshoeError, escaped
from hotshoe.plan.model import CertificatePlan, Plan


@dataclass(frozen=True)
class Written:
    """What was done with a file of a card.

    :param path: the file
    :param how: ``written``, ``there already``, or what it replaced
    """

    path: Path
    how: str


def root_of(plan: Plan, root: Path) -> x509.Certificate:
    """The root certificate that cameras need.

    :param root: the folder that holds deploy.py
    :raises HotshoeError: if they need none, or there is none yet
    """
    certificate = plan.servers[0].certificate
    if certificate is None:
        raise HotshoeError(
            "cameras need no root certificate: with tls: none there is nothing to verify\n"
            "    -> leave --card out"
        )
    roots = roots_of(certificate, root, AuthorityFiles.of(plan, root))
    if not roots:
        raise HotshoeError(_nothing_needed(certificate))
    return roots[0]


def write_card(folder: Path, certificate: x509.Certificate) -> tuple[Written, ...]:
    """Put a root certificate into the top folder of a card.

    What is there of the same name is replaced only if it is the root of another home or of an
    earlier authority.

    :param folder: of the card
    :returns: what was done with each file
    :raises HotshoeError: if there is no such folder, or a file there is something else; mostly
        before any is written
    """
    if not folder.is_dir():
        raise HotshoeError(
            f"{folder}: there is no such folder\n"
            "    -> name the top folder of the card, as this computer shows it"
        )
    texts = {folder / name: certificate.public_bytes(form) for name, form in EXPORTS.items()}
    how = {path: _how(path, text) for path, text in texts.items()}
    for path, text in texts.items():
        if how[path] != _SAME:
            _write(path, text)
    return tuple(Written(path, how[path]) for path in texts)


_SAME = "there already"
# No certificate has so many bytes.
_LARGEST = 1 << 16


def _how(path: Path, text: bytes) -> str:
    """What writing a file comes to.

    :raises HotshoeError: if it may not be written
    """
    if not (path.exists() or path.is_symlink()):
        return "written"
    try:
        held = _held(path)
    except OSError as error:
        raise HotshoeError(f"{path}: cannot be read: {error.strerror}") from None
    if held == text:
        return _SAME
    name = _common_name(held)
    if name is None or not name.startswith(NAME):
        raise HotshoeError(
            f"{path}: is not a root certificate of hotshoe's, so it stays as it is\n"
            "    -> move it away, or use another card"
        )
    return f"written; it replaces {escaped(name)}"


def _held(path: Path) -> bytes:
    """What a file holds; nothing if it is a link, no file, or larger than a certificate."""
    state = path.lstat()
    is_small = stat.S_ISREG(state.st_mode) and state.st_size <= _LARGEST
    return path.read_bytes() if is_small else b""


def _write(path: Path, text: bytes) -> None:
    # A card is small and slow, and taken out at once: no half of a file shall be on it.
    new = path.with_name(f".hotshoe-{path.name}.new")
    try:
        # Of a run that was killed; or a link, which would lead elsewhere.
        new.unlink(missing_ok=True)
        with new.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise HotshoeError(f"{path}: cannot be written: {error.strerror}") from None


def _common_name(held: bytes) -> str | None:
    """The subject of a certificate, PEM or DER; None for what is none."""
    for load in (x509.load_pem_x509_certificate, x509.load_der_x509_certificate):
        try:
            return load(held).subject.rfc4514_string().removeprefix("CN=")
        except ValueError:
            continue
    return None


def _nothing_needed(certificate: CertificatePlan) -> str:
    of = "an ACME authority" if certificate.issuer == "letsencrypt" else "an issuer of your own"
    return (
        f"cameras need no root certificate of this home: the server's is of {of}\n"
        "    -> leave --card out; for a camera that does not know the issuer, name its root "
        "certificate as certificate.root in the Site"
    )
