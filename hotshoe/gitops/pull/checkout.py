"""The files of a commit, in a folder to deploy from."""

from __future__ import annotations

import shutil
from pathlib import Path

from hotshoe.deploy.folder import FOLDER
from hotshoe.gitops.pull.history import Mirror
from hotshoe.gitops.pull.places import Places


def check_out(mirror: Mirror, places: Places, commit: str) -> Path:
    """Make the folder anew, with the files of a commit.

    What is in no commit is kept elsewhere: the home's authority, and the record of deploys.

    :returns: the folder
    :raises HotshoeError: if git cannot, such as on a full disk
    """
    if places.home.exists():
        # Whatever a link in it leads to stays: above all the authority.
        shutil.rmtree(places.home)
    # Whatever umask(2) this runs with; git takes an empty folder.
    places.home.mkdir(mode=0o700)
    mirror.run("worktree", "prune")
    options = ("--force", "--detach", "--quiet")
    mirror.run("worktree", "add", *options, str(places.home), commit)
    for name, kept in (("pki", places.pki), (FOLDER, places.record)):
        kept.mkdir(mode=0o700, exist_ok=True)
        link = places.home / name
        if not link.exists() and not link.is_symlink():
            link.symlink_to(kept)
    return places.home
