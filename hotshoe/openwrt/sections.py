"""The UCI sections that a RouterPlan needs, and the options of other people's that it depends on.

What hotshoe owns on a router, and what it changes of what others own:

| package | ours | changed in others' sections |
|---|---|---|
| network | ``route``, ``route6`` | nothing |
| firewall | ``redirect``, ``rule``, ``nat``, ``include`` | ``masq``, ``auto_helper`` of two zones |
| dhcp | ``host`` | nothing |

Ours have names that begin with :data:`WAY_OUT` or :data:`WAY_IN` and an underscore. The rules of
the options: https://openwrt.org/docs/guide-user/firewall/firewall_configuration,
…/network/routing/routes_configuration, …/base-system/dhcp.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from hotshoe.openwrt.uci.changes import Setting, Wanted
from hotshoe.openwrt.uci.data import Section
from hotshoe.openwrt.zones import Side, Sides
from hotshoe.plan.model import AcceptRule, PortForward, RouterPlan
from hotshoe.ports.ranges import Service

WAY_OUT, WAY_IN = "hotshoe_out", "hotshoe_in"
# Our rules in LuCI and in ``nft list ruleset``; what else has this label and is not wanted goes.
LABEL = "hotshoe: "
FOLDER = "/etc/hotshoe"
# These protocols do their own translating to the ports of a shared address.
_KNOW_THEIR_PORTS = ("map",)


def way_out(router: RouterPlan, sides: Sides) -> tuple[Wanted, ...]:
    """Routing, masquerading, and fixed addresses: what a router needs before anything is let in."""
    routes = (
        _section(
            WAY_OUT,
            f"to_{_word(route.to)}",
            "route" if route.to.version == 4 else "route6",
            interface=sides.lan.interface,
            target=str(route.to),
            gateway=str(route.via),
        )
        for route in router.routes
    )
    leases = (
        _section(
            WAY_OUT,
            _word(lease.name),
            "host",
            name=lease.name,
            mac=lease.mac,
            ip=str(lease.address),
        )
        for lease in router.leases
    )
    include = source_ports_path(router, sides)
    includes = (
        _section(
            WAY_OUT,
            "source_ports",
            "include",
            type="nftables",
            path=path,
            position="chain-prepend",
            chain=f"srcnat_{sides.wan.zone}",
        )
        for path in (include,)
        if path
    )
    zones = (
        Setting(sides.wan.section, "masq", "1" if router.masquerade else "0"),
        # On unless said, in zones that do not masquerade; what it would change is the answer to
        # PASV. Where the Site wants it there is a rule for the control port.
        Setting(sides.wan.section, "auto_helper", "0"),
        Setting(sides.lan.section, "auto_helper", "0"),
    )
    return (
        Wanted("network", WAY_OUT, tuple(routes)),
        Wanted("firewall", WAY_OUT, tuple(includes), zones),
        Wanted("dhcp", WAY_OUT, tuple(leases)),
    )


def source_ports(router: RouterPlan, sides: Sides) -> str:
    """The nftables rules that keep to the ports of a shared address; empty where none are needed.

    UCI can tell a source port range, but not several to choose from.
    """
    if not router.masquerade_ports or sides.wan.protocol in _KNOW_THEIR_PORTS:
        return ""
    networks = ", ".join(map(str, (*router.masquerade, router.wan_address)))
    count = len(router.masquerade_ports)
    return "".join(
        f"ip saddr {{ {networks} }} meta l4proto {{ 1, 6, 17 }} numgen random mod {count - i} 0 "
        f'counter masquerade to :{ports} comment "{LABEL}ports of the shared address"\n'
        for i, ports in enumerate(router.masquerade_ports)
    )


def source_ports_path(router: RouterPlan, sides: Sides) -> str:
    """Where these rules are; a change of them is a change of the name, so one step puts it live."""
    rules = source_ports(router, sides)
    digest = hashlib.sha256(rules.encode()).hexdigest()[:12]
    return f"{FOLDER}/source-ports-{digest}.nft" if rules else ""


def way_in(router: RouterPlan, sides: Sides) -> tuple[Wanted, ...]:
    """What a router lets in from outside, and nothing of what it lets out."""
    sections = [
        *(_redirect(forward, sides, router) for forward in router.forwards),
        *_own_services(router, sides),
        *_hairpins(router, sides),
        *(_rule(rule, sides) for rule in router.accept_rules),
        *_helpers(router, sides),
    ]
    default = tuple(_default_host(router, sides))
    return (
        Wanted(
            "firewall",
            WAY_IN,
            (*sections, *default),
            last=frozenset(section.name for section in default if section.name),
        ),
    )


def _redirect(forward: PortForward, sides: Sides, router: RouterPlan) -> Section:
    own = _is_reflected(router.lan.network, router, sides) and not forward.source
    return _section(
        WAY_IN,
        _what(forward),
        "redirect",
        name=_name(forward),
        src=sides.wan.zone,
        dest=sides.lan.zone,
        family="ipv4",
        proto=forward.service.protocol,
        **_from(forward.source),
        src_dport=str(forward.service.ports),
        dest_ip=str(forward.to),
        target="DNAT",
        reflection="1" if own else "0",
    )


def _is_reflected(network: IPv4Network, router: RouterPlan, sides: Sides) -> bool:
    """Whether fw4 itself serves those in a network who dial the WAN address.

    It does so for the networks of interfaces, as far as the zones name these.
    """
    is_own = network == router.lan.network and network in router.hairpin
    return is_own and sides.wan.named and sides.lan.named


def _hairpins(router: RouterPlan, sides: Sides) -> Iterator[Section]:
    for network in router.hairpin:
        if _is_reflected(network, router, sides):
            continue
        dialled: list[tuple[Service | None, IPv4Address]]
        dialled = [(f.service, f.to) for f in router.forwards if not f.source]
        if router.default_host:
            dialled.append((None, router.default_host))
        for service, to in dialled:
            yield from _hairpin(router, sides.lan, network, service, to)


def _hairpin(
    router: RouterPlan, lan: Side, network: IPv4Network, service: Service | None, to: IPv4Address
) -> Iterator[Section]:
    what = f"{_service(service) if service else 'default'}_from_{_word(network)}"
    protocol = service.protocol if service else "tcp udp"
    name = f"{LABEL}hairpin from {network}, {service or 'default host'}"
    yield _section(
        WAY_IN,
        f"hairpin_{what}",
        "redirect",
        name=name,
        src=lan.zone,
        dest=lan.zone,
        family="ipv4",
        proto=protocol,
        src_ip=str(network),
        src_dip=str(router.wan_address),
        **({"src_dport": str(service.ports)} if service else {}),
        dest_ip=str(to),
        target="DNAT",
        reflection="0",
    )
    # The answer has to come back through this router, wherever in the home the two are.
    yield _section(
        WAY_IN,
        f"hairpin_back_{what}",
        "nat",
        name=f"{name}, the way back",
        src=lan.zone,
        family="ipv4",
        proto=protocol,
        src_ip=str(network),
        dest_ip=str(to),
        **({"dest_port": str(service.ports)} if service else {}),
        target="SNAT",
        snat_ip=str(router.lan.ip),
    )


def _rule(rule: AcceptRule, sides: Sides) -> Section:
    return _section(
        WAY_IN,
        f"pass_{_what(rule)}",
        "rule",
        name=_name(rule),
        src=sides.wan.zone,
        dest=sides.lan.zone,
        family=f"ipv{rule.to.version}",
        proto=rule.service.protocol,
        **_from(rule.source),
        dest_ip=str(rule.to),
        dest_port=str(rule.service.ports),
        target="ACCEPT",
    )


def _helpers(router: RouterPlan, sides: Sides) -> Iterator[Section]:
    for port in router.ftp_helper:
        for way, side in (("wan", sides.wan), ("lan", sides.lan)):
            yield _section(
                WAY_IN,
                f"helper_{port}_{way}",
                "rule",
                name=f"{LABEL}FTP helper on port {port}, {side.zone}",
                src=side.zone,
                family="ipv4",
                proto="tcp",
                dest_port=str(port),
                set_helper="ftp",
                target="HELPER",
            )


def _own_services(router: RouterPlan, sides: Sides) -> Iterator[Section]:
    """What the router answers itself; over IPv4, a default host would get it otherwise.

    From inside as well, where the default host is reflected with all ports.
    """
    sources: list[tuple[Side, str, str, dict[str, str]]]
    sources = [(sides.wan, "kept", "not the default host's", {})]
    if router.hairpin:
        by = {"src_dip": str(router.wan_address)}
        sources.append((sides.lan, "kept_inside", "dialled from inside", by))
    for service in router.open_to_wan:
        part, name = f"own_{_service(service)}", f"{LABEL}the router's own {service}"
        for side, kept, why, by in sources if router.default_host else ():
            # Without dest_ip, the router itself is the target.
            yield _section(
                WAY_IN,
                f"{part}_{kept}",
                "redirect",
                name=f"{name}, {why}",
                src=side.zone,
                family="ipv4",
                proto=service.protocol,
                **by,
                src_dport=str(service.ports),
                target="DNAT",
                reflection="0",
            )
        yield _section(
            WAY_IN,
            part,
            "rule",
            name=name,
            src=sides.wan.zone,
            proto=service.protocol,
            dest_port=str(service.ports),
            target="ACCEPT",
        )


def _default_host(router: RouterPlan, sides: Sides) -> Iterator[Section]:
    if router.default_host:
        yield _section(
            WAY_IN,
            "default_host",
            "redirect",
            name=f"{LABEL}default host",
            src=sides.wan.zone,
            dest=sides.lan.zone,
            family="ipv4",
            proto="tcp udp",
            dest_ip=str(router.default_host),
            target="DNAT",
            reflection="1" if _is_reflected(router.lan.network, router, sides) else "0",
        )


# -- words


def _section(owner: str, part: str, kind: str, /, **options: str) -> Section:
    return Section(kind, f"{owner}_{part}", dict(options))


def _word(text: object) -> str:
    """A part of a section's name, which has letters, digits and ``_`` only."""
    return re.sub(r"[^A-Za-z0-9]", "_", str(text))


def _service(service: Service) -> str:
    return f"{service.protocol}_{_word(service.ports)}"


def _what(let: PortForward | AcceptRule) -> str:
    source = f"_from_{_word(let.source)}" if let.source else ""
    return f"{_service(let.service)}_to_{_word(let.to)}{source}"


def _name(let: PortForward | AcceptRule) -> str:
    # The kernel keeps 128 bytes of a rule's comment, of which this is a part.
    return f"{LABEL}{let.purpose}, {let.service} to {let.to}"


def _from(source: IPv4Address | IPv6Address | None) -> Mapping[str, str]:
    return {"src_ip": str(source)} if source else {}
