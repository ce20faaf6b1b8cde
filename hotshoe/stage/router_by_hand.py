"""A router as one buys it, set up by somebody who has nothing but the rows of its worksheet.

It plays the routers that only a person can configure. As they come, such boxes let everything out,
nothing in, and translate only what they are told to; all else is from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_interface, ip_network

from hotshoe.errors import HotshoeError
from hotshoe.plan.manual_setup import Menu, Row

WAN, LAN = "eth0", "eth1"
NFT = "/root/router.nft"


def script(rows: Iterable[Row]) -> str:
    """The shell script that makes a container with two interfaces that router.

    :raises HotshoeError: if a row holds something that such a router has no box for
    """
    box = _Box()
    for row in rows:
        box.enter(row)
    return "\n".join(
        [
            *box.commands,
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
            "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
            f"cat >{NFT} <<'.'\n{box.ruleset()}.\nnft -f {NFT}\n",
        ]
    )


class _Box:
    """What was entered so far."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self._own: list[str] = []
        self._ports: list[str] = []
        self._networks: list[str] = []
        self._loopback: list[str] = []
        self._translated: list[str] = []
        self._default: str | None = None
        self._allowed: list[str] = []
        self._services: list[str] = []

    def enter(self, row: Row) -> None:
        """Enter one row; every box of it has to be understood."""
        left = dict(row.fields)
        left.pop("Name", None)
        if left.pop("Enabled", "yes") != "yes":
            return
        {
            Menu.WAN: self._wan,
            Menu.DDNS: self._dynamic_dns,
            Menu.LAN: self._lan,
            Menu.RESERVATION: self._reservation,
            Menu.NAT: self._nat,
            Menu.ROUTE: self._route,
            Menu.FORWARD: self._forward,
            Menu.DEFAULT_HOST: self._default_host,
            Menu.SERVICE: self._service,
            Menu.FIREWALL: self._rule,
            Menu.PINHOLE: self._rule,
            Menu.HAIRPIN: self._hairpin,
            Menu.HELPER: self._helper,
        }[row.menu](left)
        if left:
            raise HotshoeError(f"the worksheet has a row that no router understands: {row}")

    # -- addresses

    def _wan(self, left: dict[str, str]) -> None:
        if ports := left.pop("Ports of the shared address (MAP-E)", None):
            self._ports = ports.split(", ")
            return
        if left.pop("Address assignment") == "static":
            self._set(WAN, left)
            gateway = left.pop("Default gateway")
            self.commands.append(f"ip route replace default via {gateway} dev {WAN}")
            return
        for label in ("IPv4 address", "IPv6 address", "IPv6"):
            left.pop(label, None)  # the provider sees to it

    @staticmethod
    def _dynamic_dns(left: dict[str, str]) -> None:
        for label in ("Provider", "Server", "Zone", "Host name", "User name", "Password", "Update"):
            left.pop(label, None)  # on the stage, it has no account with anybody

    def _lan(self, left: dict[str, str]) -> None:
        self._own.append(self._set(LAN, left))

    def _set(self, interface: str, left: dict[str, str]) -> str:
        version = 4 if "IPv4 address" in left else 6
        size = left.pop("Subnet mask") if version == 4 else left.pop("Prefix length")
        address = ip_interface(f"{left.pop(f'IPv{version} address')}/{size}")
        scope = "" if version == 4 else " scope global"
        self.commands += [
            f"ip -{version} address flush dev {interface}{scope}",
            f"ip address add {address} dev {interface}{' nodad' if version == 6 else ''}",
        ]
        return str(address.ip)

    def _reservation(self, left: dict[str, str]) -> None:
        left.pop("MAC address", None)
        del left["Device"], left["IPv4 address"]  # on the stage, nobody's address changes

    def _route(self, left: dict[str, str]) -> None:
        to, via = self._network(left, "Destination network"), left.pop("Gateway")
        self.commands.append(f"ip route replace {to} via {via}")

    @staticmethod
    def _network(left: dict[str, str], label: str) -> str:
        size = left.pop("Subnet mask", None) or left.pop("Prefix length")
        return str(ip_network(f"{left.pop(label)}/{size}"))

    # -- rules

    def _nat(self, left: dict[str, str]) -> None:
        if left.pop("NAT") == "on":
            self._networks.append(self._network(left, "Network"))

    def _hairpin(self, left: dict[str, str]) -> None:
        if left.pop("NAT loopback") == "on":
            self._loopback.append(self._network(left, "Network"))

    def _forward(self, left: dict[str, str]) -> None:
        if left.pop("Existing forward to another device", None):
            del left["Protocol"], left["Port"]  # the stage has no such device
            return
        match = self._match(left, "External port")
        to, port = left.pop("Internal address"), left.pop("Internal port")
        # A range keeps its ports; one that is told another port moves there.
        target = to if match.endswith(f" {port}") else f"{to}:{port}"
        self._translated.append(f"{match} dnat ip to {target}")

    def _default_host(self, left: dict[str, str]) -> None:
        self._default = left.pop("Internal address")

    def _service(self, left: dict[str, str]) -> None:
        if left.pop("Reachable from the WAN side") == "yes":
            self._services.append(self._match(left, "Port"))

    def _rule(self, left: dict[str, str]) -> None:
        action = left.pop("Action")
        if action == "block" and not left:
            return  # it comes that way
        to = left.pop("Destination address")
        match = self._match(left, "Destination port")
        family = "ip6" if ":" in to else "ip"
        verdict = {"allow": "accept", "block": "drop"}[action]
        self._allowed.append(f"{family} daddr {to} {match} {verdict}")

    @staticmethod
    def _match(left: dict[str, str], label: str) -> str:
        source = left.pop("Allowed source", None)
        limited = f"ip saddr {source} " if source else ""
        return f"{limited}{left.pop('Protocol').lower()} dport {left.pop(label)}"

    def _helper(self, left: dict[str, str]) -> None:
        # It has none.
        assert left.pop("FTP ALG") == "off"

    # -- what they come to

    def ruleset(self) -> str:
        """The file for ``nft -f``."""
        inside = ", ".join(self._loopback)
        # NAT loopback makes the rules hold for packets from inside as well.
        own = " ".join(f"ip daddr != {address}" for address in self._own if "." in address)
        dialled = f"fib daddr type local {own} "
        if not inside:
            dialled = f'iifname "{WAN}" {dialled}'
        translated = [dialled + rule for rule in self._translated]
        if self._default:
            translated += [f"{dialled}{service} return" for service in self._services]
            translated += [f"{dialled}meta l4proto {{ 6, 17 }} dnat ip to {self._default}"]
        leaving = []
        for network in self._networks:
            match = f'oifname "{WAN}" ip saddr {network}'
            for i, ports in enumerate(self._ports):
                share = f"numgen random mod {len(self._ports) - i} 0"
                leaving.append(
                    f"{match} meta l4proto {{ 1, 6, 17 }} {share} masquerade to :{ports}"
                )
            if not self._ports:
                leaving.append(f"{match} masquerade")
        if inside:
            turned = f'iifname "{LAN}" oifname "{LAN}" ip saddr {{ {inside} }} ct status dnat'
            leaving.append(f"{turned} masquerade")
        known = ["ct state established,related accept", "ct state invalid drop"]
        chains = {
            "prerouting": ("nat", "prerouting", "dstnat", "accept", translated),
            "postrouting": ("nat", "postrouting", "srcnat", "accept", leaving),
            "forward": (
                "filter",
                "forward",
                "filter",
                "drop",
                [
                    *known,
                    f'iifname "{LAN}" accept',
                    "ct status dnat accept",
                    *self._allowed,
                    "icmpv6 type != echo-reply accept",
                ],
            ),
            "input": (
                "filter",
                "input",
                "filter",
                "drop",
                [
                    *known,
                    f'iifname != "{WAN}" accept',
                    "meta l4proto { 1, 58 } accept",
                    *(f"{service} accept" for service in self._services),
                ],
            ),
        }
        text = "".join(
            f"chain {name} {{\ntype {kind} hook {hook} priority {priority}; policy {policy};\n"
            + "".join(f"{rule}\n" for rule in rules)
            + "}\n"
            for name, (kind, hook, priority, policy, rules) in chains.items()
        )
        return f"flush ruleset\ntable inet router {{\n{text}}}\n"
