"""A Debian server or router as it is now, read in a single SSH command.

Every operation of the roles compares with this, so that a run that changes nothing costs one round
trip a host, however many operations it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from pyinfra.api import FactBase, Host

from hotshoe import paths
from hotshoe.debian import vsftpd

# The rulesets and daemons that hotshoe may put on a host, and what each of them has loaded: the
# command prints digests of it, and the unit records the same when it starts. A difference means
# that the running thing is not what the files say, whoever changed which.
RULESETS = ("hotshoe_firewall", "hotshoe_outgoing", "hotshoe_routing", "hotshoe_forwards")
# openssl brings the file that the configuration of TLS is put over.
PACKAGES = ("vsftpd", "libpam-pwdfile", "nftables", "openssl")
ROUTES_UNIT = "hotshoe-routes.service"
ROUTES_LOADED = f"sha256sum {paths.ROUTES} /etc/systemd/system/{ROUTES_UNIT}"


def ruleset_path(table: str) -> str:
    """Where the text of one of our nftables tables is kept."""
    return f"{paths.FOLDER}/{table}.nft"


def ruleset_unit(table: str) -> str:
    """The systemd unit that loads it at boot."""
    return f"{table.replace('_', '-')}.service"


def ruleset_loaded(table: str) -> str:
    """The command that tells what is loaded: the file, and the live rules without counters."""
    return f"sha256sum {ruleset_path(table)}; nft --stateless --terse list table inet {table}"


VSFTPD_UNIT = "hotshoe-vsftpd.service"
VSFTPD6_UNIT = "hotshoe-vsftpd6.service"
SETTLE_UNIT = "hotshoe-settle.service"
SETTLE_LOADED = f"sha256sum {paths.SETTLE} /etc/systemd/system/{SETTLE_UNIT}"
SESSIONS_UNIT = "hotshoe-sessions.service"
SESSIONS_LOADED = f"sha256sum {paths.SESSIONS} /etc/systemd/system/{SESSIONS_UNIT}"


def vsftpd_loaded(unit: str, configuration: str) -> str:
    """The command that tells what one of the daemons has loaded."""
    return (
        f"sha256sum {configuration} {paths.CERTIFICATE} {paths.OPENSSL_CONFIGURATION} "
        f"/etc/systemd/system/{unit}"
    )


# unit -> what it has loaded
UNITS = {
    VSFTPD_UNIT: vsftpd_loaded(VSFTPD_UNIT, paths.CONFIGURATION),
    VSFTPD6_UNIT: vsftpd_loaded(VSFTPD6_UNIT, paths.CONFIGURATION6),
    SETTLE_UNIT: SETTLE_LOADED,
    SESSIONS_UNIT: SESSIONS_LOADED,
    ROUTES_UNIT: ROUTES_LOADED,
}
UNITS |= {ruleset_unit(table): ruleset_loaded(table) for table in RULESETS}


def record_path(unit: str) -> str:
    """Where a unit records what it has loaded."""
    return f"{paths.RECORDS}/{unit.removesuffix('.service')}.loaded"


_OWN = (
    f"{paths.FOLDER} /etc/systemd/system/hotshoe-*.service {paths.PAM} "
    f"{paths.SYSCTL} {paths.SETTLE} {paths.SESSIONS}"
)
_WATCHED = (*UNITS, "vsftpd.service")
# Kernels are built without it, Raspberry Pi OS's for example.
_HANDSHAKE = (
    "table inet hotshoe_probe { ct timeout t { protocol tcp; policy = { syn_sent : 10 }; }; }"
)
_SCRIPT = "\n".join(
    [
        "export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "echo @os; . /etc/os-release; echo $ID $VERSION_ID",
        f"echo @paths; find {_OWN} {paths.PHOTOS} -maxdepth 2 "
        "-printf '%y %u %g %m %p\\n' 2>/dev/null",
        f"echo @sha256; find {_OWN} -maxdepth 1 -type f -exec sha256sum {{}} + 2>/dev/null",
        "echo @packages; dpkg-query -W -f '${db:Status-Status} ${Package}\\n' "
        f"{' '.join(PACKAGES)} 2>/dev/null",
        f"echo @account; getent passwd {vsftpd.OWNER} {vsftpd.UNPRIVILEGED}",
        f"echo @units; systemctl show -p Id,ActiveState,UnitFileState {' '.join(_WATCHED)}",
        "echo @loaded",
        *(
            f"if ( {loaded} ) 2>/dev/null | cmp -s - {record_path(unit)}; then echo {unit}; fi"
            for unit, loaded in UNITS.items()
        ),
        f"echo @certificate; sed -n '/BEGIN CERT/,/END CERT/p' {paths.CERTIFICATE} 2>/dev/null",
        # The hashes stay where they are; a salt is enough to tell whether a password changed.
        f"echo @salts; sed -n 's/^\\([^:]*:\\$6\\$[^$]*\\$[^$]*\\)\\$.*/\\1/p' {paths.PASSWORDS} "
        "2>/dev/null",
        "echo @addresses; ip -json address",
        # Of every routing table: a VPN's, or a second uplink's, may have one of its own.
        "echo @default; for v in 4 6; do ip -json -$v route show table all default; done",
        "echo @routes; ip -json -4 route; echo @routes6; ip -json -6 route",
        "echo @forwarding; cd /proc/sys/net; cat ipv4/ip_forward ipv6/conf/all/forwarding",
        # What the rules of a router take for inside; see templates/router_linux/routing.nft.j2.
        "echo @inside; sed -n 's/^ *iifname { \\(.*\\) } accept$/\\1/p' "
        f"{ruleset_path('hotshoe_routing')} 2>/dev/null",
        "echo @listeners; ss -Hltnp",
        "echo @chains; nft --json list chains 2>/dev/null",
        f"echo @lacks; ! command -v nft >/dev/null || printf '%s\\n' '{_HANDSHAKE}' | "
        "nft --check --file - 2>/dev/null || echo timeouts",
        "true",
    ]
)


@dataclass(frozen=True)
class PathState:
    """A file or folder of ours.

    :param kind: ``f``, ``d``, or another letter of find(1)'s ``%y``
    :param mode: octal digits, such as ``640``
    :param sha256: of a regular file under /etc; empty otherwise
    """

    kind: str
    owner: str
    group: str
    mode: str
    sha256: str = ""


@dataclass(frozen=True)
class Device:
    """What the roles need to know about a host.

    :param os: ``debian 13``
    :param paths: our files and folders
    :param packages: those of :data:`PACKAGES` that are installed
    :param accounts: the passwd(5) entries of our system users, by name
    :param units: ``ActiveState UnitFileState`` of our units and of Debian's vsftpd.service
    :param loaded: our units that run what the files say
    :param certificate: the server's certificate, PEM
    :param salts: of the cameras' passwords, ``$6$rounds=N$salt``
    :param addresses: IP addresses that other hosts can use, and the interface of each; of several,
        the first
    :param interfaces: every interface, and whether it has such an address
    :param inside: those that the rules of a router take for inside since its last deploy
    :param default: the interface of the IPv4 default route; empty without one
    :param uplinks: the interfaces that lead everywhere: of all default routes, of every routing
        table (with a tunnel for IPv4, IPv6 has another), and of what VPNs put in their place
    :param routes: the networks that have a gateway, and that gateway
    :param forwarding: the IP versions that the kernel forwards
    :param listeners: TCP ports and the program on each
    :param dropping: other people's nftables chains that drop forwarded packets by default
    :param refusing: other people's nftables chains that drop packets to the host by default
    :param timeouts: whether the kernel has nftables' ``ct timeout``; taken for granted while there
        is no ``nft`` to ask it with
    """

    os: str = ""
    paths: Mapping[str, PathState] = field(default_factory=dict)
    packages: frozenset[str] = frozenset()
    accounts: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    loaded: frozenset[str] = frozenset()
    certificate: str = ""
    salts: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[str, bool] = field(default_factory=dict)
    inside: frozenset[str] = frozenset()
    default: str = ""
    uplinks: tuple[str, ...] = ()
    routes: Mapping[str, str] = field(default_factory=dict)
    forwarding: frozenset[int] = frozenset()
    listeners: Mapping[int, str] = field(default_factory=dict)
    dropping: tuple[str, ...] = ()
    refusing: tuple[str, ...] = ()
    timeouts: bool = True

    def is_active(self, unit: str) -> bool:
        """Whether a unit runs now and at every boot."""
        return self.units.get(unit) == "active enabled"


class DebianDevice(FactBase[Device]):
    """Returns a :class:`Device`; everything in it comes from one command that changes nothing."""

    @staticmethod
    def default() -> Device:
        """What an unreachable host gives: nothing is known."""
        return Device()

    def command(self) -> str:
        """The command; needs no program that a minimal Debian lacks."""
        return _SCRIPT

    def process(self, output: Iterable[str]) -> Device:
        """Read the command's output, section by section."""
        sections: dict[str, list[str]] = {}
        current: list[str] = []
        for line in output:
            if line.startswith("@"):
                current = sections.setdefault(line[1:].strip(), [])
            elif line.strip():
                current.append(line)

        def get(name: str) -> list[str]:
            return sections.get(name, [])

        digests = {line[66:]: line[:64] for line in get("sha256")}
        paths = {}
        for line in get("paths"):
            kind, owner, group, mode, path = line.split(" ", 4)
            paths[path] = PathState(kind, owner, group, mode, digests.get(path, ""))
        lists = (get("routes"), get("routes6"), *([line] for line in get("default")))
        every_route = [route for lines in lists for route in _json(lines)]
        links = _json(get("addresses"))
        addresses: dict[str, str] = {}
        for link in links:
            for address in _global(link):
                # A tunnel may have the address of the LAN, too.
                addresses.setdefault(address, link["ifname"])
        return Device(
            os=" ".join(get("os")),
            paths=paths,
            packages=frozenset(
                line.split()[1] for line in get("packages") if line.startswith("installed ")
            ),
            accounts={line.partition(":")[0]: line for line in get("account")},
            units=_units(get("units")),
            loaded=frozenset(get("loaded")),
            certificate="".join(f"{line}\n" for line in get("certificate")),
            salts=dict(line.split(":", 1) for line in get("salts")),
            addresses=addresses,
            interfaces={link["ifname"]: bool(_global(link)) for link in links},
            inside=frozenset(re.findall(r'"([^"]+)"', "".join(get("inside")))),
            default=next((r["dev"] for r in _json(get("routes")) if _is_default(r)), ""),
            uplinks=tuple(sorted({r["dev"] for r in every_route if _leads_out(r)})),
            # Of several to one network, the kernel lists the one that it takes first.
            routes={
                route["dst"]: route["gateway"]
                for route in reversed((*_json(get("routes")), *_json(get("routes6"))))
                if "gateway" in route
            },
            forwarding=frozenset(
                version
                for version, value in zip((4, 6), get("forwarding"), strict=False)
                if value == "1"
            ),
            listeners=_listeners(get("listeners")),
            dropping=tuple(_dropping(get("chains"), "forward")),
            refusing=tuple(_dropping(get("chains"), "input")),
            timeouts="timeouts" not in get("lacks"),
        )


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


