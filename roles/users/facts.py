"""What the cameras have on a server, and what else has to be known of them."""

from __future__ import annotations

from collections.abc import Sequence

from hotshoe import paths
from hotshoe.debian.device import Footprint, Query


def _salts(lines: Sequence[str]) -> dict[str, str]:
    return dict(line.split(":", 1) for line in lines)


# Of the cameras' passwords: ``$6$rounds=N$salt``. The hashes stay where they are; a salt is enough
# to tell whether a password changed.
SALTS: Query[dict[str, str]] = Query(
    "salts",
    f"sed -n 's/^\\([^:]*:\\$6\\$[^$]*\\$[^$]*\\)\\$.*/\\1/p' {paths.PASSWORDS} 2>/dev/null",
    _salts,
)

FOOTPRINT = Footprint(
    paths=(paths.PAM,),
    files=(paths.PASSWORDS,),
    folders=(paths.PHOTOS,),
    packages=("libpam-pwdfile",),
    queries=(SALTS,),
)
