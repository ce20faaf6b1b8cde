"""Where a name leads: resolvers, and who has the last word."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from hotshoe.probe import dns, name
from hotshoe.probe.dns import AAAA, CNAME, NS, A
from hotshoe.probe.order import Control, Order
from hotshoe.probe.result import Result
from hotshoe.probe.teller import Teller
from tests.unit.probe.nameserver import NameServer, Records, zone

NAME, HOME, SERVER = "photos.example.net", "203.0.113.20", "192.168.1.10"
FIRST, SECOND, AUTHORITY = "127.0.0.2", "127.0.0.3", "127.0.0.4"
ORDER = Order(
    run="abc123",
    hostname=NAME,
    public=(HOME,),
    address6=None,
    inside=("192.168.1.0/24",),
    server=SERVER,
    controls=(Control(21, "explicit"),),
    passive=(50000, 50099),
    versions=("1.2",),
    root=None,
    user="r5",
    password=None,
    sessions=8,
    quick=False,
    slow_seconds=0,
    patience=0.4,
    resolvers=(FIRST, SECOND),
)


def changed(**changes: object) -> Order:
    return Order(**{**vars(ORDER), **changes})


def look(
    first: Records | None,
    second: Records | None,
    authority: Records | None,
    order: Order = ORDER,
    *,
    system: list[str] | None = None,
    inside: bool = False,
    answering: tuple[str, ...] = (),
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[str | None, list[Result]]:
    """What is told if these answer; None does not."""
    monkeypatch.setattr(dns, "ask_system", lambda *_: system)
    found: list[Result] = []
    teller = Teller(order, found.append, lambda _: None)
    with ExitStack() as stack:
        port = 0
        for address, records in ((FIRST, first), (SECOND, second), (AUTHORITY, authority)):
            server = NameServer(records or {}, address, port, silent=records is None)
            port = stack.enter_context(server).port
        said = name.ask(order, port=port)
    address = name.look(teller, said, "198.51.100.9", inside, lambda a: a in answering)
    return address, found


def at(address: str | None) -> Records:
    return zone(NAME, address, "ns1.example.net", AUTHORITY)


def told(found: list[Result]) -> list[tuple[str, str | None]]:
    return [(each.status.value, each.problem.name if each.problem else None) for each in found]


STALE = "198.51.100.77"


@pytest.mark.parametrize(
    ("first", "second", "authority", "expected", "dialled"),
    [
        (HOME, HOME, HOME, [("pass", None)], HOME),
        ("", "", "", [("fail", "NAME_MISSING")], HOME),
        (STALE, STALE, STALE, [("fail", "NAME_ELSEWHERE")], HOME),
        (SERVER, SERVER, SERVER, [("fail", "NAME_PRIVATE")], HOME),
        (*["100.64.3.4"] * 3, [("fail", "NAME_PRIVATE")], HOME),
        (STALE, HOME, HOME, [("warning", "NAME_DIFFERS")], HOME),
        (STALE, STALE, HOME, [("fail", "NAME_DIFFERS")], HOME),
        ("", HOME, HOME, [("warning", "NAME_DIFFERS")], HOME),
        (None, HOME, HOME, [("pass", None)], HOME),
        (None, None, HOME, [("cannot tell", "NAME_UNASKED")], HOME),
        (HOME, HOME, None, [("pass", None)], HOME),
    ],
)
def test_where_the_name_leads_is_told(monkeypatch, first, second, authority, expected, dialled):
    servers = [None if each is None else at(each) for each in (first, second, authority)]
    address, found = look(*servers, monkeypatch=monkeypatch)
    assert told(found) == expected
    assert address == dialled
    assert found[0].data["address"] == dialled


def test_where_nothing_answers_for_sure_there_is_no_address(monkeypatch):
    address, found = look(at(""), at(""), at(""), changed(public=()), monkeypatch=monkeypatch)
    assert (address, told(found)) == (None, [("fail", "NAME_MISSING")])


def test_a_public_address_that_changes_is_what_the_authority_says(monkeypatch):
    order = changed(public=())
    address, found = look(at(STALE), at(HOME), at(HOME), order, monkeypatch=monkeypatch)
    assert (address, told(found)) == (HOME, [("warning", "NAME_DIFFERS")])
    assert f"resolver {FIRST} says {STALE}" in found[0].evidence


def test_an_ipv6_address_that_is_not_the_server_s_is_told(monkeypatch):
    records = at(HOME) | {(NAME, AAAA): ["2001:db8::1"]}
    _, found = look(records, records, records, monkeypatch=monkeypatch)
    assert told(found) == [("warning", "NAME_AAAA")]
    order = changed(address6="2001:db8::1")
    _, found = look(records, records, records, order, monkeypatch=monkeypatch)
    assert told(found) == [("pass", None)]


def test_a_name_that_leads_to_the_home_nevertheless_is_dialled(monkeypatch):
    """The order may be what is out of date."""
    new = "203.0.113.99"
    records = at(new)
    address, found = look(records, records, records, answering=(new,), monkeypatch=monkeypatch)
    assert (address, told(found)) == (new, [("fail", "NAME_ELSEWHERE")])


def test_of_many_addresses_that_are_not_the_home_s_few_are_dialled(monkeypatch):
    records, dialled = at(None), list[str]()
    records[NAME, A] = [f"203.0.113.{number}" for number in range(100, 125)]
    monkeypatch.setattr(dns, "ask_system", lambda *_: None)
    with NameServer(records, FIRST) as first, NameServer(records, SECOND, first.port):
        said = name.ask(ORDER, port=first.port)
    teller = Teller(ORDER, lambda _: None, lambda _: None)
    assert name.look(teller, said, "198.51.100.9", False, lambda a: bool(dialled.append(a))) == HOME
    assert len(dialled) == 4


@pytest.mark.parametrize(("inside", "expected"), [(True, "pass"), (False, "warning")])
def test_inside_the_home_s_own_resolver_may_know_the_server_by_its_own_address(
    monkeypatch, inside, expected
):
    _, found = look(
        at(HOME), at(HOME), at(HOME), system=[SERVER], inside=inside, monkeypatch=monkeypatch
    )
    assert [each.status.value for each in found] == [expected]


def test_an_alias_is_followed_to_who_has_the_last_word(monkeypatch):
    records = at(None) | {
        (NAME, CNAME): ["home.dyn.example.org"],
        ("home.dyn.example.org", A): [HOME],
        ("dyn.example.org", NS): ["ns.example.org"],
        ("ns.example.org", A): [AUTHORITY],
    }
    address, found = look(records, records, records, monkeypatch=monkeypatch)
    assert (address, told(found)) == (HOME, [("pass", None)])
    alone: Records = {(NAME, CNAME): ["home.dyn.example.org"], ("home.dyn.example.org", A): [HOME]}
    with (
        NameServer(records, FIRST) as resolver,
        NameServer(alone, AUTHORITY, resolver.port),
    ):
        asked = dns.ask_authority(NAME, A, FIRST, 0.4, port=resolver.port)
    assert asked is not None
    assert asked[1].values(A) == (HOME,)


def test_the_authority_is_asked_without_recursion():
    records = at(HOME)
    with (
        NameServer(records, FIRST) as resolver,
        NameServer(records, AUTHORITY, resolver.port) as authority,
    ):
        asked = dns.ask_authority(NAME, A, FIRST, 0.4, port=resolver.port)
    assert asked is not None
    assert asked[0] == "ns1.example.net"
    assert authority.asked == [(NAME, A, False)]
    assert {recursion for _, _, recursion in resolver.asked} == {True}


def test_what_is_too_long_for_udp_comes_by_tcp():
    with NameServer(at(HOME), truncated=True) as server:
        answer = dns.ask("127.0.0.1", NAME, A, 1, port=server.port)
    assert answer.values(A) == (HOME,)
    assert answer.ttl(A) == 300


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for():
    began = time.monotonic()
    with (
        NameServer(at(HOME), truncated=True, dripping=0.2) as server,
        pytest.raises(dns.NoAnswerError),
    ):
        dns.ask("127.0.0.1", NAME, A, 0.4, port=server.port)
    # All of it would take ten.
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "garbage", [b"\0", b"\x81\x80" + b"\0\1" * 4, b"\x81\x80" + b"\0\1" * 4 + b"\xc0\x0c" * 9]
)
def test_what_is_no_dns_is_no_answer(garbage):
    with (
        NameServer({}, garbage=garbage) as server,
        pytest.raises(dns.NoAnswerError),
    ):
        dns.ask("127.0.0.1", NAME, A, 0.2, port=server.port)


def test_a_name_server_with_a_name_that_nobody_can_ask_for_does_not_end_the_check(monkeypatch):
    records = zone(NAME, HOME, "n\xfc.example.net", AUTHORITY)
    address, found = look(records, records, records, monkeypatch=monkeypatch)
    assert (address, told(found)) == (HOME, [("pass", None)])


@pytest.mark.parametrize("code", [2, 5])
def test_a_resolver_that_fails_or_refuses_says_nothing_about_the_name(monkeypatch, code):
    monkeypatch.setattr(dns, "ask_system", lambda *_: None)
    with (
        NameServer({}, FIRST, code=code) as refusing,
        NameServer(at(HOME), SECOND, refusing.port),
        NameServer(at(HOME), AUTHORITY, refusing.port),
    ):
        said = name.ask(ORDER, port=refusing.port)
    assert said.failed == [FIRST]
    assert list(said.addresses) == [f"resolver {SECOND}"]
