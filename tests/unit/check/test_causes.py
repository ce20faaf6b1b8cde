"""What a probe and the home's machines tell becomes a named fault, at a box."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hotshoe.check.causes import ENTRIES, THEMES, diagnose, exit_status
from hotshoe.check.model import Finding, InsideView, Stored
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result
from tests.homes import example
from tests.unit.check.scenes import (
    BY_HAND,
    INNER,
    MANAGED,
    NOW,
    OUTER,
    PHOTO,
    PUBLIC,
    SERVER,
    SHA256,
    Scene,
    fail,
    warning,
)

PASSIVE = list(MANAGED.servers[0].passive)
HALF = PASSIVE[: len(PASSIVE) // 2]
P, L = Problem, Layer


def silent(problem: Problem = P.PORT_SILENT) -> Result:
    return fail(problem, L.PORT, port=21, address=PUBLIC)


def some(ports: list[int]) -> Result:
    return fail(P.PASSIVE_SOME, L.PASSIVE, silent=ports)


def cannot_reach(box: str, *, arrived: bool = True) -> Scene:
    return Scene().met(silent()).lost([21], box, arrived=arrived)


def of_name(problem: Problem, *told: str) -> Result:
    return fail(problem, L.NAME, address=PUBLIC, answers={"resolver": list(told)})


OLD = "203.113.213.99"
# What there is to see, and what it is called: problem and box, the first one first.
ROWS = {
    "all is well": (Scene(), []),
    "no record": (Scene().met(of_name(P.NAME_MISSING)), [(P.NAME_MISSING, "")]),
    "an old record": (Scene().met(of_name(P.NAME_ELSEWHERE, OLD)), [(P.NAME_ELSEWHERE, "")]),
    "a private record": (Scene().met(of_name(P.NAME_PRIVATE)), [(P.NAME_PRIVATE, "")]),
    "an AAAA record": (Scene().met(warning(P.NAME_AAAA, L.NAME)), [(P.NAME_AAAA, "")]),
    "nothing arrives": (cannot_reach(OUTER, arrived=False), [(P.PORT_SILENT, "")]),
    "nothing arrives, since it is at another address": (
        cannot_reach(OUTER, arrived=False).box(OUTER, addresses=("203.113.213.9", "10.0.0.1")),
        [(P.WAN_ELSEWHERE, OUTER)],
    ),
    "nothing arrives, since it is behind carrier-grade NAT": (
        cannot_reach(OUTER, arrived=False).box(OUTER, addresses=("100.64.3.4", "10.0.0.1")),
        [(P.WAN_SHARED, OUTER)],
    ),
    "no forward on the outer router": (cannot_reach(OUTER), [(P.PORT_SILENT, OUTER)]),
    "no forward on the inner router": (cannot_reach(INNER), [(P.PORT_SILENT, INNER)]),
    "lost between the routers": (
        cannot_reach(INNER, arrived=False),
        [(P.PORT_SILENT, f"{OUTER} or {INNER}")],
    ),
    "no forward, and its rules are gone": (
        cannot_reach(OUTER).box(OUTER, stale=("the table hotshoe_forwards is not loaded",)),
        [(P.PORT_SILENT, OUTER)],
    ),
    "refused by a router": (
        Scene().met(silent(P.PORT_REFUSED)).lost([21], INNER, arrived=True),
        [(P.PORT_REFUSED, INNER)],
    ),
    "the server's firewall": (cannot_reach(SERVER), [(P.PORT_SILENT, SERVER)]),
    "vsftpd stopped": (
        Scene()
        .met(silent(P.PORT_REFUSED))
        .says(listening=frozenset(), stopped=("hotshoe-vsftpd",)),
        [(P.DAEMON_STOPPED, SERVER)],
    ),
    "a router's own FTP server": (
        Scene().met(fail(P.BANNER_FOREIGN, L.BANNER, port=21)).lost([21], OUTER, arrived=True),
        [(P.BANNER_FOREIGN, OUTER)],
    ),
    "a router's own FTP server, which speaks no TLS": (
        Scene(BY_HAND)
        .met(fail(P.BANNER_FOREIGN, L.BANNER, port=21), fail(P.TLS_REFUSED, L.TLS, port=21))
        .lost([21], INNER, arrived=True),
        [(P.BANNER_FOREIGN, INNER)],
    ),
    "another FTP server on the server": (
        Scene()
        .met(fail(P.BANNER_FOREIGN, L.BANNER, port=21))
        .says(listening=frozenset(), stopped=("hotshoe-vsftpd",)),
        [(P.BANNER_FOREIGN, SERVER), (P.DAEMON_STOPPED, SERVER)],
    ),
    "TLS stripped": (Scene().met(fail(P.TLS_REFUSED, L.TLS)), [(P.TLS_REFUSED, "")]),
    "TLS stripped, and a box by hand": (
        Scene(BY_HAND).met(fail(P.TLS_REFUSED, L.TLS)),
        [(P.TLS_REFUSED, OUTER)],
    ),
    "certificate expired": (
        Scene().met(fail(P.CERTIFICATE_EXPIRED, L.CERTIFICATE)),
        [(P.CERTIFICATE_EXPIRED, SERVER)],
    ),
    "certificate ends soon, told once": (
        Scene()
        .met(warning(P.CERTIFICATE_ENDS, L.CERTIFICATE))
        .says(certificate_ends=NOW + timedelta(days=5)),
        [(P.CERTIFICATE_ENDS, SERVER)],
    ),
    "certificate ends soon, as the server tells": (
        Scene().says(certificate_ends=NOW + timedelta(days=5)),
        [(P.SERVER_CERTIFICATE_ENDS, SERVER)],
    ),
    "wrong password": (
        Scene().met(fail(P.LOGIN_REFUSED, L.LOGIN)).says(journal=("[r5] FAIL LOGIN: Client",)),
        [(P.LOGIN_REFUSED, SERVER)],
    ),
    "PASV tells an old address": (
        Scene()
        .met(fail(P.PASV_ELSEWHERE, L.PASV, announced=OLD, dialled=PUBLIC))
        .says(announced=OLD),
        [(P.PASV_ELSEWHERE, SERVER)],
    ),
    "PASV is rewritten on the way": (
        Scene()
        .met(fail(P.PASV_PRIVATE, L.PASV, announced="10.0.0.1", dialled=PUBLIC))
        .box(INNER, helper=True),
        [(P.PASV_REWRITTEN, INNER), (P.HELPER_ON, INNER)],
    ),
    "half of the passive ports": (
        Scene().met(some(HALF)).lost(HALF, INNER, arrived=True),
        [(P.PASSIVE_SOME, INNER)],
    ),
    "one passive port": (
        Scene().met(some(PASSIVE[7:8])).lost(PASSIVE[7:8], OUTER, arrived=True),
        [(P.PASSIVE_SOME, OUTER)],
    ),
    "some passive ports at one router, others at the next": (
        Scene()
        .met(some(PASSIVE))
        .lost(HALF, INNER, arrived=True)
        .lost(set(PASSIVE) - set(HALF), OUTER, arrived=True),
        [(P.PASSIVE_SOME, OUTER), (P.PASSIVE_SOME, INNER)],
    ),
    "no passive port, and so no upload": (
        Scene()
        .met(
            fail(P.PASSIVE_NONE, L.PASSIVE, silent=PASSIVE),
            fail(P.UPLOAD_BROKEN, L.UPLOAD),
            fail(P.LARGE_STALLED, L.LARGE),
        )
        .lost(PASSIVE, OUTER, arrived=True),
        [(P.PASSIVE_NONE, OUTER)],
    ),
    "no room": (
        Scene()
        .met(fail(P.UPLOAD_FULL, L.UPLOAD), fail(P.UPLOAD_FULL, L.SAME_NAME))
        .says(closed=("camera0-0", "camera0-1")),
        [(P.ROOM_FULL, SERVER)],
    ),
    "large packets vanish": (
        Scene().met(fail(P.LARGE_STALLED, L.LARGE)),
        [(P.LARGE_STALLED, "")],
    ),
    "a NAT forgets": (
        Scene().met(fail(P.SLOW_FORGOTTEN, L.SLOW)).box(INNER, idle_seconds=60),
        [(P.SLOW_FORGOTTEN, INNER)],
    ),
    "some NAT forgets": (
        Scene().met(fail(P.SLOW_FORGOTTEN, L.SLOW)),
        [(P.SLOW_FORGOTTEN, f"{OUTER} or {INNER}")],
    ),
    "few sessions": (Scene().met(fail(P.SESSIONS_FEW, L.SESSIONS)), [(P.SESSIONS_FEW, SERVER)]),
    "active mode allowed": (
        Scene().met(fail(P.ALLOWED_ACTIVE, L.REFUSALS)),
        [(P.ALLOWED_ACTIVE, SERVER)],
    ),
    "told 226, and not in the library": (Scene().says(photos={}), [(P.LIBRARY_MISSING, SERVER)]),
    "told 226, and aside": (
        Scene().says(photos={PHOTO: Stored(f"/srv/hotshoe/r5/unproven/{PHOTO}", SHA256)}),
        [(P.LIBRARY_MISSING, SERVER)],
    ),
    "other bytes in the library": (
        Scene().says(photos={PHOTO: Stored(f"/srv/hotshoe/library/{PHOTO}", "cd" * 32)}),
        [(P.LIBRARY_DIFFERS, SERVER)],
    ),
    "intake stopped": (
        Scene()
        .met(fail(P.SAME_NAME_REFUSED, L.SAME_NAME))
        .says(photos={}, stopped=("hotshoe-intake",)),
        [(P.INTAKE_STOPPED, SERVER)],
    ),
    "an FTP helper": (Scene().box(OUTER, helper=True), [(P.HELPER_ON, OUTER)]),
    "no firewall on the server": (
        Scene()
        .box(SERVER, stale=("the table hotshoe_firewall is not loaded",))
        .says(stopped=("hotshoe-firewall",)),
        [(P.FIREWALL_MISSING, SERVER)],
    ),
    "little space": (Scene().says(free=15 * 10**8), [(P.SPACE_LOW, SERVER)]),
    "the server's clock": (Scene().says(clock=-400.0), [(P.SERVER_CLOCK, SERVER)]),
    "no hairpin": (
        Scene(at_home=True).met(warning(P.HAIRPIN_MISSING, L.HAIRPIN)),
        [(P.HAIRPIN_MISSING, f"{OUTER} or {INNER}")],
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_fault_is_named_and_its_box(name):
    scene, faults = ROWS[name]
    assert scene.faults() == faults
    failed = any(finding.status is Status.FAIL for finding in scene.findings())
    assert exit_status(scene.findings()) == (1 if failed else 0)


PAIRS = {
    "the name, then the server": (
        Scene()
        .met(of_name(P.NAME_ELSEWHERE, OLD), silent(P.PORT_REFUSED))
        .says(listening=frozenset()),
        [(P.NAME_ELSEWHERE, ""), (P.DAEMON_STOPPED, SERVER)],
    ),
    "both routers": (cannot_reach(INNER).lost([21], OUTER, arrived=True), [(P.PORT_SILENT, OUTER)]),
    "a router, and the server": (
        cannot_reach(OUTER).says(listening=frozenset()),
        [(P.PORT_SILENT, OUTER), (P.DAEMON_STOPPED, SERVER)],
    ),
    "another server at one port, and no TLS at the other": (
        Scene().met(
            fail(P.BANNER_FOREIGN, L.BANNER, port=21), fail(P.TLS_REFUSED, L.TLS, port=990)
        ),
        [(P.BANNER_FOREIGN, SERVER), (P.TLS_REFUSED, "")],
    ),
    "certificate, and room": (
        Scene().met(fail(P.CERTIFICATE_NAME, L.CERTIFICATE)).says(closed=("camera0-0",)),
        [(P.CERTIFICATE_NAME, SERVER), (P.ROOM_FULL, SERVER)],
    ),
    "passive ports, and sessions": (
        Scene().met(some(HALF), fail(P.SESSIONS_FEW, L.SESSIONS)).lost(HALF, OUTER, arrived=True),
        [(P.PASSIVE_SOME, OUTER)],
    ),
    "upload refused, and a helper": (
        Scene().met(fail(P.UPLOAD_REFUSED, L.UPLOAD)).box(OUTER, helper=True),
        [(P.UPLOAD_REFUSED, SERVER), (P.HELPER_ON, OUTER)],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_of_two_faults_the_outer_one_comes_first_and_what_follows_is_none(name):
    scene, faults = PAIRS[name]
    assert scene.faults() == faults


def test_every_problem_has_exactly_one_entry():
    told = [problem for theme in THEMES for problem in theme]
    assert sorted(told, key=lambda p: p.value) == list(Problem)
    assert set(ENTRIES) == set(Problem)


LAYER_OF = {
    **dict.fromkeys(Problem, Layer.PORT),
    **{p: Layer.PASSIVE for p in Problem if p.name.startswith("PASSIVE")},
}
DATA = {"box": SERVER, "announced": OLD, "port": 21}


@pytest.mark.parametrize("inside", [True, False], ids=["with an inside view", "without"])
@pytest.mark.parametrize("plan", [MANAGED, BY_HAND, example("direct"), example("dynamic")])
@pytest.mark.parametrize("problem", Problem, ids=lambda problem: problem.name)
def test_every_problem_is_explained_in_every_home(problem, plan, inside):
    """Whatever is known of it: what is not known is no reason to fall silent."""
    server = plan.servers[0]
    result = fail(problem, LAYER_OF[problem], **DATA)
    scene = Scene(plan)
    view = InsideView(tuple(scene.boxes.values()), scene.server) if inside else None
    found = diagnose(plan, server, server.cameras[0], [result], view, NOW)
    (finding,) = [f for f in found if f.evidence == result.evidence]
    assert finding.cause
    assert finding.remedy
    for text in (finding.cause, finding.remedy):
        assert "None" not in text
        assert not text.endswith(".")
        assert "  " not in text


class TestWithoutAnInsideView:
    def test_the_boxes_that_it_may_be_are_named(self):
        scene = Scene(BY_HAND, inside=False).met(silent(P.PORT_REFUSED))
        (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
        assert fault.box == f"{OUTER} or {INNER} or {SERVER}"
        assert "Port forwarding / Virtual server" in fault.remedy

    def test_what_only_the_home_knows_is_unknown_and_that_is_fine(self):
        scene = Scene(inside=False)
        unknown = [f.layer for f in scene.findings() if f.status is Status.UNKNOWN]
        assert unknown == [Layer.LIBRARY, Layer.BOXES, Layer.SERVER]
        assert exit_status(scene.findings()) == 0

    def test_a_server_that_cannot_be_asked_leaves_it_open_whether_photos_arrive(self):
        error = f"{SERVER}: root@10.0.1.101 cannot be reached by SSH: no\n    -> log in"
        scene = Scene().box(SERVER, error=error, arrived=None, passed=None)
        scene.server = None
        found = {f.layer: f for f in scene.findings() if f.status is Status.UNKNOWN}
        assert found[Layer.BOXES].problem is P.BOX_UNASKED
        assert found[Layer.BOXES].box == SERVER
        assert found[Layer.BOXES].remedy == "log in"
        assert found[Layer.LIBRARY].status is Status.UNKNOWN
        assert exit_status(scene.findings()) == 2


class TestAServerThatIsOff:
    """It cannot be asked, and the router in front of it can."""

    @staticmethod
    def fault(problem: Problem) -> Finding:
        scene = Scene().met(silent(problem)).box(SERVER, error="no", arrived=None, passed=None)
        scene.server = None
        (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
        assert (fault.problem, fault.box) == (problem, SERVER)
        return fault

    @pytest.mark.parametrize("problem", [P.PORT_SILENT, P.PORT_UNREACHABLE])
    def test_is_told_apart_from_a_missing_forward(self, problem):
        fault = self.fault(problem)
        assert "left router1 towards 10.0.1.101" in fault.cause
        assert "is on and connected, and has the address 10.0.1.101" in fault.remedy

    def test_is_not_what_answers(self):
        assert "vsftpd does not run" in self.fault(P.PORT_REFUSED).cause


class TestRulesOfOthers:
    """A deploy leaves them alone, so it does not change what they do."""

    @pytest.mark.parametrize(("stale", "own"), [((), True), (("rules are gone",), False)])
    def test_are_looked_for_where_those_of_hotshoe_are_in_force(self, stale, own):
        scene = cannot_reach(SERVER, arrived=False).box(INNER, stale=stale)
        (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
        assert fault.box == f"{INNER} or {SERVER}"
        assert "deploy again" in fault.remedy
        assert (f"own rules are in force on {INNER}" in fault.remedy) is own
        assert f"see whether {SERVER} is connected" in fault.remedy


class TestABoxByHand:
    def test_its_row_of_the_worksheet_is_told(self):
        scene = Scene(BY_HAND).met(silent()).lost([21], INNER, arrived=False)
        (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
        assert fault.box == OUTER
        assert "External port 21" in fault.remedy
        assert "10.0.0.2" in fault.remedy

    def test_the_row_is_that_of_the_ports_that_are_lost(self):
        scene = Scene(BY_HAND).met(some(HALF)).lost(HALF, INNER, arrived=False)
        (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
        assert fault.box == OUTER
        assert f"External port {PASSIVE[0]}-{PASSIVE[-1]}" in fault.remedy


class TestADynamicAddress:
    @staticmethod
    def scene(**different: str) -> Scene:
        scene = Scene(example("dynamic"))
        outer = scene.plan.routers[0].name
        if outer in scene.boxes:
            scene.box(outer, addresses=("203.0.113.77", "192.168.1.1"))
        return scene.says(announced="203.0.113.77", **different)

    def test_a_name_that_leads_to_an_older_one_is_found(self):
        (fault, *_) = self.scene().faults()
        assert fault[0] is P.NAME_ELSEWHERE

    def test_a_name_that_leads_there_and_elsewhere_is_found(self):
        scene = self.scene()
        data = scene.results[Layer.NAME][0].data
        data |= {"address": "203.0.113.77", "truth": ["203.0.113.77"]}
        assert scene.faults() == []
        data["truth"] = ["203.0.113.77", "203.0.113.99"]
        assert [problem for problem, _ in scene.faults()] == [P.NAME_ELSEWHERE]

    def test_what_the_follower_complains_of_is_the_reason(self):
        (fault, *more) = self.scene(ddns="the record is not at 203.0.113.77: badauth").faults()
        assert fault[0] is P.DDNS_FAILING
        assert fault[1]
        assert not more, "told once"

    def test_a_complaint_while_the_name_is_right_is_a_warning(self):
        scene = self.scene(ddns="no public address is known: sources disagree")
        name = scene.results[Layer.NAME][0]
        name.data["address"] = "203.0.113.77"
        assert [f.status for f in scene.findings() if f.problem] == [Status.WARNING]


class TestFromInside:
    def test_it_says_what_it_cannot_prove(self):
        found = Scene(at_home=True).findings()
        (unknown,) = [f for f in found if f.status is Status.UNKNOWN]
        assert unknown.layer is Layer.PORT
        assert f"{OUTER} and {INNER}" in unknown.evidence
        assert exit_status(found) == 0

    def test_no_router_is_to_blame(self):
        scene = Scene(at_home=True).met(silent()).lost([21], SERVER, arrived=True)
        assert scene.faults() == [(P.PORT_SILENT, SERVER)]


def test_whoever_is_not_on_a_direct_link_is_told_so():
    scene = Scene(example("direct")).met(silent())
    server = scene.plan.servers[0]
    scene.lost([server.control_port], server.name, arrived=False)
    (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
    assert (fault.problem, fault.box) == (P.PORT_SILENT, "")
    assert "is not on that link" in fault.cause


def test_the_journal_of_a_failed_log_in_is_told():
    line = '[r5] FAIL LOGIN: Client "198.51.100.250"'
    scene = Scene().met(fail(P.LOGIN_REFUSED, L.LOGIN)).says(journal=("[r5] OK LOGIN", line))
    (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
    assert fault.data["journal"] == [line]


def test_a_folder_that_is_closed_while_there_is_room_is_told_how_to_open():
    scene = Scene().met(fail(P.UPLOAD_FULL, L.UPLOAD)).says(closed=("camera0-0",))
    (fault,) = [f for f in scene.findings() if f.status is Status.FAIL]
    assert "took the right to write" in fault.cause
    assert "restart hotshoe-intake opens the folder" in fault.remedy
