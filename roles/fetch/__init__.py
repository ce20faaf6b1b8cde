"""Computers at home fetch photos: by an SSH of its own, which gives them nothing else."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import fetch as core
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import FetchAccess, ServerPlan
from hotshoe.render import render
from hotshoe.secrets.delivery_keys import fetch_host_key, fetch_key
from roles.base import operations
from roles.base.device import device_of
from roles.base.plans import secrets_of
from roles.fetch.facts import FILES, FOOTPRINT, SSHD
from roles.fetch.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "refuse_unfit", "remove"]


@deploy("Fetch")
def install(plan: ServerPlan) -> None:
    """Let the computers of the Plan fetch photos."""
    operations.account(core.USER, "/", unit=SSHD.name, name="Create the user for those who fetch")
    operations.folders((paths.FETCH_ROOT,), name="Create what the SSH for those who fetch sees")
    secret = secrets_of(host.data.site).delivery_secret
    assert secret is not None, "checked: the vault has it wherever it is used"

    def public(fetcher: FetchAccess) -> str:
        return fetch_key(secret, plan.hostname, fetcher.name, fetcher.to).public

    needs = [
        operations.put(
            paths.FETCH_HOST_KEY,
            fetch_host_key(secret, plan.hostname, plan.name).private,
            mode="600",
            name="Install the host key for those who fetch",
        ),
        operations.put(
            paths.FETCH_KEYS, core.keys(plan, public), name="Install the keys of those who fetch"
        ),
        operations.put(
            paths.FETCH_SESSION,
            render("fetch/session.py.j2"),
            mode="755",
            name="Install what runs for whoever fetches",
        ),
        operations.put(
            paths.FETCH_CONFIGURATION,
            core.sshd(plan, device_of(host).os.split()[1]),
            name="Configure the SSH for those who fetch",
        ),
        operations.put(
            SSHD.path,
            render("fetch/service.j2", server=plan, unit=SSHD, user=core.USER, owner=OWNER),
            name="Install the unit of the SSH for those who fetch",
        ),
    ]
    operations.service(
        SSHD.name,
        needs,
        ready=f"ss -Hltn sport = :{plan.fetch_port} | grep -q .",
        name="Let photos be fetched",
    )


@deploy("Fetch")
def remove() -> None:
    """Let nobody fetch photos."""
    operations.absent(
        SSHD.name,
        (*FILES, paths.FETCH_ROOT, SSHD.record),
        name="Remove the SSH for those who fetch",
    )
    operations.no_accounts((core.USER,), name="Remove the user for those who fetch")
