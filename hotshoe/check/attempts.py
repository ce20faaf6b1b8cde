"""What a camera's attempts mean, in plain words.

Three things are put together: what the journal of the server tells (log-ins, uploads, what became
of photos), what its kernel sees of connections (that they begin and end, and the alerts by which
TLS ends before anything is encrypted), and what the routers on the way see of those that never
arrive. vsftpd itself says nothing of a client that hangs up before it has logged in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address

from hotshoe.check import hops
from hotshoe.check.box_state import Sets, packets
from hotshoe.check.inside import ALERTS
from hotshoe.check.model import InsideView, Packet
from hotshoe.plan.model import Plan, RouterPlan, ServerPlan
from hotshoe.remote.events import Event, Kind

# What the journal has to tell of a connection may come so much later than its end.
GRACE = 2
# The same while an upload of its camera is under way: vsftpd tells of that when it ends, which may
# be after the end of the session. That it begins, hotshoe-intake tells at once.
GRACE_OF_UPLOADS = 30
# A connection that a router passed on and that has not arrived by then, while it was tried anew, is
# lost.
LOST_AFTER = 4
_LINE = re.compile(
    r"\[(?P<user>[^\]]*)\] (?P<what>(?:OK|FAIL) (?:LOGIN|UPLOAD|MKDIR)): "
    r'Client "(?:::ffff:)?(?P<address>[0-9.]+)"(?:, "(?P<path>.*?)")?(?:, (?P<size>[0-9]+) bytes)?'
)
_ENDED = re.compile(r"ended (?P<number>[0-9]+) of (?P<address>[0-9.]+), not logged in ")
# Which alerts mean what; the rest is told by its name.
_DISTRUST = ("bad_certificate", "unsupported_certificate", "certificate_unknown", "unknown_ca")
_NOTHING_SHARED = ("handshake_failure", "protocol_version", "insufficient_security")


@dataclass(frozen=True)
class Notice:
    """Something that happened.

    :param at: when it was noticed
    :param server: at which server, or on the way to it
    :param text: what it was, in plain words; safe for a terminal only after
        :func:`hotshoe.errors.escaped`
    :param fine: whether it is as it should be; None if it is neither good nor bad
    """

    at: datetime
    server: str
    text: str
    fine: bool | None = None


Said = tuple[str, bool | None]


@dataclass
class _Attempt:
    """A control connection.

    :param began: before when it was not there, by the monotonic clock
    :param ended: when its end was seen
    """

    began: float
    ended: float | None = None


@dataclass
class _LogIn:
    """A log-in that was told; which connection it was on is not.

    :param at: when it was told, by the monotonic clock
    :param user: the camera; empty if it was refused
    :param process: the number of the process that it was told by
    :param uploads: whether the camera sent anything since, whatever became of it
    """

    at: float
    user: str
    process: int
    uploads: bool = False


@dataclass
class Story:
    """What is known of the attempts at one server; it makes sentences of news.

    :param plan: of the home
    :param server: the server
    """

    plan: Plan
    server: ServerPlan
    _attempts: dict[tuple[str, ...], _Attempt] = field(default_factory=dict)
    _over: set[tuple[str, ...]] = field(default_factory=set)
    _looked: float | None = None
    _log_ins: dict[str, list[_LogIn]] = field(default_factory=dict)
    _under_way: dict[str, set[str]] = field(default_factory=dict)
    _ended_here: Counter[str] = field(default_factory=Counter)
    _tried_sftp: set[tuple[str, str]] = field(default_factory=set)
    _flooding: set[str] = field(default_factory=set)
    _sets: dict[str, Sets] = field(default_factory=dict)
    _dialled: dict[Packet, float] = field(default_factory=dict)
    _lost: set[Packet] = field(default_factory=set)

    # -- the journal

    def line(self, unit: str, message: str, now: float, process: int = 0) -> Iterator[Said]:
        """What a line of the journal means.

        :param unit: the unit that wrote it
        :param now: by the monotonic clock
        :param process: the number of the process that wrote it
        """
        if unit == "hotshoe-sessions.service":
            if message.startswith("ended "):
                yield f"hotshoe {message}", False
            if ended := _ENDED.match(message):
                self._ended_here[ended["address"]] += int(ended["number"])
            return
        if not (found := _LINE.match(message)):
            return
        user, address, path = found["user"], found["address"], found["path"] or ""
        name = path.rpartition("/")[2]
        match found["what"]:
            case "OK LOGIN":
                self._log_ins.setdefault(address, []).append(_LogIn(now, user, process))
                yield f"{user} logs in, from {address}", True
            case "FAIL LOGIN":
                self._log_ins.setdefault(address, []).append(_LogIn(now, "", process))
                if user in self.server.cameras:
                    yield f"the password of {user} is wrong, from {address}", False
                elif user.strip().lower() in self.server.cameras:
                    # Keyboards of cameras begin with a capital.
                    name = user.strip().lower()
                    text = f"{address} logs in as {user!r}, and the user name is {name!r}"
                    yield f"{text}: small letters, and no space", False
                else:
                    yield f"{address} logs in as {user}, and no camera is called so", False
            case "OK UPLOAD":
                self._sent(address, process)
            case "FAIL UPLOAD":
                self._sent(address, process)
                if not int(found["size"] or 0):
                    yield f"{user}: {name} was refused, or nothing of it came", False
            case "FAIL MKDIR":
                # Cameras make their folders anew in each session, whether they are there or not.
                yield f"{user}: the folder {path} is there already, or may not be made", None

    def _sent(self, address: str, process: int) -> None:
        """Somebody has sent something: the process that does was begun by the log-in."""
        older = [each for each in self._log_ins.get(address, []) if each.process < process]
        if older:
            max(older, key=lambda each: each.process).uploads = True

    def event(self, event: Event) -> Iterator[Said]:
        """What hotshoe-intake tells of an upload."""
        who = event.camera or "all cameras"
        under_way = self._under_way.setdefault(event.camera, set())
        if event.kind is Kind.ARRIVING:
            under_way.add(event.name)
        else:
            under_way.discard(event.name)
        why = f": {event.reason}" if event.reason else ""
        match event.kind:
            case Kind.ARRIVING:
                yield f"{who} sends {event.name}", None
            case Kind.LIBRARY:
                yield f"{who}: {event.name} arrived whole, and is {event.path}", True
            case Kind.COPY:
                yield f"{who}: {event.name} was there already, and is {event.path}", True
            case Kind.INCOMPLETE | Kind.UNPROVEN:
                size = f" after {event.size} bytes" if event.size is not None else ""
                yield f"{who}: {event.name} broke off{size}{why}", False
            case Kind.FULL:
                yield f"{who}: there is no room, and uploads are refused{why}", False
            case Kind.ROOM:
                yield f"{who}: there is room again", True
            case _:
                pass

    # -- the boxes

    def looked(self, box: str, sets: Sets, now: float) -> Iterator[Said]:
        """What a look at the kernel of a router or server tells.

        :param box: its name
        :param now: by the monotonic clock
        """
        self._sets[box] = sets
        yield from self._sftp(box, sets)
        if box == self.server.name:
            yield from self._connections(sets, now)
            yield from self._limits(sets)
        yield from self._losses(now)

    def _sftp(self, box: str, sets: Sets) -> Iterator[Said]:
        tried = {(box, address) for (address,) in sets.get("sftp", ())}
        for _, address in sorted(tried - self._tried_sftp):
            yield (
                f"{address} tries port 22, SSH or SFTP: if that is the camera, choose FTPS "
                f"and port {self.server.control_port} in its menu",
                False,
            )
        self._tried_sftp |= tried

    def _limits(self, sets: Sets) -> Iterator[Said]:
        flooding = {address for (address, *_) in sets.get("flooding4", ())}
        for address in sorted(flooding - self._flooding):
            yield (
                f"{address} opens too many connections; new ones are dropped until it has paused "
                "for some seconds",
                False,
            )
        self._flooding = flooding

    def _connections(self, sets: Sets, now: float) -> Iterator[Said]:
        said: list[Said] = []
        # What a look has not seen yet began after it; on a busy computer, looks are far apart.
        since = (now if self._looked is None else self._looked) - GRACE
        self._looked = now
        for key in sorted(sets.get("began", ())):
            if key not in self._attempts and key not in self._over:
                self._attempts[key] = _Attempt(since)
                said.append((f"{key[0]} connects to port {key[2]}", None))
        self._over &= set(sets.get("began", ()))
        ended = sets.get("ended", ())
        # Log-ins of connections that were there before, or were missed.
        here = {address for address, _, _ in self._attempts}
        for address, log_ins in self._log_ins.items():
            if address not in here:
                log_ins[:] = [each for each in log_ins if each.at > since]
        for key, attempt in list(self._attempts.items()):
            if attempt.ended is None and key in ended:
                attempt.ended = now
            if attempt.ended is not None and now - attempt.ended >= self._grace(key[0]):
                del self._attempts[key]
                self._over.add(key)
                said += self._end(key, attempt, sets)
        # Strangers come by the hundred.
        for (text, fine), times in Counter(said).items():
            yield (f"{text} ({times} times)" if times > 1 else text), fine

    def _grace(self, address: str) -> int:
        """How long after the end of a connection the journal may still tell of it, in seconds."""
        users = {each.user for each in self._log_ins.get(address, ())}
        sends = any(self._under_way.get(user) for user in users)
        return GRACE_OF_UPLOADS if sends else GRACE

    def _end(self, key: tuple[str, ...], attempt: _Attempt, sets: Sets) -> Iterator[Said]:
        """How a connection ended, if nothing else has told that."""
        address, port, control = key
        mark = (address, port)
        began_tls = mark in sets["hello"] if "hello" in sets else None
        # Nobody has told it that TLS may begin; how it takes the banner differs.
        unasked = began_tls and "reply_234" in sets and mark not in sets["reply_234"]
        if unasked and int(control) in self._explicit:
            yield f"{address} {self._began_at_once()}", False
            return
        for side in ("client", "server"):
            for code, alert in ALERTS.items():
                if (address, port) in sets.get(f"{side}_{code}", ()):
                    yield _alert(address, side, alert), False
                    return
        # Without TLS, a wrong password is answered so, too, and the journal tells of it.
        if mark in sets.get("reply_530", ()) and int(control) in self._explicit:
            yield f"{address} {self._began_at_once() if began_tls else _NO_TLS}", False
            return
        if mark in sets.get("reply_421", ()):
            yield f"{address} {_NO_PLACE}", False
            return
        # Its log-in may have been told before the connection was seen.
        log_ins = self._log_ins.get(address, [])
        own = [each for each in log_ins if each.at > attempt.began]
        if not own:
            if self._ended_here[address]:
                # Which has been told.
                self._ended_here[address] -= 1
            else:
                implicit = int(control) in self._implicit
                yield f"{address} hung up before it logged in{_hint(implicit, began_tls)}", False
            return
        # Of several sessions of one camera, those that sent something end first.
        ended = next((each for each in own if each.uploads or not each.user), own[0])
        log_ins.remove(ended)
        if ended.user and not ended.uploads:
            yield (
                f"{ended.user} left without an upload: it may have tried active mode, or a folder "
                "or command that is refused, or only tested the connection",
                None,
            )

    def _began_at_once(self) -> str:
        others = "".join(f", or port {port}" for port in sorted(self._implicit))
        return (
            "begins TLS at once, as implicit FTPS does, at the port of explicit FTPS: choose "
            f"explicit{others}"
        )

    @property
    def _implicit(self) -> set[int]:
        """The control ports at which TLS begins at once."""
        return {each.port for each in self.server.control_ports if each.tls == "implicit"}

    @property
    def _explicit(self) -> set[int]:
        """Those at which it begins when a client asks for it."""
        return {each.port for each in self.server.control_ports if each.tls == "explicit"}

    def _losses(self, now: float) -> Iterator[Said]:
        """Connections that a router saw, and that did not get into the server."""
        passed = packets(self._sets.get(self.server.name, {}), "passed")
        if passed is None:
            return
        inside = [network for router in self._routers for network in router.inside]
        seen: set[Packet] = set()
        for name in (*(router.name for router in self._routers), self.server.name):
            seen |= packets(self._sets.get(name, {}), "arrived") or frozenset()
        # A router that masks sources lets them look like its own.
        masked = {packet.port for packet in passed if packet.source in self._masks}
        self._dialled = {p: self._dialled.get(p, now) for p in seen - passed}
        self._lost &= seen
        for packet, since in sorted(self._dialled.items(), key=lambda pair: pair[0].port):
            source = IPv4Address(packet.source)
            if packet in self._lost or packet.port in masked or now - since < LOST_AFTER:
                continue
            if not any(source in network for network in inside):
                self._lost.add(packet)
                yield self._loss(packet), False

    @property
    def _routers(self) -> tuple[RouterPlan, ...]:
        return self.plan.routers_to(self.server)

    @property
    def _masks(self) -> frozenset[str]:
        return hops.addresses(self.plan, InsideView((), None))

    def _loss(self, packet: Packet) -> str:
        names = (*(router.name for router in self._routers), self.server.name)
        chain = [hops.Hop(name, *self._both(name)) for name in names]
        (loss,) = hops.trace(chain, [packet.port], [packet.source])
        return f"{packet.source} dials port {loss}"

    def _both(self, box: str) -> tuple[frozenset[Packet] | None, frozenset[Packet] | None]:
        sets = self._sets.get(box, {})
        return packets(sets, "arrived"), packets(sets, "passed")


_NO_TLS = "logs in without TLS, which is refused: choose FTPS, not FTP"
_NO_PLACE = (
    "got no place, or lost it before it logged in: too many sessions are open, or it waited for "
    "too long"
)


def _hint(implicit: bool, began_tls: bool | None) -> str:
    """Why somebody may have hung up.

    :param implicit: whether TLS begins at once at that port
    :param began_tls: whether it has begun; None if that is not known
    """
    if began_tls is None:
        return ": it may not trust the certificate, or speak another TLS"
    if began_tls:
        return ", in the middle of TLS: most likely it does not trust the certificate"
    if implicit:
        return ", and never began TLS: choose implicit FTPS, or the port of explicit FTPS"
    return ", and never began TLS: choose FTPS, explicit; or it was no camera"


def _alert(address: str, side: str, alert: str) -> str:
    if alert in _NOTHING_SHARED:
        whose = "it" if side == "client" else "the server"
        return (
            f"{address} and the server have no version of TLS and no cipher suite in common: "
            f"{whose} says {alert}"
        )
    if side == "client" and alert in _DISTRUST:
        return (
            f"{address} does not trust the certificate ({alert}): load the root certificate onto "
            "it, dial the name and not the address, and look at its clock"
        )
    if side == "client" and alert == "certificate_expired":
        return f"{address} takes the certificate for expired: look at its clock"
    whose = "it" if side == "client" else "the server"
    return f"{address}: TLS ended before the log-in: {whose} says {alert}"
