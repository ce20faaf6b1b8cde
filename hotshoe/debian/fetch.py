"""How computers at home fetch photos, on the server and on them: what OpenSSH is told on both."""

from __future__ import annotations

import json
from collections.abc import Callable

from hotshoe import paths
from hotshoe.plan.model import FetchAccess, FetcherPlan, ServerPlan
from hotshoe.render import modules, render, texts

# The user on the server that their SSH runs as, and that they log in as; it has no shell.
USER = "hotshoe-fetch"
# The user on a computer that fetches.
FETCHER_USER = "hotshoe-fetcher"
# The name that the server's host key is known by there, whatever address is dialled.
ALIAS = "hotshoe-fetch"
# What a unit's credentials are called, and where systemd puts those of the fetcher's unit.
HOST_KEY, KEY = "host-key", "key"
FETCHER = "hotshoe-fetcher.service"
# How soon a server that does not answer is given up, in seconds; and how often one is asked whether
# it is still there.
CONNECT_SECONDS, ALIVE_SECONDS, ALIVE_COUNT = 20, 10, 3
# Debian's releases whose OpenSSH puts off addresses at which log-ins failed (9.8 and later). On
# others it does not start with an option that says otherwise.
WITH_PENALTIES = ("13",)


def sshd(server: ServerPlan, release: str) -> str:
    """The text of the configuration of the server's SSH for those who fetch (sshd_config(5)).

    :param release: of Debian, there
    """
    penalties = release in WITH_PENALTIES
    return render("fetch/sshd.conf.j2", server=server, user=USER, penalties=penalties)


def keys(server: ServerPlan, public: Callable[[FetchAccess], str]) -> str:
    """The text of the file that says who may fetch (sshd(8), AUTHORIZED_KEYS).

    :param public: the public key of each
    """
    return render("fetch/keys.j2", keys=[(each, public(each)) for each in server.fetchers])


def known_hosts(public: str) -> str:
    """The text of the fetcher's file with the server's host key (sshd(8), SSH_KNOWN_HOSTS).

    :param public: that key
    """
    return f"# Managed by hotshoe.\n{ALIAS} {public}\n"


def command(plan: FetcherPlan, key: str, known: str) -> list[str]:
    """How a fetcher connects to what the server runs for it (ssh(1), ssh_config(5)).

    Nothing of it is in a configuration of the host's or of a person's.

    :param plan: of the fetcher
    :param key: the file with its private key
    :param known: the file with the server's host key
    """
    options = {
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "BatchMode": "yes",
        "HostKeyAlias": ALIAS,
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": known,
        "GlobalKnownHostsFile": "none",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "HostKeyAlgorithms": "ssh-ed25519",
        "ClearAllForwardings": "yes",
        "EscapeChar": "none",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": str(ALIVE_SECONDS),
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "LogLevel": "ERROR",
    }
    said = (part for name, value in options.items() for part in ("-o", f"{name}={value}"))
    dialled = ("-p", str(plan.port), "-l", USER, str(plan.dial))
    return ["/usr/bin/ssh", "-F", "none", "-T", *said, *dialled]


def configuration(
    plan: FetcherPlan,
    key: str = f"/run/credentials/{FETCHER}/{KEY}",
    known: str = paths.FETCHER_KNOWN_HOSTS,
) -> str:
    """The text of what the program that fetches is told.

    :param plan: of the fetcher
    :param key: the file with its private key
    :param known: the file with the server's host key
    """
    values = {
        "server": plan.server,
        "command": command(plan, key, known),
        "folder": plan.folder,
        "bytes_per_second": plan.bytes_per_second,
    }
    return json.dumps(values, indent=2) + "\n"


def by_hand(plan: FetcherPlan, private: str, host_key: str) -> dict[str, str]:
    """All that a computer needs which a person sets up to fetch, as files of a folder.

    There, ``python3 -m hotshoe_fetch fetcher.json`` fetches.

    :param plan: of the fetcher
    :param private: its private key, which nobody else may read
    :param host_key: the server's public host key
    :returns: by their paths in the folder, their texts
    """
    return {
        **texts(modules("fetcher/hotshoe_fetch", "hotshoe_fetch")),
        "fetcher.json": configuration(plan, KEY, "known-hosts"),
        "known-hosts": known_hosts(host_key),
        KEY: private,
    }
