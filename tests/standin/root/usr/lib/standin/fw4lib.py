"""Turns /etc/config/firewall into an nftables ruleset, as far as a home's router needs it."""

import json
import os
import re
import subprocess
import sys
from ipaddress import ip_address, ip_interface

import ucilib

# A type, or a type and a code.
ICMP4 = {
    "echo-reply": 0, "pong": 0, "destination-unreachable": 3, "network-unreachable": (3, 0),
    "host-unreachable": (3, 1), "protocol-unreachable": (3, 2), "port-unreachable": (3, 3),
    "fragmentation-needed": (3, 4), "communication-prohibited": (3, 13), "source-quench": 4,
    "redirect": 5, "echo-request": 8, "ping": 8, "router-advertisement": 9,
    "router-solicitation": 10, "time-exceeded": 11, "ttl-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14,
}  # fmt: skip
ICMP6 = {
    "destination-unreachable": (1, 0), "no-route": (1, 0), "communication-prohibited": (1, 1),
    "address-unreachable": (1, 3), "port-unreachable": (1, 4), "packet-too-big": (2, 0),
    "time-exceeded": (3, 0), "ttl-exceeded": (3, 0), "parameter-problem": (4, 0),
    "bad-header": (4, 0), "unknown-header-type": (4, 1), "unknown-option": (4, 2),
    "echo-request": (128, 0), "ping": (128, 0), "echo-reply": (129, 0), "pong": (129, 0),
    "router-solicitation": (133, 0), "router-advertisement": (134, 0),
    "neighbour-solicitation": (135, 0), "neighbor-solicitation": (135, 0),
    "neighbour-advertisement": (136, 0), "neighbor-advertisement": (136, 0), "redirect": (137, 0),
}  # fmt: skip
# name, description, module, family, protocol, port
HELPERS = (
    ("amanda", "Amanda backup and archiving proto", "amanda", 0, "udp", 10080),
    ("ftp", "FTP passive connection tracking", "ftp", 0, "tcp", 21),
    ("RAS", "RAS proto tracking", "h323", 0, "udp", 1719),
    ("Q.931", "Q.931 proto tracking", "h323", 0, "tcp", 1720),
    ("irc", "IRC DCC connection tracking", "irc", 4, "tcp", 6667),
    ("netbios-ns", "NetBIOS name service broadcast tracking", "netbios_ns", 4, "udp", 137),
    ("pptp", "PPTP VPN connection tracking", "pptp", 4, "tcp", 1723),
    ("sane", "SANE scanner connection tracking", "sane", 0, "tcp", 6566),
    ("sip", "SIP VoIP connection tracking", "sip", 0, "udp", 5060),
    ("snmp", "SNMP monitoring connection tracking", "snmp", 4, "udp", 161),
    ("tftp", "TFTP connection tracking", "tftp", 0, "udp", 69),
)
POLICIES = ("accept", "reject", "drop")
TARGETS = (*POLICIES, "notrack", "helper", "mark", "dscp", "dnat", "snat", "masquerade")
POSITIONS = tuple(
    f"{place}-{end}" for place in ("ruleset", "table", "chain") for end in ("prepend", "append")
)
FAMILY = {4: "ipv4", 6: "ipv6"}
HUMAN = {0: "IPv4/IPv6", None: "IPv4/IPv6", 4: "IPv4", 6: "IPv6"}


class Skipped(Exception):
    """A section that is left out; says why."""


class Crash(Exception):
    """What the real one does not survive either."""


class Zone:
    def __init__(self, options):
        self.name = options["name"]
        self.options = options
        self.family = options.get("family") or 0
        self.devices, self.subnets = [], []
        self.flags, self.source_flags = set(), {options["input"]}


class Address:
    """An address, network or range, and the family that it is of."""

    def __init__(self, text):
        self.text = text
        if "-" in text:
            first, last = (ip_address(part) for part in text.split("-"))
            self.family, self.network, self.ip = first.version, None, first
            self.text = f"{first}-{last}"
        else:
            interface = ip_interface(text)
            self.family, self.network, self.ip = interface.version, interface.network, interface.ip
            whole = self.network.prefixlen == self.network.max_prefixlen
            self.text = str(self.ip) if whole else str(self.network)

    @property
    def host(self):
        return Address(str(self.ip))

    def to(self, port):
        """As the target of a translation."""
        text = f"[{self.text}]" if self.family == 6 and port else self.text
        return text + (f":{port}" if port else "")


class Match:
    """Addresses, perhaps all but these."""

    def __init__(self, addresses, inverted):
        self.addresses, self.inverted = addresses, inverted

    def of(self, family):
        return [a for a in self.addresses if a.family == family]

    @property
    def family(self):
        families = {a.family for a in self.addresses}
        return families.pop() if len(families) == 1 else 0


def words(value):
    return value if isinstance(value, list) else value.split()


def one_of(text, choices):
    """Abbreviations are understood, whatever their case."""
    return next((c for c in choices if c.startswith(text.lower())), None)


def inverted(text):
    text = text.strip()
    return (True, text[1:].strip()) if text.startswith("!") else (False, text)


def braces(values, always=False):
    values = list(dict.fromkeys(map(str, values)))
    return values[0] if len(values) == 1 and not always else "{ " + ", ".join(values) + " }"


def names(values, always=False):
    return braces([f'"{v}"' for v in values], always)


def comment(text):
    text = text.replace('"', "'")
    return f'comment "!fw4: {text}"'


