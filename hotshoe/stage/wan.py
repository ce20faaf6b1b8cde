"""The cable between the provider and a home whose public address changes, as it is now. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from hotshoe.errors import HotshoeError
from hotshoe.site.routability import why_unreachable
from hotshoe.stage.topology import WAN_PREFIX, Node, Topology

# What a provider gives a home that shares a public address with others (RFC 6598).
SHARED = IPv4Interface((IPv4Address("100.64.12.34"), WAN_PREFIX))


@dataclass(frozen=True)
class Wan:
    """Both ends of that cable.

    :param public: the address that the Internet sees
    :param home: the outermost router's address: that one, or the provider translates between them
    """

    public: IPv4Address
    home: IPv4Interface

    @classmethod
    def at(cls, public: IPv4Address, *, carrier_grade_nat: bool = False) -> Wan:
        """A home at a public address of its own, or behind one by carrier-grade NAT."""
        home = SHARED if carrier_grade_nat else IPv4Interface((public, WAN_PREFIX))
        return cls(public, home)

    @classmethod
    def parse(cls, text: str) -> Wan:
        """What :meth:`text` wrote."""
        public, home = text.split()
        return cls(IPv4Address(public), IPv4Interface(home))

    def text(self) -> str:
        """It on one line, to be kept in a file."""
        return f"{self.public} {self.home}\n"

    @property
    def provider(self) -> IPv4Interface:
        """The provider's end, which is the home's gateway."""
        (other,) = (a for a in self.home.network if a != self.home.ip)
        return IPv4Interface((other, WAN_PREFIX))

    @property
    def is_translated(self) -> bool:
        """Whether the provider translates (carrier-grade NAT)."""
        return self.home.ip != self.public

    def next_address(self) -> IPv4Address:
        """The next public address of the same /24."""
        block = IPv4Network((self.public, 24), strict=False)
        return block[(int(self.public) + 2) % block.num_addresses]

    def refuse_unfit(self, topology: Topology) -> None:
        """Refuse a public address that no home can have, or this one not on this stage.

        :raises HotshoeError: with the reason
        """
        if reason := why_unreachable(self.public):
            raise HotshoeError(
                f"{self.public} cannot be a public address: {reason}\n"
                "    -> for a home without one, there is --carrier-grade-nat"
            )
        cable = IPv4Network((self.public, WAN_PREFIX), strict=False)
        for node in topology.nodes:
            for port in node.ports:
                if port.segment != "wan" and port.address.network.overlaps(cable):
                    raise HotshoeError(
                        f"{self.public} is in {port.address.network}, where {node.name} is\n"
                        "    -> take one of 203.0.113.0/24"
                    )

    def on(self, node: Node, *, is_home: bool) -> Node:
        """A device at one of the cable's ends, with the address that it has now."""
        address = self.home if is_home else self.provider
        ports = tuple(
            replace(port, address=address) if port.segment == "wan" else port for port in node.ports
        )
        return replace(node, ports=ports, gateway=self.provider.ip if is_home else node.gateway)


def provider_lines(before: Wan, now: Wan) -> Iterator[str]:
    """What ``ip -batch`` is told at the provider's end, for a home that had another address.

    Packets to the old one lead nowhere at once, and never to the uplink.
    """
    if before.is_translated:
        yield f"route delete {before.public}/32"
    yield f"address delete {before.provider} dev home0"
    gone = IPv4Network((before.public, WAN_PREFIX), strict=False)
    # The route of an address that is in use again is preferred.
    yield f"route replace blackhole {gone} metric 1"
    yield f"address add {now.provider} dev home0"
    yield from route_lines(now)


def route_lines(wan: Wan) -> Iterator[str]:
    """The provider's route to an address that it translates.

    Its own answers to the home are routed before their destination is translated back.
    """
    if wan.is_translated:
        yield f"route add {wan.public}/32 via {wan.home.ip} dev home0"


def home_script(wan: Wan) -> str:
    """The shell commands at the home's end: a DHCP client's, when it got another address."""
    return (
        "ip -4 address flush dev eth0\n"
        f"ip address add {wan.home} dev eth0\n"
        f"ip route replace default via {wan.provider.ip} dev eth0\n"
    )


def translation(wan: Wan) -> str:
    """What carrier-grade NAT does at the provider; nobody outside opens connections to the home.

    :returns: a ruleset, which undoes the translation for a home that has an address of its own
    """
    none = "table ip carrier\ndelete table ip carrier\n"
    if not wan.is_translated:
        return none
    # Connections to the Internet's own services pass no postrouting.
    chains = [
        f"type nat hook {hook} priority 100; ip saddr {wan.home.ip} snat to {wan.public}"
        for hook in ("input", "postrouting")
    ]
    chains.append(f"type filter hook forward priority 0; ip daddr {wan.public} drop")
    numbered = "".join(f"chain c{i} {{\n{chain}\n}}\n" for i, chain in enumerate(chains))
    return f"{none}table ip carrier {{\n{numbered}}}\n"
