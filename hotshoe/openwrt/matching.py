"""Which packets an existing redirect or rule of the firewall matches, read as fw4 reads it.

Each is parsed once, into a :class:`Match`. The functions of fw4.uc that are named say how; the
documentation says less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hotshoe.openwrt.interfaces import Interface
from hotshoe.openwrt.rules import is_enabled
from hotshoe.openwrt.uci.data import Section, list_items
from hotshoe.ports.ranges import HIGHEST_PORT, PortRange

Address = IPv4Address | IPv6Address

EVERY_ZONE = "*"
# With any of these a redirect matches some connections only; which, cannot be told from here.
_LIMITING_REDIRECTS = {"src_ip", "src_mac", "src_port", "ipset", "mark", "helper"}
# With nothing else, a rule matches all packets that its zones, addresses and ports are about.
_NOT_LIMITING_RULES = {
    *("enabled", "name", "family", "src", "dest", "proto", "dest_ip", "dest_port", "target"),
    *("counter", "log", "log_limit"),
}
_ANY_PROTOCOL = {"all", "any", "*"}
_PROTOCOLS = {"6": ("tcp",), "17": ("udp",), "tcpudp": ("tcp", "udp")}


@dataclass(frozen=True)
class Packets:
    """Packets that have to get through.

    :param source: the zone that they come from
    :param to: their destination address; None for the router's address outside, which changes
    :param protocol: ``tcp`` or ``udp``
    :param destination: the zone that they go to; empty for the router itself, and before a redirect
    :param family: their version of IP; None if it may be both
    :param ports: their destination ports; None for all
    """

    source: str
    to: Address | None
    protocol: str
    destination: str = ""
    family: int | None = None
    ports: PortRange | None = None


@dataclass(frozen=True)
class Addresses:
    """The addresses that one item of an option is about.

    :param ranges: the first and the last address of each range
    :param negated: whether it is about all the others instead
    :param family: the only version of IP that it is about; None for both
    """

    ranges: tuple[tuple[Address, Address], ...]
    negated: bool = False
    family: int | None = None

    def covers(self, address: Address) -> bool:
        """Whether an address is among them."""
        if self.family not in (None, address.version):
            return False
        number = int(address)
        within = (
            first.version == address.version and int(first) <= number <= int(last)
            for first, last in self.ranges
        )
        return any(within) != self.negated


@dataclass(frozen=True)
class Match:
    """The packets that a section matches.

    :param source: the zone that they come from; ``*`` for every zone, empty if none is named
    :param destination: the zone that they go to, likewise; empty for the router itself
    :param family: the only version of IP; None for both
    :param protocols: their protocols; empty for every protocol
    :param addresses: their destination addresses; empty for every address
    :param ports: their destination ports; empty for every port
    :param limited: whether the section has further conditions, so that some of these packets pass
    """

    source: str
    destination: str
    family: int | None
    protocols: frozenset[str]
    addresses: tuple[Addresses, ...]
    ports: tuple[PortRange, ...]
    limited: bool

    def overlaps(self, packets: Packets) -> bool:
        """Whether it certainly matches some of these packets."""
        return (
            not self.limited
            and self._is_between_the_zones_of(packets)
            and (self.family is None or packets.family in (None, self.family))
            and (not self.protocols or packets.protocol in self.protocols)
            and (not self.addresses or self._has_address(packets.to))
            and self._overlaps_ports(packets.ports)
        )

    def _has_address(self, address: Address | None) -> bool:
        # Whether a section that names addresses means one that changes cannot be told.
        return address is not None and any(each.covers(address) for each in self.addresses)

    def _is_between_the_zones_of(self, packets: Packets) -> bool:
        # Every zone, but not the router itself.
        destination = packets.destination and self.destination == EVERY_ZONE
        return self.source in (packets.source, EVERY_ZONE) and bool(
            destination or self.destination == packets.destination
        )

    def _overlaps_ports(self, ports: PortRange | None) -> bool:
        return not self.ports or ports is None or any(each.overlaps(ports) for each in self.ports)


def redirect_match(section: Section, interfaces: Sequence[Interface], wan: str) -> Match | None:
    """Read what a port forward matches (parse_redirect).

    :param section: the ``redirect``
    :param interfaces: the router's interfaces, by which its networks are named
    :param wan: the name of the interface whose address is dialled
    :returns: None if fw4 skips the section
    """
    options = section.options
    try:
        ports = _ports(section, "src_dport")
    except ValueError:
        return None
    if not is_enabled(section) or options.get("src") == EVERY_ZONE:
        return None
    dialled = str(options.get("src_dip", wan))
    return Match(
        source=str(options.get("src", "")),
        # Before a redirect, packets are the router's own.
        destination="",
        family=family(section),
        protocols=_protocols(section),
        addresses=() if dialled == wan else (_addresses(dialled, interfaces),),
        ports=ports,
        limited=bool(_LIMITING_REDIRECTS & options.keys()),
    )


def rule_match(section: Section, interfaces: Sequence[Interface]) -> Match | None:
    """Read what a rule matches (parse_rule).

    :param section: the ``rule``
    :param interfaces: the router's interfaces, by which its networks are named
    :returns: None if fw4 skips the section
    """
    options = section.options
    try:
        ports = _ports(section, "dest_port")
    except ValueError:
        return None
    if not is_enabled(section):
        return None
    return Match(
        source=str(options.get("src", "")),
        destination=str(options.get("dest", "")),
        family=family(section),
        protocols=_protocols(section),
        addresses=tuple(
            _addresses(each, interfaces) for each in list_items(options.get("dest_ip"))
        ),
        ports=ports,
        limited=not options.keys() <= _NOT_LIMITING_RULES,
    )


def family(section: Section) -> int | None:
    """The only version of IP that a section is about (parse_family), or None if it may be both."""
    said = str(section.options.get("family", ""))
    if said == "inet" or "4" in said:
        return 4
    addressed = any(":" in each for each in list_items(section.options.get("dest_ip")))
    return 6 if "6" in said or addressed else None


def _protocols(section: Section) -> frozenset[str]:
    """Which protocols a section is about (parse_protocol); none for all of them."""
    said = [word.lower() for word in list_items(section.options.get("proto")) or ("tcpudp",)]
    names = {name for word in said for name in _PROTOCOLS.get(word, (word,))}
    return frozenset() if names & _ANY_PROTOCOL else frozenset(names)


def _ports(section: Section, option: str) -> tuple[PortRange, ...]:
    """Which ports a section is about (parse_port); none for all of them.

    :param option: ``src_dport``, or ``dest_port`` of a rule, which may be several; with any
        protocol, fw4 ignores it
    :raises ValueError: if fw4 skips the section because of it
    """
    said = section.options.get(option)
    if said is None or not _protocols(section):
        return ()
    several = list_items(said) if option == "dest_port" else (str(said),)
    return tuple(_port_range(each) for each in several)


def _port_range(said: str) -> PortRange:
    # A negated port takes nearly all; and port 0 is one for fw4.
    text = re.sub(r"^0+(?=[-:])", "1", said.removeprefix("!").strip()).replace(":", "-")
    found = PortRange.parse(text)
    return PortRange(1, HIGHEST_PORT) if said.startswith("!") else found


def _addresses(said: str, interfaces: Iterable[Interface]) -> Addresses:
    """Read an item of an option with addresses (parse_network).

    :param said: an address, a prefix, a range, or the name of a network; ``!`` before it negates
    :returns: none at all for what fw4 skips the section because of
    """
    text = said.strip()
    negated = text.startswith("!")
    text = text.removeprefix("!").strip()
    named = [interface for interface in interfaces if interface.name == text]
    if named:
        networks = [address.network for interface in named for address in interface.addresses]
        return Addresses(tuple((each[0], each[-1]) for each in networks), negated)
    first, dash, last = text.partition("-")
    try:
        if dash:
            low, high = ip_address(first), ip_address(last)
            if low.version != high.version:
                return Addresses(())
        else:
            network = ip_network(text, strict=False)
            low, high = network[0], network[-1]
    except ValueError:
        return Addresses(())
    return Addresses(((low, high),), negated, low.version)