def _json(lines: list[str]) -> list[Any]:
    return json.loads("\n".join(lines)) if lines else []


def _units(lines: list[str]) -> dict[str, str]:
    units: dict[str, str] = {}
    values: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition("=")
        values[key] = value
        if len(values) == 3:
            units[values["Id"]] = f"{values['ActiveState']} {values['UnitFileState']}".strip()
            values = {}
    return units


def _listeners(lines: list[str]) -> dict[int, str]:
    listeners = {}
    for line in lines:
        columns = line.split()
        program = columns[5].split('"')[1] if len(columns) > 5 and '"' in columns[5] else "?"
        listeners[int(columns[3].rpartition(":")[2])] = program
    return listeners


def _dropping(lines: list[str], hook: str) -> Iterable[str]:
    if not lines:
        return
    for entry in json.loads("\n".join(lines))["nftables"]:
        chain = entry.get("chain", {})
        if (
            chain.get("hook") == hook
            and chain.get("policy") == "drop"
            and chain["table"] not in RULESETS
        ):
            yield f"{chain['family']} {chain['table']} {chain['name']}"


def look(host: Host) -> Device:
    """The host as it was when this run began; read once, then remembered."""
    key = "hotshoe_device"
    if key not in host.connector_data:
        host.connector_data[key] = host.get_fact(DebianDevice)
    device: Device = host.connector_data[key]
    return device
