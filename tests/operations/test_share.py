"""The share's role: what it refuses, what it keeps from starting, and whom it lets in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyinfra.api.exceptions import PyinfraError

from hotshoe import paths
from hotshoe.debian import share as core
from hotshoe.debian.device import Device, PathState
from hotshoe.debian.listeners import LISTENERS
from hotshoe.plan.model import ServerPlan, Share
from roles import share
from roles.base.device import device_of
from roles.share import packaged
from roles.share.facts import LET_IN, groups_query
from roles.share.readers import let_in
from tests.operations.conftest import NOTHING_KNOWN, as_texts

FILE = PathState("f", "root", "root", "644")


@pytest.fixture
def server(example_plan) -> ServerPlan:
    return replace(example_plan.servers[0], share=Share(may_change=False))


def device(answers: dict[str, Any] | None = None, **known: Any) -> Device:
    return Device(answers=NOTHING_KNOWN | (answers or {}), **known)


def refusal(plan: ServerPlan) -> str:
    with pytest.raises(PyinfraError) as refused:
        share.refuse_unfit(plan)
    return str(refused.value)


class TestQueries:
    def test_reads_whom_the_folder_lets_in(self):
        lines = (
            "noted ann 1000\nnoted carl 1003\nnoted - 1234\nnoted bob 1002\n"
            "# file: /srv/hotshoe/library\n# owner: hotshoe-intake\n# group: hotshoe\n"
            "# flags: -s-\nuser::rwx\nuser:ann:r-x\nuser:1234:rwx\t#effective:r-x\ngroup::rwx\n"
            "group:staff:r-x\nmask::rwx\nother::---\ndefault:user:bob:r-x\n"
            "user:backup:r-x\n"
        ).splitlines()
        assert LET_IN.read(lines) == {"ann": "r-x", "carl": "", "-": "", "bob": ""}

    def test_asks_for_readers_only_where_there_are_any(self, server):
        assert groups_query(server) is None
        assert share.footprints(server) == ()
        query = groups_query(replace(server, readers=("ann", "bob")))
        assert query
        assert query.read(["ann ann users", "bob "]) == {"ann": ("ann", "users"), "bob": ()}


class TestRefused:
    @pytest.mark.parametrize(
        ("port", "holder", "what"),
        [(445, "smbd", "SMB"), (445, "ksmbd", "SMB"), (3702, "wsdd2", "WS-Discovery")],
    )
    def test_another_program_on_its_ports(self, on_host, server, port, holder, what):
        on_host(device({LISTENERS.name: {port: holder}}))
        assert refusal(server) == (
            f"darkroom: port {port} ({what}) is taken by {holder}, which hotshoe did not set up, "
            "so the library's share cannot have it\n    -> stop that program if it may go, or "
            "leave out library.share and share /srv/hotshoe/library with it yourself"
        )

    def test_its_own_is_none(self, on_host, server):
        units = {core.SAMBA.name: "active enabled", core.DISCOVERY.name: "active enabled"}
        on_host(device({LISTENERS.name: {445: "smbd", 3702: "wsdd2"}}, units=units))
        share.refuse_unfit(server)

    def test_one_that_takes_a_port_at_the_next_boot(self, on_host, server):
        units = {"smbd.service": "inactive enabled"}
        on_host(device(units=units))
        assert refusal(server) == (
            "darkroom: smbd.service, which hotshoe did not enable, takes a port of the library's "
            "share when the server boots\n    -> if that program may go, systemctl disable --now "
            "smbd.service; or leave out library.share and share /srv/hotshoe/library with it "
            "yourself"
        )
        # A run that was killed between installing it and disabling it.
        on_host(device(units=units, paths={paths.SHARE_KEPT_BACK: FILE}))
        share.refuse_unfit(server)
        for state in ("inactive disabled", "inactive masked", "inactive"):
            on_host(device(units={"smbd.service": state}))
            share.refuse_unfit(server)

    def test_nor_is_a_server_without_a_share(self, on_host, server):
        on_host(device({LISTENERS.name: {445: "smbd"}}))
        share.refuse_unfit(replace(server, share=None))

    @pytest.mark.parametrize(
        ("groups", "message"),
        [
            (
                {"ann": ()},
                "darkroom: has no user ann, who is to read the library\n    -> make that user "
                "(adduser ann), or correct library.readers in the Site",
            ),
            (
                {"ann": ("ann", "hotshoe")},
                "darkroom: ann, who is to read the library and not to change it, may change it as "
                "a member of the group hotshoe\n    -> leave ann out of library.readers, or: "
                "deluser ann hotshoe",
            ),
        ],
    )
    def test_readers_who_are_none(self, on_host, server, groups, message):
        on_host(device({"readers": groups}))
        assert refusal(replace(server, share=None, readers=("ann",))) == message

    def test_root(self, on_host, server):
        on_host(device({"readers": {"root": ("root",)}}))
        assert "may change it\n    -> leave root out" in refusal(replace(server, readers=("root",)))


class TestPackages:
    def test_are_those_of_the_release(self, on_host, server):
        on_host(device(os="debian 12"))
        assert "samba-vfs-modules" in share.packages(server)
        on_host(device(os="debian 13"))
        assert "samba-vfs-modules" not in share.packages(server)

    def test_readers_need_no_samba(self, on_host, server):
        on_host(device(os="debian 13"))
        assert share.packages(replace(server, share=None, readers=("ann",))) == ("acl",)
        assert share.packages(replace(server, share=None)) == ()


class TestDebiansOwn:
    """What a person has installed stays as it is."""

    def test_what_is_installed_is_not_kept_back(self, on_host):
        on_host(device(packages=frozenset({"samba", "wsdd2"})))
        assert packaged._coming() == packaged._noted() == []

    def test_what_comes_is(self, on_host):
        on_host(device(packages=frozenset({"wsdd2"}), units={"smbd.service": "inactive"}))
        assert packaged._coming() == [*core.STARTED_BY["samba"]]

    def test_what_somebody_else_masked_stays_masked(self, on_host):
        on_host(device(units={"smbd.service": "inactive masked"}))
        assert "smbd.service" not in packaged._noted()
        assert "nmbd.service" in packaged._noted()

    def test_is_let_go_of_by_the_next_run_if_one_was_killed(self, on_host):
        installed = frozenset({"samba", "wsdd2"})
        on_host(device(packages=installed, paths={paths.SHARE_KEPT_BACK: FILE}))
        assert len(as_texts(packaged.released._inner())) == 1
        host = on_host(device(packages=installed))
        assert as_texts(packaged.released._inner()) == []
        assert host.noops == ["none is kept back"]

    def test_avahi_that_runs_is_left_alone(self, on_host):
        on_host(device(units={core.AVAHI: "active enabled"}))
        assert as_texts(packaged.announcing._inner()) == []
        assert as_texts(packaged.not_announcing._inner()) == []

    def test_avahi_that_was_started_for_the_share_stops_with_it(self, on_host):
        on_host(device())
        assert as_texts(packaged.announcing._inner()) == [
            "systemctl enable --quiet --now avahi-daemon.service"
        ]
        on_host(device(paths={paths.SHARE_STARTED: FILE}))
        assert as_texts(packaged.not_announcing._inner()) == [
            "systemctl disable --quiet --now avahi-daemon.service avahi-daemon.socket",
            f"rm -f {paths.SHARE_STARTED}",
        ]


class TestReaders:
    @staticmethod
    def script(on_host, there: dict[str, str], names: tuple[str, ...]) -> str:
        on_host(device({LET_IN.name: there}))
        commands = as_texts(let_in._inner(names))
        assert len(commands) == 1
        assert commands[0]["stdin"].startswith('"""Open what is in a folder')
        return commands[0]["command"]

    @pytest.mark.parametrize("names", [(), ("ann",), ("ann", "bob")])
    def test_who_is_let_in_already_is_no_change(self, on_host, names):
        host = on_host(device({LET_IN.name: dict.fromkeys(names, "r-x")}))
        assert as_texts(let_in._inner(names)) == []
        assert host.noops == [f"{', '.join(names) or 'nobody'} may read the library"]

    def test_what_is_there_is_opened_before_anybody_gets_in(self, on_host):
        script = self.script(on_host, {}, ("ann",))
        assert script.index("below open") < script.index('gate --modify "user:$number:r-x"')

    def test_who_goes_is_shut_out_first(self, on_host):
        script = self.script(on_host, {"ann": "r-x"}, ())
        assert script.index('gate --modify "user:$number:---"') < script.index("below close")

    @pytest.mark.parametrize("there", [{"ann": ""}, {"ann": "r-x", "-": ""}, {"-": "---"}])
    def test_a_run_that_was_killed_is_gone_on_with(self, on_host, there):
        self.script(on_host, there, ("ann",))


