"""Addresses and routes of a Debian host, and what of its interfaces is inside and what outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from hotshoe.plan.model import RouterPlan
from hotshoe.site.routability import unreachable_wan

# A word, and then what ip(8) says about it; nothing where the kernel lacks that version of IP.
COMMAND = """\
echo addresses; ip -json address
# Of every routing table: a VPN's, or a second uplink's, may have one of its own.
echo default; for v in 4 6; do ip -json -$v route show table all default; done
echo routes; ip -json -4 route
echo routes6; ip -json -6 route"""


@dataclass(frozen=True)
class Network:
    """Addresses and routes of a host.

    :param addresses: IP addresses that other hosts can use, and the interface of each; of several,
        the first
    :param interfaces: every interface, and whether it has such an address
    :param default: the interface of the IPv4 default route; empty without one
    :param uplinks: the interfaces that lead everywhere: of all default routes, of every routing
        table (with a tunnel for IPv4, IPv6 has another), and of what VPNs put in their place
    :param routes: the networks that have a gateway, and that gateway
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[str, bool] = field(default_factory=dict)
    default: str = ""
    uplinks: tuple[str, ...] = ()
    routes: Mapping[str, str] = field(default_factory=dict)


def read_network(lines: Sequence[str]) -> Network:
    """Read what :data:`COMMAND` prints."""
    said: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.isalnum():
            current = said.setdefault(line, [])
        else:
            current.append(line)
    main, main6 = _json(said.get("routes")), _json(said.get("routes6"))
    defaults = [route for line in said.get("default", ()) for route in _json([line])]
    links = _json(said.get("addresses"))
    addresses: dict[str, str] = {}
    for link in links:
        for address in _global(link):
            # A tunnel may have the address of the LAN, too.
            addresses.setdefault(address, link["ifname"])
    return Network(
        addresses=addresses,
        interfaces={link["ifname"]: bool(_global(link)) for link in links},
        default=next((route["dev"] for route in main if _is_default(route)), ""),
        uplinks=tuple(sorted({r["dev"] for r in (*main, *main6, *defaults) if _leads_out(r)})),
        # Of several to one network, the kernel lists the one that it takes first.
        routes={r["dst"]: r["gateway"] for r in reversed((*main, *main6)) if "gateway" in r},
    )


def _json(lines: Sequence[str] | None) -> list[Any]:
    return json.loads("\n".join(lines)) if lines else []


def _global(link: Mapping[str, Any]) -> list[str]:
    """The addresses of an interface that other hosts can use."""
    return [each["local"] for each in link.get("addr_info", []) if each["scope"] == "global"]


def _is_default(route: Mapping[str, str]) -> bool:
    return route["dst"] == "default" and "dev" in route


def _leads_out(route: Mapping[str, str]) -> bool:
    """Whether a route leads everywhere, or to as much of it as no home has.

    OpenVPN (redirect-gateway def1) sets 0.0.0.0/1 and 128.0.0.0/1, WireGuard often a list that
    begins with 0.0.0.0/5, tunnels of IPv6 2000::/3. ULA is a /7.
    """
    if route["dst"] == "default":
        return _is_default(route)
    to = ip_network(route["dst"], strict=False)
    return "dev" in route and to.prefixlen < 7 and not to.is_multicast


def uplinks_of(router: RouterPlan, network: Network) -> tuple[str, ...]:
    """The interfaces of a router that lead outside; never its LAN's."""
    lan = network.addresses.get(str(router.lan.ip))
    return tuple(uplink for uplink in network.uplinks if uplink != lan)


def inside_of(router: RouterPlan, network: Network) -> tuple[str, ...]:
    """The interfaces of a router from which everything may pass.

    The LAN's, and what else the person has set up by now: a VPN's or a guest network's bridge is
    the person's own. An interface that appears later, or changes its name, is outside until the
    next deploy; so is one that leads outside.
    """
    wan = [network.addresses.get(str(a)) for a in (router.wan_address, router.wan6) if a]
    outside = {*network.uplinks, *wan}
    lan = network.addresses.get(str(router.lan.ip))
    others = {name for name, has_address in network.interfaces.items() if has_address} - outside
    return tuple(sorted({"lo", *others, *((lan,) if lan else ())}))


def why_outside(interface: str, network: Network) -> str:
    """Why an interface is outside that was inside before."""
    if interface in network.uplinks:
        return "it carries a default route"
    if interface in network.interfaces:
        return "it has no address"
    return "it is not there"


def match_of_wan(router: RouterPlan, network: Network) -> str:
    """The nftables match of packets that are meant for a router's address outside.

    The other addresses of a router, a VPN's for example, are its own. Where the provider changes
    the address, it is any of the interface that has the default route, dialled from outside or from
    inside. Where something in front translates one to one, the public address is on no interface,
    and any outside will do.
    """
    if router.wan_address is None:
        others = {router.lan.ip, *_ipv4(network)} - set(addresses_outside(network))
        return (
            f"iifname {_set((network.default, *inside_of(router, network)))} fib daddr type local "
            f"ip daddr != {{ {', '.join(map(str, sorted(others)))} }}"
        )
    if str(router.wan_address) in network.addresses:
        return f"ip daddr {router.wan_address}"
    return f"iifname {_set(uplinks_of(router, network))} fib daddr type local"


def why_no_camera_gets_through(router: RouterPlan, network: Network) -> str | None:
    """What is wrong with the address of a router outside, as it is now; None if nothing is."""
    if router.wan_address is None:
        return unreachable_wan(addresses_outside(network))
    if str(router.wan_address) not in network.addresses:
        return f"none of its interfaces has the public address {router.wan_address}"
    return None


def addresses_outside(network: Network) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses of the interface that has the default route, as they are now."""
    return tuple(
        address for address in _ipv4(network) if network.addresses[str(address)] == network.default
    )


def _ipv4(network: Network) -> tuple[IPv4Address, ...]:
    return tuple(address for address in map(ip_address, network.addresses) if address.version == 4)


def _set(interfaces: Iterable[str]) -> str:
    quoted = ", ".join(f'"{interface}"' for interface in sorted(interfaces))
    return f"{{ {quoted} }}"
