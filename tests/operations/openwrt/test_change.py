"""The steps of one change of an OpenWrt router: stage, apply, confirm; and what ends it early.

The router answers what it is told to; what it was asked is kept in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from paramiko import SSHException
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.ssh import SSHConnector

from hotshoe.openwrt.paths import INIT
from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.changes import Setting, Wanted, diff, expected
from hotshoe.openwrt.uci.data import Section
from roles.openwrt import change as module
from roles.openwrt.change import Change
from roles.openwrt.facts import Router
from tests.operations.openwrt.conftest import inbound, outbound, recorded, recording

LABEL = "hotshoe: "
RULE = "hotshoe: cameras to darkroom, 21/tcp to 192.168.1.10"
ROLLBACK = f"{INIT} rollback 0badcafe"
AS_IT_WAS = "the router is as it was"
BY_ITSELF = "the router rolls back by itself within 60 seconds"
LOOKS = [Router().command(compare=compare) for compare in (True, False)]

Answer = tuple[bool, list[str], list[str]] | BaseException


def well(*lines: str) -> Answer:
    return True, [*lines], []


def badly(*errors: str) -> Answer:
    return False, [], [*errors]


class Line(SSHConnector):
    """A connection that can or cannot be made again."""

    def __init__(self, *errors: str, is_alive: bool = True) -> None:
        self.closed: list[str] = []
        self.old = SimpleNamespace(
            get_transport=lambda: SimpleNamespace(is_active=lambda: is_alive),
            close=lambda: self.closed.append("old"),
        )
        self.client, self.errors = self.old, list(errors)

    def connect(self) -> None:
        self.client = "new"
        if self.errors:
            raise ConnectError(self.errors.pop(0))


class Scripted:
    """A router that gives these answers, and nothing after them."""

    def __init__(self, *answers: Answer, connector: object = None) -> None:
        self.answers = list(answers)
        self.connector = connector
        self.ran: list[str] = []
        self.stdin: list[Any] = []
        self.timeouts: list[Any] = []
        self.said: list[str] = []

    def run_shell_command(self, command: object, **arguments: Any) -> tuple[bool, Any]:
        self.ran.append("look" if str(command) in LOOKS else str(command))
        self.stdin.append(arguments.get("_stdin"))
        self.timeouts.append(arguments.get("_timeout"))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        done, out, err = answer
        return done, SimpleNamespace(stdout_lines=out, stderr_lines=err)

    def log_styled(self, message: str, **_: object) -> None:
        self.said.append(message)


def looked(name: str) -> Answer:
    return well(*recording(name))


@pytest.fixture
def change(gateway) -> Change:
    """Let cameras in, on a router that has its way out already."""
    return Change("0badcafe", inbound(gateway, recorded("fresh")), LABEL, 60)


def staged(
    wanted: Iterable[Wanted], seen: str = "fresh", then: str = "deployed", **said: list[str]
) -> tuple[bool, list[str], list[str]]:
    """What staging prints if all is well, but for what is said otherwise."""
    state = recorded(seen)
    parts: dict[str, list[str]] = {"batch": []}
    for each in wanted:
        package = expected(state.packages[each.package], each)
        parts[each.package] = text.render(package).splitlines()
    # What `fw4 print` prints has rules and chains as `nft list` does, as far as is looked at.
    chains = ["chain input_lan", "chain input_wan"]
    rules = [line for line in recorded(then).rules if "comment" in line]
    parts |= {"before": [], "after": [], "check": [], "chains before": chains}
    parts["print"] = [f"{chain} {{" for chain in chains] + rules
    parts |= {name.replace("_", " "): lines for name, lines in said.items()}
    printed = [line for name, lines in parts.items() for line in (f"@@hotshoe {name}", *lines)]
    return True, printed, []


# -- stage


def test_only_what_differs_is_staged(change):
    host = Scripted(looked("fresh"), staged(change.wanted))
    assert change.stage(None, host)
    assert host.ran == ["look", f"{INIT} stage 0badcafe 60 firewall"]
    fresh = recorded("fresh").packages["firewall"]
    assert host.stdin[1] == "\n".join(diff(fresh, change.wanted[0]))
    assert "set firewall.hotshoe_in_tcp_21_to_192_168_1_10='redirect'" in host.stdin[1]
    assert (host.said, host.answers) == ([], [])


def test_packages_as_wanted_are_left_alone(gateway):
    change = Change("0badcafe", outbound(gateway, recorded("fresh")), "", 60)
    _, firewall, dhcp = change.wanted
    host = Scripted(looked("fresh"), staged((firewall, dhcp)))
    assert change.stage(None, host)
    assert host.ran[1] == f"{INIT} stage 0badcafe 60 firewall dhcp"
    assert "network." not in host.stdin[1]


def test_where_only_the_kernel_differs_nothing_is_staged_and_the_firewall_is_loaded(change):
    host = Scripted(looked("deployed"), staged(change.wanted, seen="deployed"))
    assert change.stage(None, host)
    assert (host.ran[1], host.stdin[1]) == (f"{INIT} stage 0badcafe 60 firewall", "")


def test_a_killed_change_counts_as_not_made(gateway):
    """It is put back first, so the whole of it is staged again."""
    wanted = Wanted(
        "dhcp", "hotshoe_out", (Section("host", "hotshoe_out_studio", {"ip": "192.168.1.11"}),)
    )
    for name in ("killed_after_staging", "killed_before_confirming"):
        host = Scripted(
            looked(name), well(), looked("deployed"), staged((wanted,), seen="deployed")
        )
        assert Change("1", (wanted,), "", 60).stage(None, host)
        assert host.ran[1] == f"{INIT} rollback"
        assert "set dhcp.hotshoe_out_studio='host'" in host.stdin[-1]
        assert "delete dhcp.hotshoe_out_darkroom" in host.stdin[-1]


def test_a_change_begins_from_what_an_earlier_operation_of_the_run_left(change):
    """The fact of the run's beginning is not asked again."""
    host = Scripted(looked("deployed"), staged(change.wanted, seen="deployed"))
    host.connector_data = {"openwrt": recorded("fresh")}
    assert change.stage(None, host)
    assert host.stdin[1] == ""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (badly("somebody else's changes are staged"), ["somebody else's changes are staged"]),
        (badly("only 9 KiB are free", "sorry"), ["only 9 KiB are free; sorry"]),
        (badly(), ["staging failed"]),
        (well("no heading at all"), ["uci: staging printed nothing"]),
    ],
)
def test_a_router_that_cannot_stage_is_rolled_back(change, answer, said):
    host = Scripted(looked("fresh"), answer, well())
    assert not change.stage(None, host)
    assert host.ran == ["look", f"{INIT} stage 0badcafe 60 firewall", ROLLBACK]
    assert host.said[: len(said)] == said
    assert host.said[-1] == AS_IT_WAS


