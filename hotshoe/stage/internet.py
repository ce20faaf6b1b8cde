"""What the simulated Internet does: it routes, resolves, relays, and has a Debian mirror."""

from __future__ import annotations

from pathlib import Path

from hotshoe.plan.model import Plan
from hotshoe.render import render
from hotshoe.stage import mirror
from hotshoe.stage.topology import Topology

# Its uplink is a process of this computer that opens connections, as any program does. A bridge of
# podman's would change the computer's own network: it makes it forward, and rewrites its firewall.
_UPLINK = "tap0"
# The mirror's program, and where it keeps what every stage of this computer may use.
_PROGRAM = "/root/mirror.py"
OPTIONS = (
    "--network=slirp4netns:enable_ipv6=false",
    f"--volume={Path(mirror.__file__).resolve()}:{_PROGRAM}:ro",
    f"--volume={mirror.CACHE}:{mirror.CACHE}",
)


def script(topology: Topology) -> str:
    """Route between camera and home, answer DNS, and lend the uplink to everybody.

    :returns: a shell program for it
    """
    return render(
        "stage/internet.sh.j2",
        uplink=_UPLINK,
        mirror=_PROGRAM,
        cache=mirror.CACHE,
        resolver=topology.resolver,
        hostname=topology.hostname,
        public=topology.public,
        routes=topology.routes,
    )


def relay(plan: Plan) -> str:
    """What a MAP border relay does: it knows who has which ports (RFC 7597, section 8.1).

    :returns: a ruleset; empty for an address that nobody shares
    """
    if not plan.port_set:
        return ""
    ports = ", ".join(map(str, plan.port_set))
    # What the mirror here is asked, and answers, as well as what passes.
    chains = "\n".join(
        f"chain {hook} {{\ntype filter hook {hook} priority filter;\n"
        f"{way} meta l4proto {{ 6, 17 }} th {port} != {{ {ports} }} counter drop\n}}"
        for hook, way, port in (
            ("postrouting", f'oifname "home0" ip daddr {plan.public_address}', "dport"),
            ("prerouting", f'iifname "home0" ip saddr {plan.public_address}', "sport"),
        )
    )
    return f"table inet relay {{\n{chains}\n}}\n"


def own_ports(plan: Plan) -> str:
    """What makes a router behind that relay lead itself out, as it had to before hotshoe was there.

    :returns: a shell command for it, which fetches packages then
    """
    ports = max(plan.port_set, key=len)
    return f"echo {ports.first} {ports.last} >/proc/sys/net/ipv4/ip_local_port_range"
