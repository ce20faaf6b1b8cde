"""Whether cameras may be let in yet."""

from __future__ import annotations

from pyinfra import inventory, state
from pyinfra.api.operation import OperationMeta

# The operations of servers that wait for the way in.
_later: set[str] = set()


def comes_later(operation: OperationMeta) -> None:
    """Say that an operation of a server waits until cameras are let in."""
    _later.add(operation._hash)


def are_ready() -> bool:
    """Whether the servers of this run are done and well.

    The barrier before it is enough for a plain run; this also holds when the person chose to go on
    after a failure, or ran one host after the other.
    """
    servers = [h for h in inventory.get_group("servers") if h in state.activated_hosts]
    return all(
        server not in state.failed_hosts
        and all(
            data.operation_meta.is_complete()
            for operation, data in state.ops[server].items()
            if operation not in _later
        )
        for server in servers
    )
