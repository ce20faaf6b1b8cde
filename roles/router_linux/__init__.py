"""A Debian router: the way out first, the way in last."""

from __future__ import annotations

from pyinfra import host, logger
from pyinfra.api.deploy import deploy

from hotshoe import paths
from hotshoe.plan.model import RouterPlan
from hotshoe.render import render
from roles.base import operations, rulesets
from roles.base.device import (
    ROUTES_LOADED,
    ROUTES_UNIT,
    look,
    record_path,
)
from roles.base.servers import are_ready


@deploy("Router")
def routing(plan: RouterPlan) -> None:
    """Forward and masquerade for the LAN; let nothing in that nobody asked for."""
    device, uplinks, inside = look(host), _uplinks(plan), _inside(plan)
    _tell(inside)
    operations.packages(("nftables",), name="nftables")
    operations.folder(paths.FOLDER, name="Folder of hotshoe's configuration")
    sysctl = operations.put(
        render("router_linux/sysctl.j2", router=plan, uplinks=uplinks),
        check=_NO_LONGER_SET,
        name="Forwarding, at every boot",
    )
    versions = frozenset({4, 6} if plan.lan6 else {4})
    operations.forwarding(paths.SYSCTL, versions, [sysctl], name="Forwarding, now")
    rulesets.load(
        "hotshoe_routing",
        render(
            "router_linux/routing.nft.j2",
            router=plan,
            wan=device.default,
            interfaces=inside,
            timeouts=device.timeouts,
        ),
        "routing and masquerading",
    )
    if plan.routes:
        _routes(plan)
    else:
        operations.absent(ROUTES_UNIT, (paths.ROUTES,), name="No static routes")


# What the file said and says no longer is put back, as far as others do not need it: IPv4 goes on.
_NO_LONGER_SET = (
    f"mkdir -p {paths.RECORDS}; ! test -f {paths.SYSCTL} || {{ "
    f"grep -vxFf $new {paths.SYSCTL} | sed -n "
    "'/ipv6/{s/forwarding = 1/forwarding = 0/p;s/accept_ra = 2/accept_ra = 1/p}' "
    f">{paths.RECORDS}/undo.conf; /usr/lib/systemd/systemd-sysctl {paths.RECORDS}/undo.conf; }}"
)


def _uplinks(plan: RouterPlan) -> tuple[str, ...]:
    """The interfaces that lead outside."""
    inside = look(host).addresses.get(str(plan.lan.ip))
    return tuple(uplink for uplink in look(host).uplinks if uplink != inside)


def _inside(plan: RouterPlan) -> tuple[str, ...]:
    """The interfaces that may pass: the LAN's, and what else the person has set up by now.

    A VPN's or a guest network's bridge is the person's own. An interface that appears later, or
    changes its name, is outside until the next deploy; so is one that leads outside.
    """
    device = look(host)
    outside = {
        *device.uplinks,
        *(device.addresses.get(str(a)) for a in (plan.wan_address, plan.wan6)),
    }
    lan = device.addresses.get(str(plan.lan.ip))
    others = {name for name, has_address in device.interfaces.items() if has_address} - outside
    return tuple(sorted({"lo", *others, *((lan,) if lan else ())}))


def _tell(inside: tuple[str, ...]) -> None:
    """Tell the person which interfaces are trusted, and which are no longer."""
    device = look(host)
    logger.info(
        f"{host.name}: inside are {', '.join(inside)}; what comes in by any other interface is "
        "from outside"
    )
    for name in sorted(device.inside - set(inside)):
        if name in device.uplinks:
            why = "a route to everywhere leads out by it"
        elif name in device.interfaces:
            why = "it has no address"
        else:
            why = "it is not there"
        logger.warning(
            f"{host.name}: {name} was inside at the last deploy, and is outside from this one on, "
            f"since {why}; if it is a VPN or network of your own, bring it up and deploy again"
        )


def _dialled(plan: RouterPlan) -> str:
    """How a packet is known that is meant for its address outside.

    The other addresses of a router, a VPN's for example, are its own. Where something in front
    translates one to one, the public address is on no interface, and any outside will do.
    """
    if str(plan.wan_address) in look(host).addresses:
        return f"ip daddr {plan.wan_address}"
    outside = ", ".join(f'"{uplink}"' for uplink in _uplinks(plan))
    return f"iifname {{ {outside} }} fib daddr type local"


def _routes(plan: RouterPlan) -> None:
    """Have the static routes to what is further inside, and no longer those that were."""
    gone = (
        f"! test -f {paths.ROUTES} || grep -vxFf $new {paths.ROUTES} | sed s/replace/delete/ | "
        "ip -force -batch - 2>/dev/null || true"
    )
    routes = operations.put(
        render("router_linux/routes.j2", router=plan),
        check=gone,
        name="Static routes",
    )
    unit = operations.put(
        f"/etc/systemd/system/{ROUTES_UNIT}",
        render(
            "router_linux/routes.service.j2",
            path=paths.ROUTES,
            loaded=ROUTES_LOADED,
            record=record_path(ROUTES_UNIT),
        ),
        name="Unit that sets them, now and at boot",
    )
    live = look(host).routes
    missing = any(live.get(str(route.to)) != str(route.via) for route in plan.routes)
    listed = " && ".join(
        f"ip -{route.to.version} route show {route.to} via {route.via} | grep -q ."
        for route in plan.routes
    )
    operations.service(
        ROUTES_UNIT, [routes, unit], ready=listed, force=missing, name="The static routes are set"
    )


@deploy("Router")
def port_forwards(plan: RouterPlan) -> None:
    """Lead the control port and the passive range to the server, if the server is ready."""
    rulesets.load(
        "hotshoe_forwards",
        render("router_linux/forwards.nft.j2", router=plan, dialled=_dialled(plan)),
        "port forwards to the server",
        _if=are_ready,
    )
