"""What goes from a host, and what never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hotshoe.debian.leftovers import (
    Claims,
    Found,
    Leftovers,
    leftovers,
    note,
    own_drop_ins,
    read_found,
)
from hotshoe.debian.units import Ruleset

UNITS = "/etc/systemd/system"
SERVER = Claims.of(
    ("/etc/hotshoe/vsftpd.conf", "/etc/hotshoe/acme", "/usr/local/sbin/hotshoe-ruleset"),
    ("hotshoe-vsftpd.service", "hotshoe-acme.timer"),
    (Ruleset("hotshoe_firewall"),),
    ("hotshoe", "hotshoe-ftpd"),
)
ROUTER = Claims.of(
    ("/etc/hotshoe/routes", "/usr/local/sbin/hotshoe-ruleset"),
    ("hotshoe-routes.service",),
    (Ruleset("hotshoe_routing"),),
    (),
)
CLAIMS = {"server": SERVER, "router": ROUTER}
OF_SERVER = (
    *("/etc/hotshoe/vsftpd.conf", "/etc/hotshoe/acme", "/etc/hotshoe/hotshoe_firewall.nft"),
    *(f"{UNITS}/hotshoe-vsftpd.service", f"{UNITS}/hotshoe-firewall.service"),
    f"{UNITS}/multi-user.target.wants/hotshoe-vsftpd.service",
)
NOTED = {"home": frozenset({"server"})}


def gone(found: Found, kind: str = "server", site: str = "home", **kept: object) -> list[str]:
    return list(leftovers(found, site, kind, CLAIMS, **kept).named())  # type: ignore[arg-type]


def test_what_the_roles_have_stays():
    found = Found(
        (*OF_SERVER, "/etc/hotshoe/vsftpd.conf.new", "/etc/hotshoe/site-home"),
        ("hotshoe-vsftpd.service", "hotshoe-firewall.service"),
        ("hotshoe_firewall",),
        ("hotshoe",),
        ("hotshoe",),
        NOTED,
    )
    assert gone(found) == []
    assert not leftovers(found, "home", "server", CLAIMS)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (Found(("/etc/hotshoe/old.conf",)), ["/etc/hotshoe/old.conf"]),
        (Found((f"{UNITS}/hotshoe-settle.service",)), ["unit hotshoe-settle.service"]),
        (Found((), ("hotshoe-settle.service",)), ["unit hotshoe-settle.service"]),
        (
            Found((f"{UNITS}/multi-user.target.wants/hotshoe-settle.service",)),
            [f"{UNITS}/multi-user.target.wants/hotshoe-settle.service"],
        ),
        (
            Found((f"{UNITS}/hotshoe-old.service.d", f"{UNITS}/hotshoe-old.service.d/a.conf")),
            [f"{UNITS}/hotshoe-old.service.d"],
        ),
        (
            Found((f"{UNITS}/vsftpd.service.d/hotshoe.conf",)),
            [f"{UNITS}/vsftpd.service.d/hotshoe.conf"],
        ),
        (Found(("/usr/local/sbin/hotshoe-old",)), ["/usr/local/sbin/hotshoe-old"]),
        (Found(tables=("hotshoe_old",)), ["table inet hotshoe_old"]),
        (Found(users=("hotshoe-old",)), ["user hotshoe-old"]),
        (Found(groups=("hotshoe-old",)), ["group hotshoe-old"]),
    ],
)
def test_what_no_role_knows_goes(found, named):
    assert gone(found) == named


@pytest.mark.parametrize(
    "found",
    [
        Found(("/var/lib/hotshoe-pull", f"{UNITS}/hotshoe-pull.timer"), ("hotshoe-pull.service",)),
        Found(users=("hotshoe-pull",), groups=("hotshoe-pull",)),
        Found(tables=("hotshoe_check_4711", "hotshoe_probe")),
        Found((), ("hotshoe-rollback-hotshoe_firewall.timer",)),
        Found(
            (
                f"{UNITS}/hotshoe-photos.mount",
                f"{UNITS}/hotshoe-photos.automount.d",
                f"{UNITS}/multi-user.target.wants/hotshoe-photos.mount",
            ),
            ("hotshoe-photos.mount", "hotshoe.mount"),
        ),
        Found((f"{UNITS}/hotshoe-vsftpd.service.d", f"{UNITS}/hotshoe-vsftpd.service.d/a.conf")),
    ],
)
def test_what_is_no_role_s_stays(found):
    assert gone(found) == []


def test_what_the_site_names_stays():
    found = Found(("/etc/hotshoe/dns-hook",))
    assert gone(found, kept=("/etc/hotshoe/dns-hook",)) == []
    assert gone(found) == ["/etc/hotshoe/dns-hook"]


def test_drop_ins_of_the_person_are_known():
    own = f"{UNITS}/hotshoe-vsftpd.service.d/override.conf"
    ours = f"{UNITS}/hotshoe-vsftpd.service.d/hotshoe.conf"
    found = Found((own, ours, f"{UNITS}/ssh.service.d/override.conf"))
    assert own_drop_ins(found, SERVER) == (own,)
    assert leftovers(found, "home", "server", CLAIMS).restarted == ("hotshoe-vsftpd.service",)
    assert gone(found) == [ours]


def test_timers_stop_before_what_they_start():
    found = Found((f"{UNITS}/hotshoe-a.service", f"{UNITS}/hotshoe-b.timer"))
    assert leftovers(found, "home", "server", CLAIMS).units == (
        "hotshoe-b.timer",
        "hotshoe-a.service",
    )


def test_what_systemd_makes_of_a_template_stays_and_goes_with_it():
    made = ("hotshoe-it@3-1-0.service",)
    template = f"{UNITS}/hotshoe-it@.service"
    claims = {"server": Claims.of((), ("hotshoe-it@.service",), (), ())}
    found = Found((template,), made)
    assert not leftovers(found, "home", "server", claims)
    rest = leftovers(found, "home", "server", {"server": Claims()})
    assert (rest.units, rest.paths) == (made, (template,))


# -- hosts that become another kind of host, and hosts of several Sites

BECAME_A_ROUTER = Found(OF_SERVER, ("hotshoe-vsftpd.service",), ("hotshoe_firewall",), notes=NOTED)


def test_a_server_that_became_a_router_loses_what_it_was():
    assert gone(BECAME_A_ROUTER, "router") == [
        "unit hotshoe-firewall.service",
        "unit hotshoe-vsftpd.service",
        "/etc/hotshoe/acme",
        "/etc/hotshoe/hotshoe_firewall.nft",
        "/etc/hotshoe/vsftpd.conf",
        f"{UNITS}/multi-user.target.wants/hotshoe-vsftpd.service",
        "table inet hotshoe_firewall",
    ]


def test_that_is_noted_until_it_is_gone():
    """A run that is killed in between is healed by the next."""
    assert note(BECAME_A_ROUTER, "home", "router", CLAIMS) == "router,server\n"
    assert leftovers(BECAME_A_ROUTER, "home", "router", CLAIMS).note == "router\n"
    assert note(Found(notes=NOTED), "home", "router", CLAIMS) == "router\n"
    half = Found(OF_SERVER[:1], notes={"home": frozenset({"router", "server"})})
    assert gone(half, "router") == ["/etc/hotshoe/vsftpd.conf"]
    assert note(half, "home", "router", CLAIMS) == "router,server\n"


def test_what_another_site_uses_stays():
    for notes in ({"b": frozenset({"server"})}, {**NOTED, "b": frozenset({"server"})}):
        found = Found(OF_SERVER, ("hotshoe-vsftpd.service",), ("hotshoe_firewall",), notes=notes)
        assert gone(found, "router") == []
        assert note(found, "home", "router", CLAIMS) == "router\n"


def test_what_nobody_noted_may_be_an_earlier_release_s_and_stays():
    found = Found(OF_SERVER, ("hotshoe-vsftpd.service",), ("hotshoe_firewall",))
    assert gone(found, "router") == []
    assert note(found, "home", "router", CLAIMS) == "router\n"


def test_kinds_that_nobody_knows_are_no_reason_to_fail():
    found = Found(OF_SERVER, notes={"b": frozenset({"toaster"}), "home": frozenset({"", "x"})})
    assert gone(found) == []
    assert note(found, "home", "server", CLAIMS) == "server\n"


# -- what a host prints


def test_what_a_host_prints_is_read():
    lines = [
        "path /etc/hotshoe/a b",
        "unit hotshoe-old.service",
        "table hotshoe_old",
        "user hotshoe-old",
        "group hotshoe-old",
        "note router,server my home",
        "note server b",
    ]
    assert read_found(lines) == Found(
        ("/etc/hotshoe/a b",),
        ("hotshoe-old.service",),
        ("hotshoe_old",),
        ("hotshoe-old",),
        ("hotshoe-old",),
        {"my home": frozenset({"router", "server"}), "b": frozenset({"server"})},
    )
    assert read_found([]) == Found()


def test_nothing_left_over_is_nothing_to_do():
    assert not Leftovers(note="server\n")
    assert Leftovers(groups=("hotshoe-old",))


class TestAHostThatTheSiteUsesNoMore:
    """It has the claims of no role, and only its own note tells that it had others."""

    CLAIMS = CLAIMS | {"former": Claims()}
    FOUND = Found((*OF_SERVER, "/etc/hotshoe/site-home"), ("hotshoe-vsftpd.service",), notes=NOTED)

    def test_everything_goes_and_the_note_with_it(self):
        found = leftovers(self.FOUND, "home", "former", self.CLAIMS)
        assert set(OF_SERVER) <= {*found.paths}
        assert "hotshoe-vsftpd.service" in found.units
        assert (found.note, found.forgotten) == ("", True)

    def test_what_another_site_has_there_stays(self):
        both = replace(self.FOUND, notes=NOTED | {"cabin": frozenset({"server"})})
        found = leftovers(both, "home", "former", self.CLAIMS)
        assert [*found.named()] == []
        assert found.forgotten

    def test_a_run_that_was_killed_before_the_note_went_is_healed(self):
        assert leftovers(Found(notes=NOTED), "home", "former", self.CLAIMS)

    def test_after_that_nothing_is_left_to_do(self):
        assert not leftovers(Found(), "home", "former", self.CLAIMS)
