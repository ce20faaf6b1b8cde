"""Refuse what would keep a server from getting its certificate, before anything is changed."""

from __future__ import annotations

import shlex

from pyinfra import host

from hotshoe import paths
from hotshoe.debian.listeners import LISTENERS
from hotshoe.plan.model import Acme, ServerPlan
from roles.acme.facts import hook_query
from roles.base.device import device_of
from roles.base.plans import refuse

# What certbot calls itself while it listens.
_CERTBOT = "certbot"
_WRITABLE_BY_OTHERS = 0o022
_EXECUTABLE_BY_ROOT = 0o100
# What the unit of hotshoe-acme does not see (ProtectHome, PrivateTmp), or not so.
_UNSEEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", paths.PHOTOS)  # noqa: S108


def refuse_unfit(plan: ServerPlan, acme: Acme) -> None:
    """Refuse a server whose port 80 another program has, or whose hook cannot be trusted.

    :raises RefusedError: with the reason and what to do
    """
    holder = device_of(host)[LISTENERS].get(plan.challenge_port or 0, _CERTBOT)
    if holder != _CERTBOT:
        refuse(
            host,
            f"port {plan.challenge_port} is taken by {holder}, and there the certificate authority "
            "asks for proof of the name",
            "stop that program, or write challenge: dns-01 below certificate in the Site",
        )
    if acme.hook:
        _refuse_unfit_hook(plan, acme.hook)


def _refuse_unfit_hook(plan: ServerPlan, hook: str) -> None:
    """Refuse a program that is not there, or that others than root can change."""
    query = hook_query(plan)
    assert query is not None, "there is a hook"
    remedy = "install it there as root, mode 755, or correct certificate.hook in the Site"
    lines = device_of(host)[query]
    if not lines:
        refuse(host, f"has no program {hook}, which sets the record that proves the name", remedy)
    really = _parts(lines[0])[0]
    if really != hook:
        # Whoever can change the link decides what root runs.
        refuse(
            host,
            f"{hook} leads to {really} by a link",
            f"correct certificate.hook in the Site: {really}",
        )
    hidden = next((f for f in _UNSEEN if hook.startswith(f"{f}/")), None)
    if hidden:
        refuse(
            host,
            f"{hook} is in {hidden}, which the service that calls it cannot see",
            "put it elsewhere, such as into /usr/local/sbin, and correct certificate.hook",
        )
    for at, line in enumerate(lines):
        path, kind, owner, mode = _parts(line)
        if at == 0 and (kind != "f" or not mode & _EXECUTABLE_BY_ROOT):
            refuse(host, f"{hook} is no program: it cannot be executed", remedy)
        sticky = at > 0 and mode & 0o1000
        if owner != "root" or (mode & _WRITABLE_BY_OTHERS and not sticky):
            refuse(
                host,
                f"{hook} runs as root, and {path} can be changed by others "
                f"(owner {owner}, mode {mode:o})",
                f"chown root {shlex.quote(path)} && chmod go-w {shlex.quote(path)}",
            )


def _parts(line: str) -> tuple[str, str, str, int]:
    """Path, kind, owner and mode of a line that tells them, a space between each two."""
    path, kind, owner, mode = line.rsplit(" ", 3)
    return path, kind, owner, int(mode, 8)
