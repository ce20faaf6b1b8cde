"""Which revision of a repository is deployed."""

from __future__ import annotations

from pathlib import Path

from hotshoe.deploy.record import Revision
from hotshoe.errors import HotshoeError
from hotshoe.gitops.git import git


def revision(root: Path) -> Revision | None:
    """What is checked out in a folder; None if no commit is, or without git.

    :param root: the folder that holds deploy.py
    """
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", "HEAD").strip()
        return Revision(commit, not git(root, "status", "--porcelain").strip())
    except HotshoeError:
        return None
