"""What a worksheet says around the rows: in which order to work, what to do if a router cannot do
something, and how to see that it works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hotshoe.plan.manual_setup import by_hand
from hotshoe.plan.model import Plan, RouterPlan, ServerPlan


@dataclass(frozen=True)
class Step:
    """One step of the work on a home.

    :param short: in a word or two
    :param text: in a sentence or two
    :param here: whether it is the router of this page
    """

    short: str
    text: str
    here: bool = False


def order_of_work(plan: Plan, site: str, here: RouterPlan) -> tuple[Step, ...]:
    """The order of all work on a home.

    :param site: the Site's name
    :param here: the router of the page
    """
    name = "" if site == "home" else f" {site}"
    return (
        *_note(here),
        *_name(plan),
        *(
            Step(router.name, f"Set up {router.name}, by its worksheet.", router == here)
            for router in by_hand(plan)
        ),
        Step(
            "deploy",
            f"Deploy: pyinfra inventories/{site}.py deploy.py sets up {_deployed(plan)}.",
        ),
        Step("check", f"hotshoe check{name} tries everything that a camera will do."),
        Step("cameras", f"hotshoe sheet{name} says what to enter on each camera."),
    )


def _note(here: RouterPlan) -> Iterator[Step]:
    text = f"Save the settings of {here.name} in a file, if it can, before you change them."
    yield Step("save", text)


def _name(plan: Plan) -> Iterator[Step]:
    """Who makes the name lead to the home, and how."""
    if any(server.only_on for server in plan.servers):
        return
    server = plan.servers[0]
    also = "; the certificate authority asks there" if server.challenge_port else ""
    if plan.public_address:
        sixes = dict.fromkeys(s.address6 for s in plan.servers if s.address6)
        six = (
            f"and AAAA records for {', '.join(map(str, sixes))}" if sixes else "and no AAAA record"
        )
        yield Step(
            "name",
            f"Point the name {plan.hostname} at the address: at your DNS provider, an A record for "
            f"{plan.public_address} {six}{also}.",
        )
        return
    updating = [router.name for router in plan.routers if router.ddns]
    updating += [s.name for s in plan.servers if s.follower and s.follower.update]
    if updating:
        text = (
            f"Have the name {plan.hostname} ready at your DNS provider: {' and '.join(updating)} "
            "points it at the address, and again whenever that changes."
        )
    else:
        text = (
            f"Point the name {plan.hostname} at the address, and again whenever that changes: "
            "nothing of hotshoe's does."
        )
    yield Step("name", text)


def _deployed(plan: Plan) -> str:
    routers = [router.name for router in plan.routers if not router.by_hand]
    names = [host.name for host in plan.hosts if host not in plan.routers]
    *others, last = [*names, *routers]
    return f"{', '.join(others)} and {last}" if others else last


def port_keys(plan: Plan, router: RouterPlan) -> tuple[str, ...]:
    """The keys of the Site that say the ports which a router forwards.

    :param router: one that a person sets up
    """
    return tuple(dict.fromkeys(_port_keys(plan, router)))


def _port_keys(plan: Plan, router: RouterPlan) -> Iterator[str]:
    if router.default_host or any(forward.source is None for forward in router.forwards):
        yield from ("ftp.control_port", "ftp.passive_ports")
    for forward in router.forwards:
        for server in plan.servers:
            if forward.source != server.address:
                continue
            # What it opens besides deliveries, the Site names itself.
            same = [p for p in server.pushes if p.home_address and p.port in forward.service.ports]
            yield from (f"delivery[].{'url' if push.url else 'port'}" for push in same)
            if not same:
                yield "servers[].may_open"


# -- what a router cannot do


def alternatives(router: RouterPlan) -> tuple[tuple[str, str], ...]:
    """What to do if a router cannot do something that its rows want.

    :returns: what it cannot do, and what to do then
    """
    return tuple(_alternatives(router))


def _alternatives(router: RouterPlan) -> Iterator[tuple[str, str]]:
    if any(forward.to not in router.lan.network for forward in router.forwards):
        yield (
            "forward to an address outside its LAN",
            "Let the next router inside translate, with mode: nat or no mode in the Site: then "
            "this one forwards to that router.",
        )
    if any(len(forward.service.ports) > 1 for forward in router.forwards):
        yield (
            "forward a range",
            "Make it its default host (mode: default-host), or say a shorter range as "
            "ftp.passive_ports and enter each of its ports.",
        )
    if router.default_host:
        yield (
            "have a default host",
            "Leave mode: default-host out: then it forwards the ports one by one.",
        )
    limited = [*(f.source for f in router.forwards), *(r.source for r in router.accept_rules)]
    if any(limited):
        yield (
            "restrict a source",
            "Without it, everything on its WAN side may use that rule. Where you do not want that, "
            "leave the rule out, and what it is named after does not work.",
        )
    if router.routes:
        yield (
            "hold a static route",
            "Let the next router inside translate, with mode: nat or no mode in the Site.",
        )
    if not router.masquerade:
        yield (
            "turn NAT off",
            "Leave mode: routed out of the Site: then it translates, and forwards the ports.",
        )
    if router.ddns:
        yield ("update the name", "Write updated_by: server in the Site: then the server does.")
    if router.leases or router.targets:
        yield (
            "reserve an address",
            "Take an address outside of the range that its DHCP server gives, fixed on the device.",
        )
    if router.hairpin:
        yield (
            "do NAT loopback",
            "Cameras still upload from outside. At home, let the home's DNS answer with the "
            "server's own address.",
        )
    yield ("turn the FTP ALG off", "Leave it: with TLS it sees nothing that it could change.")


# -- how to see that it works


def checks(plan: Plan, site: str, router: RouterPlan) -> tuple[str, ...]:
    """How to see that a router does what its rows want.

    :param site: the Site's name
    """
    return (*_dynamic_checks(plan, router), *_passing_checks(plan, site, router))


def _dynamic_checks(plan: Plan, router: RouterPlan) -> Iterator[str]:
    """Whether the address that the provider gives is one that the Internet can reach."""
    follower = plan.servers[0].follower
    if router.wan_address or not follower:
        return
    yield (
        f"The Internet or WAN page of {router.name} shows an IPv4 address that begins neither with "
        "10, 192.168 or 172.16 to 172.31 (private), nor with 100.64 to 100.127 (carrier-grade "
        f"NAT), nor with 192.0.0 (DS-Lite), and {follower.sources[0]} shows the same one to a "
        "computer at home. Otherwise no camera gets in, whatever is entered here: ask the provider "
        "for a public IPv4 address, dynamic or fixed."
    )
    if router.ddns:
        yield (
            f"The dynamic DNS page says that {plan.hostname} was updated, and “nslookup "
            f"{plan.hostname}” shows that address."
        )


def _passing_checks(plan: Plan, site: str, router: RouterPlan) -> tuple[str, ...]:
    still = f"A computer behind {router.name} still reaches the Internet."
    inside = plan.servers_through(router)
    if inside and all(server.only_on for server in inside):
        return (
            still,
            f"From outside, with a phone whose Wi-Fi is off: an FTP app gets no answer from "
            f"{plan.hostname}, since photos come by a direct link alone.",
        )
    if inside:
        return (still, *(_from_outside(plan, server) for server in inside), _whole_range(site))
    outside = " and ".join(server.name for server in plan.servers)
    return (
        still,
        f"From {outside}, nothing behind {router.name} answers that is not allowed above.",
    )


def _from_outside(plan: Plan, server: ServerPlan) -> str:
    """What a phone sees; it fails for good reasons before the server is deployed."""
    ports = " or ".join(f"{control.port} ({control.tls} FTPS)" for control in server.control_ports)
    return (
        f"After {server.name} is deployed, from outside, with a phone whose Wi-Fi is off: an "
        f"app that speaks FTPS, not only FTP or SFTP, reaches {plan.hostname}, port {ports}, logs "
        f"in as {server.cameras[0]}, and uploads a photo. If it logs in and the upload fails, look "
        f"at the forward of the passive ports {server.passive}."
    )


def _whole_range(site: str) -> str:
    name = "" if site == "home" else f" {site}"
    return (
        f"From a computer outside, hotshoe check{name} --from ssh://HOST, or the file that "
        "--single-file writes for a friend, tries every passive port, and tells where one ends."
    )
