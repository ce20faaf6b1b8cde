"""The kernel settings of a router."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import operation
from pyinfra.api.operation import OperationMeta
from pyinfra.context import host

from roles.base.device import device_of
from roles.base.operations import changes
from roles.router_linux.facts import FORWARDING


@operation()
def forwarding(
    path: str, versions: frozenset[int], needs: list[OperationMeta]
) -> Generator[str, None, None]:
    """Enable forwarding now, as the file does at every boot.

    + path: the sysctl.d(5) file
    + versions: of IP, 4 and 6
    + needs: operations of this run that write the file

    .. code:: python

        forwarding("/etc/sysctl.d/90-hotshoe.conf", frozenset({4}), [written])
    """
    if versions <= device_of(host)[FORWARDING] and not any(
        changes(operation) for operation in needs
    ):
        host.noop("the kernel forwards")
        return
    yield f"/usr/lib/systemd/systemd-sysctl {path}"