FOREIGN = "Section @redirect[0] (x) option 'dest_ip' is mandatory"
WRONG = {
    "uci says something": (
        {"batch": ["uci: Entry not found"]},
        "uci: uci: Entry not found",
    ),
    "it reads back differently": (
        {"firewall": ["package firewall", "", "config defaults"]},
        "firewall: what was staged reads back differently",
    ),
    "fw4 says something new": ({"after": [FOREIGN]}, f"fw4: {FOREIGN}"),
    "nft does not take it": ({"check": ["Error: syntax error"]}, "nft: Error: syntax error"),
    "a zone is gone": (
        {"chains_before": ["chain input_lan", "chain input_wan", "chain input_guest"]},
        "fw4: the zone of 'chain input_guest' would disappear",
    ),
    "there were no zones": (
        {"chains_before": []},
        "fw4: there are no zones, so /etc/config/firewall was broken before this change",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_change_that_is_not_as_wanted_is_not_applied(change, name):
    otherwise, reason = WRONG[name]
    host = Scripted(looked("fresh"), staged(change.wanted, **otherwise), well())
    assert not change.stage(None, host)
    assert host.said == [reason, AS_IT_WAS]
    assert host.ran[-1] == ROLLBACK


def test_messages_that_fw4_printed_before_are_no_errors(change):
    done, lines, errors = staged(change.wanted)
    for part in ("before", "after"):
        lines.insert(lines.index(f"@@hotshoe {part}") + 1, FOREIGN)
    assert change.stage(None, Scripted(looked("fresh"), (done, lines, errors)))


def test_sections_of_others_may_shift(change):
    """fw4 counts those without a name, and counts ours too."""
    done, lines, errors = staged(change.wanted)
    for part, index in (("before", 1), ("after", 0)):
        said = f"[!] Section @redirect[{index}] (mine) is disabled, ignoring section"
        lines.insert(lines.index(f"@@hotshoe {part}") + 1, said)
    assert change.stage(None, Scripted(looked("fresh"), (done, lines, errors)))


@pytest.mark.parametrize("lost", [OSError("reset"), EOFError(), TimeoutError(), SSHException("x")])
def test_a_lost_connection_ends_in_a_message(change, lost):
    """pyinfra would print a traceback of an exception, and wait for ever without a timeout."""
    for step, answers in (
        (change.stage, (lost, lost)),
        (change.stage, (looked("fresh"), lost, lost)),
        (change.confirm, (lost, lost)),
    ):
        host = Scripted(*answers)
        assert not step(None, host)
        assert host.said[0].startswith("the connection to the router was lost")
        assert host.said[1] == BY_ITSELF
        assert None not in host.timeouts


def test_a_truncated_export_is_not_believed(change):
    host = Scripted(
        looked("fresh"), staged(change.wanted, firewall=["package firewall", "config 'x"]), well()
    )
    assert not change.stage(None, host)
    assert host.ran[-1] == ROLLBACK
    assert host.said[-1] == AS_IT_WAS


def test_a_router_that_does_not_even_answer_is_left_to_its_timer(change):
    host = Scripted(badly("a", "b", "c", "connection lost"), badly("connection lost"))
    assert not change.stage(None, host)
    assert host.said == ["b\nc\nconnection lost", "connection lost"]
    silent = Scripted(badly(), well())
    assert not change.stage(None, silent)
    assert silent.said == ["the router does not answer", AS_IT_WAS]


def test_a_setting_of_a_zone_that_went_away_meanwhile_is_refused():
    wanted = Wanted("firewall", "mine", settings=(Setting("@zone[7]", "masq", "1"),))
    host = Scripted(looked("fresh"), well())
    assert not Change("1", (wanted,), "", 60).stage(None, host)
    assert host.said == ["UCI package firewall, @zone[7]: there is no such section", AS_IT_WAS]


# -- apply


def test_a_change_is_applied_by_its_id(change):
    host = Scripted(well())
    assert change.apply(None, host)
    assert host.ran == [f"{INIT} apply 0badcafe"]
    assert host.timeouts == [30]


@pytest.mark.parametrize(("seconds", "timeout"), [(60, 30), (20, 10), (6, 5)])
def test_applying_may_take_half_of_the_time_at_most(gateway, seconds, timeout):
    host = Scripted(well())
    Change("1", inbound(gateway, recorded("fresh")), LABEL, seconds).apply(None, host)
    assert host.timeouts == [timeout]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (badly("this change was rolled back already"), "this change was rolled back already"),
        (badly("cannot commit firewall", "disk full"), "cannot commit firewall; disk full"),
        (badly(), "committing failed"),
    ],
)
def test_a_router_that_cannot_commit_is_rolled_back(change, answer, said):
    host = Scripted(answer, well())
    assert not change.apply(None, host)
    assert host.ran == [f"{INIT} apply 0badcafe", ROLLBACK]
    assert host.said == [said, AS_IT_WAS]


