"""Which containers and cables a Plan needs on a stage."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hotshoe.errors import HotshoeError
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.site.model import ManagedBy
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP, TETHERED, Topology, make_topology
from tests.conftest import EXAMPLES
from tests.homes import example
from tests.random_homes import sites


@pytest.fixture(scope="module")
def topology(example_plan) -> Topology:
    return make_topology(example_plan)


def node(topology: Topology, name: str):
    (found,) = (node for node in topology.nodes if node.name == name)
    return found


def a_home(plan: Plan, lan: str, server: str, public: str = "203.0.113.20") -> Plan:
    """The example's Plan with other addresses."""
    inside, outside = IPv4Interface(lan), IPv4Address(public)
    changed = replace(
        plan.servers[0],
        address=IPv4Address(server),
        lan=inside.network,
        gateway=inside.ip,
        public_address=outside,
    )
    return replace(
        plan,
        public_address=outside,
        servers=(changed,),
        routers=(replace(plan.routers[0], lan=inside, wan_address=outside),),
    )


def test_every_device_of_the_home_is_there_with_the_internet_and_a_camera_on_it(topology):
    assert [(node.name, node.kind) for node in topology.nodes] == [
        ("internet", "client"),
        ("camera", "client"),
        ("gateway", "debian"),
        ("darkroom", "debian"),
        ("laptop", "client"),
    ]


def test_devices_have_the_addresses_that_the_site_gives_them(topology):
    gateway = {port.segment: str(port.address) for port in node(topology, "gateway").ports}
    assert gateway == {"wan": "203.0.113.20/31", "lan-gateway": "192.168.1.1/24"}
    (port,) = node(topology, "darkroom").ports
    assert (port.segment, str(port.address)) == ("lan-gateway", "192.168.1.10/24")


def test_cables_lead_from_the_camera_through_internet_and_router_to_the_server(topology):
    plugged = {
        segment: {node.name for node, _ in ends} for segment, ends in topology.segments.items()
    }
    assert plugged == {
        "away": {"internet", "camera"},
        "wan": {"internet", "gateway"},
        "lan-gateway": {"gateway", "darkroom", "laptop"},
    }


def test_the_name_that_the_camera_dials_leads_to_the_router(topology):
    assert topology.hostname == "photos.example.net"
    assert topology.public == (IPv4Address("203.0.113.20"),)
    assert topology.resolver in {port.address.ip for port in node(topology, INTERNET).ports}


HOMES = [
    # LAN, server, public address
    ("192.168.1.1/24", "192.168.1.10", "203.0.113.20"),
    ("192.168.1.254/24", "192.168.1.253", "203.0.113.21"),
    ("10.0.0.1/8", "10.0.0.2", "198.51.100.250"),
    ("172.16.0.1/16", "172.16.255.254", "198.51.100.245"),
    ("192.168.1.9/30", "192.168.1.10", "9.9.9.9"),
]


@pytest.mark.parametrize(("lan", "server", "public"), HOMES)
def test_whatever_the_addresses_everybody_reaches_the_next_hop(example_plan, lan, server, public):
    check_wiring(make_topology(a_home(example_plan, lan, server, public)))


@pytest.mark.parametrize(
    ("name", "peer", "address"),
    [("fetch", "nas", "192.168.1.20"), ("push", "desk", "192.168.1.30")],
)
def test_a_computer_to_which_photos_are_delivered_is_there(name, peer, address):
    topology = make_topology(example(name))
    assert topology.peers == (peer,)
    (port,) = node(topology, peer).ports
    assert (port.segment, str(port.address.ip)) == ("lan-gateway", address)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_wired(name):
    plan = example(name)
    topology = make_topology(plan)
    check_wiring(topology)
    assert [n.name for n in topology.nodes if n.kind == "debian"] == [
        name
        for router in plan.routers
        for name in (
            *([router.name] if router.managed_by == "linux" else []),
            *(server.name for server in plan.servers if server.behind == router.name),
            *(
                name
                for name in topology.peers
                if node(topology, name).ports[0].segment == f"lan-{router.name}"
            ),
        )
    ]
    assert set(topology.by_hand) == {r.name for r in plan.routers if r.managed_by == "hand"}
    for server in plan.servers:
        port, *links = node(topology, server.name).ports
        assert port.address.ip == server.address
        assert port.segment == f"lan-{server.behind}"
        assert [link.name for link in links] == ([server.only_on] if server.only_on else [])
        assert [link.address.ip for link in links] == [
            address for name, address in topology.direct.items() if name == server.name
        ]


def managed_by(plan: Plan, *managers: ManagedBy) -> Plan:
    """The same home with routers that are configured otherwise."""
    routers = zip(plan.routers, managers, strict=True)
    return replace(plan, routers=tuple(replace(r, managed_by=m) for r, m in routers))


