"""Whether cameras may be let in yet."""

from __future__ import annotations

from pyinfra import inventory, state


def are_ready() -> bool:
    """Whether the servers of this run are done and well.

    The barrier before it is enough for a plain run; this also holds when the person chose to go on
    after a failure, or ran one host after the other.
    """
    servers = [h for h in inventory.get_group("servers") if h in state.activated_hosts]
    return all(
        server not in state.failed_hosts
        and all(data.operation_meta.is_complete() for data in state.ops[server].values())
        for server in servers
    )
