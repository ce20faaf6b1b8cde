"""What a person is told of SSH host keys, by whatever looks at them."""

from __future__ import annotations

import shlex


def trust_command(site: str) -> str:
    """The command that makes the keys of a home known.

    :param site: the Site's name
    """
    return "hotshoe trust" if site == "home" else f"hotshoe trust {shlex.quote(site)}"


def how_to_compare(kind: str, *, openwrt: bool) -> str:
    """The command that shows a host's key on the host itself.

    :param kind: its type, as OpenSSH calls it: ``ssh-ed25519``
    """
    name = kind.removeprefix("ssh-").partition("-")[0]
    if openwrt:
        return f"dropbearkey -y -f /etc/dropbear/dropbear_{name}_host_key"
    return f"ssh-keygen -lf /etc/ssh/ssh_host_{name}_key.pub"


def unknown(what: str, site: str, login: str) -> str:
    """Nobody has compared a host's key yet.

    :param what: is not known
    :param site: the Site's name
    :param login: the command by which a person logs in, and is asked
    """
    return (
        f"{what}, so nothing was sent\n    -> {trust_command(site)}, which says how to compare it, "
        f"and keeps it; or log in once: {login}"
    )


def changed(shown: object, known: object, where: str, site: str) -> str:
    """A host shows another key than the one that is known.

    :param shown: the key, or its fingerprint
    :param known: the other one
    :param where: the file and the line that say it
    :param site: the Site's name
    """
    return (
        f"its host key has changed: it shows {shown}, and {where}, says {known}, so nothing was "
        "sent\n    -> if you did not reinstall it, do not go on: something else may answer in its "
        f"place. If you did: {trust_command(site)}"
    )
