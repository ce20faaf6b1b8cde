"""Which SSH host keys a deploy trusts: those that ssh knows already, and no others."""

from __future__ import annotations

from typing import Any

from paramiko import MissingHostKeyPolicy, PKey, SSHClient, SSHException
from pyinfra.connectors.sshuserclient import client as pyinfra_client

# pyinfra's own default would take any key at the first connection ("accept-new").
STRICT = "yes"


class RefuseUnknown(MissingHostKeyPolicy):
    """Refuse a host that nobody has compared the key of, and say how that is done."""

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Called by paramiko before it logs in.

        :raises SSHException: always
        """
        # Like known_hosts(5): only where it is not 22, "[HOST]:PORT".
        host, _, port = hostname.strip("[").partition("]:")
        option = f"-p {port} " if port else ""
        user = getattr(client, "_ssh_config", {}).get("username", "root")
        kind = key.get_name().removeprefix("ssh-").partition("-")[0]
        raise SSHException(
            f"unknown host key {key.get_name()} {key.fingerprint}, so nothing was sent: run once "
            f"'ssh {option}{user}@{host}' and say yes if this fingerprint is the one that the host "
            f"itself shows, by 'ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub', on OpenWrt by "
            f"'dropbearkey -y -f /etc/dropbear/dropbear_{kind}_host_key'"
        )


def refuse_unknown() -> None:
    """Have pyinfra refuse unknown keys with a message that says what to do."""
    # It chooses among its own policies by a word; its strict one names neither key nor remedy.
    strict: Any = RefuseUnknown
    pyinfra_client.StrictPolicy = strict
