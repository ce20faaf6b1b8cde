"""A certificate of the person's own, read on the computer that deploys and judged there."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from hotshoe.debian import pair
from hotshoe.errors import Problem, SiteError
from hotshoe.plan.model import CertificatePlan

# No chain and no key is longer.
MOST_BYTES = 128 * 1024


def load(
    plan: CertificatePlan, hostname: str, site: Path, root: Path, now: datetime
) -> pair.Verdict:
    """Read the files of ``issuer: files``.

    :param hostname: what cameras dial
    :param site: the Site's file, for messages
    :param root: the folder that holds deploy.py
    :returns: a verdict without findings
    :raises SiteError: with everything that keeps the pair from going live; nothing of a key is
        shown
    """
    assert plan.files
    paths = {
        f"certificate.{name}": root / said
        for name, said in (
            ("chain", plan.files.chain),
            ("key", plan.files.key),
            ("root", plan.root),
        )
        if said
    }
    problems: list[Problem] = []
    texts: dict[str, bytes] = {}
    for key, path in paths.items():
        try:
            texts[key] = _read(path)
        except OSError as error:
            reason = f"{path} cannot be read: {error.strerror}"
            remedy = "correct the path, which begins at the folder that holds deploy.py"
            problems.append(Problem(str(site), key, reason, remedy))
    if "certificate.key" in texts:
        problems += _of_its_mode(site, paths["certificate.key"])
    if len(texts) == len(paths):
        said_root = texts.get("certificate.root")
        verdict = pair.check(
            texts["certificate.chain"],
            texts["certificate.key"],
            hostname,
            now,
            root=said_root,
            known=None if said_root else known_roots(),
        )
        for finding in verdict.findings:
            key = _key_of(finding)
            reason = f"{paths.get(key, '')}: {finding}"
            problems.append(Problem(str(site), key, reason, _remedy(key, hostname)))
        if not problems:
            return verdict
    raise SiteError(problems)


def root_of(plan: CertificatePlan, root: Path) -> bytes:
    """What cameras have to trust, PEM: the root that the Site names, or else the chain's last.

    :param root: the folder that holds deploy.py
    :raises OSError: if the file cannot be read
    :raises ValueError: if it holds no certificate
    """
    assert plan.files
    return pair.top_of(_read(root / (plan.root or plan.files.chain)))


def known_roots() -> bytes | None:
    """The root certificates that this computer trusts, PEM; None if it does not say."""
    path = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    try:
        return Path(path).read_bytes() or None
    except OSError:
        return None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


def _of_its_mode(site: Path, path: Path) -> Iterator[Problem]:
    if path.stat().st_mode & 0o066:
        yield Problem(
            str(site),
            "certificate.key",
            f"{path} can be read or changed by other users of this computer",
            f"chmod 600 {path}",
        )


def _key_of(finding: str) -> str:
    if finding.startswith("the key"):
        return "certificate.key"
    return f"certificate.{'root' if finding.startswith('the root certificate') else 'chain'}"


def _remedy(key: str, hostname: str) -> str:
    return {
        "certificate.key": "write the PEM file of the private key that belongs to the chain: RSA "
        "of 2048 bits, without a passphrase",
        "certificate.root": "write the PEM file of the root certificate that the chain ends in",
        "certificate.chain": f"write a PEM file with the certificate for {hostname} first, then "
        "that of its issuer and so on, such as an authority calls full chain",
    }[key]
