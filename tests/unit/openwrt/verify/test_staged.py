"""Whether a staged change is what was meant: every way in which it can be something else."""

from __future__ import annotations

import pytest

from hotshoe.openwrt.uci import text
from hotshoe.openwrt.uci.changes import Wanted, expected
from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.openwrt.verify.staged import staging_errors
from tests.unit.openwrt.routers import firewall

RULE = Section("rule", "mine_ssh", {"name": "SSH from the office", "target": "ACCEPT"})
WANTED = Wanted("firewall", "mine", (RULE,))
CHAINS = ["chain input_lan", "chain input_wan"]
PRINTED = [
    "\tchain input_lan {",
    "\tchain input_wan {",
    '\t\ttcp dport 22 counter accept comment "!fw4: SSH from the office"',
]


def said(wanted: Wanted = WANTED, package: Package | None = None, **otherwise: list[str]) -> dict:
    """What staging prints if all is well, but for what is said otherwise."""
    package = expected(package or firewall(), wanted)
    parts = {
        "batch": [],
        package.name: text.render(package).splitlines(),
        "before": [],
        "after": [],
        "check": [],
        "chains before": CHAINS,
        "print": PRINTED,
    }
    return parts | {name.replace("_", " "): lines for name, lines in otherwise.items()}


def wrong(wanted: Wanted = WANTED, package: Package | None = None, **otherwise: list[str]) -> tuple:
    package = package or firewall()
    return staging_errors((wanted,), {package.name: package}, said(wanted, package, **otherwise))


def test_a_change_as_wanted_has_no_errors():
    assert wrong() == ()


COMPLAINT = "Section @redirect[0] specifies invalid value"
CASES = [
    ({"batch": ["uci: Entry not found", "x"]}, ("uci: uci: Entry not found", "uci: x")),
    ({"after": [COMPLAINT]}, (f"fw4: {COMPLAINT}",)),
    ({"before": [COMPLAINT], "after": [COMPLAINT]}, ()),
    ({"before": [COMPLAINT], "after": []}, ()),
    ({"before": ["x"], "after": ["x", COMPLAINT]}, (f"fw4: {COMPLAINT}",)),
    # One of ours went that stood before it.
    ({"before": ["Section @redirect[10] is off"], "after": ["Section @redirect[9] is off"]}, ()),
    (
        {"before": ["Section @redirect[1] is off"], "after": ["Section @rule[1] is off"]},
        ("fw4: Section @rule[1] is off",),
    ),
    ({"check": ["Error: syntax error"]}, ("nft: Error: syntax error",)),
    (
        {"chains_before": []},
        ("fw4: there are no zones, so /etc/config/firewall was broken before this change",),
    ),
    (
        {"chains_before": [*CHAINS, "chain input_guest"]},
        ("fw4: the zone of 'chain input_guest' would disappear",),
    ),
    ({"print": PRINTED[:2]}, ("fw4: no rule would be made of 'SSH from the office'",)),
    (
        {"print": []},
        (
            "fw4: the zone of 'chain input_lan' would disappear",
            "fw4: the zone of 'chain input_wan' would disappear",
            "fw4: no rule would be made of 'SSH from the office'",
        ),
    ),
    (
        {"print": [*PRINTED[:2], PRINTED[2].replace('office"', 'office (reflection)"')]},
        ("fw4: no rule would be made of 'SSH from the office'",),
    ),
    ({"firewall": ["package firewall"]}, ("firewall: what was staged reads back differently",)),
    ({"firewall": []}, ("firewall: what was staged reads back differently",)),
]


@pytest.mark.parametrize(("otherwise", "told"), CASES)
def test_a_staged_change_has_errors(otherwise, told):
    assert wrong(**otherwise) == told


def test_an_unreadable_export_is_an_error():
    (told,) = wrong(firewall=["package firewall", "config 'rule"])
    assert told.startswith("firewall: what was staged cannot be read: UCI package firewall, line 2")


def test_staging_without_output_is_an_error():
    told = staging_errors((WANTED,), {"firewall": firewall()}, {})
    assert told[0] == "uci: staging printed nothing"
    assert len(told) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda sections: sections[:-1],
        lambda sections: (*sections, Section("rule", None, {"target": "DROP"})),
        lambda sections: (sections[-1], *sections[:-1]),
        lambda sections: (*sections[:-1], Section("rule", "mine_ssh", {"target": "ACCEPT"})),
        lambda sections: (sections[0], *sections[2:]),
    ],
    ids=["without ours", "one more", "another order", "half of ours", "a zone less"],
)
def test_a_package_that_reads_back_differently_is_an_error(change):
    meant = expected(firewall(), WANTED)
    other = Package("firewall", change(meant.sections))
    assert wrong(firewall=text.render(other).splitlines()) == (
        "firewall: what was staged reads back differently",
    )


def test_a_disabled_rule_and_other_sections_need_no_rule():
    sections = (
        Section("rule", "mine_off", {"name": "off", "enabled": "0"}),
        Section("include", "mine_inc", {"path": "/etc/x.nft"}),
    )
    assert wrong(Wanted("firewall", "mine", sections)) == ()


def test_a_rule_without_a_name_is_called_as_its_section_is():
    wanted = Wanted("firewall", "mine", (Section("nat", "mine_nat", {}),))
    assert wrong(wanted) == ("fw4: no rule would be made of 'mine_nat'",)
    assert wrong(wanted, print=[*PRINTED, 'x comment "!fw4: mine_nat"']) == ()


def test_other_packages_are_read_back_and_make_no_rules():
    wanted = Wanted("network", "mine", (Section("rule", "mine_r", {"name": "x"}),))
    assert wrong(wanted, Package("network")) == ()
    assert wrong(wanted, Package("network"), network=[]) == (
        "network: what was staged reads back differently",
    )


def test_foreign_sections_have_to_stay_as_they_were():
    """Somebody may have committed something in between."""
    theirs = Section("redirect", "theirs", {"src": "wan"})
    after = expected(firewall(theirs), WANTED)
    assert staging_errors(
        (WANTED,), {"firewall": firewall()}, said(firewall=text.render(after).splitlines())
    ) == ("firewall: what was staged reads back differently",)
