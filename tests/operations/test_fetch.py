"""The two ends of a fetch: what is refused, and whose the folder for photos is."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from pyinfra.api.exceptions import PyinfraError

from hotshoe.debian.device import Device, PathState
from hotshoe.debian.fetch import FETCHER_USER
from hotshoe.debian.listeners import LISTENERS
from hotshoe.debian.network import Network
from hotshoe.plan.derivation import make_plan
from hotshoe.render import render
from hotshoe.site.reading import SiteFiles, load_site
from roles import fetch, fetcher
from roles.fetch.facts import SSHD
from roles.fetcher.facts import folder_query, takes_photos
from tests.conftest import PROJECT
from tests.operations.conftest import as_texts, recorded


@pytest.fixture
def plan():
    return make_plan(load_site(SiteFiles("fetch", PROJECT)))


@pytest.fixture
def nas(plan):
    return plan.fetchers[0]


def computer(nas, folder: PathState | None = None, **more) -> Device:
    values = {
        "os": "debian 13",
        "network": Network(addresses={str(nas.address): "eth0"}),
        "answers": {folder_query(nas).name: folder},
    }
    return Device(**values | more)


def refusal(check, plan) -> str:
    with pytest.raises(PyinfraError) as refused:
        check(plan)
    return str(refused.value)


class TestAServer:
    def test_whose_port_another_program_has_is_refused(self, on_host, plan):
        (server,) = plan.servers
        device = recorded("fresh_server")
        on_host(replace(device, answers={**device.answers, LISTENERS.name: {17022: "nginx"}}))
        assert "port 17022, to which computers connect that fetch photos, is taken by nginx" in (
            refusal(fetch.refuse_unfit, server)
        )

    @pytest.mark.parametrize("holder", ["", "sshd"])
    def test_is_accepted_if_the_port_is_free_or_ours(self, on_host, plan, holder):
        (server,) = plan.servers
        device = recorded("fresh_server")
        units = {SSHD.name: "active enabled"} if holder else {}
        answers = {
            **device.answers,
            LISTENERS.name: {17022: holder} if holder else {17023: "nginx"},
        }
        on_host(replace(device, answers=answers, units={**device.units, **units}))
        fetch.refuse_unfit(server)

    def test_that_lets_nobody_fetch_may_have_it_taken(self, on_host, example_plan):
        device = recorded("fresh_server")
        on_host(replace(device, answers={**device.answers, LISTENERS.name: {17022: "nginx"}}))
        fetch.refuse_unfit(example_plan.servers[0])


@pytest.mark.parametrize(
    ("state", "takes"),
    [
        (PathState("d", FETCHER_USER, FETCHER_USER, "2775"), True),
        (PathState("d", FETCHER_USER, "ann", "755"), True),
        (PathState("d", FETCHER_USER, "ann", "555"), False),
        (PathState("d", "ann", FETCHER_USER, "2775"), True),
        (PathState("d", "ann", FETCHER_USER, "757"), False),
        (PathState("d", "ann", "ann", "775"), False),
        (PathState("d", "ann", "ann", "1777"), True),
        (PathState("d", "root", "root", "0"), False),
    ],
)
def test_whether_photos_can_be_put_into_a_folder(state, takes):
    assert takes_photos(state) is takes


class TestAComputer:
    @pytest.mark.parametrize("folder", [None, PathState("d", FETCHER_USER, FETCHER_USER, "2775")])
    def test_as_the_site_says_is_accepted(self, on_host, nas, folder):
        on_host(computer(nas, folder))
        fetcher.refuse_unfit(nas)

    def test_of_another_address_is_refused(self, on_host, nas):
        on_host(computer(nas, network=Network(addresses={"192.168.1.77": "eth0"})))
        assert "it is not the computer of the delivery nas" in refusal(fetcher.refuse_unfit, nas)

    @pytest.mark.parametrize(
        ("folder", "reason"),
        [
            (PathState("l", "root", "root", "777"), "is a link, where photos shall go"),
            (PathState("f", "root", "root", "644"), "is a file, where photos shall go"),
            (PathState("d", "ann", "ann", "755"), "/srv/photos belongs to ann"),
        ],
    )
    def test_without_a_place_for_photos_is_refused(self, on_host, nas, folder, reason):
        on_host(computer(nas, folder))
        assert reason in refusal(fetcher.refuse_unfit, nas)

    def test_gets_a_folder_for_photos(self, on_host, nas):
        on_host(computer(nas))
        assert as_texts(fetcher._place._inner(nas)) == [
            "install -d -o hotshoe-fetcher -g hotshoe-fetcher -m 2775 /srv/photos"
        ]

    def test_keeps_the_one_that_is_there(self, on_host, nas):
        host = on_host(computer(nas, PathState("d", "ann", FETCHER_USER, "2770")))
        assert as_texts(fetcher._place._inner(nas)) == []
        assert host.noops == ["/srv/photos is there"]

    def test_that_fetched_nothing_hands_nothing_over(self, on_host, nas):
        host = on_host(computer(nas, PathState("d", "ann", "ann", "755")))
        assert as_texts(fetcher._handed_over._inner(nas)) == []
        assert host.noops == ["there is nobody to take them from"]


def test_what_hands_photos_over_leaves_other_people_s(tmp_path):
    """Run here: only what belongs to that user changes hands, and parts of photos go."""
    (tmp_path / ".hotshoe").mkdir()
    (tmp_path / ".hotshoe" / "part").touch()
    (tmp_path / "a.jpg").touch()
    program = render(
        "fetcher/remove.sh.j2", unit="hotshoe-no-such.service", folder=str(tmp_path), user="nobody"
    )
    program = f'systemctl() {{ :; }}\nchown() {{ echo chown "$@"; }}\n{program}'
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
