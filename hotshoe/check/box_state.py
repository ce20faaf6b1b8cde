"""What a router or server says of itself: what it recorded, and whether its rules are in force.

The words are those of templates/check/watch.sh.j2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from hotshoe.check.model import Packet
from hotshoe.plan.model import RouterPlan, ServerPlan

# So many elements a set takes; what comes then is let through, and not recorded.
SET_SIZE = 16384
_ADDRESS = re.compile(r"\binet ([0-9.]+)[/ ].*\bscope global\b")
_HELPER = re.compile(r'^\s*ct helper (\S+) \{|type "ftp"|ct helper set "?([^"\s]+)"?')
_ELEMENT = re.compile(r"([0-9]+(?:\.[0-9]+){3})((?: \. [0-9]+)*)")

# The elements of sets, by the sets' names: of each, what is between the dots.
Sets = Mapping[str, Collection[tuple[str, ...]]]


def read_sets(lines: Sequence[str]) -> Sets:
    """The elements of each set.

    :returns: empty if the box cannot record anything
    """
    found: dict[str, set[tuple[str, ...]]] = {}
    if "able yes" not in lines:
        return found
    current: set[tuple[str, ...]] = set()
    for line in lines:
        if line.startswith("set "):
            current = found.setdefault(line.removeprefix("set "), set())
            continue
        for address, more in _ELEMENT.findall(line):
            current.add((address, *more.split(" . ")[1:]))
    return found


def packets(sets: Sets, name: str) -> frozenset[Packet] | None:
    """The connections in a set; None if there is no such set, or it could not take all of them."""
    if name not in sets or len(sets[name]) >= SET_SIZE:
        return None
    return frozenset(Packet(key[0], int(key[1])) for key in sets[name])


def read_parts(lines: Sequence[str]) -> dict[str, list[str]]:
    """The lines of each part of an answer."""
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.startswith("part "):
            current = parts.setdefault(line.removeprefix("part "), [])
        else:
            current.append(line)
    return parts


def addresses(lines: Sequence[str]) -> tuple[str, ...]:
    """The IPv4 addresses of a box, of what ``ip -4 -o address`` prints."""
    return tuple(found[1] for line in lines if (found := _ADDRESS.search(line)))


def has_helper(lines: Sequence[str]) -> bool:
    """Whether a helper for FTP reads connections: a rule sets it, or the kernel does by itself."""
    ftp, used, name = set(), set(), ""
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "nf_conntrack_helper":
            setting, _, loaded = rest.rpartition(" ")
            if setting == "1" and loaded != "0":
                return True
        if found := _HELPER.search(line):
            if found[1]:
                name = found[1]
            elif found[2]:
                used.add(found[2])
            else:
                ftp.add(name)
    return bool(ftp & used)


def stale(
    box: RouterPlan | ServerPlan, server: ServerPlan, state: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """What of hotshoe's is not in force on a box, each as a clause."""
    rules = state["rules"]
    tables = {line.split()[2] for line in rules if line.startswith("table inet ")}
    if isinstance(box, ServerPlan):
        needed: tuple[str, ...] = ("hotshoe_firewall",)
    else:
        openwrt = box.managed_by == "openwrt"
        needed = ("fw4",) if openwrt else ("hotshoe_routing", "hotshoe_forwards")
        if state["forwarding"] != ["1"]:
            yield "it forwards no packets (net.ipv4.ip_forward is off)"
    missing = [table for table in needed if table not in tables]
    for table in missing:
        yield f"the table {table} is not loaded"
    for table in state["changed"]:
        if table not in missing:
            yield f"the rules of the table {table} are not those that were deployed"
    for unit in state["stopped"]:
        yield f"{unit.removesuffix('.service')} does not run"
    if missing:
        return
    if isinstance(box, ServerPlan):
        yield from _not_let_in(box, rules)
    else:
        yield from _not_led(box, server, rules)


def _not_let_in(server: ServerPlan, rules: Sequence[str]) -> Iterator[str]:
    controls = [f"{control.port}" for control in server.control_ports]
    accepted = {
        port
        for line in rules
        if ' accept comment "FTP' in line
        for port in re.split(r"[{}, ]+", line.partition("dport ")[2].partition(" counter")[0])
    }
    for ports in (*controls, str(server.passive)):
        if ports not in accepted:
            yield f"the firewall does not let TCP {ports} in"


def _not_led(router: RouterPlan, server: ServerPlan, rules: Sequence[str]) -> Iterator[str]:
    """Port forwards, and accept rules, of the Plan that the router does not have."""
    wanted = server.forwarded_ports
    # fw4 writes what is dialled from inside beside it.
    outside = [line for line in rules if "(reflection)" not in line]
    for forward in router.forwards:
        if forward.service.protocol == "tcp" and forward.service.ports in wanted:
            ports, to = str(forward.service.ports), str(forward.to)
            if not any(_says(line, f"dport {ports}", f"dnat ip to {to}") for line in outside):
                yield f"TCP {ports} is not forwarded to {to}"
    for rule in router.accept_rules:
        if rule.to == server.address and rule.service.ports in wanted:
            ports, to = str(rule.service.ports), str(rule.to)
            if not any(
                _says(line, f"daddr {to}", f"dport {ports}", "accept")
                or _says(line, f"daddr {to}", f"dport {ports}", "jump accept_to")
                for line in rules
            ):
                yield f"TCP {ports} is not let through to {to}"
    if router.default_host:
        to = str(router.default_host)
        if not any(_says(line, "default host", f"dnat ip to {to}") for line in rules):
            yield f"{to} is not the default host"


def _says(line: str, *parts: str) -> bool:
    """Whether a rule says all of that; not only as the beginning of a longer word."""
    return all(re.search(rf"{re.escape(part)}(?![0-9.-])", line) for part in parts)
