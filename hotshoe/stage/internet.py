"""What the make-believe Internet does, in shell and nftables: it routes, resolves, and relays."""

from __future__ import annotations

from hotshoe.plan.model import Plan
from hotshoe.stage.topology import Topology

# Its uplink is a process of this computer that opens connections, as any program does. A bridge of
# podman's would change the computer's own network: it makes it forward, and rewrites its firewall.
NETWORK, _UPLINK = "slirp4netns:enable_ipv6=false", "tap0"


def script(topology: Topology) -> str:
    """Route between camera and home, answer DNS, and lend the uplink to everybody."""
    names = "".join(f" --address=/{topology.hostname}/{a}" for a in topology.public)
    routes = "\n".join(f"ip route add {r.to} via {r.via} dev home0" for r in topology.routes)
    return f"""
        set -e
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        nft add table ip uplink
        nft 'add chain ip uplink out {{ type nat hook postrouting priority srcnat; }}'
        nft add rule ip uplink out oifname {_UPLINK} masquerade
        dnsmasq --no-hosts --interface=camera0 --interface=home0 \
            --local=/{topology.hostname}/{names}
        {routes}
    """


def relay(plan: Plan) -> str:
    """What a MAP border relay does: it knows who has which ports (RFC 7597, section 8.1).

    :returns: a ruleset; empty for an address that nobody shares
    """
    if not plan.port_set:
        return ""
    ports = ", ".join(map(str, plan.port_set))
    rules = "\n".join(
        f"{way} meta l4proto {{ 6, 17 }} th {port} != {{ {ports} }} counter drop"
        for way, port in (
            (f'oifname "home0" ip daddr {plan.public_address}', "dport"),
            (f'iifname "home0" ip saddr {plan.public_address}', "sport"),
        )
    )
    return (
        "table inet relay {\nchain forward {\n"
        f"type filter hook forward priority filter;\n{rules}\n}}\n}}\n"
    )


def own_ports(plan: Plan) -> str:
    """What makes a router behind that relay lead itself out, as it had to before hotshoe was there.

    :returns: a shell command for it, which fetches packages then
    """
    ports = max(plan.port_set, key=len)
    return f"echo {ports.first} {ports.last} >/proc/sys/net/ipv4/ip_local_port_range"