@pytest.mark.parametrize("cut", [TimeoutError(), ConnectionResetError(), EOFError()])
def test_a_connection_cut_while_applying_decides_nothing(change, cut):
    host = Scripted(cut)
    assert change.apply(None, host)
    assert (len(host.ran), host.said) == (1, [])


def test_a_configured_route_that_is_gone_is_set_directly():
    """netifd believes that it is there; a reload would leave it out."""
    seen = recorded("deployed_with_static_routes_and_helper")
    (route,) = seen.packages["network"].of_type("route")
    wanted = Wanted("network", "hotshoe_out", (route,))
    there = recording("deployed_with_static_routes_and_helper")
    gone = [line for line in there if not line.startswith("10.0.1.0/24 via")]
    assert len(gone) == len(there) - 1
    for lines, command in (
        (gone, f"ip route replace 10.0.1.0/24 via 192.168.1.2; {INIT} apply 1"),
        (there, f"{INIT} apply 1"),
    ):
        before = "deployed_with_static_routes_and_helper"
        host = Scripted(well(*lines), staged((), before, before), well())
        change = Change("1", (wanted,), "", 60)
        assert change.stage(None, host)
        assert change.apply(None, host)
        assert host.ran[-1] == command


# -- confirm


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Seconds that pass only when somebody sleeps; how long each time."""
    slept: list[float] = []
    now = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(module, "time", now)
    return slept


def test_a_change_is_confirmed_once_in_force(change, clock):
    host = Scripted(looked("deployed"), well())
    assert change.confirm(None, host)
    assert host.ran == ["look", f"{INIT} confirm 0badcafe"]
    assert (host.said, clock) == ([], [])


def test_a_change_that_takes_a_moment_is_waited_for(change, clock):
    host = Scripted(looked("fresh"), looked("fresh"), looked("deployed"), well())
    assert change.confirm(None, host)
    assert clock == [0.5, 0.5]
    assert host.ran[-1] == f"{INIT} confirm 0badcafe"


def test_a_change_is_confirmed_over_a_new_connection(change, clock):
    host = Scripted(looked("deployed"), well(), connector=Line())
    assert change.confirm(None, host)
    assert (host.connector.client, host.connector.closed) == ("new", ["old"])


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (well(), AS_IT_WAS),
        (EOFError(), BY_ITSELF),
    ],
    ids=["the old one lives", "it does not"],
)
def test_without_a_new_connection_the_old_one_rolls_back(change, clock, answer, then):
    host = Scripted(answer, connector=Line("timed out"))
    assert not change.confirm(None, host)
    assert host.ran == [ROLLBACK]
    assert (host.connector.client, host.connector.closed) == (host.connector.old, [])
    assert host.said == [
        "with the new configuration, a new SSH connection fails (timed out)",
        then,
    ]


def test_a_router_that_is_out_of_reach_for_a_moment_is_tried_again(change, clock):
    """While its network is reloaded; the old connection is lost then."""
    host = Scripted(TimeoutError(), looked("deployed"), well())
    host.connector = Line("unreachable", "unreachable", is_alive=False)
    assert change.apply(None, host)
    assert change.confirm(None, host)
    assert (clock, host.connector.client) == ([1, 1], "new")


def test_reconnecting_takes_half_of_the_time_at_most(change, clock):
    host = Scripted(TimeoutError(), EOFError(), connector=Line(*["gone"] * 99, is_alive=False))
    assert change.apply(None, host)
    assert not change.confirm(None, host)
    assert sum(clock) == 31
    assert host.said == [
        "with the new configuration, a new SSH connection fails (gone)",
        BY_ITSELF,
    ]


def test_a_connection_that_ends_during_a_command_is_lost(change):
    """pyinfra says of it what it says of a command that fails."""
    host = Scripted(badly(), badly(), connector=Line(is_alive=False))
    assert not change.stage(None, host)
    assert host.said == [
        "the connection to the router was lost (it ended before the command)",
        BY_ITSELF,
    ]
    assert change.apply(None, Scripted(badly(), connector=Line(is_alive=False)))


@pytest.mark.parametrize(("seconds", "patience"), [(60, 15), (20, 10)])
def test_a_change_that_never_comes_into_force_is_rolled_back(gateway, clock, seconds, patience):
    change = Change("1", inbound(gateway, recorded("fresh")), LABEL, seconds)
    looks = patience * 2 + 2
    host = Scripted(*[looked("fresh")] * looks, well())
    assert not change.confirm(None, host)
    assert sum(clock) == patience + 0.5
    assert host.said[0] == f"rule {RULE!r} is not in force"
    assert (host.said[-1], host.ran[-1]) == (AS_IT_WAS, f"{INIT} rollback 1")
    assert f"{INIT} confirm 1" not in host.ran


def test_a_service_that_does_not_come_back_is_missed(change, clock):
    """dnsmasq, say, which is where the home gets its addresses."""
    host = Scripted(looked("fresh"), staged(change.wanted))
    assert change.stage(None, host)
    lines = recording("deployed")
    lines.remove("dnsmasq")
    host = Scripted(*[well(*lines)] * 32, well())
    assert not change.confirm(None, host)
    assert host.said == ["dnsmasq ran before and no longer does", AS_IT_WAS]


def test_a_service_that_did_not_run_before_is_not_missed(change, clock):
    def without_dnsmasq(name: str) -> Answer:
        lines = recording(name)
        lines.remove("dnsmasq")
        return well(*lines)

    host = Scripted(without_dnsmasq("fresh"), staged(change.wanted))
    assert change.stage(None, host)
    assert change.confirm(None, Scripted(without_dnsmasq("deployed"), well()))


def test_a_router_that_cannot_be_read_is_rolled_back(change, clock):
    host = Scripted(badly("no such shell"), well())
    assert not change.confirm(None, host)
    assert host.said == ["no such shell", AS_IT_WAS]


def test_a_change_that_the_timer_rolled_back_is_not_confirmed(change, clock):
    host = Scripted(looked("deployed"), badly("this change was rolled back already"), well())
    assert not change.confirm(None, host)
    assert host.said == ["this change was rolled back already", AS_IT_WAS]


def test_a_rollback_that_fails_is_told(change, clock):
    host = Scripted(looked("deployed"), badly("a"), badly("cannot put back dhcp", "disk full"))
    assert not change.confirm(None, host)
    assert host.said == ["a", "cannot put back dhcp; disk full"]


def test_a_confirmation_whose_answer_is_lost_leaves_both_ends_possible(change, clock):
    host = Scripted(looked("deployed"), EOFError(), EOFError())
    assert not change.confirm(None, host)
    assert host.said[1:] == [
        "the change stays if the router has confirmed it; if not, the router rolls back by itself "
        "within 60 seconds"
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "this change was confirmed already, and stays",
        "another change is not confirmed yet; this one was rolled back or never staged",
    ],
)
def test_the_router_s_word_counts_after_the_answer_to_a_confirmation_is_lost(change, clock, answer):
    host = Scripted(looked("deployed"), TimeoutError(), badly(answer))
    assert not change.confirm(None, host)
    assert host.ran[1:] == [f"{INIT} confirm 0badcafe", ROLLBACK]
    assert host.said[1:] == [answer]


def test_a_rollback_that_fails_without_a_word_is_told(change, clock):
    host = Scripted(looked("deployed"), badly("a"), badly())
    assert not change.confirm(None, host)
    assert host.said == ["a", "rolling back failed"]


# -- only one package


def test_a_change_of_dhcp_alone_is_confirmed(gateway, clock):
    """Only what a change is about is kept; the zones are asked of the firewall as it is."""
    wanted = outbound(gateway, recorded("deployed"))
    change = Change("0badcafe", wanted, "", 60)
    host = Scripted(looked("killed_before_confirming"), well())
    assert change.confirm(None, host)
    assert host.said == []


def all_well(change: Change, before: str, after: str, touched: Callable[[Wanted], bool]) -> None:
    host = Scripted(
        looked(before),
        staged(filter(touched, change.wanted), before, after),
        well(),
        looked(after),
        well(),
    )
    for step in (change.stage, change.apply, change.confirm):
        assert step(None, host), host.said
    assert (host.said, host.answers) == ([], [])


def test_a_change_of_inbound_rules_goes_well(change, clock):
    all_well(change, "fresh", "deployed", lambda each: True)


def test_a_change_of_outbound_routing_goes_well(gateway, clock):
    change = Change("1", outbound(gateway, recorded("fresh")), "", 60)
    all_well(change, "fresh", "deployed", lambda each: each.package != "network")
