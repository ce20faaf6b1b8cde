"""The UCI sections that a RouterPlan needs, and what it depends on in existing ones.

What hotshoe owns on a router, and what it changes of what others own:

| package | ours | changed in existing sections |
|---|---|---|
| network | ``route``, ``route6`` | nothing |
| firewall | ``redirect``, ``rule``, ``nat``, ``include`` | ``masq``, ``auto_helper`` of two zones |
| dhcp | ``host`` | nothing |
| ddns | ``service`` (:mod:`hotshoe.openwrt.ddns`) | nothing |

Names of ours begin with :data:`OUTBOUND` or :data:`INBOUND` and an underscore. What each option
means: https://openwrt.org/docs/guide-user/firewall/firewall_configuration,
…/network/routing/routes_configuration, …/base-system/dhcp.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from hotshoe.openwrt import ddns
from hotshoe.openwrt.paths import FOLDER
from hotshoe.openwrt.uci.changes import Setting, Wanted
from hotshoe.openwrt.uci.data import Section
from hotshoe.openwrt.zones import Zone, Zones
from hotshoe.plan.model import AcceptRule, PortForward, RouterPlan
from hotshoe.ports.ranges import Service

OWNER = "hotshoe"
OUTBOUND, INBOUND = f"{OWNER}_out", f"{OWNER}_in"
# How our rules' names begin, in LuCI and in ``nft list ruleset``. A rule that begins so and is not
# wanted is stale.
LABEL = "hotshoe: "
# These protocols keep to the ports of a shared address by rules of their own.
_TRANSLATES_BY_ITSELF = ("map",)
# Files of rules that UCI cannot say; what ``included_path`` gives, whatever the content.
_SOURCE_PORTS, _HAIRPIN = "source-ports", "hairpin"
# Whose sections are whose in each package: the roles themselves remove those that they do not want.
_OWNERS = {
    "network": (OUTBOUND,),
    "firewall": (OUTBOUND, INBOUND),
    "dhcp": (OUTBOUND,),
    "ddns": (ddns.OWNER,),
}
_INCLUDED = re.compile(rf"{re.escape(FOLDER)}/({_SOURCE_PORTS}|{_HAIRPIN})-[0-9a-f]+\.nft")


def outbound(router: RouterPlan, zones: Zones) -> tuple[Wanted, ...]:
    """Routes, masquerading and static leases: what has to work before anything is let in."""
    routes = (
        _section(
            OUTBOUND,
            f"to_{_word(route.to)}",
            "route" if route.to.version == 4 else "route6",
            interface=zones.lan.interface,
            target=str(route.to),
            gateway=str(route.via),
        )
        for route in router.routes
    )
    leases = (
        _section(
            OUTBOUND,
            _word(lease.name),
            "host",
            name=lease.name,
            mac=lease.mac,
            ip=str(lease.address),
        )
        for lease in router.leases
    )
    path = source_ports_path(router, zones)
    includes = _include(OUTBOUND, "source_ports", path, f"srcnat_{zones.wan.name}")
    settings = (
        Setting(zones.wan.section, "masq", "1" if router.masquerade else "0"),
        # On unless said, in zones that do not masquerade; what it would change is the answer to
        # PASV. Where the Site wants it there is a rule for the control port.
        Setting(zones.wan.section, "auto_helper", "0"),
        Setting(zones.lan.section, "auto_helper", "0"),
    )
    return (
        Wanted("network", OUTBOUND, tuple(routes)),
        Wanted("firewall", OUTBOUND, tuple(includes), settings),
        Wanted("dhcp", OUTBOUND, tuple(leases)),
    )


def source_ports(router: RouterPlan, zones: Zones) -> str:
    """The nftables rules that keep to the ports of a shared address; empty where none are needed.

    In UCI one can write a range of source ports, but not several to choose from.
    """
    if not router.masquerade_ports or zones.wan.protocol in _TRANSLATES_BY_ITSELF:
        return ""
    networks = ", ".join(map(str, (*router.masquerade, router.wan_address)))
    count = len(router.masquerade_ports)
    return "".join(
        f"ip saddr {{ {networks} }} meta l4proto {{ 1, 6, 17 }} numgen random mod {count - i} 0 "
        f'counter masquerade to :{ports} comment "{LABEL}ports of the shared address"\n'
        for i, ports in enumerate(router.masquerade_ports)
    )


def source_ports_path(router: RouterPlan, zones: Zones) -> str:
    """The file of these rules; empty where none are needed."""
    return _included_path(_SOURCE_PORTS, source_ports(router, zones))


def hairpin_rules(router: RouterPlan, zones: Zones) -> str:
    """The nftables rules by which an address outside that changes can be dialled from inside.

    In UCI one can write an address, or the name of an interface. fw4 takes that for all the
    network that the interface is in, and for everything while it has no address (fw4.uc,
    parse_subnet). What is needed besides fw4's reflection, which has the address alone; empty where
    nothing is.
    """
    if router.wan_address or not router.hairpin:
        return ""
    kept = sorted({router.lan.ip, *zones.addresses})
    outside = f"fib daddr type local ip daddr != {{ {', '.join(map(str, kept))} }}"
    inside = f"ip saddr {{ {', '.join(map(str, router.hairpin))} }}"
    lines = [
        f"{inside} {outside} {service.protocol} dport {service.ports} counter accept "
        f'comment "{LABEL}the router\'s own {service}, dialled from inside"'
        for service in router.open_to_wan
        if router.default_host
    ]
    lines += [
        f"ip saddr {network} {outside} "
        + (f"{service.protocol} dport {service.ports}" if service else "meta l4proto { 6, 17 }")
        + f' counter dnat ip to {to} comment "{_hairpin_name(network, service)}"'
        for network, service, to in _dialled_from_inside(router, zones)
    ]
    return "".join(f"{line}\n" for line in lines)


def hairpin_path(router: RouterPlan, zones: Zones) -> str:
    """The file of these rules; empty where none are needed."""
    return _included_path(_HAIRPIN, hairpin_rules(router, zones))


def _included_path(kind: str, rules: str) -> str:
    """A file of rules, named by their content: changing the include swaps all of them."""
    digest = hashlib.sha256(rules.encode()).hexdigest()[:12]
    return f"{FOLDER}/{kind}-{digest}.nft" if rules else ""


def _include(owner: str, part: str, path: str, chain: str) -> Iterator[Section]:
    if path:
        yield _section(
            owner,
            part,
            "include",
            type="nftables",
            path=path,
            position="chain-prepend",
            chain=chain,
        )


def stale_files(files: Iterable[str], included: Iterable[str]) -> tuple[str, ...]:
    """Which files of such rules nothing includes any more; other files in the folder are others'.

    :param files: paths on the router
    :param included: those that are included now; an empty one is none
    :returns: their paths, in order
    """
    ours = {each for each in files if _INCLUDED.fullmatch(each)}
    return tuple(sorted(ours - set(included)))


def inbound(router: RouterPlan, zones: Zones) -> tuple[Wanted, ...]:
    """Port forwards and accept rules: what a router lets in."""
    sections = [
        *(_redirect(forward, zones, router) for forward in router.forwards),
        *_own_services(router, zones),
        *_include(INBOUND, "hairpin_rules", hairpin_path(router, zones), "dstnat"),
        *_hairpins(router, zones),
        *(_rule(rule, zones) for rule in router.accept_rules),
    ]
    default = tuple(_default_host(router, zones))
    return (
        Wanted(
            "firewall",
            INBOUND,
            (*sections, *default),
            last=frozenset(section.name for section in default if section.name),
        ),
    )


def _redirect(forward: PortForward, zones: Zones, router: RouterPlan) -> Section:
    reflected = _is_reflected(router.lan.network, router, zones) and not forward.source
    return _section(
        INBOUND,
        _part(forward),
        "redirect",
        name=_name(forward),
        src=zones.wan.name,
        dest=zones.lan.name,
        family="ipv4",
        proto=forward.service.protocol,
        **_from(forward.source),
        src_dport=str(forward.service.ports),
        dest_ip=str(forward.to),
        target="DNAT",
        reflection="1" if reflected else "0",
    )


def _is_reflected(network: IPv4Network, router: RouterPlan, zones: Zones) -> bool:
    """Whether fw4 itself does hairpin NAT for a network (option ``reflection``).

    It does for the networks of interfaces that the zones name.
    """
    is_own = network == router.lan.network and network in router.hairpin
    return is_own and zones.wan.names_interface and zones.lan.names_interface


def _dialled_from_inside(
    router: RouterPlan, zones: Zones
) -> Iterator[tuple[IPv4Network, Service | None, IPv4Address]]:
    """The networks inside for which fw4 itself does no hairpin NAT: what they dial, and whom."""
    for network in router.hairpin:
        if not _is_reflected(network, router, zones):
            for forward in router.forwards:
                if not forward.source:
                    yield network, forward.service, forward.to
            if router.default_host:
                yield network, None, router.default_host


def _hairpins(router: RouterPlan, zones: Zones) -> Iterator[Section]:
    for network, service, to in _dialled_from_inside(router, zones):
        yield from _hairpin(router, zones.lan, network, service, to)


def _hairpin_name(network: IPv4Network, service: Service | None) -> str:
    return f"{LABEL}hairpin from {network}, {service or 'default host'}"


def _hairpin(
    router: RouterPlan, lan: Zone, network: IPv4Network, service: Service | None, to: IPv4Address
) -> Iterator[Section]:
    what = f"{_service(service) if service else 'default'}_from_{_word(network)}"
    name = _hairpin_name(network, service)
    which = {
        "family": "ipv4",
        "proto": service.protocol if service else "tcp udp",
        "src_ip": str(network),
    }
    to_port = {"dest_port": str(service.ports)} if service else {}
    if router.wan_address:
        yield _section(
            INBOUND,
            f"hairpin_{what}",
            "redirect",
            name=name,
            src=lan.name,
            dest=lan.name,
            **which,
            src_dip=str(router.wan_address),
            **({"src_dport": str(service.ports)} if service else {}),
            dest_ip=str(to),
            target="DNAT",
            reflection="0",
        )
    else:
        # What redirects it is an included rule, of which fw4 does not know.
        yield _section(
            INBOUND,
            f"hairpin_{what}",
            "rule",
            name=name,
            src=lan.name,
            dest=lan.name,
            **which,
            dest_ip=str(to),
            **to_port,
            target="ACCEPT",
        )
    # The answer has to come back through this router, wherever in the home both hosts are.
    yield _section(
        INBOUND,
        f"hairpin_back_{what}",
        "nat",
        name=f"{name}, the way back",
        src=lan.name,
        **which,
        dest_ip=str(to),
        **to_port,
        target="SNAT",
        snat_ip=str(router.lan.ip),
    )


def _rule(rule: AcceptRule, zones: Zones) -> Section:
    return _section(
        INBOUND,
        f"pass_{_part(rule)}",
        "rule",
        name=_name(rule),
        src=zones.wan.name,
        dest=zones.lan.name,
        family=f"ipv{rule.to.version}",
        proto=rule.service.protocol,
        **_from(rule.source),
        dest_ip=str(rule.to),
        dest_port=str(rule.service.ports),
        target="ACCEPT",
    )


def _own_services(router: RouterPlan, zones: Zones) -> Iterator[Section]:
    """Services of the router itself; over IPv4, a default host would get their packets otherwise.

    From inside as well, where all ports are reflected to the default host.
    """
    sources: list[tuple[Zone, str, str, dict[str, str]]]
    sources = [(zones.wan, "kept", "not the default host's", {})]
    if router.hairpin and router.wan_address:
        by = {"src_dip": str(router.wan_address)}
        sources.append((zones.lan, "kept_inside", "dialled from inside", by))
    for service in router.open_to_wan:
        part, name = f"own_{_service(service)}", f"{LABEL}the router's own {service}"
        for zone, kept, why, by in sources if router.default_host else ():
            # Without dest_ip, the router itself is the target.
            yield _section(
                INBOUND,
                f"{part}_{kept}",
                "redirect",
                name=f"{name}, {why}",
                src=zone.name,
                family="ipv4",
                proto=service.protocol,
                **by,
                src_dport=str(service.ports),
                target="DNAT",
                reflection="0",
            )
        yield _section(
            INBOUND,
            part,
            "rule",
            name=name,
            src=zones.wan.name,
            proto=service.protocol,
            dest_port=str(service.ports),
            target="ACCEPT",
        )


def _default_host(router: RouterPlan, zones: Zones) -> Iterator[Section]:
    if router.default_host:
        yield _section(
            INBOUND,
            "default_host",
            "redirect",
            name=f"{LABEL}default host",
            src=zones.wan.name,
            dest=zones.lan.name,
            family="ipv4",
            proto="tcp udp",
            dest_ip=str(router.default_host),
            target="DNAT",
            reflection="1" if _is_reflected(router.lan.network, router, zones) else "0",
        )


def leftovers(named: Iterable[tuple[str, str]]) -> tuple[Wanted, ...]:
    """What takes away sections that no role has any more, such as those of earlier releases.

    :param named: the package and the name of each section that has hotshoe's name
    """
    gone: dict[str, set[str]] = {}
    for package, name in named:
        owners = _OWNERS.get(package, ())
        if not any(name.startswith(f"{owner}_") for owner in owners):
            gone.setdefault(package, set()).add(name)
    return tuple(Wanted(package, OWNER, only=frozenset(gone[package])) for package in sorted(gone))


# -- names


def _section(owner: str, part: str, kind: str, /, **options: str) -> Section:
    return Section(kind, f"{owner}_{part}", dict(options))


def _word(text: object) -> str:
    """A part of a section's name, which has letters, digits and ``_`` only."""
    return re.sub(r"[^A-Za-z0-9]", "_", str(text))


def _service(service: Service) -> str:
    return f"{service.protocol}_{_word(service.ports)}"


def _part(entry: PortForward | AcceptRule) -> str:
    source = f"_from_{_word(entry.source)}" if entry.source else ""
    return f"{_service(entry.service)}_to_{_word(entry.to)}{source}"


def _name(entry: PortForward | AcceptRule) -> str:
    # The kernel keeps 128 bytes of a rule's comment, of which this is a part.
    return f"{LABEL}{entry.purpose}, {entry.service} to {entry.to}"


def _from(source: IPv4Address | IPv6Address | None) -> Mapping[str, str]:
    return {"src_ip": str(source)} if source else {}
