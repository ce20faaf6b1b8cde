"""What an OpenWrt router does with a packet, told nothing but its UCI configuration.

A small model of fw4 as 24.10 has it, of what hotshoe's sections use: zones, redirects in the order
of the file, their reflection for the zone's own subnets, rules, ``nat`` sections, masquerading and
included rules. Checked against ``fw4 print`` and ``nft list ruleset``:

- A redirect without ``src_dip`` takes packets to whatever address; one without ``dest_ip`` leads to
  the router itself. Without ``dest_port`` the port stays.
- What a redirect took is let through whatever the zones say (``ct status dnat accept``), in zones
  of which fw4 knows that something is redirected there.
- Reflection gives the internal zone's subnets the same redirect, for the external zone's addresses,
  and a source address of the router's.
- Rules that are included at the head of ``dstnat`` come before all redirects; whether an address is
  one of the router's, they ask when a packet comes.
- In the chain of a zone, ``nat`` sections come after reflections and before masquerading, and
  included rules with ``chain-prepend`` before all of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import chain

from hotshoe.openwrt import sections
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.plan.model import Address, Network, Plan, RouterPlan
from hotshoe.ports.ranges import PortRange
from tests.unit.openwrt.routers import ZONES, firewall, with_all
from tests.unit.plan import packets
from tests.unit.plan.packets import EVERY_PORT, LAN, WAN, DroppedError, Packet, TakenError

Configuration = Mapping[str, Package]


def configuration(router: RouterPlan) -> Configuration:
    """The packages of a router that was set up by hotshoe."""
    wanted = (*sections.outbound(router, ZONES), *sections.inbound(router, ZONES))
    fresh = {"firewall": firewall(), "network": Package("network")}
    return {name: with_all(package, *wanted) for name, package in fresh.items()}


class Fw4Router:
    """One router.

    :param plan: of which its name and its addresses are used
    :param outer: the router outside of it, of which its LAN's addresses are used
    :param packages: network and firewall
    :param files: what the paths that it includes hold
    """

    def __init__(
        self,
        plan: RouterPlan,
        outer: RouterPlan | None,
        packages: Configuration,
        files: Mapping[str, str],
    ) -> None:
        self.plan = plan
        self._firewall, self._network = packages["firewall"], packages["network"]
        self._files = files
        self._zones = {_text(zone, "name"): zone for zone in self._firewall.of_type("zone")}
        self._connected: dict[str, tuple[Network, ...]] = {
            LAN: _networks(plan),
            WAN: _networks(outer) if outer else (),
        }
        self._connections: dict[Packet, Packet] = {}

    def take(self, packet: Packet, side: str) -> tuple[Packet, str, Address | None]:
        """Deal with a packet that comes in on one side.

        As :class:`tests.unit.plan.packets.Router` does.
        """
        known = self._connections.get(packet)
        if known:
            return known, *self._way(known.to)
        inward = self._redirected(packet, side)
        redirected = inward is not None and self._accepts_redirected(side)
        inward = inward or packet
        if inward.to in self._own():
            if redirected or self._answers(inward, side):
                raise TakenError
            raise DroppedError
        out, hop = self._way(inward.to)
        if not redirected and not self._lets_through(inward, side, out):
            raise DroppedError
        leaving = self._with_source(inward, out)
        self._connections |= {packet: leaving, leaving.answer(): packet.answer()}
        return leaving, out, hop

    def _own(self) -> set[Address | None]:
        plan = self.plan
        return {plan.wan_address, plan.lan.ip, plan.wan6, plan.lan6 and plan.lan6.ip}

    # -- where to

    def _redirected(self, packet: Packet, side: str) -> Packet | None:
        """The packet with its new destination; None if no redirect takes it."""
        if packet.to.version == 6:
            return None
        for line in self._lines("dstnat"):
            if self._matches_line(line, packet):
                dnat = re.search(r" dnat ip to (\S+)", line)
                return replace(packet, to=ip_address(dnat[1])) if dnat else None
        for redirect in self._enabled("redirect"):
            to = ip_address(_text(redirect, "dest_ip") or str(self._address(side)))
            port = _text(redirect, "dest_port")
            reflected = side == LAN and self._is_reflected(redirect)
            if self._is_from(redirect, side):
                if not _matches(redirect, packet, "src_ip", "src_dip", "src_dport"):
                    continue
            elif not (
                reflected
                and packet.source in self.plan.lan.network
                and packet.to == self.plan.wan_address
                and _matches(redirect, packet, "src_dport")
            ):
                continue
            return replace(packet, to=to, port=int(port) if port else packet.port)
        return None

    def _accepts_redirected(self, side: str) -> bool:
        return any(
            self._is_from(redirect, side) or (side == LAN and self._is_reflected(redirect))
            for redirect in self._enabled("redirect")
        )

    def _lines(self, chain: str) -> Iterator[str]:
        """The rules that are included at the head of a chain."""
        for include in self._firewall.of_type("include"):
            if (_text(include, "chain"), _text(include, "position")) == (chain, "chain-prepend"):
                yield from self._files[_text(include, "path")].splitlines()

    def _matches_line(self, line: str, packet: Packet) -> bool:
        said = re.fullmatch(
            r"ip saddr (?:\{ (?P<nets>.*?) \}|(?P<net>\S+)) fib daddr type local "
            r"ip daddr != \{ (?P<kept>.*?) \} "
            r"(?:(?P<protocol>tcp|udp) dport (?P<ports>\S+)|meta l4proto \{ 6, 17 \}) "
            r'counter (?:accept|dnat ip to \S+) comment ".*"',
            line,
        )
        assert said, line
        return (
            any(packet.source in ip_network(n) for n in (said["nets"] or said["net"]).split(", "))
            and packet.to in self._own()
            and str(packet.to) not in said["kept"].split(", ")
            and packet.protocol == (said["protocol"] or packet.protocol)
            and _is_port(said["ports"] or "", packet)
        )

    def _is_reflected(self, redirect: Section) -> bool:
        return (
            _text(redirect, "reflection") != "0"
            and "dest_ip" in redirect.options
            and self._is_from(redirect, WAN)
            and self._is_from(redirect, LAN, "dest")
        )

    def _address(self, side: str) -> Address:
        return self.plan.lan.ip if side == LAN else self.plan.wan_address

    # -- whether

    def _answers(self, packet: Packet, side: str) -> bool:
        rules = (rule for rule in self._enabled("rule") if "dest" not in rule.options)
        return self._accepts(rules, packet, side) or self._policy(side, "input")

    def _lets_through(self, packet: Packet, side: str, out: str) -> bool:
        rules = (rule for rule in self._enabled("rule") if self._is_from(rule, out, "dest"))
        return (
            self._accepts(rules, packet, side)
            or any(
                self._is_from(each, side) and self._is_from(each, out, "dest")
                for each in self._firewall.of_type("forwarding")
            )
            or (side == out and self._policy(side, "forward"))
        )

    def _accepts(self, rules: Iterator[Section], packet: Packet, side: str) -> bool:
        return any(
            _text(rule, "target") == "ACCEPT"
            and self._is_from(rule, side)
            and _matches(rule, packet, "src_ip", "dest_ip", "dest_port")
            for rule in rules
        )

    def _policy(self, side: str, of: str) -> bool:
        return any(
            self._zone_side(name) == side and _text(zone, of) == "ACCEPT"
            for name, zone in self._zones.items()
        )

    # -- by which way

    def _way(self, to: Address) -> tuple[str, Address | None]:
        found: list[tuple[int, str, Address | None]] = [
            (network.prefixlen, side, to)
            for side, networks in self._connected.items()
            for network in networks
            if to in network
        ]
        for route in (*self._network.of_type("route"), *self._network.of_type("route6")):
            network = ip_network(_text(route, "target"))
            if to in network:
                side = {"lan": LAN, "wan": WAN}[_text(route, "interface")]
                found.append((network.prefixlen, side, ip_address(_text(route, "gateway"))))
        if found:
            _, side, hop = max(found, key=lambda each: each[0])
            return side, hop
        # By DHCP, PPPoE or a router advertisement.
        return WAN, self.plan.gateway if to.version == 4 else None

    # -- from whom

    def _with_source(self, packet: Packet, out: str) -> Packet:
        if packet.source.version == 6:
            return packet
        for include in self._firewall.of_type("include"):
            ports = self._included(include, packet, out)
            if ports:
                return self._free(replace(packet, source=self._address(out)), ports)
        for redirect in self._enabled("redirect"):
            if (
                out == LAN
                and self._is_reflected(redirect)
                and packet.source in self.plan.lan.network
                and str(packet.to) == _text(redirect, "dest_ip")
                and _is_port(_text(redirect, "dest_port") or _text(redirect, "src_dport"), packet)
                and packet.protocol in _protocols(redirect)
            ):
                return self._free(replace(packet, source=self.plan.lan.ip))
        for nat in self._enabled("nat"):
            if self._is_from(nat, out) and _matches(nat, packet, "src_ip", "dest_ip", "dest_port"):
                return self._free(replace(packet, source=ip_address(_text(nat, "snat_ip"))))
        for name, zone in self._zones.items():
            if self._zone_side(name) == out and _text(zone, "masq") == "1":
                return self._free(replace(packet, source=self._address(out)))
        return packet

    def _included(self, include: Section, packet: Packet, out: str) -> tuple[PortRange, ...]:
        """The source ports that included rules allow; none if they are not about the packet."""
        if not _text(include, "chain").startswith("srcnat_"):
            return ()
        zone = _text(include, "chain").removeprefix("srcnat_")
        if _text(include, "position") != "chain-prepend" or self._zone_side(zone) != out:
            return ()
        lines = self._files[_text(include, "path")].splitlines()
        found = [re.search(r"ip saddr \{ (.*?) \} .* masquerade to :(\S+)", line) for line in lines]
        return tuple(
            PortRange.parse(match[2])
            for match in found
            if match and any(packet.source in ip_network(net) for net in match[1].split(", "))
        )

    def _free(self, packet: Packet, allowed: tuple[PortRange, ...] = EVERY_PORT) -> Packet:
        own = [packet.source_port] if any(packet.source_port in r for r in allowed) else []
        for port in chain(own, *allowed):
            candidate = replace(packet, source_port=port)
            if candidate.answer() not in self._connections:
                return candidate
        raise DroppedError

    # -- sections

    def _enabled(self, kind: str) -> Iterator[Section]:
        for section in self._firewall.of_type(kind):
            if _text(section, "enabled") != "0":
                yield section

    def _zone_side(self, zone: str) -> str | None:
        networks = self._zones[zone].options.get("network", ()) if zone in self._zones else ()
        return WAN if "wan" in networks else LAN if "lan" in networks else None

    def _is_from(self, section: Section, side: str, option: str = "src") -> bool:
        zone = _text(section, option)
        return zone == "*" or self._zone_side(zone) == side


class Fw4Boxes(packets.Boxes):
    """All boxes of a home, whose OpenWrt routers know nothing but their configuration.

    :param plan: what each of them should do
    :param masking: the names of routers that mask sources, which nobody asked them to
    :param configurations: of the OpenWrt routers, by name, where they are not what hotshoe makes
    :param described: the routers as hotshoe was told of them, by name, where it does not know their
        address
    """

    def __init__(
        self,
        plan: Plan,
        masking: Collection[str] = (),
        configurations: Mapping[str, Configuration] | None = None,
        described: Mapping[str, RouterPlan] | None = None,
    ) -> None:
        super().__init__(plan, masking)
        for i, router in enumerate(plan.routers):
            if router.managed_by == "openwrt":
                told = (described or {}).get(router.name, router)
                made = (configurations or {}).get(router.name) or configuration(told)
                outer = plan.routers[i - 1] if i else None
                files = {
                    sections.source_ports_path(told, ZONES): sections.source_ports(told, ZONES),
                    sections.hairpin_path(told, ZONES): sections.hairpin_rules(told, ZONES),
                }
                self.routers[i] = Fw4Router(router, outer, made, files)  # type: ignore[call-overload]


def _text(section: Section, option: str) -> str:
    value = section.options.get(option, "")
    assert isinstance(value, str), f"{option} is a list"
    return value


def _networks(router: RouterPlan) -> tuple[Network, ...]:
    return (router.lan.network, *([router.lan6.network] if router.lan6 else []))


def _protocols(section: Section) -> set[str]:
    return set(_text(section, "proto").split() or ("tcp", "udp"))


def _is_port(said: str, packet: Packet) -> bool:
    return not said or packet.port in PortRange.parse(said)


def _matches(section: Section, packet: Packet, source: str, *others: str) -> bool:
    """Whether a packet is as the options say; those with ``ip`` are addresses, others ports."""
    family = _text(section, "family")
    if family and family != f"ipv{packet.to.version}":
        return False
    if packet.protocol not in _protocols(section):
        return False
    for option in (source, *others):
        said = _text(section, option)
        if option.endswith("port"):
            if not _is_port(said, packet):
                return False
        elif said:
            address = packet.source if option == "src_ip" else packet.to
            network = ip_network(said)
            if address.version != network.version or address not in network:
                return False
    return True
