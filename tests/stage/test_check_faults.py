"""One thing is wrong at a time, and `hotshoe check` names it, and the box where it is.

The faults themselves are in faults.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import pytest

from hotshoe.stage.topology import CAMERA, LAPTOP
from tests.stage import faults
from tests.stage.checking import check
from tests.stage.conftest import SharedStage, deployed
from tests.stage.faults import ALL, BOX, DAY, GATEWAY, SERVER, Fault
from tests.stage.home import Home


@dataclass(frozen=True)
class Case:
    """A fault, and what a check has to say of it.

    :param make: what is wrong
    :param problem: the name of the first problem that is told
    :param box: where it is; empty if at none of the home's
    :param status: how serious it is
    :param node: from where it is looked at
    :param options: of the command
    """

    make: Fault
    problem: str
    box: str = ""
    status: str = "fail"
    node: str = CAMERA
    options: tuple[str, ...] = ("--quick",)


CASES = {
    # -- name
    "record missing": Case(faults.record(), "NAME_MISSING"),
    "record stale": Case(faults.record("203.0.113.99"), "NAME_ELSEWHERE"),
    "record private": Case(faults.record("192.168.178.1"), "NAME_PRIVATE"),
    "record of carrier-grade NAT": Case(faults.record("100.64.12.34"), "NAME_PRIVATE"),
    "an IPv6 address that nobody has": Case(
        faults.record("203.0.113.20", "2001:db8::1"), "NAME_AAAA", status="warning"
    ),
    "one resolver keeps the old record": Case(
        faults.old_record("9.9.9.9", "203.0.113.99"), "NAME_DIFFERS", status="warning"
    ),
    # -- the way in
    "wrong WAN": Case(faults.moved("203.0.113.70", "203.0.113.71"), "WAN_ELSEWHERE", BOX),
    "carrier-grade NAT": Case(faults.moved("100.64.12.34", "100.64.12.35"), "WAN_SHARED", BOX),
    "not forwarded by the outer router": Case(
        faults.script(
            BOX,
            "nft flush chain inet hotshoe_forwards prerouting",
            "systemctl restart hotshoe-forwards",
        ),
        "PORT_SILENT",
        BOX,
    ),
    "not forwarded by the inner router": Case(
        faults.unforwarded(GATEWAY, "21"), "PORT_SILENT", GATEWAY
    ),
    "forwarded to another number": Case(
        faults.forwarded(f"{faults.INNER}:2121"), "PORT_SILENT", BOX
    ),
    "forwarded to where nobody is": Case(
        faults.forwarded(faults.NOBODY), "PORT_UNREACHABLE", f"{BOX} or {GATEWAY}"
    ),
    "refused by the outer router": Case(
        faults.answered(BOX, "reject with tcp reset"), "PORT_REFUSED", BOX
    ),
    "no way from the inner router": Case(
        faults.answered(GATEWAY, "reject with icmp type host-unreachable"),
        "PORT_UNREACHABLE",
        GATEWAY,
    ),
    "firewall of the server closed": Case(faults.answered(SERVER, "drop"), "PORT_SILENT", SERVER),
    "vsftpd stopped": Case(
        faults.stopped("hotshoe-vsftpd", faults.LISTENS), "DAEMON_STOPPED", SERVER
    ),
    # -- who answers
    "another FTP server answers": Case(
        faults.another_answers("FTP server (box) ready"), "BANNER_FOREIGN", BOX
    ),
    "somebody answers who says nothing": Case(faults.another_answers("silent"), "BANNER_NONE", BOX),
    "somebody answers who hangs up": Case(faults.another_answers("reset"), "PORT_RESET", BOX),
    "AUTH TLS stripped": Case(faults.middlebox("strip"), "TLS_REFUSED"),
    "TLS cut": Case(faults.middlebox("cut"), "TLS_FAILED"),
    # -- certificate
    "certificate for another name": Case(
        faults.one(names=("photos.example.org",), common="photos.example.org"),
        "CERTIFICATE_NAME",
        SERVER,
    ),
    "certificate expired": Case(faults.one(ends=-DAY), "CERTIFICATE_EXPIRED", SERVER),
    "certificate not valid yet": Case(faults.one(begins=5 * DAY), "CERTIFICATE_EARLY", SERVER),
    "certificate with a common name only": Case(
        faults.one(names=()), "CERTIFICATE_COMMON_NAME", SERVER
    ),
    "certificate without its chain": Case(
        faults.certified(faults.without_chain), "CERTIFICATE_CHAIN", SERVER
    ),
    "certificate of another authority": Case(
        faults.certified(faults.of_others), "CERTIFICATE_ISSUER", SERVER
    ),
    "certificate that ends soon": Case(
        faults.one(ends=5 * DAY), "CERTIFICATE_ENDS", SERVER, "warning"
    ),
    # -- log-in and PASV
    "wrong password": Case(faults.other_password, "LOGIN_REFUSED", SERVER),
    "PASV announces an old address": Case(
        faults.configured(pasv_address="203.0.113.99"), "PASV_ELSEWHERE", SERVER
    ),
    "PASV announces a private address": Case(
        faults.configured(pasv_address="192.168.1.10"), "PASV_PRIVATE", SERVER
    ),
    "PASV announces ports of another range": Case(
        faults.configured(pasv_max_port="60199", pasv_min_port="60000"), "PASV_PORT", SERVER
    ),
    # -- passive ports
    "passive ports not forwarded by the outer router": Case(
        faults.unforwarded(BOX, ALL), "PASSIVE_NONE", BOX
    ),
    "passive ports half forwarded by the outer router": Case(
        faults.unforwarded(BOX, "50100-50199"), "PASSIVE_SOME", BOX
    ),
    "passive ports partly forwarded by the inner router": Case(
        faults.unforwarded(GATEWAY, "50000-50049"), "PASSIVE_SOME", GATEWAY
    ),
    "all passive ports but one forwarded": Case(
        faults.unforwarded(GATEWAY, "50123"), "PASSIVE_SOME", GATEWAY
    ),
    "passive ports dropped by the server": Case(
        faults.answered(SERVER, "drop", ALL), "PASSIVE_NONE", SERVER
    ),
    # -- on the way
    "an FTP helper in the inner router": Case(faults.HELPER, "HELPER_ON", GATEWAY, "warning"),
    "large packets vanish": Case(faults.BLACK_HOLE, "LARGE_STALLED"),
    "NAT forgets an idle connection": Case(
        faults.FORGETFUL, "SLOW_FORGOTTEN", GATEWAY, options=("--slow-seconds", "6")
    ),
    "no hairpin": Case(faults.NO_HAIRPIN, "HAIRPIN_MISSING", BOX, "warning", LAPTOP),
    # -- the server
    "too few sessions": Case(faults.configured(max_per_ip="3"), "SESSIONS_FEW", SERVER),
    "disk full": Case(faults.taking(keep_free=10**15), "ROOM_FULL", SERVER),
    "limit reached": Case(faults.taking(limit=1), "ROOM_FULL", SERVER),
    "intake stopped": Case(faults.stopped("hotshoe-intake"), "INTAKE_STOPPED", SERVER),
    "firewall not there": Case(faults.stopped("hotshoe-firewall"), "FIREWALL_MISSING", SERVER),
    "clock wrong": Case(faults.CLOCK, "SERVER_CLOCK", SERVER, "warning"),
    # -- what must be refused
    "plain log-in allowed": Case(
        faults.configured(force_local_logins_ssl="NO", force_anon_logins_ssl="NO"),
        "ALLOWED_PLAIN",
        SERVER,
    ),
    "anonymous log-in allowed": Case(
        faults.configured(anonymous_enable="YES", allow_anon_ssl="YES"), "ALLOWED_ANONYMOUS", SERVER
    ),
    "photos in clear allowed": Case(
        faults.configured(force_local_data_ssl="NO", force_anon_data_ssl="NO"),
        "ALLOWED_CLEAR_DATA",
        SERVER,
    ),
    "active mode allowed": Case(
        faults.configured("PORT", "EPRT", port_enable="YES"), "ALLOWED_ACTIVE", SERVER
    ),
    "downloads allowed": Case(
        faults.configured("RETR", download_enable="YES", file_open_mode="0444", anon_umask="0000"),
        "ALLOWED_DOWNLOAD",
        SERVER,
    ),
    "deletion allowed": Case(
        faults.configured("DELE", anon_other_write_enable="YES"), "ALLOWED_DELETE", SERVER
    ),
}
# The first one is further out, and is named first.
PAIRS = [
    ("record stale", "vsftpd stopped"),
    ("not forwarded by the outer router", "not forwarded by the inner router"),
    ("not forwarded by the outer router", "vsftpd stopped"),
    ("not forwarded by the inner router", "certificate expired"),
    (
        "passive ports half forwarded by the outer router",
        "passive ports partly forwarded by the inner router",
    ),
    ("vsftpd stopped", "intake stopped"),
    ("another FTP server answers", "wrong password"),
    ("AUTH TLS stripped", "disk full"),
    ("certificate for another name", "PASV announces an old address"),
    ("passive ports half forwarded by the outer router", "too few sessions"),
]


@pytest.fixture
def home(stage: SharedStage) -> Home:
    """A home with two Debian routers."""

    def by_debian(said: str) -> str:
        return re.sub(r"managed_by: \w+", "managed_by: linux", said)

    make = partial(deployed, "test-check", site_name="cascade", change=by_debian)
    return stage.home("check", make)


@pytest.mark.fault
@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_named_and_its_box(home: Home, name: str) -> None:
    case = CASES[name]
    with case.make(home):
        checked = check(home, *case.options, node=case.node)
    assert checked.of_status(case.status)[:1] == [(case.problem, case.box)], checked
    if case.status == "fail":
        assert checked.status == 1
    else:
        assert (checked.status, checked.faults) == (0, []), checked


@pytest.mark.fault
@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_of_two_faults_the_outer_one_is_named_first(home: Home, outer: str, inner: str) -> None:
    first = CASES[outer]
    with faults.both(first.make, CASES[inner].make)(home):
        checked = check(home, *first.options)
    assert checked.status == 1
    assert checked.faults[:1] == [(first.problem, first.box)], checked
