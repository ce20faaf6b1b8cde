"""Who has signed a commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from hotshoe.errors import HotshoeError
from hotshoe.gitops.pull.history import Mirror

# What git verifies a signature with is for the box alone to say. It takes any kind of signature
# that a commit may have: no program for those that are not SSH's.
_CONFIGURATION = {
    "gpg.ssh.program": "ssh-keygen",
    "gpg.program": "false",
    "gpg.openpgp.program": "false",
    "gpg.x509.program": "false",
    "gpg.minTrustLevel": "fully",
    "log.showSignature": "false",
}
# git-log(1), PRETTY FORMATS, %G?
_REASONS = {
    "N": "it is not signed",
    "B": "its signature does not fit what it holds",
    "U": "it is signed with the key %GK, which is none of those that may sign",
    "R": "it is signed with the key %GK, which is revoked",
}
_OTHERWISE = "it is signed with something that is no SSH key of those that may sign"


def _configuration(signers: Path) -> dict[str, str]:
    return {**_CONFIGURATION, "gpg.ssh.allowedSignersFile": str(signers)}


def signer(mirror: Mirror, commit: str, signers: Path) -> str | None:
    """Who has signed a commit, of those that may; None if none of them has.

    :param signers: who may: allowed_signers, as ssh-keygen(1) has it
    """
    configuration = _configuration(signers)
    try:
        mirror.run("verify-commit", commit, configuration=configuration)
    except HotshoeError:
        return None
    said = mirror.run(
        "log", "--max-count=1", "--format=%G? %GS", commit, "--", configuration=configuration
    )
    status, _, name = said.strip().partition(" ")
    return name if status == "G" and name else None


def why_not(mirror: Mirror, commit: str, signers: Path) -> str:
    """Why nobody that may has signed a commit, as a clause."""
    configuration = _configuration(signers)
    said = mirror.run(
        "log", "--max-count=1", "--format=%G? %GK", commit, "--", configuration=configuration
    )
    status, _, key = said.strip().partition(" ")
    return _REASONS.get(status, _OTHERWISE).replace("%GK", key)


def unsigned(mirror: Mirror, commits: Sequence[str], signers: Path) -> Iterator[str]:
    """Those of some commits that none of the signers has signed."""
    for commit in commits:
        if signer(mirror, commit, signers) is None:
            yield commit
