"""Units that come with Debian's packages: those that must not run, and the one that has to."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import operation

from hotshoe import paths
from hotshoe.debian import share
from hotshoe.render import render
from roles.base import operations
from roles.base.device import device_of
from roles.base.operations import Commands


def keep_back() -> None:
    """Keep units from starting when their packages come; what is installed already stays as it is.

    They are noted first, so that whatever ends this run, the next one lets go of them.
    """
    if _noted() and not _is_there(paths.SHARE_KEPT_BACK):
        text = "".join(f"{unit}\n" for unit in _noted())
        operations.put(paths.SHARE_KEPT_BACK, text, name="Note which units are kept back")
    for unit in host.loop(_coming()):
        operations.masked(unit, unit.removesuffix(".service"), name=f"Keep {unit} from starting")
    if not _runs() or _is_there(paths.SHARE_STARTED):
        operations.put(paths.SHARE_STARTED, f"{share.AVAHI}\n", name="Note that avahi is started")


def _coming() -> list[str]:
    """The units whose packages are not installed yet."""
    missing = {*share.STARTED_BY} - device_of(host).packages
    return [unit for package in sorted(missing) for unit in share.STARTED_BY[package]]


def _noted() -> list[str]:
    """Those of them that hotshoe masks; one that is masked already was so before."""
    units = device_of(host).units
    return [unit for unit in _coming() if not units.get(unit, "").endswith(" masked")]


def _is_there(path: str) -> bool:
    return path in device_of(host).paths


def _runs() -> bool:
    return device_of(host).is_active(share.AVAHI)


@operation()
def released() -> Commands:
    """Let go of the units that were kept from starting; none of them is started.

    .. code:: python

        released(name="Let go of Debian's own Samba")
    """
    if not _is_there(paths.SHARE_KEPT_BACK) and not _noted():
        host.noop("none is kept back")
        return
    yield render("share/release.sh.j2")


@operation()
def announcing() -> Commands:
    """Have avahi run, which tells macOS and Linux of what is in its folder of services.

    .. code:: python

        announcing(name="Start avahi")
    """
    if _runs():
        host.noop(f"{share.AVAHI} runs")
        return
    yield f"systemctl enable --quiet --now {share.AVAHI}"


@operation()
def not_announcing() -> Commands:
    """Stop avahi if it was started for the share alone.

    .. code:: python

        not_announcing(name="Stop avahi")
    """
    if not _is_there(paths.SHARE_STARTED):
        host.noop("avahi was not started for the share")
        return
    yield f"systemctl disable --quiet --now {share.AVAHI} {share.AVAHI_SOCKET}"
    yield f"rm -f {paths.SHARE_STARTED}"