class Firewall:
    def __init__(self, quiet=False):
        self.quiet = quiet
        self.zones, self.includes = [], []
        self.chains = {}
        self.defaults = None
        self.networks = {}
        self.package = None

    # -- reading

    def load(self):
        dump = subprocess.run(
            ["/bin/ubus", "call", "network.interface", "dump"], capture_output=True, text=True
        ).stdout
        for each in json.loads(dump or "{}").get("interface", []):
            found = [*each.get("ipv4-address", []), *each.get("ipv6-address", [])]
            self.networks[each["interface"]] = (
                each.get("l3_device") or each.get("device"),
                [Address(f"{a['address']}/{a['mask']}") for a in found],
            )
        try:
            self.package = ucilib.Uci().load("firewall")
        except ucilib.UciError:
            # Like the real one: not a word, no zones, and everything is dropped.
            self.package = ucilib.Package("firewall")
        self.helpers = [h for h in HELPERS if os.path.isdir(f"/sys/module/nf_conntrack_{h[2]}")]
        for section in self.package.of("defaults"):
            self._defaults(section)
        if self.defaults is None:
            self.defaults = self.parse(None, {}, DEFAULTS)
        for kind in ("zone", "rule", "forwarding", "redirect", "nat", "include"):
            for section in self.package.of(kind):
                try:
                    getattr(self, f"_{kind}")(section)
                except Skipped as skip:
                    self.warn(section, str(skip))

    def warn(self, section, text):
        if self.quiet:
            return
        at = section.name
        if section.anonymous:
            at = f"@{section.kind}[{self.package.of(section.kind).index(section)}]"
        name = section.options.get("name")
        sys.stderr.write(f"[!] Section {at}{f' ({name})' if name else ''} {text}\n")

    def parse(self, section, options, spec):
        """The values of a section's options, checked.

        :raises Skipped: if one of them is invalid
        """
        done = {}
        for name, (kind, default, *flags) in spec.items():
            value = options.get(name, default)
            if value is None:
                if "required" in flags:
                    self.warn(section, f"option '{name}' is mandatory but not set")
                    raise Skipped("skipped due to invalid options")
                continue
            if kind == "unplayed":
                raise Skipped(f"uses option '{name}', which the stand-in does not play")
            if isinstance(value, list) and "list" not in flags:
                self.warn(section, f"option '{name}' must not be a list")
                raise Skipped("skipped due to invalid options")
            found = []
            for item in words(value) if "list" in flags else [value]:
                try:
                    parsed = getattr(self, f"_to_{kind}")(item)
                except ValueError:
                    parsed = None
                if parsed is None:
                    self.warn(section, f"option '{name}' specifies invalid value '{item}'")
                    raise Skipped("skipped due to invalid options")
                found += parsed if isinstance(parsed, list) else [parsed]
            if "unsupported" in flags:
                self.warn(section, f"option '{name}' is not supported by fw4")
            else:
                done[name] = found if "list" in flags else found[0]
        for name in options:
            if name not in spec and name != "type":
                self.warn(section, f"specifies unknown option '{name}'")
        if not done.get("enabled", True):
            raise Skipped("is disabled, ignoring section")
        return done

    # -- the kinds of values

    @staticmethod
    def _to_string(text):
        return text

    @staticmethod
    def _to_int(text):
        return int(text)

    @staticmethod
    def _to_bool(text):
        choices = {"1": True, "on": True, "true": True, "yes": True}
        return (choices | {"0": False, "off": False, "false": False, "no": False}).get(text)

    @staticmethod
    def _to_policy(text):
        return one_of(text, POLICIES)

    @staticmethod
    def _to_target(text):
        return one_of(text, TARGETS)

    @staticmethod
    def _to_position(text):
        return one_of(text.replace("postpend", "append"), POSITIONS)

    @staticmethod
    def _to_includetype(text):
        return one_of(text, ("script", "nftables"))

    @staticmethod
    def _to_source(text):
        return one_of(text, ("internal", "external"))

    @staticmethod
    def _to_identifier(text):
        return text if re.fullmatch(r"[a-zA-Z_.][a-zA-Z0-9/_.-]*", text) else None

    @staticmethod
    def _to_family(text):
        if text in ("any", "all", "*"):
            return 0
        return 4 if text == "inet" or "4" in text else 6 if "6" in text else None

    def _to_zone(self, text):
        if text == "*":
            return "*"
        return next((zone for zone in self.zones if zone.name == text), None)

    def _to_network(self, text):
        negated, text = inverted(text)
        if text in self.networks:
            return Match(self.networks[text][1], negated)
        return Match([Address(text)], negated)

    @staticmethod
    def _to_port(text):
        negated, text = inverted(text)
        match = re.fullmatch(r"([0-9]{1,5})(?:[-:]([0-9]{1,5}))?", text)
        if not match:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 <= first <= last <= 65535:
            return None
        return negated, str(first) if first == last else f"{first}-{last}"

    @staticmethod
    def _to_proto(text):
        text = text.lower()
        if text == "tcpudp":
            return ["tcp", "udp"]
        known = {"any": "all", "*": "all", "1": "icmp", "6": "tcp", "17": "udp"}
        known |= {"58": "ipv6-icmp", "icmpv6": "ipv6-icmp"}
        return known.get(text, text)

    @staticmethod
    def _to_icmp(text):
        four, six = ICMP4.get(text), ICMP6.get(text)
        if isinstance(four, int) and six:
            six = six[0]  # the real one asks IPv4's codes whether all of IPv6's are meant
        if four is not None or six is not None:
            return four, six
        match = re.fullmatch(r"([0-9]+)(?:/([0-9]+))?", text)
        if not match or int(match[1]) > 255 or int(match[2] or 0) > 255:
            return None
        each = (int(match[1]), int(match[2])) if match[2] else int(match[1])
        return each, each

    @staticmethod
    def _to_limit(text):
        match = re.fullmatch(r"([0-9]+)(?:/([a-z]+))?", text)
        unit = match and one_of(match[2] or "second", ("second", "minute", "hour", "day"))
        return f"{match[1]}/{unit}" if unit else None

    @staticmethod
    def _to_helper(text):
        return next((helper for helper in HELPERS if helper[0] == text), None)

    # -- sections

    def _defaults(self, section):
        if self.defaults is not None:
            self.warn(section, ": ignoring duplicate defaults section")
            return
        try:
            self.defaults = self.parse(section, section.options, DEFAULTS)
        except Skipped as skip:
            self.warn(section, str(skip))

    def _zone(self, section):
        policies = {p: self.defaults[p] for p in ("input", "output", "forward")}
        zone = Zone(policies | self.parse(section, section.options, ZONE))
        if not self.defaults["auto_helper"]:
            zone.options["auto_helper"] = False
        for network in zone.options.get("network", []):
            if network in self.networks:
                device, addresses = self.networks[network]
                zone.devices += [device] if device else []
                zone.subnets += addresses
        zone.devices += zone.options.get("device", [])
        zone.matched = [a for match in zone.options.get("subnet", []) for a in match.addresses]
        zone.subnets += zone.matched
        zone.family = self.family(
            zone.family, (_same(zone.options.get("subnet", [])), "subnet list")
        )
        zone.flags |= {zone.options["output"], zone.options["forward"]}
        masq = zone.options.get("masq") or zone.options.get("masq6")
        if masq:
            zone.flags.add("snat")
        named = zone.options.get("helper")
        if named or (zone.options["auto_helper"] and not masq):
            zone.flags.add("helper")
            for helper in named or self.helpers:
                if helper not in self.helpers:
                    self.warn(section, f"uses unavailable ct helper '{helper[0]}'")
                    continue
                name, description, _, family, proto, port = helper
                self.rule(
                    f"helper_{zone.name}", family, proto, [], [], [], [(False, port)],
                    f'ct helper set "{name}"', description,
                )  # fmt: skip
        self.zones.append(zone)

    def _forwarding(self, section):
        done = self.parse(section, section.options, FORWARDING)
        src, dest = done["src"], done["dest"]
        family = self.family(done.get("family"), (src, "source zone"), (dest, "destination zone"))
        label = f"{HUMAN[family]} " if family else ""
        default = f"Accept {self.label(src)} to {self.label(dest)} {label}forwarding"
        chain = "forward" if src == "*" else f"forward_{src.name}"
        verdict = "accept"
        if dest != "*":
            verdict = f"jump accept_to_{dest.name}"
            dest.flags.add("accept")
        self.rule(chain, family, "all", [], [], [], [], verdict, done.get("name", default))

    @staticmethod
    def label(zone):
        return "any" if zone == "*" else zone.name

    def section_id(self, section):
        if not section.anonymous:
            return section.name
        return f"@{section.kind}[{self.package.of(section.kind).index(section)}]"

    def family(self, wanted, *objects):
        """The family that everything together allows.

        :raises Skipped: if that is none
        """
        family, by = wanted, None
        for thing, label in objects:
            for each in thing if isinstance(thing, list) else [thing]:
                has = getattr(each, "family", None) or 0
                if not has or has == family:
                    continue
                if family:
                    if by:
                        text = (
                            f"references IPv{has} only {label} but is restricted to "
                            f"IPv{family} by {by}"
                        )
                    else:
                        text = (
                            f"is restricted to IPv{family} but referenced {label} is IPv{has} only"
                        )
                    raise Skipped(f"{text}, skipping")
                family = has
        return family

    def rule(self, chain, family, proto, saddrs, daddrs, sports, dports, verdict, name, **more):
        """Note one rule; addresses and ports are lists of (inverted, text)."""
        addresses = [*saddrs, *daddrs]
        parts = []
        if family and not addresses:
            parts.append(f"meta nfproto {FAMILY[family]}")
        ports = [*sports, *dports] or more.get("translated")
        if proto != "all" and not ports and not more.get("icmp"):
            l4proto = "ipv6-icmp" if proto == "icmp" and family == 6 else proto
            if proto == "icmp" and not family:
                l4proto = "{ icmp, ipv6-icmp }"
            parts.append(f"meta l4proto {l4proto}")
        ip = "ip6" if family == 6 else "ip"
        fields = ((f"{ip} saddr", saddrs), (f"{ip} daddr", daddrs))
        for field, values in (*fields, (f"{proto} sport", sports), (f"{proto} dport", dports)):
            for negated in (False, True):
                found = [text for flag, text in values if flag == negated]
                if found:
                    parts.append(f"{field} {'!= ' * negated}{braces(found)}")
        parts += [more[key] for key in ("icmp", "helper", "limit") if more.get(key)]
        parts += [verdict, comment(name)]
        self.chains.setdefault(chain, []).append(" ".join(parts))

    @staticmethod
    def split(matches, family):
        """The addresses of one family, as :meth:`rule` takes them."""
        return [(m.inverted, a.text) for m in matches for a in m.of(family)]

    def _rule(self, section):
        done = self.parse(section, section.options, RULE)
        src, dest, target = done.get("src"), done.get("dest"), done.get("target")
        name = done.get("name", self.section_id(section))
        if target in ("helper", "notrack") and not isinstance(src, Zone):
            raise Skipped(f"must specify a source zone for target '{target}'")
        if target == "helper" and "set_helper" not in done:
            raise Skipped("must specify option 'set_helper' for target 'helper'")
        if target in ("notrack", "mark", "dscp"):
            raise Skipped(f"has target '{target}', which the stand-in does not play")
        chain, verdict = self._verdict(src, dest, target, done)
        sip, dip = done.get("src_ip", []), done.get("dest_ip", [])
        more = {"limit": f"limit rate {done['limit']}" if "limit" in done else ""}
        if done.get("counter"):
            verdict = f"counter {verdict}"
        for proto in done["proto"]:
            ports = proto in ("tcp", "udp")
            sports = done.get("src_port", []) if ports else []
            dports = done.get("dest_port", []) if ports else []
            types = done.get("icmp_type", []) if proto in ("icmp", "ipv6-icmp") else []
            try:
                family = self.family(
                    6 if proto == "ipv6-icmp" else done.get("family"),
                    (_same(sip), "source IP"), (_same(dip), "destination IP"),
                    (src, "source zone"), (dest, "destination zone"),
                )  # fmt: skip
            except Skipped as skip:
                self.warn(section, str(skip))
                continue
            specific = {
                f: bool(self.split([*sip, *dip], f) or [t for t in types if t[f == 6] is not None])
                for f in (4, 6)
            }
            if family is None:
                family = {(1, 0): 4, (0, 1): 6}.get((specific[4], specific[6]), 0)
            if not family and not any(specific.values()):
                self.rule(chain, 0, proto, [], [], sports, dports, verdict, name, **more)
                continue
            for each in [family] if family else [4, 6]:
                for icmp in self._icmp(types, each):
                    self.rule(
                        chain, each, proto, self.split(sip, each), self.split(dip, each),
                        sports, dports, verdict, name, icmp=icmp, **more,
                    )  # fmt: skip

    @staticmethod
    def _icmp(types, family):
        """The matches on ICMP types, and those on types with codes."""
        field = "icmp" if family == 4 else "icmpv6"
        found = [t[family == 6] for t in types if t[family == 6] is not None]
        plain = [str(t) for t in found if isinstance(t, int)]
        coded = [f"{t[0]} . {t[1]}" for t in found if isinstance(t, tuple)]
        if plain or not coded:
            yield f"{field} type {braces(plain)}" if plain else ""
        if coded:
            yield f"{field} type . {field} code {braces(coded, always=True)}"

    @staticmethod
    def _verdict(src, dest, target, done):
        """The chain that a rule belongs to, and what it does there."""
        if target == "helper":
            src.flags.add("helper")
            return f"helper_{src.name}", f'ct helper set "{done["set_helper"][0]}"'
        chain = "output"
        if src:
            chain = "forward" if dest else "input"
            if src != "*":
                chain += f"_{src.name}"
        elif dest and dest != "*":
            chain = f"output_{dest.name}"
        if target and isinstance(dest, Zone):
            dest.flags.add(target)
            return chain, f"jump {target}_to_{dest.name}"
        return chain, "jump handle_reject" if target == "reject" else target or ""

    def _redirect(self, section):
        done = self.parse(section, section.options, REDIRECT)
        done["name"] = done.get("name", self.section_id(section))
        if done["target"] not in ("dnat", "snat"):
            self.warn(section, "has invalid target specified, defaulting to dnat")
            done["target"] = "dnat"
        if done["target"] == "dnat":
            self._dnat(section, done)
        else:
            self._snat(section, done)

    def _dnat(self, section, done):
        src, rip = done.get("src"), done.get("dest_ip")
        if not src:
            raise Skipped("has no source specified")
        if src == "*":
            raise Skipped("must not have source '*' for dnat target")
        if rip and rip.inverted:
            raise Skipped("must not specify a negated 'dest_ip' value")
        if "dest" not in done and rip:
            for zone in self.zones:
                if any(a.ip in s.network for s in zone.subnets for a in rip.of(s.family)):
                    done["dest"] = zone
                    self.warn(section, f"does not specify a destination, assuming '{zone.name}'")
                    break
        dest = done.get("dest")
        if done["reflection"] and isinstance(dest, Zone) and src.options.get("masq"):
            dest.flags |= {"accept", "dnat", "snat"}
        if "helper" in done:
            src.flags.add("helper")
        src.flags.add("dnat")
        sip, dip = done.get("src_ip"), done.get("src_dip")
        for proto in done["proto"]:
            ports = proto in ("tcp", "udp")
            sport, dport = ([done[k]] if ports and k in done else [] for k in _FROM)
            rport = done.get("dest_port", done.get("src_dport")) if ports else None
            rport = rport and rport[1]
            try:
                family = self.family(
                    done.get("family"), (sip, "source IP"), (dip, "destination IP"),
                    (rip, "rewrite IP"), (src, "source zone"), (dest, "destination zone"),
                )  # fmt: skip
            except Skipped as skip:
                self.warn(section, str(skip))
                continue
            if done["reflection"] and rip and isinstance(dest, Zone):
                self._reflect(section, done, proto, sport, dport, rport)
            given = [m for m in (sip, dip, rip) if m]
            if not family and not given:
                families = [4 if family is None else 0]
            else:
                families = [
                    f
                    for f in (4, 6)
                    if family in (0, None, f) and (not given or any(m.of(f) for m in given))
                ]
            for each in families:
                to = rip.of(each) if rip else []
                verdict = "redirect" + (f" to {rport}" if rport else "")
                if to:
                    verdict = f"dnat {to[0].to(rport)}"
                if len(to) > 1:
                    self.warn(section, "specifies multiple rewrite addresses, using only first one")
                self.rule(
                    f"dstnat_{src.name}", each, proto,
                    self.split([sip] if sip else [], each), self.split([dip] if dip else [], each),
                    sport, dport, f"{'counter ' if done['counter'] else ''}{verdict}",
                    done["name"], translated=rport, **self._conditions(done),
                )  # fmt: skip

    @staticmethod
    def _conditions(done):
        """What else has to hold, besides addresses and ports."""
        return {
            "helper": f'ct helper "{done["helper"][0]}"' if "helper" in done else "",
            "limit": f"limit rate {done['limit']}" if "limit" in done else "",
        }

    def _reflect(self, section, done, proto, sport, dport, rport):
        """Let the zone's own subnets dial the outer address, and answer through this router."""
        src, rip = done["src"], done["dest_ip"]
        outer = done["src_dip"].addresses if "src_dip" in done else [s.host for s in src.subnets]
        name = f"{done['name']} (reflection)"
        more = self._conditions(done)
        for zone in done.get("reflection_zone", [done["dest"]]):
            for family in (4, 6):
                to = rip.of(family)
                if not to or not src.options.get("masq" if family == 4 else "masq6"):
                    continue
                inside = [s for s in zone.subnets if s.family == family]
                outside = [a for a in outer if a.family == family]
                internal = done["reflection_src"] == "internal"
                own = (inside if internal else outside)[:1]
                if internal:
                    own = [s for s in inside if to[0].ip in s.network][:1] or own
                if not own:
                    text = f"{done['reflection_src']} rewrite IP cannot be determined"
                elif not inside:
                    text = "internal address range cannot be determined"
                elif not outside:
                    text = "external address range cannot be determined"
                else:
                    sources = [(False, s.text) for s in inside]
                    zone.flags |= {"dnat", "snat"}
                    self.rule(
                        f"dstnat_{zone.name}", family, proto, sources,
                        [(False, a.text) for a in outside], sport, dport,
                        f"dnat {to[0].to(rport)}", name, translated=rport, **more,
                    )  # fmt: skip
                    self.rule(
                        f"srcnat_{zone.name}", family, proto, sources,
                        [(False, a.text) for a in to], [], [(False, rport)] if rport else [],
                        f"snat {own[0].host.to(None)}", name, **more,
                    )  # fmt: skip
                    continue
                self.warn(section, f"{text}, disabling reflection")

    def _snat(self, section, done):
        dest, rip = done.get("dest"), done.get("src_dip")
        if not dest:
            raise Skipped("has no destination specified")
        if dest == "*":
            raise Skipped("must not have destination '*' for snat target")
        if not rip:
            raise Skipped("has no 'src_dip' option specified")
        if rip.inverted:
            raise Skipped("must not specify a negated 'src_dip' value")
        dest.flags.add("snat")
        sip, dip = done.get("src_ip"), done.get("dest_ip")
        for proto in done["proto"]:
            ports = proto in ("tcp", "udp")
            sport = [done["src_port"]] if ports and "src_port" in done else []
            dport = [done["dest_port"]] if ports and "dest_port" in done else []
            rport = done["src_dport"][1] if ports and "src_dport" in done else None
            for to in rip.addresses[:1]:
                self.rule(
                    f"srcnat_{dest.name}", to.family, proto,
                    self.split([sip] if sip else [], to.family),
                    self.split([dip] if dip else [], to.family), sport, dport,
                    f"{'counter ' if done['counter'] else ''}snat {to.to(rport)}",
                    done["name"], translated=rport,
                )  # fmt: skip

    def _nat(self, section):
        done = self.parse(section, section.options, NAT)
        target, src, rip = done["target"], done.get("src"), done.get("snat_ip")
        name = done.get("name", self.section_id(section))
        if target not in ("accept", "snat", "masquerade"):
            self.warn(section, "has invalid target specified, defaulting to masquerade")
            target = "masquerade"
        ignoring = ", ignoring section"
        if target == "snat" and not rip and "snat_port" not in done:
            raise Skipped(f"needs either 'snat_ip' or 'snat_port' for target snat{ignoring}")
        for option in ("snat_ip", "snat_port"):
            if target != "snat" and option in done:
                raise Skipped(f"must not use '{option}' for non-snat target{ignoring}")
        protos = done["proto"]
        if any(p in done for p in ("snat_port", "src_port", "dest_port")):
            if set(protos) == {"all"}:
                protos = ["tcp", "udp"]
            elif not set(protos) & {"tcp", "udp"}:
                raise Skipped(f"specifies ports but no UDP/TCP protocol{ignoring}")
        sip, dip = done.get("src_ip"), done.get("dest_ip")
        chain = f"srcnat_{src.name}" if isinstance(src, Zone) else "srcnat"
        if isinstance(src, Zone):
            src.flags.add("snat")
        for proto in protos:
            ports = proto in ("tcp", "udp")
            sport, dport, rport = (
                [done[k]] if ports and k in done else []
                for k in ("src_port", "dest_port", "snat_port")
            )
            try:
                family = self.family(
                    done.get("family"), (sip, "source IP"), (dip, "destination IP"),
                    (rip, "rewrite IP"), (src, "source zone"),
                )  # fmt: skip
            except Skipped as skip:
                self.warn(section, str(skip))
                continue
            family = 4 if family is None else family
            given = [m for m in (sip, dip, rip) if m]
            for each in [family] if family or not given else [4, 6]:
                verdict = target
                if target == "snat":
                    to = rip.of(each)[0] if rip else None
                    port = rport[0][1] if rport else None
                    verdict = f"snat {to.host.to(port) if to else f':{port}'}"
                counter = "counter " if done["counter"] else ""
                self.rule(
                    chain, each, proto, self.split([sip] if sip else [], each),
                    self.split([dip] if dip else [], each), sport, dport, counter + verdict,
                    name,
                )  # fmt: skip

    def _include(self, section):
        try:
            done = self.parse(section, section.options, INCLUDE)
        except Skipped as skip:
            if "disabled" in str(skip):
                raise
            raise Crash("left-hand side expression is not an array or object") from None
        if done["type"] == "script":
            if not done.get("fw4_compatible", done["path"] != "/etc/firewall.user"):
                self.warn(section, "is not marked as compatible with fw4, ignoring section")
                raise Skipped("requires 'option fw4_compatible 1' to be considered compatible")
            for option in ("chain", "position"):
                if option in done:
                    raise Skipped(
                        f"must not specify '{option}' for non-nftables includes, ignoring section"
                    )
        position = done.setdefault("position", "table-append")
        if position.startswith("chain") and "chain" not in done:
            raise Skipped(f"must specify 'chain' for position {position}, ignoring section")
        if not position.startswith("chain") and "chain" in done:
            self.warn(section, f"specifies 'chain' which has no effect for position {position}")
            del done["chain"]
        if not os.path.exists(done["path"]):
            raise Skipped(f"specifies unreachable path '{done['path']}', ignoring section")
        self.includes.append(done)

    # -- writing

    def included(self, position, chain=None):
        return [
            f'include "{i["path"]}"'
            for i in self.includes
            if i["type"] == "nftables" and i["position"] == position and i.get("chain") == chain
        ]

    def render(self):
        """The text for ``nft -f``."""
        out = ["table inet fw4", "flush table inet fw4", *self.included("ruleset-prepend"), ""]
        out.append("table inet fw4 {")
        for name, _, _, _, proto, _ in self.helpers:
            out += [f"\tct helper {name} {{", f'\t\ttype "{name}" protocol {proto};', "\t}", ""]
        for zone in self.zones:
            out.append(f"\tdefine {zone.name}_devices = {names(zone.devices, always=True)}")
            subnets = braces([s.text for s in zone.subnets], always=True)
            out += [f"\tdefine {zone.name}_subnets = {subnets}", ""]
        out += ['\tinclude "/etc/nftables.d/*.nft"', *self.included("table-prepend"), ""]
        for name, lines in self._all_chains():
            out += [f"\tchain {name} {{", *(f"\t\t{line}" for line in lines), "\t}", ""]
        out += [*self.included("table-append"), "}", *self.included("ruleset-append")]
        return "\n".join(out) + "\n"

    def _framed(self, name, lines, last=()):
        return [
            *self.included("chain-prepend", name),
            *lines,
            *self.included("chain-append", name),
            *last,
        ]

    def _all_chains(self):
        yield "input", self._base("input", "inbound", "from")
        yield "forward", self._base("forward", "forwarded", "through")
        yield "output", self._base("output", "outbound", "towards")
        helping = [z for z in self.zones if "helper" in z.flags]
        yield (
            "prerouting",
            [
                "type filter hook prerouting priority filter; policy accept;",
                *(line for zone in helping for line in self._jump(zone, "helper")),
            ],
        )
        yield (
            "handle_reject",
            [
                f"meta l4proto tcp reject with tcp reset {comment('Reject TCP traffic')}",
                f"reject with icmpx type port-unreachable {comment('Reject any other traffic')}",
            ],
        )
        if self.defaults.get("synflood_protect", self.defaults.get("syn_flood")):
            below, excess = "Accept SYN packets below rate-limit", "Drop excess packets"
            limit = f"limit rate {self.defaults['synflood_rate']} burst 50 packets"
            yield "syn_flood", [f"{limit} return {comment(below)}", f"drop {comment(excess)}"]
        for zone in self.zones:
            yield from self._filters(zone)
        for name, hook, priority, flag in (
            ("dstnat", "prerouting", "dstnat", "dnat"),
            ("srcnat", "postrouting", "srcnat", "snat"),
        ):
            jumps = [line for z in self.zones if flag in z.flags for line in self._jump(z, name)]
            own = self._framed(name, [*self.chains.get(name, []), *jumps])
            yield name, [f"type nat hook {hook} priority {priority}; policy accept;", *own]
        for zone in self.zones:
            if "dnat" in zone.flags:
                chain = f"dstnat_{zone.name}"
                yield chain, self._framed(chain, self.chains.get(chain, []))
            if "snat" in zone.flags:
                chain = f"srcnat_{zone.name}"
                yield (
                    chain,
                    self._framed(chain, [*self.chains.get(chain, []), *self._masquerade(zone)]),
                )
        for name, kind, priority in (
            ("raw_prerouting", "filter", "raw"),
            ("raw_output", "filter", "raw"),
            ("mangle_prerouting", "filter", "mangle"),
            ("mangle_postrouting", "filter", "mangle"),
            ("mangle_input", "filter", "mangle"),
            ("mangle_output", "route", "mangle"),
            ("mangle_forward", "filter", "mangle"),
        ):
            head = f"type {kind} hook {name.split('_')[1]} priority {priority}; policy accept;"
            yield name, [head, *self._framed(name, self._mtu_fixes(name))]

    def _base(self, hook, flows, way):
        policy = self.defaults[hook]
        kept = "drop" if policy == "reject" else policy
        lines = [f"type filter hook {hook} priority filter; policy {kept};"]
        if hook != "forward":
            interface = "iif" if hook == "input" else "oif"
            lines.append(f'{interface} "lo" accept {comment(f"Accept traffic {way} loopback")}')
        invalid = ", invalid : drop" if self.defaults.get("drop_invalid") else ""
        flow = comment(f"Handle {flows} flows")
        lines += self.included("chain-prepend", hook)
        lines.append(f"ct state vmap {{ established : accept, related : accept{invalid} }} {flow}")
        protect = self.defaults.get("synflood_protect", self.defaults.get("syn_flood"))
        if hook == "input" and protect:
            flags = "tcp flags & (fin | syn | rst | ack) == syn"
            lines.append(f"{flags} jump syn_flood {comment('Rate limit TCP syn packets')}")
        lines += self.chains.get(hook, [])
        for zone in self.zones:
            lines += self._jump(zone, hook)
        reject = ["jump handle_reject"] if policy == "reject" else []
        after = self.included("chain-append", hook)
        return lines + (reject + after if hook == "input" else after + reject)

    def _matches(self, zone, egress):
        """What a packet of a zone looks like; nothing, if the zone has no devices."""
        devices = f"{'oifname' if egress else 'iifname'} {names(zone.devices)} "
        devices = devices if zone.devices else ""
        way = "daddr" if egress else "saddr"
        if not zone.matched:
            return [(zone.family, devices)] if devices else []
        found = []
        for family in (4, 6):
            subnets = [a.text for a in zone.matched if a.family == family]
            if subnets and zone.family in (0, family):
                ip = "ip" if family == 4 else "ip6"
                found.append((family, f"{devices}{ip} {way} {braces(subnets)} "))
        return found

    def _jump(self, zone, direction):
        egress = direction in ("output", "srcnat")
        what = "assignment" if direction == "helper" else "traffic"
        for family, match in self._matches(zone, egress):
            said = comment(f"Handle {zone.name} {HUMAN[family]} {direction} {what}")
            yield f"{_only(family)}{match}jump {direction}_{zone.name} {said}"

    def _filters(self, zone):
        dnat = "dnat" in zone.flags
        for direction, redirected, last in (
            ("input", "Accept port redirections", f"jump {zone.options['input']}_from_{zone.name}"),
            ("output", None, f"jump {zone.options['output']}_to_{zone.name}"),
            ("forward", "Accept port forwards", f"jump {zone.options['forward']}_to_{zone.name}"),
        ):
            name = f"{direction}_{zone.name}"
            lines = list(self.chains.get(name, []))
            if dnat and redirected:
                lines.append(f"ct status dnat accept {comment(redirected)}")
            yield name, self._framed(name, lines, [last])
        if "helper" in zone.flags:
            yield f"helper_{zone.name}", self.chains.get(f"helper_{zone.name}", [])
        for verdict in POLICIES:
            for way, flags in (("from", zone.source_flags), ("to", zone.flags)):
                if verdict in flags:
                    yield f"{verdict}_{way}_{zone.name}", self._verdicts(zone, verdict, way == "to")

    def _verdicts(self, zone, verdict, egress):
        lines = []
        masq = zone.options.get("masq") or zone.options.get("masq6")
        counter = "counter " if zone.options["counter"] else ""
        for family, match in self._matches(zone, egress):
            if egress and verdict == "accept" and masq and not self.defaults.get("drop_invalid"):
                only = ""
                if bool(zone.options.get("masq")) != bool(zone.options.get("masq6")):
                    only = f"meta nfproto {'ipv4' if zone.options.get('masq') else 'ipv6'} "
                if not zone.options.get("masq_allow_invalid"):
                    leak = comment("Prevent NAT leakage")
                    lines.append(f"{only}{match}ct state invalid {counter}drop {leak}")
            what = "jump handle_reject" if verdict == "reject" else verdict
            said = comment(f"{verdict} {zone.name} {HUMAN[family]} traffic")
            lines.append(f"{_only(family)}{match}{counter}{what} {said}")
        return lines

    def _masquerade(self, zone):
        for family, option in ((4, "masq"), (6, "masq6")):
            if zone.options.get(option):
                match, ip = f"meta nfproto {FAMILY[family]} ", "ip" if family == 4 else "ip6"
                for field, key in (("saddr", "masq_src"), ("daddr", "masq_dest")):
                    for negated in (False, True):
                        found = [
                            text
                            for flag, text in self.split(zone.options.get(key, []), family)
                            if flag == negated
                        ]
                        if found:
                            match += f"{ip} {field} {'!= ' * negated}{braces(found)} "
                said = comment(f"Masquerade {HUMAN[family]} {zone.name} traffic")
                yield f"{match}masquerade {said}"

    def _mtu_fixes(self, chain):
        if chain not in ("mangle_postrouting", "mangle_forward"):
            return
        egress = chain == "mangle_postrouting"
        for zone in self.zones:
            if zone.options.get("mtu_fix"):
                for family, match in self._matches(zone, egress):
                    way = "egress" if egress else "ingress"
                    said = comment(f"Zone {zone.name} {HUMAN[family]} {way} MTU fixing")
                    flags = "tcp flags syn / syn,fin,rst tcp option maxseg size set rt mtu"
                    yield f"{_only(family)}{match}{flags} {said}"


