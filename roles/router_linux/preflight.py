"""Look at a Debian router, and refuse what cannot work before anything is changed."""

from __future__ import annotations

from pyinfra import host, logger

from hotshoe.debian.network import why_no_camera_gets_through
from hotshoe.plan.model import RouterPlan
from hotshoe.site.routability import without_public_wan
from roles.base.device import read
from roles.base.plans import refuse
from roles.base.preflight import refuse_another
from roles.router_linux.facts import DROPPING, FOOTPRINT


def refuse_unfit(plan: RouterPlan) -> None:
    """Refuse a router that is another machine or that has no way to the Internet.

    :raises RefusedError: with the reason and what to do
    """
    device = read(host, (FOOTPRINT,))
    network = device.network
    remedy = "correct the router's lan in the Site"
    refuse_another(device, plan.lan.ip, "this router of the Site", remedy)
    if not network.default:
        refuse(host, "has no default route", "connect it to the Internet first")
    if network.default == network.addresses[str(plan.lan.ip)]:
        refuse(
            host,
            f"its default route leaves by {network.default}, the interface of its LAN",
            "a router needs an interface of its own towards the Internet",
        )
    for address6 in (plan.lan6 and plan.lan6.ip, plan.wan6):
        if address6 and str(address6) not in network.addresses:
            refuse(
                host,
                f"has no address {address6}",
                "give it that fixed address, or correct its lan6 or wan6 in the Site",
            )
    if plan.gateway and str(plan.wan_address) not in network.addresses:
        refuse(
            host,
            f"has no address {plan.wan_address}, to which the router outside of it sends the "
            f"cameras (it has {', '.join(network.addresses)})",
            "give it that fixed address, or correct its wan in the Site",
        )
    if unreached := why_no_camera_gets_through(plan, network):
        follows = without_public_wan(changes=plan.wan_address is None)
        logger.warning(f"{host.name}: {unreached}; {follows}")
    for chain in device[DROPPING]:
        logger.warning(
            f"{host.name}: the nftables chain '{chain}', which is not hotshoe's, drops forwarded "
            "packets by default; if cameras do not get through, allow them there too"
        )
