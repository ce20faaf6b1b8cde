"""The host name, and the address that it leads to."""

from __future__ import annotations

from hotshoe.check.case import Case, Entries, Explanation, at_no_box
from hotshoe.errors import escaped
from hotshoe.plan.manual_setup import Menu
from hotshoe.plan.model import Plan
from hotshoe.probe.layers import Problem
from hotshoe.probe.result import Result


def _missing(case: Case, _: Result) -> Explanation:
    if updater := updates_record(case):
        return Explanation(
            updater,
            f"{updater} has not made the record yet, or its provider takes no update from it",
            _watch_updater(case, updater),
        )
    return Explanation(
        "",
        f"nobody has made an A record for {case.plan.hostname}",
        f"at your DNS provider, make an A record for {case.plan.hostname} with {_home(case.plan)}",
    )


def _elsewhere(case: Case, result: Result) -> Explanation:
    outer = case.box(case.outermost)
    answers = result.data.get("answers", {})
    told = {address for addresses in answers.values() for address in addresses}
    told |= set(result.data.get("truth", ()))
    found = next((a for a in outer.addresses if a in told), None) if outer else None
    if case.plan.public_address and outer and found:
        return Explanation(
            "",
            f"{outer.name} has that address outside, so the Site names an older one",
            f"write public_address: {found} in the Site, or public_address: dynamic if the "
            "provider changes it, and deploy again",
        )
    return _record(case, "the record still has an older address, or another one was typed")


def _private(case: Case, _: Result) -> Explanation:
    return _record(
        case,
        "the record has an address that works inside a network only: a router's WAN address behind "
        "another router, or behind carrier-grade NAT, was published",
    )


def _aaaa(case: Case, _: Result) -> Explanation:
    own = case.server.address6
    right = f"make it {own}" if own else "remove the AAAA record, or give the server address6"
    return Explanation(
        "",
        "the name has an AAAA record that does not lead to the server, which a client with IPv6 "
        "dials first; a router's own DDNS client often adds one",
        f"at your DNS provider, {right}",
    )


def _record(case: Case, cause: str) -> Explanation:
    if updater := updates_record(case):
        return Explanation(updater, cause, _watch_updater(case, updater))
    return Explanation("", cause, f"at your DNS provider, make the A record {_home(case.plan)}")


def _home(plan: Plan) -> str:
    return str(plan.public_address or "the home's public address")


def updates_record(case: Case) -> str:
    """The box that keeps the name's record; empty if none of the home's does."""
    if case.plan.ddns is None or case.plan.ddns.updated_by == "none":
        return ""
    routers = [router.name for router in case.plan.routers if router.ddns]
    follows = [s.name for s in case.plan.servers if s.follower and s.follower.update]
    return next(iter((*routers, *follows)), "")


def _watch_updater(case: Case, updater: str) -> str:
    if case.by_hand(updater):
        return f"compare {updater} with its worksheet, at “{Menu.DDNS}”"
    if updater in {server.name for server in case.plan.servers}:
        return f"see why on {updater}: journalctl -u hotshoe-address"
    return f"see why on {updater}: logread -e ddns"


def _ddns_failing(case: Case, _: Result) -> Explanation:
    box = updates_record(case) or case.server.name
    said = f": {escaped(case.view.ddns)}" if case.view and case.view.ddns else ""
    return Explanation(
        box,
        f"the public address is not followed, or the name's record is not updated{said}",
        f"{_watch_updater(case, box)}; ddns and ddns_secret have to fit the account at the "
        "provider",
    )


ENTRIES: Entries = {
    Problem.NAME_MISSING: _missing,
    Problem.NAME_ELSEWHERE: _elsewhere,
    Problem.NAME_PRIVATE: _private,
    Problem.NAME_DIFFERS: at_no_box(
        "the record was changed a short while ago, and resolvers still know the older one",
        "wait until its time to live (TTL) has passed, and check again; at the provider, a TTL of "
        "60 s suits an address that changes",
    ),
    Problem.NAME_AAAA: _aaaa,
    Problem.NAME_UNASKED: at_no_box(
        "no resolver answered: the network from which this was checked has no Internet, or lets no "
        "DNS out",
        "check from another network",
    ),
    Problem.DDNS_FAILING: _ddns_failing,
}
