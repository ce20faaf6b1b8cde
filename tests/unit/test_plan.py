"""What follows from a Site."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.plan import PortForward, RouterPlan, ServerPlan, make_plan
from hotshoe.ports import PortRange
from hotshoe.site import Camera, Ftp, Server


def test_the_server_of_the_example(example_plan):
    assert example_plan.servers[0] == ServerPlan(
        name="darkroom",
        address=IPv4Address("192.168.1.10"),
        lan=IPv4Network("192.168.1.0/24"),
        gateway=IPv4Address("192.168.1.1"),
        ssh_user="root",
        ssh_port=22,
        ssh_from=(IPv4Network("192.168.1.0/24"),),
        hostname="photos.example.net",
        public_address=IPv4Address("203.0.113.20"),
        control_port=21,
        passive=PortRange(50000, 50099),
        cameras=("r5", "a7"),
        open_to_lan=(),
        max_clients=22,
        max_per_address=6,
        bytes_per_second=0,
        new_connections_per_minute=60,
    )


def test_the_router_of_the_example(example_plan):
    server = IPv4Address("192.168.1.10")
    assert example_plan.routers == (
        RouterPlan(
            name="gateway",
            ssh_user="root",
            ssh_port=22,
            lan=IPv4Interface("192.168.1.1/24"),
            wan_address=IPv4Address("203.0.113.20"),
            forwards=(
                PortForward(PortRange(21, 21), server),
                PortForward(PortRange(50000, 50099), server),
            ),
            server=server,
            open_to_wan=(),
        ),
    )


def test_a_router_is_found_by_its_name(example_plan):
    assert example_plan.router("gateway") is example_plan.routers[0]
    with pytest.raises(KeyError):
        example_plan.router("darkroom")


@pytest.mark.parametrize("behind", [None, "gateway"])
def test_a_server_that_names_no_router_is_behind_the_only_one(example_site, behind):
    server = example_site.server.model_copy(update={"behind": behind})
    plan = make_plan(example_site.model_copy(update={"server": server}))
    assert plan.server.gateway == IPv4Address("192.168.1.1")


def test_ssh_is_open_to_the_lan_and_to_whom_the_site_names(example_site):
    away = IPv4Network("10.9.0.0/24")
    server = example_site.server.model_copy(update={"ssh_from": (away,)})
    plan = make_plan(example_site.model_copy(update={"server": server}))
    assert plan.server.ssh_from == (IPv4Network("192.168.1.0/24"), away)


def test_a_rate_is_passed_on(example_site):
    site = example_site.model_copy(update={"ftp": Ftp(bytes_per_second=20_000_000)})
    assert make_plan(site).server.bytes_per_second == 20_000_000


@given(st.integers(1, 100))
def test_no_camera_is_shut_out_by_the_others_even_behind_one_address(example_site, cameras):
    """Every camera may be behind the same NAT, and strangers may hold connections too."""
    names = tuple(Camera(name=f"c{i}") for i in range(cameras))
    plan = make_plan(example_site.model_copy(update={"cameras": names})).server
    assert plan.max_per_address >= 3 * cameras
    assert plan.max_clients > plan.max_per_address


@given(control=st.integers(1, 1024), first=st.integers(1025, 60000), size=st.integers(20, 5000))
def test_server_and_router_speak_of_the_same_ports(example_site, control, first, size):
    ftp = Ftp(control_port=control, passive_ports=PortRange(first, first + size))
    plan = make_plan(example_site.model_copy(update={"ftp": ftp}))
    assert [forward.ports for forward in plan.routers[0].forwards] == list(plan.server.ftp_ports)
    assert {forward.to for forward in plan.routers[0].forwards} == {plan.server.address}


def test_a_plan_cannot_be_changed(example_plan):
    with pytest.raises(FrozenInstanceError):
        example_plan.servers[0].control_port = 22


def test_the_same_site_makes_the_same_plan(example_site):
    again = type(example_site).model_validate(example_site.model_dump())
    assert isinstance(again.server, Server)
    assert make_plan(again) == make_plan(example_site)
