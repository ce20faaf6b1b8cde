"""The hosts that pyinfra connects to, from a Site."""

from __future__ import annotations

import atexit
import gc
import logging
from typing import Any

from pyinfra import config, logger

from hotshoe.plan.model import FetcherPlan
from hotshoe.site.reading import SiteFiles, warnings_of
from roles import away, host_keys, speed, transport
from roles.base.plans import begin_secrets, plan_of, require_pairs, require_program, site_of

HostData = tuple[str, dict[str, Any]]


def hosts(site: str) -> tuple[list[HostData], list[HostData], list[HostData], list[HostData]]:
    """The servers, Debian routers, OpenWrt routers and fetchers; pyinfra makes a group of each.

    :param site: the Site's name: its file is ``group_vars/SITE.yml``
    :raises RefusedError: if the Site is refused; no host has been contacted then
    """
    # A run is over in seconds and keeps what it has loaded: looking for garbage in that, above all
    # at exit, would take a quarter of a run that changes nothing.
    gc.freeze()
    atexit.register(gc.freeze)
    speed.hasten()
    speed.begin_imports(
        *("roles.base.operations", "roles.server", "roles.router_linux", "roles.openwrt"),
        "roles.fetcher",
    )
    # pyinfra says what went wrong; paramiko would print tracebacks beside it.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    # A router must not be opened towards a server that failed.
    config.FAIL_PERCENT = 0
    away.allow()
    host_keys.refuse_unknown(site)
    plan = plan_of(site)
    require_pairs(site)
    require_program(site)
    begin_secrets(site)
    for warning in warnings_of(SiteFiles(site), site_of(site)):
        logger.warning(str(warning))
    servers = [_host(site, s.name, str(s.address), s) for s in plan.servers]
    routers = {
        kind: [_host(site, r.name, str(r.lan.ip), r) for r in plan.routers if r.managed_by == kind]
        for kind in ("linux", "openwrt")
    }
    fetchers = [_fetcher(site, fetcher) for fetcher in plan.fetchers if not fetcher.by_hand]
    return servers, routers["linux"], routers["openwrt"], fetchers


def _fetcher(site: str, fetcher: FetcherPlan) -> HostData:
    """A host without which a deploy goes on, unless something is to be taken away there."""
    name, data = _host(site, fetcher.name, str(fetcher.address), fetcher)
    return name, {**data, away.MAY_BE_AWAY: not fetcher.removed}


def _host(site: str, name: str, address: str, device: Any) -> HostData:
    return name, {
        "site": site,
        "ssh_hostname": address,
        "ssh_user": device.ssh_user,
        "ssh_port": device.ssh_port,
        "_sudo": device.ssh_user != "root",
        **host_keys.host_data(SiteFiles(site), address, device.ssh_port),
        **transport.host_data(name),
    }
