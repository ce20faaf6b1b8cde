"""What takes a UCI package to what is wanted of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given

from hotshoe.errors import HotshoeError
from hotshoe.openwrt.uci.changes import Setting, Wanted, diff, expected, foreign
from hotshoe.openwrt.uci.data import Package, Section, UciError
from hotshoe.openwrt.uci.text import parse
from tests.effort import examples
from tests.unit.openwrt.uci.batch import Interpreter, RefusedError
from tests.unit.openwrt.uci.packages import OWNER, cases
from tests.unit.openwrt.uci.test_text import CORPUS, corpus_text

ADDRESS = "firewall.hotshoe_a"


def redirect(letter, **options):
    return Section("redirect", f"hotshoe_{letter}", options)


def firewall(*sections):
    return Package("firewall", sections)


def wanted(*sections, **more):
    return Wanted("firewall", OWNER, sections, **more)


def by_name(package):
    return [section.name for section in package.sections]


ZONES = (Section("zone", None, {"name": "lan"}), Section("zone", None, {"name": "wan"}))
THEIRS = Section("redirect", "theirs", {"dest_ip": "192.168.1.5"})


@given(cases())
def test_the_lines_take_a_package_to_what_is_expected(case):
    package, want = case
    assert Interpreter.apply(package, diff(package, want)) == expected(package, want)


@given(cases())
def test_no_line_can_be_left_out(case):
    package, want = case
    lines = diff(package, want)
    for left_out in range(len(lines)):
        try:
            found = Interpreter.apply(package, lines[:left_out] + lines[left_out + 1 :])
        except RefusedError:
            continue
        assert found != expected(package, want)


def addressed_after(package, want):
    """The same settings, with the index selectors of the package as it is now."""
    after = expected(package, want)
    ordinals = {}
    for kind in {section.type for section in package.sections}:
        before = [a for a, s in package.addressed(kind) if not want.owns(s.name)]
        now = [a for a, s in after.addressed(kind) if not want.owns(s.name)]
        ordinals.update(zip(before, now, strict=True))
    return replace(
        want,
        settings=tuple(replace(one, section=ordinals[one.section]) for one in want.settings),
    )


@given(cases())
def test_what_is_as_expected_needs_no_line(case):
    package, want = case
    after = expected(package, want)
    again = addressed_after(package, want)
    assert diff(after, again) == ()
    assert expected(after, again) == after


@given(cases())
def test_foreign_sections_stay_as_they_are_and_in_order(case):
    package, want = case
    without = replace(want, settings=())
    assert foreign(expected(package, without), [OWNER]) == foreign(package, [OWNER])


@given(cases())
def test_a_setting_changes_its_option_only(case):
    package, want = case
    after = foreign(expected(package, want), [OWNER]).sections
    before = foreign(package, [OWNER]).sections
    said = {(one.section, one.option): one.value for one in want.settings}
    for kind in {section.type for section in before}:
        addresses = [a for a, s in package.addressed(kind) if not want.owns(s.name)]
        alike = [section for section in before if section.type == kind]
        changed = [section for section in after if section.type == kind]
        for address, old, new in zip(addresses, alike, changed, strict=True):
            assert (old.type, old.name) == (new.type, new.name)
            for option in {*old.options, *new.options, *(o for a, o in said if a == address)}:
                value = said.get((address, option), old.options.get(option))
                assert new.options.get(option) == value


@given(cases())
def test_what_is_wanted_is_there_in_its_order_and_nothing_else_of_ours(case):
    package, want = case
    after = expected(package, want)
    assert tuple(s for s in after.sections if want.owns(s.name)) == want.sections
    for name in want.last:
        kind = after.section(name).type
        behind = after.of_type(kind)[after.of_type(kind).index(after.section(name)) + 1 :]
        assert {section.name for section in behind} <= want.last


@examples(50)
@given(cases())
@example((firewall(), wanted(redirect("a", name='it\'s\n"two" lines\\'))))
@example((firewall(redirect("a", name="b")), wanted(Section("rule", "hotshoe_a", {"c": ("", "")}))))
def test_the_real_program_arrives_there_as_well(uci_program, case):
    package, want = case
    assert uci_program.apply(package, diff(package, want)) == expected(package, want)


def test_a_new_section_is_appended():
    package = firewall(*ZONES, THEIRS)
    want = wanted(redirect("a", src="wan", proto=("tcp", "udp")))
    assert diff(package, want) == (
        f"set {ADDRESS}='redirect'",
        f"set {ADDRESS}.src='wan'",
        f"add_list {ADDRESS}.proto='tcp'",
        f"add_list {ADDRESS}.proto='udp'",
    )
    assert expected(package, want).sections == (*ZONES, THEIRS, *want.sections)


def test_what_is_not_wanted_is_deleted():
    package = firewall(redirect("a"), THEIRS, redirect("b"), Section("rule", "hotshoe", {}))
    assert diff(package, wanted()) == (f"delete {ADDRESS}", "delete firewall.hotshoe_b")
    assert by_name(expected(package, wanted())) == ["theirs", "hotshoe"]


def test_of_named_sections_alone_nothing_else_of_the_owner_s_is_touched():
    package = firewall(redirect("a"), THEIRS, redirect("b"))
    want = wanted(only=frozenset({"hotshoe_b"}))
    assert diff(package, want) == ("delete firewall.hotshoe_b",)
    assert by_name(expected(package, want)) == ["hotshoe_a", "theirs"]
    assert diff(firewall(redirect("a"), THEIRS), want) == ()


def test_a_type_changes_where_the_section_is():
    """libuci keeps the options then, and the place: list.c, uci_set."""
    package = firewall(redirect("a", src="wan", dest="lan"), THEIRS)
    want = wanted(Section("rule", "hotshoe_a", {"src": "wan"}))
    assert diff(package, want) == (f"set {ADDRESS}='rule'", f"delete {ADDRESS}.dest")
    assert by_name(expected(package, want)) == ["hotshoe_a", "theirs"]


@pytest.mark.parametrize(
    ("now", "then", "lines"),
    [
        ("a", "b", ["set {}='b'"]),
        ("a", "", ["delete {}"]),
        (("a",), (), ["delete {}"]),
        (("a",), "a", ["set {}='a'"]),
        ("a", ("a",), ["delete {}", "add_list {}='a'"]),
        ("a", ("a", "b"), ["add_list {}='b'"]),
        ("b", ("a", "b"), ["delete {}", "add_list {}='a'", "add_list {}='b'"]),
        (("a",), ("a", "a"), ["add_list {}='a'"]),
        (("a", "a"), ("a",), ["delete {}", "add_list {}='a'"]),
        (("a", "b", "c"), ("a", "c"), ["del_list {}='b'"]),
        (("a", "b", "b"), ("a", "c"), ["del_list {}='b'", "add_list {}='c'"]),
        (("a", "b"), ("b", "a"), ["del_list {}='a'", "add_list {}='a'"]),
        (("a", "b", "c"), ("c",), ["delete {}", "add_list {}='c'"]),
        ((), ("", ""), ["add_list {}=''", "add_list {}=''"]),
        ((), "it's", ["set {}='it'\\''s'"]),
        ((), 'a "b"\\\n#;', ["set {}='a \"b\"\\\n#;'"]),
    ],
)
def test_a_value_changes_with_the_fewest_lines(now, then, lines):
    package = firewall(redirect("a", x=now))
    want = wanted(redirect("a", x=then))
    assert diff(package, want) == tuple(line.format(f"{ADDRESS}.x") for line in lines)


def test_a_setting_is_made_before_indexes_shift():
    zone = Section("zone", "hotshoe_old", {})
    package = firewall(zone, *ZONES)
    setting = Setting("@zone[2]", "masq", "1")
    assert diff(package, wanted(settings=(setting,))) == (
        "set firewall.@zone[2].masq='1'",
        "delete firewall.hotshoe_old",
    )
    after = expected(package, wanted(settings=(setting,)))
    assert after.of_type("zone")[1].options == {"name": "wan", "masq": "1"}


def test_a_setting_may_ask_for_absence():
    package = firewall(THEIRS)
    for value in (None, "", ()):
        there = wanted(settings=(Setting("theirs", "dest_ip", value),))
        assert diff(package, there) == ("delete firewall.theirs.dest_ip",)
        assert diff(package, wanted(settings=(Setting("theirs", "src", value),))) == ()


def test_a_foreign_list_gets_another_item():
    zone = Section("zone", "wan", {"network": ("wan", "wan6")})
    setting = Setting("wan", "network", ("wan", "wan6", "wwan"))
    assert diff(firewall(zone), wanted(settings=(setting,))) == (
        "add_list firewall.wan.network='wwan'",
    )


@pytest.mark.parametrize(
    ("now", "then", "last", "lines", "after"),
    [
        pytest.param("ab", "ab", "b", [], "ab", id="in order"),
        pytest.param("a.b", "ab", "", [], "a.b", id="others between"),
        pytest.param("a.b", "ab", "ab", ["a=1"], ".ab", id="behind them"),
        pytest.param("b.", "ab", "", ["a=0"], "ab.", id="a new one before"),
        pytest.param("a.", "ab", "", [], "a.b", id="a new one after"),
        pytest.param("bcda", "abcd", "", ["a=0"], "abcd", id="one move rather than three"),
        pytest.param(
            "bcd.a", "abcd", "d", ["a=0", "d=4"], "abc.d", id="one to the front and one behind"
        ),
        pytest.param("a.", "a", "a", ["a=1"], ".a", id="another came behind the last"),
        pytest.param("ab.", "ab", "ab", ["a=2", "b=2"], ".ab", id="both of them"),
        pytest.param("cba", "abc", "", ["a=0", "b=1"], "abc", id="the other way round"),
        pytest.param("x.b", "ab", "", ["a=1"], ".ab", id="places without what is deleted"),
    ],
)
def test_sections_move_only_where_the_order_is_wrong(now, then, last, lines, after):
    """A letter is a section of ours, a dot one of others of the same type."""
    package = firewall(
        *(Section("redirect", None, {}) if c == "." else redirect(c) for c in now),
    )
    want = wanted(*map(redirect, then), last=frozenset(f"hotshoe_{c}" for c in last))
    moves = [line for line in diff(package, want) if line.startswith("reorder")]
    written = "".join(
        "." if s.name is None else s.name[-1] for s in expected(package, want).sections
    )
    assert (moves, written) == ([f"reorder firewall.hotshoe_{line}" for line in lines], after)


def test_sections_that_follow_the_last_move_along():
    package = firewall(redirect("a"), Section("rule", "hotshoe_b", {}), THEIRS)
    want = wanted(*package.sections[:2], last=frozenset({"hotshoe_a"}))
    assert diff(package, want) == (
        f"reorder {ADDRESS}=2",
        "reorder firewall.hotshoe_b=2",
    )
    assert by_name(expected(package, want)) == ["theirs", "hotshoe_a", "hotshoe_b"]


def test_last_is_about_sections_of_the_same_type():
    package = firewall(redirect("a"), Section("rule", None, {}))
    assert diff(package, wanted(redirect("a"), last=frozenset({"hotshoe_a"}))) == ()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (("absent", "a", "b"), "UCI package firewall, absent: there is no such section"),
        (("@zone[2]", "a", "b"), "UCI package firewall, @zone[2]: there is no such section"),
        (("absent", "a", None), "UCI package firewall, absent: there is no such section"),
        (("@redirect[0]", "a", "b"), "firewall, @redirect[0]: is a section of hotshoe, not"),
    ],
)
def test_a_setting_needs_a_section_of_others(setting, message):
    package = firewall(*ZONES, redirect("a"))
    for function in (diff, expected):
        with pytest.raises(HotshoeError) as refusal:
            function(package, wanted(settings=(Setting(*setting),)))
        assert message in str(refusal.value)


def test_two_settings_of_one_option_are_refused():
    zone = Section("zone", "wan", {})
    both = (Setting("@zone[0]", "masq", "1"), Setting("wan", "masq", "0"))
    with pytest.raises(UciError, match=r"wan\.masq: is set twice"):
        diff(firewall(zone), wanted(settings=both))


@pytest.mark.parametrize("value", ["a\x1b", ("a", "\x7f\x01")])
def test_a_control_character_that_a_line_cannot_carry_is_refused(value):
    with pytest.raises(UciError, match=r"firewall, firewall\.hotshoe_a\.x: uci takes no control"):
        diff(firewall(), wanted(redirect("a", x=value)))
    assert diff(firewall(redirect("a", x=value)), wanted(redirect("a", x=value))) == ()


@pytest.mark.parametrize(
    "arguments",
    [
        {"sections": (Section("rule", "theirs_a", {}),)},
        {"sections": (Section("rule", None, {}),)},
        {"sections": (Section("it's", "hotshoe_a", {}),)},
        {"sections": (redirect("a"), redirect("a"))},
        {"sections": (redirect("a"), redirect("b")), "last": frozenset({"hotshoe_a"})},
        {"last": frozenset({"hotshoe_a"})},
        {"settings": (Setting("hotshoe_a", "x", "y"),)},
        {"owner": "hot-shoe"},
        {"package": "fire.wall"},
    ],
)
def test_what_cannot_be_wanted_is_refused(arguments):
    with pytest.raises(ValueError):
        Wanted(**{"package": "firewall", "owner": OWNER, **arguments})


@pytest.mark.parametrize("section", ["", "a b", "@zone", "@zone[]", "@zone[-1]", "@a.b[0]", "@[0]"])
def test_a_setting_has_an_address(section):
    with pytest.raises(ValueError, match="neither a name nor such as"):
        Setting(section, "a", "b")


def test_packages_are_not_mixed_up():
    with pytest.raises(ValueError, match="dhcp"):
        diff(Package("dhcp"), wanted())


def test_foreign_is_what_none_of_the_owners_has():
    package = firewall(redirect("a"), THEIRS, Section("rule", "other_x", {}), *ZONES)
    assert foreign(package, ["hotshoe", "other"]) == firewall(THEIRS, *ZONES)
    assert foreign(package, []) == package


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_is_wanted_leaves_the_corpus_alone(path):
    (package,) = parse(corpus_text(path), path.name)
    want = Wanted(
        path.name,
        OWNER,
        (redirect("a", src="wan"), Section("rule", "hotshoe_b", {"proto": ("tcp", "udp")})),
        last=frozenset({"hotshoe_a"}),
    )
    after = Interpreter.apply(package, diff(package, want))
    assert after == expected(package, want)
    assert foreign(after, [OWNER]) == package
    assert diff(after, want) == ()
    gone = replace(want, sections=(), last=frozenset())
    assert Interpreter.apply(after, diff(after, gone)) == package
