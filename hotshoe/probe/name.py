"""Where the name leads: what several resolvers tell cameras, and who has the last word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from hotshoe.probe import dns
from hotshoe.probe.addresses import is_address, why_unreachable
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
from hotshoe.probe.teller import Teller

_SYSTEM = "this computer's own resolver"
# A home has few addresses; each that does not answer costs seconds.
_MOST_DIALLED = 4


@dataclass
class Answers:
    """What was answered about a name.

    :param addresses: whom one asked -> the IPv4 addresses, none if there is no such record
    :param addresses6: the same of IPv6
    :param authority: the authoritative server that answered; empty if none did
    :param failed: the resolvers that did not answer
    :param ttl: for how many seconds the record may be kept
    """

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    addresses6: dict[str, tuple[str, ...]] = field(default_factory=dict)
    authority: str = ""
    failed: list[str] = field(default_factory=list)
    ttl: int | None = None

    @property
    def truth(self) -> tuple[str, ...]:
        """What the authoritative server says, or else what most resolvers say."""
        if self.authority:
            return self.addresses[self.authority]
        answers = list(self.addresses.values())
        return max(answers, key=answers.count, default=())


def ask(order: Order, *, port: int = 53) -> Answers:
    """Ask everybody at once."""
    said = Answers()
    with ThreadPoolExecutor(max_workers=2 * len(order.resolvers) + 3) as pool:
        asked = {
            (resolver, kind): pool.submit(
                dns.ask, resolver, order.hostname, kind, order.patience, port=port
            )
            for resolver in order.resolvers
            for kind in (dns.A, dns.AAAA)
        }
        authority = pool.submit(_authority, order, port)
        system = pool.submit(dns.ask_system, order.hostname, order.patience)
        for (resolver, kind), future in asked.items():
            _take(said, resolver, kind, future)
    found = authority.result()
    if found is not None:
        server, answer = found
        said.authority = f"the authoritative server {server}"
        said.addresses[said.authority] = tuple(sorted(answer.values(dns.A)))
        said.ttl = answer.ttl(dns.A)
    if addresses := system.result():
        said.addresses[_SYSTEM] = tuple(sorted(a for a in addresses if is_address(a)))
        said.addresses6[_SYSTEM] = tuple(sorted(a for a in addresses if not is_address(a)))
    return said


def _take(said: Answers, resolver: str, kind: int, future: Future[dns.Answer]) -> None:
    try:
        answer = future.result()
        # REFUSED or SERVFAIL is no answer about the name.
        if answer.code not in (0, dns.NAME_ERROR):
            raise dns.NoAnswerError
    except dns.NoAnswerError:
        if resolver not in said.failed:
            said.failed.append(resolver)
        return
    of_kind = said.addresses if kind == dns.A else said.addresses6
    of_kind[f"resolver {resolver}"] = tuple(sorted(answer.values(kind)))


def _authority(order: Order, port: int) -> tuple[str, dns.Answer] | None:
    for resolver in order.resolvers:
        try:
            return dns.ask_authority(order.hostname, dns.A, resolver, order.patience, port=port)
        except dns.NoAnswerError:
            continue
    return None


@dataclass(frozen=True)
class _Fault:
    """Something that is wrong with where the name leads."""

    status: Status
    problem: Problem
    evidence: str


def look(
    teller: Teller, said: Answers, own: str, inside: bool, answers: Callable[[str], bool]
) -> str | None:
    """Tell where the name leads.

    :param own: this computer's address
    :param inside: whether it is in the home
    :param answers: whether the home's server answers at an address
    :returns: the address to dial; None if there is none
    """
    order, truth = teller.order, said.truth
    dialled = _choose(order, truth, answers)
    data = {
        "address": dialled,
        "truth": list(truth),
        "answers": {whom: list(addresses) for whom, addresses in said.addresses.items()},
        "answers6": {whom: list(addresses) for whom, addresses in said.addresses6.items()},
        "failed": said.failed,
        "ttl": said.ttl,
        "own": own,
        "inside": inside,
    }
    aside = dialled and dialled not in truth
    instead = f"; the home's address {dialled} is dialled instead" if aside else ""
    faults = list(_faults(order, said, inside))
    for fault in faults:
        evidence = fault.evidence + (instead if fault is faults[0] else "")
        teller.result(Result(Layer.NAME, fault.status, evidence, fault.problem, data))
    if not faults:
        silent = f"; no answer from {', '.join(said.failed)}" if said.failed else ""
        evidence = f"{order.hostname} leads to {_tell(truth)}, say {', '.join(said.addresses)}"
        teller.fine(Layer.NAME, evidence + silent, **data)
    return dialled


def _tell(addresses: Iterable[str]) -> str:
    return " and ".join(addresses) or "no address"


def _faults(order: Order, said: Answers, inside: bool) -> Iterator[_Fault]:
    if not said.addresses:
        yield _Fault(Status.UNKNOWN, Problem.NAME_UNASKED, "no resolver answered")
        return
    name, truth = order.hostname, said.truth
    by = f"{said.authority} says" if said.authority else "the resolvers say"
    if not truth:
        evidence = f"{name} has no A record, {by}"
        yield _Fault(Status.FAIL, Problem.NAME_MISSING, evidence)
    unreachable = {a: why for a in truth if a not in order.public and (why := why_unreachable(a))}
    if unreachable and not (inside and truth == (order.server,)):
        evidence = "; ".join(f"{name} leads to {a}, and {why}" for a, why in unreachable.items())
        yield _Fault(Status.FAIL, Problem.NAME_PRIVATE, evidence)
    if order.public and set(truth) - {*order.public, *unreachable}:
        evidence = f"{name} leads to {_tell(truth)}, and the home is at {_tell(order.public)}"
        yield _Fault(Status.FAIL, Problem.NAME_ELSEWHERE, evidence)
    # Inside, the home's own resolver may know the server by its own address (split DNS).
    differing = {
        whom: addresses
        for whom, addresses in said.addresses.items()
        if addresses != truth and not (inside and addresses == (order.server,))
    }
    if differing:
        answers = "; ".join(f"{whom} says {_tell(a)}" for whom, a in differing.items())
        # Of others than the authoritative server: cameras ask them.
        agreeing = len(said.addresses) - len(differing) - bool(said.authority)
        status = Status.WARNING if agreeing else Status.FAIL
        yield _Fault(status, Problem.NAME_DIFFERS, f"{answers}, and {by} {_tell(truth)}")
    foreign6 = {a for addresses in said.addresses6.values() for a in addresses} - {order.address6}
    if foreign6:
        evidence = f"{name} has the IPv6 address {_tell(sorted(foreign6))}, and the server has "
        evidence += order.address6 or "none"
        yield _Fault(Status.WARNING, Problem.NAME_AAAA, evidence)


def _choose(order: Order, truth: tuple[str, ...], answers: Callable[[str], bool]) -> str | None:
    """The address at which to look at the rest."""
    known = [address for address in truth if address in order.public]
    reachable = [address for address in truth if not why_unreachable(address)]
    if known:
        return known[0]
    if not order.public:
        return next(iter(reachable or truth), None)
    # Perhaps it is what the order says of the home's address that is out of date.
    return next((a for a in reachable[:_MOST_DIALLED] if answers(a)), order.public[0])
