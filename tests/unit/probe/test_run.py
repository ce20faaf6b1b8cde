"""A look at a server on loopback, in which one thing at a time is wrong."""

from __future__ import annotations

import errno
import hashlib
import threading

import pytest

from hotshoe.probe import passive, refusals, session
from hotshoe.probe.connection import Reply
from hotshoe.probe.layers import Layer, Status
from hotshoe.probe.order import Control
from hotshoe.probe.result import Result
from hotshoe.probe.session import RefusedError, Way
from tests.unit.probe.server import Faults, Server, results

pytestmark = pytest.mark.usefixtures("dials_loopback")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passive, "_PAUSE", 0.05)
    monkeypatch.setattr(session, "DATA_PATIENCE", 0.3)
    monkeypatch.setattr(passive, "DATA_PATIENCE", 0.3)


def problems(found: list[Result]) -> list[tuple[str, str]]:
    return [(each.layer.name, each.problem.name) for each in found if each.problem]


def of(found: list[Result], layer: Layer) -> Result:
    return next(each for each in found if each.layer is layer)


EVERYTHING = {*Layer} - {Layer.NAME, Layer.LIBRARY, Layer.HAIRPIN, Layer.BOXES, Layer.SERVER}


@pytest.mark.parametrize("implicit", [False, True])
def test_at_a_healthy_server_every_layer_works(good, root, implicit):
    with Server(good, implicit=implicit) as server:
        found = results(server.order(root.pem))
    assert {each.layer: each.evidence for each in found if each.status is not Status.FINE} == {}
    assert {each.layer for each in found} == EVERYTHING
    assert len(found) == len(EVERYTHING)


def test_photos_are_told_by_name_and_content(good, root):
    with Server(good) as server:
        found = results(server.order(root.pem))
    told: dict[str, str] = {}
    for each in found:
        told |= each.data.get("photos", {})
    assert told == {name: hashlib.sha256(c).hexdigest() for name, c in server.stored.items()}
    assert {name.split("-")[3].removesuffix(".bin") for name in told} == {
        *("small", "large", "again", "held", "slow", "session")
    }


def test_without_tls_its_layers_are_left_out():
    with Server(None) as server:
        found = results(server.order(None))
    assert problems(found) == []
    assert {each.layer for each in found} == EVERYTHING - {Layer.TLS, Layer.CERTIFICATE}


def test_a_second_control_port_is_looked_at_as_well(good, root):
    with Server(good) as first, Server(good, implicit=True) as second:
        controls = (Control(first.port, "explicit"), Control(second.port, "implicit"))
        found = results(first.order(root.pem, controls=controls))
    assert problems(found) == []
    uploaded = [each for each in found if each.layer is Layer.UPLOAD]
    assert [each.data["port"] for each in uploaded] == [first.port, second.port]
    assert [each.layer for each in found].count(Layer.PASSIVE) == 1


def test_where_the_first_control_port_fails_the_second_is_looked_at_closely(good, root):
    faults = Faults(at_once="close")
    with Server(good, faults) as first, Server(good, implicit=True) as second:
        controls = (Control(first.port, "explicit"), Control(second.port, "implicit"))
        found = results(second.order(root.pem, controls=controls))
    assert problems(found) == [("PORT", "PORT_RESET")]
    assert of(found, Layer.PASSIVE).status is Status.FINE


