"""The cable of a home whose public address changes."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.stage import openwrt_router
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA, FIRST_PUBLIC_ADDRESS, INTERNET, make_topology
from hotshoe.stage.wan import Wan, home_script, provider_lines, route_lines, translation
from tests.homes import example

FIRST = Wan.at(FIRST_PUBLIC_ADDRESS)
SECOND = Wan.at(IPv4Address("203.0.113.22"))
SHARED = Wan.at(IPv4Address("203.0.113.24"), carrier_grade_nat=True)


@pytest.fixture(scope="module")
def plan():
    return example("dynamic")


@pytest.fixture(scope="module")
def topology(plan):
    return make_topology(plan)


def test_a_home_s_gateway_is_the_other_end_of_its_cable():
    assert [str(wan.provider) for wan in (FIRST, Wan.at(IPv4Address("203.0.113.23")), SHARED)] == [
        "203.0.113.21/31",
        "203.0.113.22/31",
        "100.64.12.35/31",
    ]


def test_behind_carrier_grade_nat_the_internet_sees_another_address_than_the_home_has():
    assert (str(SHARED.public), str(SHARED.home.ip)) == ("203.0.113.24", "100.64.12.34")
    assert SHARED.is_translated
    assert not FIRST.is_translated


@pytest.mark.parametrize("wan", [FIRST, SECOND, SHARED])
def test_a_file_keeps_it(wan):
    assert Wan.parse(wan.text()) == wan


@pytest.mark.parametrize(
    ("address", "following"),
    [("203.0.113.20", "203.0.113.22"), ("203.0.113.255", "203.0.113.1"), ("9.9.9.254", "9.9.9.0")],
)
def test_the_next_address_is_in_the_same_block_and_on_another_cable(address, following):
    assert str(Wan.at(IPv4Address(address)).next_address()) == following


def test_the_old_cable_goes_before_the_new_one_comes_and_leads_nowhere_then():
    assert list(provider_lines(FIRST, SECOND)) == [
        "address delete 203.0.113.21/31 dev home0",
        "route replace blackhole 203.0.113.20/31 metric 1",
        "address add 203.0.113.23/31 dev home0",
    ]
    assert list(provider_lines(SHARED, FIRST)) == [
        "route delete 203.0.113.24/32",
        "address delete 100.64.12.35/31 dev home0",
        "route replace blackhole 203.0.113.24/31 metric 1",
        "address add 203.0.113.21/31 dev home0",
    ]


def test_an_address_that_is_translated_has_a_route_for_answers():
    assert list(route_lines(SHARED)) == ["route add 203.0.113.24/32 via 100.64.12.34 dev home0"]
    assert list(route_lines(FIRST)) == []
    assert list(provider_lines(FIRST, SHARED))[-1] == next(iter(route_lines(SHARED)))


def test_every_kind_of_router_is_given_address_and_gateway():
    assert "ip address add 203.0.113.22/31 dev eth0\n" in home_script(SECOND)
    assert "ip route replace default via 203.0.113.23 dev eth0\n" in home_script(SECOND)
    openwrt = openwrt_router.change_address(SECOND.home, SECOND.provider.ip)
    for option in ("ipaddr=203.0.113.22", "netmask=255.255.255.254", "gateway=203.0.113.23"):
        assert f"uci set network.wan.{option}\n" in openwrt


@pytest.mark.parametrize("wan", [FIRST, SHARED])
def test_nftables_takes_the_translation_again_and_again(wan):
    command = ["unshare", "--net", "--map-root-user", "nft", "-f", "-"]
    text = translation(wan) * 2 + "list tables"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("table ip carrier\n" if wan.is_translated else "")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.168.7.7", "192.168.7.7 cannot be a public address: it is private (RFC 1918)"),
        ("100.64.0.9", "100.64.0.9 cannot be a public address: it is behind the provider's"),
        ("198.51.100.250", "198.51.100.250 is in 198.51.100.248/29, where internet is"),
    ],
)
def test_an_address_that_the_home_cannot_have_is_refused(topology, address, reason):
    with pytest.raises(HotshoeError) as refused:
        Wan.at(IPv4Address(address)).refuse_unfit(topology)
    assert str(refused.value).startswith(reason)
    SECOND.refuse_unfit(topology)


class TestStage:
    def test_a_device_at_either_end_has_the_address_of_now_and_its_old_hardware_address(
        self, plan, tmp_path
    ):
        stage = Stage.of("dynamic", plan, tmp_path)
        stage.folder.mkdir(parents=True)
        (stage.folder / "wan").write_text(SECOND.text())
        rows = {name: addresses for name, _, addresses in _status(stage)}
        assert "home0 203.0.113.23/31" in rows[INTERNET]
        assert "eth0 203.0.113.22/31" in rows["gateway"]
        assert rows[CAMERA] == "eth0 198.51.100.250/29"

    def test_a_home_whose_address_is_fixed_gets_no_other(self, example_plan, tmp_path):
        stage = Stage.of("home", example_plan, tmp_path)
        with pytest.raises(HotshoeError) as refused:
            stage.change_address(IPv4Address("203.0.113.22"))
        assert str(refused.value) == (
            "203.0.113.20: the public address of this Site does not change\n"
            "    -> write public_address: dynamic"
        )


def _status(stage):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hotshoe.stage.podman.containers", lambda label: [])
        return stage.status()
