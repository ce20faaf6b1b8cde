"""A computer at home that fetches photos from a server's library."""

from __future__ import annotations

from pyinfra import host
from pyinfra.api import operation
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import fetch as core
from hotshoe.plan.model import FetcherPlan
from hotshoe.render import render, texts
from hotshoe.secrets.delivery_keys import fetch_host_key, fetch_key
from roles.base import operations
from roles.base.device import device_of
from roles.base.operations import Commands
from roles.base.plans import plan_of, secrets_of
from roles.fetcher.facts import FETCHES, FOOTPRINT, MODULES, folder_query
from roles.fetcher.preflight import refuse_unfit

__all__ = ["FOOTPRINT", "install", "refuse_unfit", "remove"]


@deploy("Fetcher")
def install(plan: FetcherPlan) -> None:
    """Fetch photos as soon as they are in the library."""
    site = host.data.site
    hostname, secret = plan_of(site).hostname, secrets_of(site).delivery_secret
    assert secret is not None, "checked: the vault has it wherever it is used"
    operations.packages(FOOTPRINT.packages, name="Install packages")
    operations.account(
        core.FETCHER_USER, "/nonexistent", unit=FETCHES.name, name="Create the user who fetches"
    )
    operations.folders((paths.FETCHER_PROGRAM,), name="Create the folder of hotshoe-fetcher")
    _place(plan, name="Create the folder for photos")
    needs = [
        operations.put_all(
            texts(MODULES),
            name="Install hotshoe-fetcher",
        ),
        operations.put(
            paths.FETCHER_KEY,
            fetch_key(secret, hostname, plan.name, plan.to).private,
            mode="600",
            name="Install the key by which it logs in",
        ),
        operations.put(
            paths.FETCHER_KNOWN_HOSTS,
            core.known_hosts(fetch_host_key(secret, hostname, plan.server).public),
            name="Install the host key of the server",
        ),
        operations.put(
            paths.FETCHER_CONFIGURATION,
            core.configuration(plan),
            name="Configure hotshoe-fetcher",
        ),
        operations.put(
            FETCHES.path,
            render(
                "fetcher/service.j2",
                fetcher=plan,
                folder=plan.folder,
                unit=FETCHES,
                user=core.FETCHER_USER,
            ),
            name="Install the unit of hotshoe-fetcher",
        ),
    ]
    operations.service(
        FETCHES.name,
        needs,
        name="Start hotshoe-fetcher",
    )


@deploy("Fetcher")
def remove(plan: FetcherPlan) -> None:
    """Fetch no more; photos stay. What else is left over is taken away with all other leftovers."""
    _handed_over(plan, name="Hand the photos over to root")
    operations.no_accounts((core.FETCHER_USER,), name="Remove the user who fetched")


@operation()
def _handed_over(plan: FetcherPlan) -> Commands:
    """Have the photos belong to root, and nothing of ours among them.

    + plan: of the fetcher

    .. code:: python

        _handed_over(plan, name="Hand the photos over to root")
    """
    device = device_of(host)
    if core.FETCHER_USER not in device.accounts or not device[folder_query(plan)]:
        host.noop("there is nobody to take them from")
        return
    yield render(
        "fetcher/remove.sh.j2", unit=FETCHES.name, folder=plan.folder, user=core.FETCHER_USER
    )


@operation()
def _place(plan: FetcherPlan) -> Commands:
    """Ensure that there is a folder for photos; one that is there already stays the person's.

    + plan: of the fetcher

    .. code:: python

        _place(plan, name="Create the folder for photos")
    """
    if device_of(host)[folder_query(plan)]:
        host.noop(f"{plan.folder} is there")
        return
    owner = core.FETCHER_USER
    yield f"install -d -o {owner} -g {owner} -m 2775 {plan.folder}"