class TestRemoval:
    def test_where_there_never_was_a_share_there_is_nothing_to_look_at(self, on_host):
        host = on_host(
            device(packages=frozenset({"samba"}), units={"smbd.service": "active enabled"})
        )
        assert not device_of(host).has_any_of(share.FOOTPRINT)

    @pytest.mark.parametrize(
        "known",
        [
            {"paths": {paths.SHARE_KEPT_BACK: FILE}},
            {"paths": {core.DISCOVERY.path: FILE}},
            {"units": {core.SAMBA.name: "active enabled"}},
            {"paths": {paths.SHARE_ANNOUNCED: FILE}},
            {"accounts": {core.USER: f"{core.USER}:x:990:990::/nonexistent:/usr/sbin/nologin"}},
        ],
    )
    def test_whatever_a_run_has_left_goes(self, on_host, known):
        host = on_host(device(**known))
        assert device_of(host).has_any_of(share.FOOTPRINT)

    def test_what_it_put_into_the_library_is_given_back_before_its_user_goes(self, on_host):
        on_host(device())
        assert as_texts(share._given_back._inner()) == []
        on_host(device(accounts={core.USER: "it"}))
        (script,) = as_texts(share._given_back._inner())
        assert f"chown --no-dereference --from={core.USER}" in script
