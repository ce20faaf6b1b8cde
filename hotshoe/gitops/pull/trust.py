"""Whether the history that leads to a commit may be deployed, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from hotshoe.gitops.pull import signatures
from hotshoe.gitops.pull.history import Mirror

ACCEPT = "hotshoe pull accept"


def why_refused(mirror: Mirror, head: str, trusted: str, signers: Path) -> str | None:
    """Why the newest commit of the main branch is not trusted; None if it is.

    :param trusted: the one that was trusted last; empty for none
    :param signers: who may sign: allowed_signers, as ssh-keygen(1) has it
    """
    known = trusted if trusted and mirror.has(trusted) else ""
    refused, unsigned = _unsigned(mirror, head, known, signers)
    if trusted and not mirror.descends(head, trusted):
        besides = f"; besides, {unsigned}" if refused else ""
        return (
            f"refused: the branch {mirror.branch} was rewound: its newest commit is now "
            f"{mirror.describe(head)}, which does not come after {trusted}, the newest "
            f"that was accepted here{besides}. Nothing was changed\n"
            f"    -> if that is what you want: {ACCEPT} {head}; else push the history of "
            "before, and look who may push"
        )
    if refused:
        rest = "" if refused == head else f"; the newest one, {head}, has it in its history"
        return (
            f"refused: {unsigned}{rest}. Nothing was changed\n"
            f"    -> if it is yours, sign it and push again, or accept it: {ACCEPT} {refused}; "
            f"who may sign is in {signers}"
        )
    return None


def why_ignored(mirror: Mirror, head: str, trusted: str, signers: Path) -> str | None:
    """Why the newest commit of the testing branch is not deployed instead of the main branch's.

    :param trusted: the main branch's newest commit that is trusted; empty for none
    :param signers: who may sign
    :returns: None if it may be deployed; empty if the main branch has all of it anyway, or has
        to come first
    """
    if not trusted or not mirror.has(head) or mirror.descends(trusted, head):
        return ""
    ignored = f"the testing branch {mirror.testing} is not deployed: "
    if not mirror.descends(head, trusted):
        return (
            f"{ignored}its newest commit, {mirror.describe(head)}, does not come after {trusted}, "
            f"the newest of {mirror.branch} that is trusted\n"
            f"    -> git rebase {mirror.branch} {mirror.testing}, and push it again with --force; "
            "or delete it, if it is not needed any more"
        )
    refused, unsigned = _unsigned(mirror, head, trusted, signers)
    if refused:
        return (
            f"{ignored}{unsigned}\n"
            f"    -> if it is yours, sign it and push again; who may sign is in {signers}"
        )
    return None


def _unsigned(mirror: Mirror, head: str, known: str, signers: Path) -> tuple[str, str]:
    """The oldest commit that is new and that nobody has signed who may, and a clause about it."""
    refused = next(signatures.unsigned(mirror, mirror.new(head, known), signers), "")
    if not refused:
        return "", ""
    why = signatures.why_not(mirror, refused, signers)
    return refused, f"commit {mirror.describe(refused)}: {why}"