def test_a_computer_without_ipv4_tells_nothing_about_the_home(good, root, monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    with Server(good) as server:
        monkeypatch.setattr("hotshoe.probe.connection.socket.create_connection", unreachable)
        found = results(server.order(root.pem))
        assert problems(found) == [("PORT", "PORT_UNREACHABLE")]
        monkeypatch.setattr("hotshoe.probe.vantage.own_address", lambda _: "")
        found = results(server.order(root.pem))
    assert problems(found) == []
    assert "this computer has no way to IPv4" in of(found, Layer.PORT).evidence
    assert {each.status for each in found} <= {Status.UNKNOWN, Status.FINE}


# What is wrong, and what is told: the layer and the problem.
CASES: list[tuple[Faults, list[tuple[str, str]]]] = [
    (Faults(at_once="reset"), [("PORT", "PORT_RESET")]),
    (Faults(at_once="close"), [("PORT", "PORT_RESET")]),
    (Faults(banner=None), [("BANNER", "BANNER_NONE")]),
    (Faults(banner="SSH-2.0-OpenSSH_9.2"), [("BANNER", "BANNER_FOREIGN")]),
    (Faults(banner="220 ProFTPD"), [("BANNER", "BANNER_FOREIGN")]),
    (Faults(sessions=0), [("BANNER", "LOGIN_FULL")]),
    (Faults(auth="502 Command not implemented."), [("TLS", "TLS_REFUSED")]),
    (Faults(feat=("EPSV", "PASV")), [("TLS", "TLS_REFUSED")]),
    (Faults(hello="reset"), [("TLS", "TLS_FAILED")]),
    (Faults(hello="close"), [("TLS", "TLS_FAILED")]),
    (Faults(hello="clear"), [("TLS", "TLS_FAILED")]),
    (Faults(login="530 Login incorrect."), [("LOGIN", "LOGIN_REFUSED")]),
    (Faults(login="421 too many"), [("LOGIN", "LOGIN_FULL")]),
    (Faults(login=""), [("LOGIN", "LOGIN_ENDED")]),
    (Faults(announced="192.168.1.10"), [("PASV", "PASV_PRIVATE")]),
    (Faults(announced="198.51.100.7"), [("PASV", "PASV_ELSEWHERE")]),
    (Faults(announced="0.0.0.0"), [("PASV", "PASV_PRIVATE")]),
    (Faults(pasv="550 Permission denied."), [("PASV", "PASV_REFUSED")]),
    (Faults(silent=frozenset({3})), [("PASSIVE", "PASSIVE_SOME")]),
    (Faults(silent=frozenset({0, 1, 2, 3})), [("PASSIVE", "PASSIVE_SOME")]),
    (Faults(refused=frozenset({5})), [("PASSIVE", "PASSIVE_SOME")]),
    (Faults(refused=frozenset(range(8))), [("PASSIVE", "PASSIVE_NONE")]),
    (Faults(foreign=frozenset({2})), [("PASSIVE", "PASSIVE_FOREIGN")]),
    (Faults(stor="550 Permission denied."), [("UPLOAD", "UPLOAD_REFUSED")]),
    (Faults(stor="553 Could not create file."), [("UPLOAD", "UPLOAD_FULL")]),
    (Faults(data_tls=False), [("UPLOAD", "UPLOAD_DATA_TLS")]),
    (Faults(finish="426 Failure reading network stream."), [("UPLOAD", "UPLOAD_BROKEN")]),
    (Faults(breaks_after=5000), [("LARGE", "UPLOAD_BROKEN")]),
    (Faults(stalls_after=5000), [("LARGE", "LARGE_STALLED")]),
    (Faults(takes_name_again=False), [("SAME_NAME", "SAME_NAME_REFUSED")]),
    (Faults(forgets_after=2.0), [("SLOW", "SLOW_FORGOTTEN")]),
    (Faults(sessions=3), [("SESSIONS", "SESSIONS_FEW")]),
    (Faults(plain=True), [("REFUSALS", "ALLOWED_PLAIN")]),
    (Faults(anonymous=True), [("REFUSALS", "ALLOWED_ANONYMOUS")]),
    (Faults(clear_data=True), [("REFUSALS", "ALLOWED_CLEAR_DATA")]),
    (Faults(active=True), [("REFUSALS", "ALLOWED_ACTIVE")]),
    (Faults(download=True), [("REFUSALS", "ALLOWED_DOWNLOAD")]),
    (Faults(delete=True), [("REFUSALS", "ALLOWED_DELETE")]),
]  # fmt: skip


def changed(faults: Faults) -> str:
    usual = Faults()
    parts = {k: v for k, v in vars(faults).items() if v != getattr(usual, k)}
    return " ".join(f"{k}={sorted(v) if isinstance(v, frozenset) else v}" for k, v in parts.items())


@pytest.mark.parametrize(("faults", "told"), CASES, ids=[changed(faults) for faults, _ in CASES])
def test_a_fault_is_told_as_what_it_is(good, root, faults, told):
    seconds = 2.5 if faults.forgets_after else 0.2
    with Server(good, faults) as server:
        order = server.order(root.pem, slow_seconds=seconds, patience=0.7)
        found = results(order)
    assert list(dict.fromkeys(problems(found))) == told
    # Every layer is told about; what cannot be looked at, as well.
    assert {each.layer for each in found} == EVERYTHING


def test_a_session_that_is_lost_for_good_does_not_end_the_check(good, root, monkeypatch):
    def full(_way, **_):
        raise RefusedError("the connection", Reply(421, "421 There are too many users."))

    monkeypatch.setattr(Way, "log_in", full)
    with Server(good, Faults(data_tls=False)) as server:
        found = results(server.order(root.pem, patience=0.5))
    assert problems(found) == [("UPLOAD", "UPLOAD_DATA_TLS")]
    assert {each.layer for each in found} == EVERYTHING
    assert "421" in of(found, Layer.PASSIVE).evidence


def test_who_is_not_refused_in_time_is_not_told_as_refused(good, root, monkeypatch):
    never = threading.Event()

    def waits(_):
        never.wait(10)
        yield from ()

    monkeypatch.setattr(refusals, "_anonymous", waits)
    with Server(good) as server:
        found = results(server.order(root.pem, patience=0.4))
    never.set()
    refused, _, untold = of(found, Layer.REFUSALS).evidence.partition("; ")
    assert "anonymous" not in refused
    assert untold == "could not be tried: anonymous (no answer in time)"


def test_where_somebody_else_answers_at_all_ports_that_is_told_first(good, root):
    with Server(good, Faults(foreign=frozenset(range(8)))) as server:
        found = results(server.order(root.pem, patience=0.5))
    assert problems(found)[0] == ("PASSIVE", "PASSIVE_FOREIGN")


def test_what_another_session_uses_is_not_told_as_a_fault(good, root):
    """vsftpd listens until the transfer is over; others who dial there wait, or hear nothing."""
    with Server(good, in_use=frozenset({2})) as server:
        found = results(server.order(root.pem))
    assert problems(found) == []
    passive_ports = of(found, Layer.PASSIVE)
    assert passive_ports.data["in_use"] == [server.first + 2]
    assert passive_ports.data["worked"] == 7


def test_a_silent_port_that_another_session_uses_is_not_told_as_a_fault(good, root):
    with Server(good, Faults(silent=frozenset({3})), in_use=frozenset({3})) as server:
        found = results(server.order(root.pem))
    assert problems(found) == []
    assert of(found, Layer.PASSIVE).data["in_use"] == [server.first + 3]
