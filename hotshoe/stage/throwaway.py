"""A copy of a repository with secrets of its own, for rehearsals that may not see the real ones."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path

from hotshoe.deploy.folder import FOLDER as RECORDS
from hotshoe.environment import FILE_VARIABLE
from hotshoe.secrets.making import make_vault
from hotshoe.secrets.vault import PASSWORD_FILE
from hotshoe.site.reading import SiteFiles, load_site
from hotshoe.stage.stage import FOLDER as STAGES

# Of what a repository holds, what is large, or another run's, or secret.
_LEFT_OUT = (".git", ".venv", STAGES, RECORDS, PASSWORD_FILE, "*.vault.yml", "__pycache__")


@contextmanager
def copy(root: Path, site: str) -> Iterator[None]:
    """Work in a copy of a repository, with a vault of random secrets that fits a Site.

    Its place is always the same, so that the next run finds what a killed one has left.

    :param root: the folder that holds deploy.py
    :param site: the Site's name
    :raises SiteError: if the Site is refused
    """
    load_site(SiteFiles(site, root))
    place = root / STAGES / "throwaway" / site
    shutil.rmtree(place, ignore_errors=True)
    try:
        shutil.copytree(root, place, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        make_vault(SiteFiles(site, place))
        named = os.environ.pop(FILE_VARIABLE, None)
        try:
            with chdir(place):
                yield
        finally:
            if named is not None:
                os.environ[FILE_VARIABLE] = named
    finally:
        shutil.rmtree(place, ignore_errors=True)
        # The next job of a pipeline, which is not root, could not clear folders of root's away.
        for folder in (place.parent, root / STAGES):
            with suppress(OSError):
                folder.rmdir()
