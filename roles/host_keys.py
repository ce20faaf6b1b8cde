"""Which SSH host keys a deploy trusts: those that are known already, and no others."""

from __future__ import annotations

import base64
import contextlib
from functools import cache
from pathlib import Path
from typing import Any

from paramiko import BadHostKeyException, HostKeys, MissingHostKeyPolicy, PKey, SSHException
from paramiko import SSHClient as ParamikoClient
from pyinfra import logger
from pyinfra.connectors import ssh as pyinfra_connector
from pyinfra.connectors.sshuserclient import client as pyinfra_client

from hotshoe.errors import HotshoeError
from hotshoe.remote import known_hosts, trust
from hotshoe.remote.known_hosts import HostKey
from hotshoe.site.reading import SiteFiles
from roles.base.plans import refusing

# pyinfra's own default would take any key at the first connection ("accept-new").
STRICT = "yes"


def host_data(files: SiteFiles, address: str, port: int) -> dict[str, Any]:
    """What pyinfra has to be told, so that it talks to no host but the right one.

    :param files: of the Site
    :param address: where the host is reached
    :param port: where SSH answers
    :raises RefusedError: if the keys beside the Site cannot be read
    """
    text = refusing(lambda: known_hosts.read(files.known_hosts))
    name = known_hosts.host_name(address, port)
    pinned = known_hosts.entries_of(text, name)
    return {
        "ssh_strict_host_key_checking": STRICT,
        **({"ssh_known_hosts_file": str(files.known_hosts.absolute())} if pinned else {}),
    }


class Client(pyinfra_client.SSHClient):
    """pyinfra's SSH client, which says what a person has to know of a key that it refuses."""

    # Of the Site that is deployed.
    site = "home"
    # As the inventory names the host, which the person's configuration may call otherwise.
    known_as = ""

    def connect(self, hostname: str, *args: Any, **kwargs: Any) -> None:
        """Connect, as pyinfra does.

        :raises SSHException: if the host is not the one that it should be
        """
        port = int(kwargs.get("port") or known_hosts.SSH_PORT)
        self.known_as = known_hosts.host_name(hostname, port)
        try:
            super().connect(hostname, *args, **kwargs)
        except BadHostKeyException as error:
            raise self.changed(error.key, error.expected_key) from None

    def changed(self, shown: PKey, known: PKey) -> SSHException:
        """What is said of a host that shows another key than the known one."""
        # The person's own counts for a host that the keys beside the Site are not about.
        where = self._host_keys_filename or known_hosts.PERSONAL
        with contextlib.suppress(HotshoeError):
            said = _key(known)
            for entry in known_hosts.entries(known_hosts.read(Path(where).expanduser())):
                if entry.key == said:
                    where = f"{where}, line {entry.number}"
                    break
        return SSHException(trust.changed(_key(shown), _key(known), where, self.site))


def _key(key: PKey) -> HostKey:
    return HostKey(key.get_name(), key.get_base64())


class RefuseUnknown(MissingHostKeyPolicy):
    """Refuse a host that nobody has compared the key of, and say how that is done."""

    def missing_host_key(self, client: ParamikoClient, hostname: str, key: PKey) -> None:
        """Called by paramiko before it logs in, for a host of whose name it knows no key.

        :raises SSHException: unless the host is known by the name that the inventory gives it
        """
        site = Client.site
        if isinstance(client, Client) and client.known_as != hostname:
            found = client.get_host_keys().lookup(client.known_as)
            known = found.get(key.get_name()) if found else None
            if known == key:
                return
            if known:
                raise client.changed(key, known)
        # Like known_hosts(5): only where it is not 22, "[HOST]:PORT".
        host, _, port = hostname.strip("[").partition("]:")
        user = getattr(client, "_ssh_config", {}).get("username", "root")
        login = f"ssh {f'-p {port} ' if port else ''}{user}@{host}"
        shown = f"unknown host key {_key(key)}"
        raise SSHException(trust.unknown(shown, site, login))


@cache
def _load(filenames: tuple[str, ...]) -> HostKeys:
    """The host keys of those files that are there; others are no matter for a warning.

    paramiko reads no further than a marked line (``@revoked``, ``@cert-authority``), and takes a
    key that such a line revokes.
    """
    texts = [_text(Path(name)) for name in filenames]
    revoked = frozenset[HostKey]().union(*map(known_hosts.revoked, texts))
    keys: dict[tuple[str, str], PKey] = {}
    for entry in (entry for text in texts for entry in known_hosts.entries(text)):
        if entry.key not in revoked and (key := _parsed(entry.key)):
            for name in entry.names:
                keys.setdefault((name, key.get_name()), key)
    loaded = HostKeys()
    for (name, kind), key in keys.items():
        loaded.add(name, kind, key)
    return loaded


def _text(path: Path) -> str:
    try:
        return known_hosts.read(path)
    except HotshoeError as error:
        logger.warning(str(error))
        return ""


def _parsed(key: HostKey) -> PKey | None:
    """A key as paramiko has it; None if it is of no kind that it knows, or broken."""
    try:
        return PKey.from_type_string(key.kind, base64.b64decode(key.blob))
    except Exception:
        # Of whatever kind: each kind of key has its own.
        return None


def refuse_unknown(site: str) -> None:
    """Have pyinfra refuse unknown and changed keys with a message that says what to do.

    :param site: the Site's name
    """
    Client.site = site
    replaced: Any = pyinfra_connector
    replaced.SSHClient = Client
    # It chooses among its own policies by a word; its strict one names neither key nor remedy, and
    # where it would ask, on the way to a host (ProxyJump), there may be nobody to answer.
    policies: Any = pyinfra_client
    policies.StrictPolicy = policies.AskPolicy = RefuseUnknown
    policies.get_host_keys = _load
