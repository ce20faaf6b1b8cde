"""Where a home's certificate authority is kept, on the computer that deploys.

One file, ``ca.key``, is all of it: the key, encrypted, and after it the root certificate; while
cameras may trust either of two authorities, also the cross certificate and the previous root.
It is always replaced in one step. The files for cameras are copies of what is in it, and written
again wherever one is missing or, after a run that was killed, still the previous one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hotshoe import files
from hotshoe.debian.authority import (
    Authority,
    Roots,
    can_be_succeeded,
    make_authority,
    succeed,
)
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Plan

_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
_BEGIN = b"-----BEGIN CERTIFICATE-----"
# The names that cameras look for on a card, and what is in a file of that name: .CER is DER
# (RFC 2585, section 4.1).
EXPORTS = {"ROOT.CRT": _PEM, "ROOT.PEM": _PEM, "ROOT.CER": _DER}


@dataclass(frozen=True)
class AuthorityFiles:
    """Where an authority is kept.

    :param folder: one folder per host name, since an authority is good for one only
    """

    folder: Path

    @classmethod
    def of(cls, plan: Plan, root: Path) -> AuthorityFiles:
        """The authority of a home.

        :param root: the folder that holds deploy.py, or a stage's own
        """
        return cls(root / "pki" / plan.hostname)

    @property
    def key(self) -> Path:
        """The private key, PKCS #8 PEM, encrypted, and after it the certificates."""
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        """A copy of the root certificate, under a name that cameras look for on their card."""
        return self.folder / "ROOT.CRT"

    def load_roots(self) -> Roots | None:
        """What of the authority is no secret, or None before the first deploy.

        A ROOT.CRT that somebody moved to a card is no reason for a new authority.

        :raises HotshoeError: if a file is no certificate, or is that of another authority
        """
        roots = self._roots_beside_the_key()
        for name in EXPORTS:
            path = self.folder / name
            if not path.exists():
                continue
            exported = _read_export(path)
            if roots is None:
                roots = Roots(exported)
            elif exported not in (roots.current, roots.previous):
                raise HotshoeError(
                    f"{self.key}: does not belong to {path}\n"
                    "    -> restore both from the same backup"
                )
        return roots

    def _roots_beside_the_key(self) -> Roots | None:
        if not self.key.exists():
            return None
        try:
            # Earlier versions of hotshoe kept the certificate in ROOT.CRT alone.
            held = self.key.read_bytes()
            found = x509.load_pem_x509_certificates(held) if _BEGIN in held else []
        except ValueError:
            found = []
        if len(found) not in (1, 3) and not self.certificate.exists():
            raise HotshoeError(
                f"{self.key}: holds no PEM certificate\n"
                "    -> restore ca.key and ROOT.CRT from the same backup"
            )
        if len(found) == 3:
            return Roots(found[0], cross=found[1], previous=found[2])
        return Roots(found[0]) if found else None

    def load(self, passphrase: str) -> Authority | None:
        """Load the authority, or None before the first deploy.

        :raises HotshoeError: if half of it is missing or the passphrase does not open it
        """
        roots = self.load_roots()
        if roots is None:
            return None
        if not self.key.exists():
            raise HotshoeError(
                f"{self.key}: is missing, so no certificate can be renewed\n"
                f"    -> restore it from a backup; or remove {self.folder} for a new authority, "
                "whose ROOT.CRT every camera must then be given"
            )
        try:
            key = serialization.load_pem_private_key(self.key.read_bytes(), passphrase.encode())
        except (ValueError, TypeError):
            raise HotshoeError(
                f"{self.key}: ca_passphrase from the vault does not open it\n"
                "    -> put back the passphrase that it was made with"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != roots.current.public_key():
            raise HotshoeError(
                f"{self.key}: does not belong to {self.certificate}\n"
                "    -> restore both from the same backup"
            )
        return Authority(roots, key)

    def load_or_create(self, hostname: str, passphrase: str, now: datetime) -> Authority:
        """Load the authority; make it first if there is none.

        :raises HotshoeError: as :meth:`load` does
        """
        found = self.load(passphrase)
        if found is None:
            found = make_authority(hostname, now)
            self._write(found, passphrase)
        self.export(found.roots)
        return found

    def lacking(self, roots: Roots) -> list[str]:
        """The files for cameras that are missing, or not those of the current authority."""
        return [
            name
            for name, encoding in EXPORTS.items()
            if not (self.folder / name).exists()
            or (self.folder / name).read_bytes() != roots.current.public_bytes(encoding)
        ]

    def export(self, roots: Roots) -> None:
        """Write the files for cameras that are lacking."""
        for name in self.lacking(roots):
            files.replace(self.folder / name, roots.current.public_bytes(EXPORTS[name]), 0o644)

    def rotate(self, hostname: str, passphrase: str, now: datetime) -> Authority:
        """Replace the authority by a new one, for which the old one vouches.

        The old one's file stays, under a name of its own.

        :raises HotshoeError: if there is none yet, if one is being replaced already, or if it may
            not vouch for another
        """
        with self._alone():
            old = self.load(passphrase)
            if old is None:
                raise HotshoeError(
                    f"{self.folder}: there is no certificate authority yet\n"
                    "    -> deploy first, which makes one"
                )
            if old.roots.previous:
                raise HotshoeError(
                    f"{self.key}: is already replacing the authority before it\n"
                    "    -> deploy, give every camera the new ROOT.CRT, and end that with: hotshoe "
                    "authority finish"
                )
            if old.certificate.not_valid_after_utc < now:
                raise HotshoeError(
                    f"{self.key}: expired on {old.certificate.not_valid_after_utc:%Y-%m-%d}, so no "
                    f"camera accepts what it vouches for\n    -> move {self.folder} away, deploy, "
                    "and give every camera the new ROOT.CRT"
                )
            if not can_be_succeeded(old.certificate):
                raise HotshoeError(
                    f"{self.key}: an earlier version of hotshoe made it so that it cannot vouch "
                    "for another (path length 0), so there can be no time in which cameras trust "
                    "both\n    -> it goes on working, until "
                    f"{old.certificate.not_valid_after_utc:%Y-%m-%d}. To replace it all the same, "
                    f"move {self.folder} away, remove /etc/hotshoe/server.pem from the server, "
                    "deploy, and give every camera the new ROOT.CRT at once"
                )
            kept = self.folder / f"ca-{fingerprint(old.certificate)[:8]}.key"
            files.replace(kept, self.key.read_bytes(), 0o600)
            made = succeed(old, hostname, now)
            self._write(made, passphrase)
            self.export(made.roots)
            return made

    def finish(self) -> Roots:
        """End the time in which cameras may trust the previous authority.

        :returns: what they trust from the next deploy on
        :raises HotshoeError: if none is being replaced
        """
        with self._alone():
            roots = self.load_roots()
            if roots is None or roots.previous is None:
                raise HotshoeError(
                    f"{self.folder}: no certificate authority is being replaced\n"
                    "    -> hotshoe authority rotate begins that"
                )
            self.export(roots)
            key = self.key.read_bytes().partition(_BEGIN)[0]
            files.replace(self.key, key + roots.current.public_bytes(_PEM), 0o600)
            return Roots(roots.current)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else replace the authority meanwhile.

        :raises HotshoeError: if another process is changing it
        """
        if not self.folder.is_dir():
            yield
            return
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise HotshoeError(
                f"{self.folder}: another process is changing it at this moment\n    -> try again"
            ) from None
        finally:
            os.close(descriptor)

    def _write(self, authority: Authority, passphrase: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        encrypted = authority.key.private_bytes(
            _PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
        roots = authority.roots
        held = [each for each in (roots.current, roots.cross, roots.previous) if each]
        files.replace(
            self.key, encrypted + b"".join(each.public_bytes(_PEM) for each in held), 0o600
        )


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 fingerprint of a certificate, as hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def utc_now() -> datetime:
    """The time, for those who may ask for it (the core's functions take it as a parameter)."""
    return datetime.now(UTC)


def _read_export(path: Path) -> x509.Certificate:
    held = path.read_bytes()
    try:
        if EXPORTS[path.name] == _DER:
            return x509.load_der_x509_certificate(held)
        return x509.load_pem_x509_certificate(held)
    except ValueError:
        kind = "DER" if EXPORTS[path.name] == _DER else "PEM"
        raise HotshoeError(
            f"{path}: holds no {kind} certificate\n"
            f"    -> restore ca.key and {path.name} from the same backup"
        ) from None
