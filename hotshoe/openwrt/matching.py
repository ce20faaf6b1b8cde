"""What packets a redirect or a rule of the firewall is about, read as fw4 reads it.

The source of each is the function of that name in fw4.uc, which says more than the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hotshoe.openwrt.uci.data import Section, list_items
from hotshoe.openwrt.zones import Interface
from hotshoe.ports.ranges import HIGHEST_PORT, PortRange

_ANY_PROTOCOL = {"all", "any", "*"}
_PROTOCOLS = {"6": ("tcp",), "17": ("udp",), "tcpudp": ("tcp", "udp")}


def has_protocol(section: Section, protocol: str) -> bool:
    """Whether a section is about a protocol (parse_protocol).

    :param protocol: ``tcp`` or ``udp``, which both are meant where nothing is said
    """
    return bool({protocol, *_ANY_PROTOCOL} & _protocols(section))


def _protocols(section: Section) -> set[str]:
    said = [word.lower() for word in list_items(section.options.get("proto")) or ("tcpudp",)]
    return {name for word in said for name in _PROTOCOLS.get(word, (word,))}


def ports(section: Section, option: str) -> tuple[PortRange, ...]:
    """Which ports a section is about (parse_port); none for all of them.

    :param option: ``src_dport``, or ``dest_port`` of a rule, which may be several; with any
        protocol, fw4 passes it over
    :raises ValueError: if it says what fw4 leaves the section out for
    """
    said = section.options.get(option)
    if said is None or _ANY_PROTOCOL & _protocols(section):
        return ()
    several = list_items(said) if option == "dest_port" else (str(said),)
    return tuple(_range(each) for each in several)


def _range(said: str) -> PortRange:
    # A negated port takes nearly all; and port 0 is one for fw4.
    text = re.sub(r"^0+(?=[-:])", "1", said.removeprefix("!").strip()).replace(":", "-")
    found = PortRange.parse(text)
    return PortRange(1, HIGHEST_PORT) if said.startswith("!") else found


def family(section: Section) -> int | None:
    """The only version of IP that a section is about (parse_family), or None if it may be both."""
    said = str(section.options.get("family", ""))
    if said == "inet" or "4" in said:
        return 4
    addressed = any(":" in each for each in list_items(section.options.get("dest_ip")))
    return 6 if "6" in said or addressed else None


def holds(said: str, address: IPv4Address | IPv6Address, interfaces: Iterable[Interface]) -> bool:
    """Whether an address is among those that an option names (parse_network).

    :param said: an address, a prefix, a range, or the name of a network; ``!`` before it negates
    :param interfaces: the router's interfaces, by which its networks are named
    :returns: False as well for what fw4 leaves the section out for, and for another version of IP
    """
    text = said.strip()
    wanted = not text.startswith("!")
    text = text.removeprefix("!").strip()
    named = [interface for interface in interfaces if interface.name == text]
    if named:
        networks = (own.network for interface in named for own in interface.addresses)
        return any(address in network for network in networks) == wanted
    first, dash, last = text.partition("-")
    try:
        if dash:
            low, high = ip_address(first), ip_address(last)
            if not low.version == high.version == address.version:
                return False
            return (int(low) <= int(address) <= int(high)) == wanted
        network = ip_network(text, strict=False)
    except ValueError:
        return False
    return network.version == address.version and (address in network) == wanted