def test_whoever_configures_a_router_decides_what_plays_it():
    topology = make_topology(managed_by(example("three-routers"), "hand", "openwrt", "linux"))
    routers = [r.name for r in example("three-routers").routers]
    assert [node(topology, name).kind for name in routers] == ["client", "openwrt", "debian"]
    assert topology.by_hand == (routers[0],)


def test_the_owner_of_a_router_logs_in_from_inside():
    plan = managed_by(example("dmz"), "openwrt", "openwrt")
    topology = make_topology(plan)
    edge, gateway = (node(topology, router.name) for router in plan.routers)
    assert topology.neighbour(gateway).name == LAPTOP
    assert topology.neighbour(edge).name == "darkroom"
    topology = make_topology(example("cascade"))
    assert topology.neighbour(node(topology, "box")).name == "gateway"


def test_ipv6_leads_all_the_way_to_the_server():
    topology = make_topology(example("ipv6"))
    assert {str(address) for address in topology.public} == {"203.0.113.20", "2001:db8:100:2::10"}
    assert {str(route.to) for route in topology.routes} == {
        "2001:db8:100:1::/64",
        "2001:db8:100:2::/64",
    }
    assert str(node(topology, "darkroom").gateway6) == "2001:db8:100:2::1"
    assert str(node(topology, "gateway").gateway6) == "2001:db8:100:1::1"
    assert node(topology, CAMERA).gateway6


@given(sites(direct=None))
def test_whatever_makes_sense_can_be_wired(site):
    check_wiring(make_topology(make_plan(site)))


@given(
    public=st.integers(2**24, 2**32 - 2).map(IPv4Address),
    lan=st.builds(
        lambda first, length: IPv4Network((first, length), strict=False),
        st.integers(int(IPv4Address("10.0.0.0")), int(IPv4Address("10.255.255.255"))),
        st.integers(8, 30),
    ),
    places=st.tuples(st.integers(1, 2**24), st.integers(1, 2**24)),
)
def test_every_home_can_be_wired(example_plan, public, lan, places):
    assume(public not in IPv4Network("10.0.0.0/8"))
    usable = lan.num_addresses - 2
    router, server = (lan[1 + place % usable] for place in places)
    assume(router != server)
    check_wiring(
        make_topology(
            a_home(example_plan, f"{router}/{lan.prefixlen}", str(server), public=str(public))
        )
    )


def check_wiring(topology: Topology) -> None:
    networks: dict[str, IPv4Network] = {}
    for segment, ends in topology.segments.items():
        addresses = [port.address for _, port in ends]
        assert len({address.ip for address in addresses}) == len(addresses), "an address twice"
        (networks[segment],) = {address.network for address in addresses}
    assert {"away", "wan"} < set(networks)
    for one, other in combinations(networks.values(), 2):
        assert not one.overlaps(other)
    for device in topology.nodes:
        if device.name not in (INTERNET, TETHERED):
            assert any(device.gateway in port.address.network for port in device.ports)
            assert device.gateway not in {port.address.ip for port in device.ports}


def test_a_lan_without_a_third_address_has_no_laptop(example_plan):
    small = make_topology(a_home(example_plan, "192.168.1.9/30", "192.168.1.10"))
    assert LAPTOP not in {node.name for node in small.nodes}


@pytest.mark.parametrize("name", [INTERNET, CAMERA, LAPTOP])
@pytest.mark.parametrize("device", ["server", "router"])
def test_a_device_with_a_name_of_the_stage_is_refused(example_plan, name, device):
    if device == "server":
        plan = replace(example_plan, servers=(replace(example_plan.servers[0], name=name),))
    else:
        plan = replace(example_plan, routers=(replace(example_plan.routers[0], name=name),))
    with pytest.raises(HotshoeError) as refused:
        make_topology(plan)
    assert str(refused.value) == (
        f"{name}: the stage has a device of that name of its own\n"
        "    -> give yours another name in the Site"
    )


class TestStage:
    def test_two_checkouts_and_two_sites_never_share_a_container(self, example_plan, tmp_path):
        stages = [
            Stage.of(site, example_plan, tmp_path / folder)
            for site in ("home", "cabin")
            for folder in ("one", "two")
        ]
        names = [stage.container(node.name) for stage in stages for node in stage.topology.nodes]
        assert len(set(names)) == len(names)

    def test_the_same_checkout_always_finds_its_own(self, example_plan, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        here = Stage.of("home", example_plan, Path())
        assert here.id == Stage.of("home", example_plan, tmp_path, release="12").id

    def test_a_device_that_is_not_on_it_is_refused_with_those_that_are(
        self, example_plan, tmp_path
    ):
        with pytest.raises(HotshoeError) as refused:
            Stage.of("home", example_plan, tmp_path).node("attic")
        assert str(refused.value) == (
            "attic: there is no such device on the stage; it has internet, camera, gateway, "
            "darkroom, laptop"
        )
