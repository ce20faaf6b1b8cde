"""What the share of the library has on a server, and what else has to be known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotshoe import paths
from hotshoe.debian import share
from hotshoe.debian.device import Footprint, Query
from hotshoe.debian.listeners import LISTENERS
from hotshoe.plan.model import ServerPlan

# By which readers get into the library's folder, in no other package.
ACL = "acl"


def _let_in(lines: Sequence[str]) -> dict[str, str]:
    """Of lines such as ``noted ann 1000``, and of what getfacl(1) prints: ``user:ann:r-x``."""
    noted = [line.split()[1] for line in lines if line.startswith("noted ")]
    fields = [line.split("#")[0].strip().split(":") for line in lines]
    may = {each[1]: each[2] for each in fields if len(each) == 3 and each[0] == "user"}
    return {name: may.get(name, "") for name in noted}


def _groups(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {line.split()[0]: tuple(line.split()[1:]) for line in lines}


# The users whom the library's folder lets in for hotshoe, and what each may there: ``r-x``.
LET_IN: Query[Mapping[str, str]] = Query(
    "let_in",
    f"sed 's/^/noted /' {paths.READERS} 2>/dev/null\n"
    f"getfacl --absolute-names {paths.LIBRARY} 2>/dev/null",
    _let_in,
)

FOOTPRINT = Footprint(
    paths=(paths.SHARE_ANNOUNCED,),
    files=(
        *(paths.SHARE_CONFIGURATION, paths.SHARE_USERS, paths.SHARE_PASSWORD),
        *(paths.SHARE_KEPT_BACK, paths.SHARE_STARTED),
    ),
    packages=tuple(dict.fromkeys(name for names in share.PACKAGES.values() for name in names)),
    accounts=(share.USER,),
    units=(share.SAMBA, share.DISCOVERY),
    units_of_others=(
        *(unit for units in share.STARTED_BY.values() for unit in units),
        *(share.AVAHI, share.AVAHI_SOCKET),
    ),
    queries=(LISTENERS,),
)
READERS = Footprint(files=(paths.READERS,), packages=(ACL,), queries=(LET_IN,))


def groups_query(plan: ServerPlan) -> Query[Mapping[str, tuple[str, ...]]] | None:
    """The groups of each reader; none where there is no such user.

    :returns: None where the Plan has no readers
    """
    if not plan.readers:
        return None
    each = f'for user in {" ".join(plan.readers)}; do echo "$user $(id -Gn "$user" 2>/dev/null)"'
    return Query("readers", f"{each}; done", _groups)


def footprints(plan: ServerPlan) -> tuple[Footprint, ...]:
    """What to know of a server besides, for what its Plan names."""
    query = groups_query(plan)
    return (Footprint(queries=(query,)),) if query else ()