def _only(family):
    return f"meta nfproto {FAMILY[family]} " if family else ""


def _same(matches):
    """A list of matches as one thing with a family."""
    return Match([a for m in matches for a in m.addresses], False)


_FROM = ("src_port", "src_dport")
_ENABLED = {"enabled": ("bool", "1")}
_NOT = dict.fromkeys(
    (
        "ipset", "src_mac", "utc_time", "start_date", "stop_date", "start_time", "stop_time",
        "weekdays", "mark", "limit_burst", "log_limit", "device", "direction",
    ),
    ("unplayed", None),
)  # fmt: skip
_UNSUPPORTED = dict.fromkeys(
    ("extra", "monthdays", "custom_chains"), ("string", None, "unsupported")
)
DEFAULTS = {
    "input": ("policy", "drop"),
    "output": ("policy", "drop"),
    "forward": ("policy", "drop"),
    "drop_invalid": ("bool", None),
    "syn_flood": ("bool", None),
    "synflood_protect": ("bool", None),
    "synflood_rate": ("limit", "25/second"),
    "synflood_burst": ("int", "50"),
    "tcp_syncookies": ("bool", "1"),
    "tcp_ecn": ("int", None),
    "tcp_window_scaling": ("bool", "1"),
    "accept_redirects": ("bool", None),
    "accept_source_route": ("bool", None),
    "auto_helper": ("bool", "1"),
    "custom_chains": ("bool", None, "unsupported"),
    "disable_ipv6": ("bool", None, "unsupported"),
    "flow_offloading": ("bool", "0"),
    "flow_offloading_hw": ("bool", "0"),
    "auto_includes": ("bool", "1"),
    "tcp_reject_code": ("string", "tcp-reset"),
    "any_reject_code": ("string", "port-unreachable"),
}
ZONE = _ENABLED | _UNSUPPORTED | {
    "name": ("identifier", None, "required"),
    "family": ("family", None),
    "network": ("string", None, "list"),
    "device": ("string", None, "list"),
    "subnet": ("network", None, "list"),
    "input": ("policy", None),
    "output": ("policy", None),
    "forward": ("policy", None),
    "masq": ("bool", None),
    "masq_allow_invalid": ("bool", None),
    "masq_src": ("network", None, "list"),
    "masq_dest": ("network", None, "list"),
    "masq6": ("bool", None),
    "mtu_fix": ("bool", None),
    "auto_helper": ("bool", "1"),
    "helper": ("helper", None, "list"),
    "counter": ("bool", "1"),
    "log": ("int", None),
    "log_limit": ("limit", None),
}  # fmt: skip
FORWARDING = _ENABLED | {
    "name": ("string", None),
    "family": ("family", None),
    "src": ("zone", None, "required"),
    "dest": ("zone", None, "required"),
}
_MATCHED = _ENABLED | _NOT | _UNSUPPORTED | {
    "name": ("string", None),
    "family": ("family", None),
    "src": ("zone", None),
    "counter": ("bool", "1"),
    "limit": ("limit", None),
    "log": ("unplayed", None),
}  # fmt: skip
RULE = _MATCHED | {
    "dest": ("zone", None),
    "proto": ("proto", "tcpudp", "list"),
    "src_ip": ("network", None, "list"),
    "src_port": ("port", None, "list"),
    "dest_ip": ("network", None, "list"),
    "dest_port": ("port", None, "list"),
    "icmp_type": ("icmp", None, "list"),
    "helper": ("unplayed", None),
    "set_helper": ("helper", None),
    "set_mark": ("unplayed", None),
    "set_xmark": ("unplayed", None),
    "dscp": ("unplayed", None),
    "set_dscp": ("unplayed", None),
    "target": ("target", None),
}
REDIRECT = _MATCHED | {
    "dest": ("zone", None),
    "proto": ("proto", "tcpudp", "list"),
    "src_ip": ("network", None),
    "src_port": ("port", None),
    "src_dip": ("network", None),
    "src_dport": ("port", None),
    "dest_ip": ("network", None),
    "dest_port": ("port", None),
    "helper": ("helper", None),
    "reflection": ("bool", "1"),
    "reflection_src": ("source", "internal"),
    "reflection_zone": ("zone", None, "list"),
    "target": ("target", "dnat"),
}
NAT = _MATCHED | {
    "proto": ("proto", "all", "list"),
    "src_ip": ("network", None),
    "src_port": ("port", None),
    "snat_ip": ("network", None),
    "snat_port": ("port", None),
    "dest_ip": ("network", None),
    "dest_port": ("port", None),
    "connlimit_ports": ("bool", None),
    "target": ("target", "masquerade"),
}
INCLUDE = _ENABLED | {
    "path": ("string", None, "required"),
    "type": ("includetype", "script"),
    "fw4_compatible": ("bool", None),
    "family": ("family", None, "unsupported"),
    "reload": ("bool", None, "unsupported"),
    "position": ("position", None),
    "chain": ("identifier", None),
}
