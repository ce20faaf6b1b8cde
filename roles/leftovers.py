"""What a Debian host holds of hotshoe's that its Site does not have any more: told, and removed.

Roles remove what they themselves do not need; this is for what no role of the host knows: roles
that it had as another kind of host, and what earlier releases put there.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra import host, logger
from pyinfra.api import operation

from hotshoe import paths
from hotshoe.debian.device import claims_of
from hotshoe.debian.leftovers import Claims, Leftovers, leftovers, note, own_drop_ins
from hotshoe.errors import escaped
from hotshoe.render import render
from roles import fetcher, router_linux, server
from roles.base import operations
from roles.base.device import device_of
from roles.base.operations import Commands
from roles.base.servers import comes_later

CLAIMS = {
    "server": claims_of(server.FOOTPRINTS),
    "router": claims_of((router_linux.FOOTPRINT,)),
    "fetcher": claims_of((fetcher.FOOTPRINT,)),
    # What was one, and is nothing of this Site's any more.
    "former": Claims(),
}


def begin(kind: str) -> None:
    """Note on the host as what the Site uses it, before anything of that is there.

    :param kind: of host, a key of :data:`CLAIMS`
    """
    site = host.data.site
    text = note(device_of(host).ours, site, kind, CLAIMS)
    operations.folders((paths.FOLDER,), name=_name(kind, "Create the configuration folder"))
    operations.put(f"{paths.NOTES}{site}", text, name=_name(kind, "Note what the Site uses it as"))


def remove(kind: str, kept: Iterable[str] = ()) -> None:
    """Remove what the Site does not have any more.

    :param kind: of host, a key of :data:`CLAIMS`
    :param kept: paths of the person's own that the Site names
    """
    site, found = host.data.site, device_of(host).ours
    gone = leftovers(found, site, kind, CLAIMS, kept)
    for what in gone.named():
        logger.warning(f"{host.name}: leftover: {escaped(what)}")
    for path in own_drop_ins(found, CLAIMS[kind]):
        logger.warning(
            f"{host.name}: {escaped(path)} is a drop-in that hotshoe did not make: its unit runs "
            "as that says"
        )
    comes_later(removed(gone, f"{paths.NOTES}{site}", name=_name(kind, "Remove leftovers")))


def _name(kind: str, what: str) -> str:
    """The name of an operation, as that of a role's."""
    return f"{kind.capitalize()} | {what}"


@operation()
def removed(gone: Leftovers, note: str) -> Commands:
    """Have no leftovers.

    + gone: what goes
    + note: the file that says as what the Site uses the host

    .. code:: python

        removed(Leftovers(users=("hotshoe-old",), note="server\\n"), "/etc/hotshoe/site-home")
    """
    if not gone:
        host.noop("nothing is left over")
        return
    yield render("base/leftovers.sh.j2", leftovers=gone, note=note)
