"""The files of a commit, in a folder to deploy from."""

from __future__ import annotations

import shutil
from pathlib import Path

from hotshoe.gitops.pull.history import Mirror
from hotshoe.gitops.pull.settings import Places

PKI = "pki"


def check_out(mirror: Mirror, places: Places, commit: str) -> Path:
    """Make the folder anew, with the files of a commit and the authority of the box.

    :returns: the folder
    :raises HotshoeError: if git cannot, such as on a full disk
    """
    if places.home.exists():
        # Whatever a link in it leads to stays: above all the authority.
        shutil.rmtree(places.home)
    mirror.run("worktree", "prune")
    options = ("--force", "--detach", "--quiet")
    mirror.run("worktree", "add", *options, str(places.home), commit)
    places.pki.mkdir(mode=0o700, exist_ok=True)
    authority = places.home / PKI
    if not authority.exists() and not authority.is_symlink():
        authority.symlink_to(places.pki)
    return places.home
