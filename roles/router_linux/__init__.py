"""A Debian router: the way out first, the way in last."""

from __future__ import annotations

from pyinfra import host, logger
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.debian.network import inside_of, match_of_wan, uplinks_of, why_outside
from hotshoe.plan.model import RouterPlan
from hotshoe.render import render
from roles.base import operations, rulesets
from roles.base.device import device_of
from roles.base.servers import are_ready
from roles.router_linux.facts import FOOTPRINT, FORWARDS, INSIDE, ROUTES, ROUTING, WAN
from roles.router_linux.preflight import refuse_unfit
from roles.router_linux.sysctl import forwarding

__all__ = ["FOOTPRINT", "port_forwards", "refuse_unfit", "routing"]


@deploy("Router")
def routing(plan: RouterPlan) -> None:
    """Forward and masquerade for the LAN; let nothing in that nobody asked for."""
    device = device_of(host)
    inside = inside_of(plan, device.network)
    _report_trusted_interfaces(inside)
    operations.packages(FOOTPRINT.packages, name="Install packages")
    sysctl = operations.put(
        paths.SYSCTL,
        render("router_linux/sysctl.j2", router=plan, uplinks=uplinks_of(plan, device.network)),
        check=render("router_linux/undo_sysctl.sh.j2"),
        name="Configure forwarding at boot",
    )
    versions = frozenset({4, 6} if plan.lan6 else {4})
    forwarding(paths.SYSCTL, versions, [sysctl], name="Enable forwarding now")
    rulesets.install()
    rulesets.load(
        ROUTING,
        render(
            "router_linux/routing.nft.j2",
            router=plan,
            wan=device.network.default,
            interfaces=inside,
            timeouts=device[rulesets.TIMEOUTS],
        ),
        "routing and masquerading",
    )
    if plan.routes:
        _routes(plan)
    else:
        operations.absent(ROUTES.name, (paths.ROUTES,), name="Remove the static routes")


def _report_trusted_interfaces(inside: tuple[str, ...]) -> None:
    """Tell the person which interfaces are trusted, and which are no longer."""
    device = device_of(host)
    logger.info(
        f"{host.name}: inside are {', '.join(inside)}; what comes in by any other interface is "
        "from outside"
    )
    for name in sorted(device[INSIDE] - set(inside)):
        logger.warning(
            f"{host.name}: {name} was inside at the last deploy, and is outside from this one on, "
            f"since {why_outside(name, device.network)}; if it is a VPN or network of your own, "
            "bring it up and deploy again"
        )


def _routes(plan: RouterPlan) -> None:
    """Set the static routes to what is further inside, and remove those that were."""
    routes = operations.put(
        paths.ROUTES,
        render("router_linux/routes.j2", router=plan),
        check=render("router_linux/undo_routes.sh.j2"),
        name="Configure the static routes",
    )
    unit = operations.put(
        ROUTES.path,
        render("router_linux/routes.service.j2", unit=ROUTES),
        name="Install the unit that sets the static routes",
    )
    live = device_of(host).network.routes
    missing = any(live.get(str(route.to)) != str(route.via) for route in plan.routes)
    listed = " && ".join(
        f"ip -{route.to.version} route show {route.to} via {route.via} | grep -q ."
        for route in plan.routes
    )
    operations.service(
        ROUTES.name, [routes, unit], ready=listed, force=missing, name="Set the static routes"
    )


@deploy("Router")
def port_forwards(plan: RouterPlan) -> None:
    """Lead the control port and the passive range to the server, if the server is ready."""
    dialled = match_of_wan(plan, device_of(host).network)
    rulesets.load(
        FORWARDS,
        render("router_linux/forwards.nft.j2", router=plan, dialled=dialled),
        "port forwards",
        _if=are_ready,
    )
    if plan.notices:
        _notices(plan)
    else:
        operations.absent(WAN.name, (paths.WAN,), name="Tell nobody the WAN address")


def _notices(plan: RouterPlan) -> None:
    """Tell servers the WAN address whenever the provider changes it."""
    program = operations.put(
        paths.WAN, render("router_linux/wan.pl.j2"), mode="755", name="Install hotshoe-wan"
    )
    unit = operations.put(
        WAN.path,
        render("router_linux/wan.service.j2", unit=WAN, router=plan),
        name="Install the unit that tells servers the WAN address",
    )
    operations.service(
        WAN.name,
        [program, unit],
        # Whether a server listens is its own affair.
        name="Tell servers the WAN address",
    )
