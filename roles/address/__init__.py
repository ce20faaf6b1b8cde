"""The public address of a home whose provider changes it: a program of ours follows it."""

from __future__ import annotations

import json

from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian import record_update
from hotshoe.plan.model import AddressFollower, ServerPlan
from hotshoe.render import render, texts
from hotshoe.site.routability import UNREACHABLE
from roles.address import record
from roles.address.facts import FOLLOWER, FOOTPRINT, MODULES, PACKAGES
from roles.base import operations

__all__ = ["FOOTPRINT", "follow", "packages", "remove"]


def packages(plan: ServerPlan) -> tuple[str, ...]:
    """The Debian packages that a server needs for it; none where its public address is fixed."""
    if plan.follower is None:
        return ()
    update = plan.follower.update
    return (*PACKAGES, *(record_update.packages(update) if update else ()))


@deploy("Address")
def follow(plan: ServerPlan, follower: AddressFollower) -> None:
    """Follow the public address, and keep the record of the name at it.

    Before vsftpd, whose sessions load what the program writes. What it finds is nobody else's: a
    deploy neither writes nor compares it.
    """
    operations.folders((paths.ADDRESS_PROGRAM,), name="Create the folder of hotshoe-address")
    needs = record.install(plan.hostname, follower.update)
    program = operations.put_all(
        texts(MODULES),
        name="Install hotshoe-address",
    )
    configured = operations.put(
        paths.ADDRESS_CONFIGURATION,
        configuration(plan.hostname, follower),
        name="Configure hotshoe-address",
    )
    runs = operations.put(
        FOLLOWER.path,
        render("address/service.j2", unit=FOLLOWER, hostname=plan.hostname),
        name="Install the unit of hotshoe-address",
    )
    operations.service(
        FOLLOWER.name,
        [*needs, program, configured, runs],
        ready=f"test -e {paths.PUBLIC_ADDRESS}",
        name="Start hotshoe-address to follow the public address",
    )


@deploy("Address")
def remove() -> None:
    """Remove all of it where the public address is fixed, once vsftpd announces that one."""
    operations.absent(
        FOLLOWER.name,
        (
            *(paths.ADDRESS_CONFIGURATION, paths.RECORD_SENT, paths.ADDRESS_LOCK),
            *FOOTPRINT.paths,
        ),
        name="Remove hotshoe-address",
    )


def configuration(hostname: str, follower: AddressFollower) -> str:
    """The text of the program's configuration; it has no secret.

    :param hostname: the name whose record is updated
    """
    values = {
        "hostname": hostname,
        "sources": follower.sources,
        "seconds": follower.seconds,
        "router": str(follower.router) if follower.router else None,
        "notice_port": follower.notice_port,
        "unreachable": UNREACHABLE,
        "update": record.FILES if follower.update else (),
        "public_address": paths.PUBLIC_ADDRESS,
        "router_address": paths.ROUTER_ADDRESS,
        "record": paths.RECORD_SENT,
    }
    return json.dumps(values, indent=2) + "\n"
