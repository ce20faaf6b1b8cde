"""What follows from a Site."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotshoe.plan import derivation, tls, tls_suites
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import (
    AcceptRule,
    AddressFollower,
    CameraIntake,
    CertificatePlan,
    ClientRule,
    ControlPort,
    Encryption,
    HomeAccess,
    Intake,
    Notice,
    Plan,
    PortForward,
    RecordUpdate,
    Route,
    RouterPlan,
    ServerPlan,
)
from hotshoe.ports.ranges import PortRange, Service
from hotshoe.site.model import Camera, Certificate, Ddns, Ftp, HomeService, Site
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import PROJECT
from tests.homes import example, plan_of, site_of
from tests.random_homes import SOMEBODY_ELSE, UPDATES, sites

CONTROL, TRANSFERS = Service.parse("21/tcp"), Service.parse("50000-50199/tcp")
# The networks of the examples, from the outside inwards.
OUTER, INNER = IPv4Network("192.168.178.0/24"), IPv4Network("192.168.1.0/24")
INNER_WAN, SERVER = IPv4Address("192.168.178.2"), IPv4Address("192.168.1.10")


def changed(site: Site, **more: object) -> Site:
    """A Site that says something else about its (first) server."""
    server, *others = site.servers
    servers = (server.model_copy(update=more), *others)
    return site.model_copy(update={"servers": servers})


def forwards_to(host: IPv4Address, purpose: str = "cameras to darkroom") -> tuple[PortForward, ...]:
    return tuple(PortForward(service, host, None, purpose) for service in (CONTROL, TRANSFERS))


def accept_rules_to(host: IPv4Address | IPv6Address) -> tuple[AcceptRule, ...]:
    return tuple(AcceptRule(s, host, None, "cameras to darkroom") for s in (CONTROL, TRANSFERS))


def test_the_example_has_this_server(example_plan):
    assert example_plan.servers == (
        ServerPlan(
            name="darkroom",
            behind="gateway",
            address=IPv4Address("192.168.1.10"),
            address6=None,
            lan=IPv4Network("192.168.1.0/24"),
            gateway=IPv4Address("192.168.1.1"),
            inside=(IPv4Network("192.168.1.0/24"),),
            ssh_user="root",
            ssh_port=22,
            ssh_from=(IPv4Network("192.168.1.0/24"),),
            hostname="photos.example.net",
            public_address=IPv4Address("203.0.113.20"),
            follower=None,
            tls="explicit",
            control_ports=(ControlPort(21, "explicit"),),
            passive=PortRange(50000, 50199),
            only_on=None,
            only_from=(),
            encryption=Encryption(("1.2",), tls_suites.chosen()),
            certificate=CertificatePlan("own-ca", acme=None, files=None, root=None),
            cameras=("r5", "a7"),
            intake=Intake(
                library="{camera}/{date}/{name}",
                keep_incomplete_days=14,
                limit=None,
                keep_free=1_000_000_000,
                cameras=(CameraIntake("r5", None, False), CameraIntake("a7", None, False)),
            ),
            open_to_lan=(),
            may_open=(),
            accept_rules=(),
            max_clients=200,
            max_per_address=64,
            max_per_camera=8,
            login_seconds=60,
            bytes_per_second=0,
            total_bytes_per_second=0,
            control_connections_per_minute=90,
            data_connections_per_minute=6,
            data_connections_at_once=16,
            client_sets=derivation.CLIENT_SETS,
            share=None,
            readers=(),
            message=None,
            pushes=(),
            fetch_port=None,
            fetchers=(),
            retention=None,
        ),
    )


def test_the_example_has_this_router(example_plan):
    assert example_plan.routers == (
        RouterPlan(
            name="gateway",
            managed_by="linux",
            mode="nat",
            ssh_user="root",
            ssh_port=22,
            wan_address=IPv4Address("203.0.113.20"),
            gateway=None,
            lan=IPv4Interface("192.168.1.1/24"),
            wan6=None,
            lan6=None,
            masquerade=(INNER,),
            masquerade_ports=(),
            forwards=forwards_to(SERVER),
            default_host=None,
            accept_rules=(),
            routes=(),
            leases=(),
            hairpin=(INNER,),
            ddns=None,
            notices=(),
            open_to_wan=(),
            other_forwards=(),
        ),
    )


def test_the_example_has_these_names_and_client_rules(example_plan):
    assert (example_plan.hostname, example_plan.port_set) == ("photos.example.net", ())
    assert example_plan.public_address == IPv4Address("203.0.113.20")
    assert example_plan.client_firewall == (
        ClientRule("darkroom", (IPv4Address("203.0.113.20"),), (CONTROL, TRANSFERS)),
    )


class TestExamples:
    """Each example, by what is particular about it."""

    def test_the_outer_of_two_nat_routers_forwards_to_the_inner_router(self):
        outer, inner = example("cascade").routers
        assert outer.forwards == forwards_to(INNER_WAN)
        assert inner.forwards == forwards_to(SERVER)
        assert (outer.gateway, inner.gateway) == (None, IPv4Address("192.168.178.1"))
        assert (outer.masquerade, inner.masquerade) == ((OUTER,), (INNER,))
        assert outer.accept_rules == inner.accept_rules == outer.routes == inner.routes == ()

    def test_a_default_host_needs_no_forwards(self):
        outer, inner = example("default-host").routers
        assert (outer.default_host, outer.forwards) == (INNER_WAN, ())
        assert (inner.default_host, inner.forwards) == (None, forwards_to(SERVER))

    def test_a_routed_lan_is_reached_by_a_route_and_translated_by_the_outer_router(self):
        plan = example("routed")
        outer, inner = plan.routers
        assert outer.forwards == forwards_to(SERVER)
        assert outer.routes == (Route(INNER, INNER_WAN),)
        assert outer.masquerade == outer.hairpin == (OUTER, INNER)
        assert inner.accept_rules == accept_rules_to(SERVER)
        assert inner.forwards == inner.masquerade == inner.hairpin == ()

    def test_three_routers_forward_in_three_ways(self):
        box, edge, gateway = example("three-routers").routers
        assert (box.default_host, box.forwards) == (INNER_WAN, ())
        assert edge.forwards == forwards_to(SERVER)
        assert edge.routes == (Route(INNER, IPv4Address("10.0.0.2")),)
        assert edge.masquerade == (IPv4Network("10.0.0.0/24"), INNER)
        assert gateway.accept_rules == accept_rules_to(SERVER)
        assert box.routes == gateway.routes == gateway.masquerade == ()

    def test_the_router_inside_of_a_dmz_lets_nothing_in(self):
        plan = example("dmz")
        outer, inner = plan.routers
        assert outer.forwards == forwards_to(IPv4Address("192.168.178.10"))
        assert inner.forwards == inner.accept_rules == inner.hairpin == ()
        assert inner.default_host is None
        assert inner.masquerade == (INNER,)
        # The home comes with the inner router's address, which is in the server's own LAN.
        assert plan.servers[0].inside == (OUTER,)

    def test_ipv6_passes_untranslated(self):
        plan = example("ipv6")
        outer, inner = plan.routers
        address6 = IPv6Address("2001:db8:100:2::10")
        assert outer.accept_rules == inner.accept_rules == accept_rules_to(address6)
        assert outer.routes == (
            Route(IPv6Network("2001:db8:100:2::/64"), IPv6Address("2001:db8:100:1::2")),
        )
        assert plan.servers[0].address6 == address6
        assert plan.client_firewall[0].to == (IPv4Address("203.0.113.20"), address6)

    def test_the_outermost_router_keeps_to_the_ports_of_a_shared_address(self):
        plan = example("map-e")
        box, gateway = plan.routers
        assert len(plan.port_set) == 15
        assert box.masquerade_ports == plan.port_set
        assert gateway.masquerade_ports == ()
        (server,) = plan.servers
        assert (server.control_port, str(server.passive)) == (9792, "5696-5711")

    def test_two_servers_share_the_ports(self):
        plan = example("two-servers")
        darkroom, studio = plan.servers
        assert (darkroom.control_port, str(darkroom.passive)) == (21, "50000-50099")
        assert (studio.control_port, str(studio.passive)) == (50100, "50101-50199")
        assert (darkroom.cameras, studio.cameras) == (("r5",), ("a7",))
        assert [(str(f.service), str(f.to)) for f in plan.routers[0].forwards] == [
            ("21/tcp", "192.168.1.10"),
            ("50000-50099/tcp", "192.168.1.10"),
            ("50100/tcp", "192.168.1.11"),
            ("50101-50199/tcp", "192.168.1.11"),
        ]


class TestWhatAServerMayOpen:
    """In the DMZ example, with a NAS at home."""

    NAS = IPv4Address("192.168.1.20")
    SFTP = Service.parse("22/tcp")

    @pytest.fixture
    def dmz(self) -> Callable[[str], Plan]:
        site = load_site(SiteFiles("dmz", PROJECT))
        access = HomeService(to=self.NAS, services=("22/tcp",))

        def plan(mode: str) -> Plan:
            outer, inner = site.routers
            routers = (outer, inner.model_copy(update={"mode": mode}))
            return make_plan(
                changed(site.model_copy(update={"routers": routers}), may_open=(access,))
            )

        return plan

    def test_is_forwarded_for_the_server_alone(self, dmz):
        plan = dmz("nat")
        (server,), (outer, inner) = plan.servers, plan.routers
        assert server.may_open == (HomeAccess(self.SFTP, self.NAS, INNER_WAN),)
        assert inner.forwards == (
            PortForward(self.SFTP, self.NAS, server.address, "darkroom to 192.168.1.20"),
        )
        assert {forward.to for forward in outer.forwards} == {server.address}

    def test_is_accepted_for_the_server_alone(self, dmz):
        plan = dmz("routed")
        (server,), (outer, inner) = plan.servers, plan.routers
        assert server.may_open == (HomeAccess(self.SFTP, self.NAS, self.NAS),)
        assert inner.accept_rules == (
            AcceptRule(self.SFTP, self.NAS, server.address, "darkroom to 192.168.1.20"),
        )
        # The server knows no other way than its gateway, which must know it then.
        assert outer.routes == (Route(INNER, INNER_WAN),)
        # And the home comes with addresses of its own.
        assert server.inside == (OUTER, INNER)


class TestADefaultHostThatIsAServer:
    @pytest.fixture
    def plan(self) -> Plan:
        site = load_site(SiteFiles("two-servers", PROJECT))
        router = site.routers[0].model_copy(update={"mode": "default-host"})
        return make_plan(site.model_copy(update={"routers": (router,)}))

    def test_is_the_first_server(self, plan):
        assert plan.routers[0].default_host == plan.servers[0].address

    def test_leaves_the_ports_of_the_others_to_them(self, plan):
        assert {forward.to for forward in plan.routers[0].forwards} == {plan.servers[1].address}

    def test_is_one_of_the_targets(self, plan):
        assert plan.routers[0].targets == (plan.servers[1].address, plan.servers[0].address)


def test_a_router_without_a_default_host_has_its_forwards_for_targets(example_plan):
    assert example_plan.routers[0].targets == (SERVER,)


def test_devices_are_found_by_their_names(example_plan):
    assert example_plan.router("gateway") is example_plan.routers[0]
    assert example_plan.server("darkroom") is example_plan.servers[0]
    with pytest.raises(KeyError):
        example_plan.router("darkroom")
    with pytest.raises(KeyError):
        example_plan.server("gateway")


def test_a_server_that_names_no_router_is_behind_the_innermost_router():
    site = load_site(SiteFiles("three-routers", PROJECT))
    assert site.servers[0].behind is None
    assert make_plan(changed(site, behind="gateway")) == make_plan(site)


def test_ssh_is_open_to_the_lan_and_to_whom_the_site_names(example_site):
    away = IPv4Network("10.9.0.0/24")
    (server,) = make_plan(changed(example_site, ssh_from=(away,))).servers
    assert server.ssh_from == (INNER, away)


def test_a_rate_is_passed_on(example_site):
    site = example_site.model_copy(update={"ftp": Ftp(bytes_per_second=20_000_000)})
    assert make_plan(site).servers[0].bytes_per_second == 20_000_000


@given(st.integers(1, 100))
def test_no_camera_is_shut_out_by_the_others_even_behind_one_address(example_site, cameras):
    """Every camera may be behind the same NAT, and others may hold connections too."""
    names = tuple(Camera(name=f"c{i}") for i in range(cameras))
    (server,) = make_plan(example_site.model_copy(update={"cameras": names})).servers
    assert server.max_per_camera == 8
    # Eight of each in the middle of a transfer and eight idle ones are dead when eight new ones
    # dial at once, of which hotshoe-sessions ends those beyond half of the places that are left.
    dead, new = 16 * cameras, 8 * cameras
    assert (server.max_per_address - dead + 1) // 2 >= new
    assert server.max_clients >= max(200, server.max_per_address + 100)
    assert server.control_connections_per_minute >= 30 * cameras


@pytest.mark.parametrize(
    ("ports", "sessions"),
    [("50000-50115", 8), ("50000-50114", 7), ("50000-50028", 2), ("50000-50014", 1)],
)
def test_where_ports_are_few_a_camera_has_fewer_sessions(example_site, ports, sessions):
    site = example_site.model_copy(update={"ftp": Ftp(passive_ports=ports)})
    assert make_plan(site).servers[0].max_per_camera == sessions


def test_a_port_set_of_short_rows_leaves_a_camera_one_session():
    assert make_plan(load_site(SiteFiles("map-e", PROJECT))).servers[0].max_per_camera == 1


def test_limits_for_each_address_are_off_where_all_clients_share_an_address(example_site):
    router = example_site.routers[0].model_copy(update={"masks_source": True})
    (server,) = make_plan(example_site.model_copy(update={"routers": (router,)})).servers
    assert server.max_per_address == server.max_clients
    assert server.control_connections_per_minute == 0
    assert (server.data_connections_per_minute, server.data_connections_at_once) == (0, 0)


def test_data_connections_are_not_limited_without_tls(example_site):
    """What is sent first over one tells who has logged in only with TLS."""
    site = example_site.model_copy(update={"ftp": Ftp(tls="none")})
    (server,) = make_plan(site).servers
    assert server.control_connections_per_minute == 90
    assert server.data_connections_per_minute == 0


@given(control=st.integers(1, 1024), first=st.integers(1025, 60000), size=st.integers(20, 5000))
def test_server_and_router_use_the_same_ports(example_site, control, first, size):
    ftp = Ftp(control_port=control, passive_ports=PortRange(first, first + size))
    plan = make_plan(example_site.model_copy(update={"ftp": ftp}))
    (server,), (router,), (rule,) = plan.servers, plan.routers, plan.client_firewall
    assert [forward.service.ports for forward in router.forwards] == list(server.ftp_ports)
    assert {forward.to for forward in router.forwards} == {server.address}
    assert [service.ports for service in rule.services] == list(server.ftp_ports)


@given(sites())
def test_a_plan_says_of_every_device_what_its_site_says(site):
    plan = make_plan(site)
    for said, router in zip(site.routers, plan.routers, strict=True):
        for field in ("name", "managed_by", "mode", "lan", "lan6", "wan6", "open_to_wan"):
            assert getattr(router, field) == getattr(said, field)
    for said, server in zip(site.servers, plan.servers, strict=True):
        for field in ("name", "address", "address6", "ssh_port", "open_to_lan"):
            assert getattr(server, field) == getattr(said, field)
    assert {camera for server in plan.servers for camera in server.cameras} == {
        camera.name for camera in site.cameras
    }


@given(sites())
def test_no_router_has_a_rule_twice(site):
    for router in make_plan(site).routers:
        for rules in (router.forwards, router.accept_rules, router.routes, router.masquerade):
            assert len(set(rules)) == len(rules)


def test_a_plan_cannot_be_changed(example_plan):
    with pytest.raises(FrozenInstanceError):
        example_plan.servers[0].control_port = 22


@given(sites())
def test_the_same_site_makes_the_same_plan(site):
    again = type(site).model_validate(site.model_dump())
    assert make_plan(again) == make_plan(site)


class TestAServerThatAnotherServerMayOpen:
    """In a DMZ with a server at home."""

    SFTP = Service("tcp", PortRange(22, 22))
    OUTSIDE, INSIDE = IPv4Address("10.0.0.101"), IPv4Address("10.0.1.102")

    def rules(self, **router: Any) -> tuple[AcceptRule, ...]:
        access = {"to": str(self.INSIDE), "services": ["22/tcp"]}
        site = site_of(("nat", "nat"), (0, 1), may_open=[access])
        inner = site.routers[1].model_copy(update=router)
        outer, here = plan_of(site.model_copy(update={"routers": (site.routers[0], inner)})).servers
        assert outer.accept_rules == ()
        return here.accept_rules

    def only_from(self, source: IPv4Address) -> AcceptRule:
        return AcceptRule(self.SFTP, self.INSIDE, source, "server0 to server1")

    @pytest.mark.parametrize("mode", ["nat", "routed"])
    def test_accepts_the_address_that_it_sees(self, mode):
        assert self.rules(mode=mode) == (self.only_from(self.OUTSIDE),)

    def test_accepts_the_address_of_a_router_that_masks_sources_too(self):
        mask = IPv4Address("10.0.1.1")
        expected = (self.only_from(self.OUTSIDE), self.only_from(mask))
        assert self.rules(masks_source=True) == expected


class TestAPublicAddressThatChanges:
    """In homes of several shapes, whose routers all are managed."""

    PORT = derivation.NOTICE_PORT
    NOTICE = Service("tcp", PortRange(PORT, PORT))
    OUTERMOST = IPv4Address("10.0.0.1")

    def plan(
        self,
        *modes: str,
        behind: tuple[int, ...] = (-1,),
        ddns: object = SOMEBODY_ELSE,
        routers: tuple[dict[str, object], ...] = (),
        **more: Any,
    ) -> Plan:
        """A home whose routers are Debian's unless said otherwise."""
        more |= {"public_address": "dynamic", "ddns": ddns, "managers": ("linux",)}
        site = site_of(modes, behind, **more)
        changes = (*routers, *({},) * (len(modes) - len(routers)))
        chain = tuple(
            router.model_copy(update=change)
            for router, change in zip(site.routers, changes, strict=True)
        )
        return plan_of(site.model_copy(update={"routers": chain}))

    def passing(self, router: RouterPlan) -> tuple[PortForward | AcceptRule, ...]:
        """What lets notices pass a router."""
        rules = (*router.forwards, *router.accept_rules)
        return tuple(rule for rule in rules if rule.service == self.NOTICE)

    def test_is_nowhere_in_the_plan(self):
        plan = self.plan("nat", "nat")
        assert plan.public_address is plan.servers[0].public_address is None
        assert [router.wan_address for router in plan.routers] == [None, IPv4Address("10.0.0.2")]
        assert plan.client_firewall[0].to == ()

    def test_is_followed_by_the_server(self):
        (server,) = self.plan("nat").servers
        assert server.follower == AddressFollower(
            sources=derivation.ADDRESS_SOURCES,
            seconds=30,
            router=self.OUTERMOST,
            notice_port=self.PORT,
            update=None,
        )
        purpose = "router0 tells its WAN address"
        assert server.accept_rules == (
            AcceptRule(self.NOTICE, server.address, self.OUTERMOST, purpose),
        )

    def test_is_asked_of_more_services_than_have_to_agree(self):
        sources = derivation.ADDRESS_SOURCES
        assert len({source.split(".", 1)[1] for source in sources}) == len(sources) >= 3
        assert all(source.startswith("https://") for source in sources)

    def test_of_which_an_inner_router_with_nat_lets_the_notice_pass(self):
        plan = self.plan("nat", "nat")
        outer, inner = plan.routers
        server = plan.servers[0].address
        assert outer.notices == (Notice(IPv4Address("10.0.0.2"), self.PORT),)
        assert self.passing(outer) == inner.notices == ()
        assert self.passing(inner) == (
            PortForward(self.NOTICE, server, self.OUTERMOST, "router0 to server0"),
        )

    def test_of_which_a_routed_router_lets_the_notice_pass(self):
        plan = self.plan("nat", "routed")
        outer, inner = plan.routers
        server = plan.servers[0].address
        assert outer.notices == (Notice(server, self.PORT),)
        assert self.passing(inner) == (
            AcceptRule(self.NOTICE, server, self.OUTERMOST, "router0 to server0"),
        )

    def test_is_told_to_several_servers_at_ports_of_their_own(self):
        plan = self.plan("nat", "nat", behind=(1, 1))
        inner = IPv4Address("10.0.0.2")
        assert plan.routers[0].notices == (Notice(inner, self.PORT), Notice(inner, self.PORT - 1))
        ports = [server.follower.notice_port for server in plan.servers if server.follower]
        assert ports == [self.PORT, self.PORT - 1]

    @pytest.mark.parametrize(
        ("modes", "routers"),
        [
            (("nat", "nat"), ({"managed_by": "hand"},)),
            (("nat", "nat"), ({}, {"managed_by": "hand"})),
            (("nat", "nat"), ({}, {"masks_source": True})),
            (("default-host", "nat"), ()),
        ],
        ids=["by hand", "through one by hand", "through a mask", "from a default host's"],
    )
    def test_is_not_told_where_that_cannot_work_or_be_trusted(self, modes, routers):
        plan = self.plan(*modes, routers=routers)
        (server,) = plan.servers
        assert server.follower
        assert server.follower.router is None
        assert server.accept_rules == plan.routers[0].notices == ()
        assert not any(map(self.passing, plan.routers))

    def test_is_told_by_a_router_that_masks_what_it_forwards(self):
        """For it forwards no notice: it sends them."""
        assert self.plan("nat", routers=({"masks_source": True},)).routers[0].notices

    def test_is_told_at_a_port_that_nothing_else_uses(self):
        around = f"{self.PORT - 2}-{self.PORT + 2}/tcp"
        taken = {"open_to_wan": (Service.parse(around),)}
        (server,) = self.plan("nat", routers=(taken,)).servers
        assert server.follower
        assert server.follower.notice_port == self.PORT - 3
        udp = {"other_forwards": (Service.parse(around.replace("tcp", "udp")),)}
        (server,) = self.plan("nat", routers=(udp,)).servers
        assert server.follower
        assert server.follower.notice_port == self.PORT

    def test_is_not_told_where_every_port_is_used(self):
        every = (Service.parse("1-20/tcp"), Service.parse("22-49999/tcp"))
        plan = self.plan("nat", routers=({"other_forwards": every},))
        assert plan.servers[0].accept_rules == plan.routers[0].notices == ()

    @given(sites())
    def test_is_told_at_ports_that_no_random_home_uses(self, site):
        plan = make_plan(site)
        told = [server.follower.notice_port for server in plan.servers if server.follower]
        used = [ports for server in plan.servers for ports in server.ftp_ports]
        services = [s for r in plan.routers for s in (*r.open_to_wan, *r.other_forwards)]
        services += [s for server in plan.servers for s in server.open_to_lan]
        services += [access.service for server in plan.servers for access in server.may_open]
        used += [service.ports for service in services if service.protocol == "tcp"]
        assert len(set(told)) == len(told)
        assert not set(told) & {server.ssh_port for server in plan.servers}
        assert not [port for port in told if any(port in ports for ports in used)]

    @pytest.mark.parametrize("update", UPDATES, ids=lambda update: update["updated_by"])
    def test_leads_to_one_who_updates_the_record(self, update):
        by = update["updated_by"]
        routers = ({"managed_by": "hand"},)
        plan = self.plan("nat", "nat", behind=(1, 1), ddns=update, routers=routers)
        record = plan.ddns
        assert isinstance(record, RecordUpdate)
        assert {key: getattr(record, key) for key in update} == update
        first, second = (server.follower for server in plan.servers)
        assert first
        assert second
        assert (first.update, second.update) == (
            record if by in ("server", "nsupdate") else None,
            None,
        )
        assert [router.ddns for router in plan.routers] == [
            record if by == "router" else None,
            None,
        ]


class TestHowTlsBegins:
    """Where cameras connect first, and what leads them there."""

    def plan(self, site: Site, **said: Any) -> Plan:
        return make_plan(site.model_copy(update={"ftp": Ftp(**said)}))

    def test_implicit_ftps_has_a_port_of_its_own(self, example_site):
        (server,) = self.plan(example_site, tls="implicit").servers
        assert server.control_ports == (ControlPort(990, "implicit"),)
        assert server.control_port == 990

    def test_both_have_a_port_each_and_share_the_passive_range(self, example_site):
        plan = self.plan(example_site, tls="both", implicit_port=9990)
        (server,), (router,) = plan.servers, plan.routers
        assert server.control_ports == (ControlPort(21, "explicit"), ControlPort(9990, "implicit"))
        ports = ["21/tcp", "9990/tcp", "50000-50199/tcp"]
        assert [str(forward.service) for forward in router.forwards] == ports
        assert [str(service) for service in plan.client_firewall[0].services] == ports

    def test_nothing_leads_to_a_direct_link(self, example_site):
        site = example_site.model_copy(
            update={"public_address": None, "ddns": Ddns(updated_by="none")}
        )
        plan = self.plan(site, tls="none", only_on="eth1")
        (server,), (router,) = plan.servers, plan.routers
        assert server.control_ports == (ControlPort(21, "none"),)
        assert server.only_on == "eth1"
        assert router.forwards == router.accept_rules == router.hairpin == router.notices == ()
        assert plan.ddns is server.follower is server.certificate is server.encryption is None
        assert plan.client_firewall == ()


class TestHowServersSpeakTls:
    def encryption(self, site: Site, **said: Any) -> Encryption:
        (server,) = make_plan(site.model_copy(update={"ftp": Ftp(**said)})).servers
        assert server.encryption
        return server.encryption

    def test_tls_1_2_alone_unless_more_is_said(self, example_site):
        assert self.encryption(example_site).versions == ("1.2",)
        assert self.encryption(example_site, tls_1_3=True).versions == ("1.2", "1.3")
        every = self.encryption(example_site, tls_1_3=True, legacy_tls=True)
        assert every.versions == ("1.0", "1.1", "1.2", "1.3")

    def test_forward_secrecy_unless_the_person_gives_it_up(self, example_site):
        usual = self.encryption(example_site).ciphers
        assert {cipher.partition("-")[0] for cipher in usual} == {"ECDHE"}
        wider = self.encryption(example_site, rsa_key_exchange=True).ciphers
        assert wider[: len(usual)] == usual
        assert "AES128-SHA" in wider

    def test_old_versions_come_with_tighter_limits(self, example_site):
        (usual,) = make_plan(example_site).servers
        old = example_site.model_copy(update={"ftp": Ftp(legacy_tls=True)})
        (server,) = make_plan(old).servers
        assert server.max_clients < usual.max_clients
        assert server.login_seconds < usual.login_seconds
        assert server.control_connections_per_minute < usual.control_connections_per_minute
        # Cameras themselves lose nothing.
        assert server.max_per_address == usual.max_per_address


class TestWhereTheCertificateComesFrom:
    def plan(self, site: Site, **said: Any) -> Plan:
        return make_plan(site.model_copy(update={"certificate": Certificate(**said)}))

    def test_http_01_opens_port_80_on_every_hop(self):
        plan = self.plan(load_site(SiteFiles("cascade", PROJECT)), issuer="letsencrypt")
        (server,) = plan.servers
        assert server.challenge_port == 80
        for router in plan.routers:
            (forward,) = (each for each in router.forwards if str(each.service) == "80/tcp")
            assert forward.purpose == "certificate authority to darkroom"
            assert forward.to == router.forwards[0].to
        assert "80/tcp" not in map(str, plan.client_firewall[0].services)

    def test_over_ipv6_too(self):
        plan = self.plan(load_site(SiteFiles("ipv6", PROJECT)), issuer="letsencrypt")
        for router in plan.routers:
            assert "80/tcp" in {str(rule.service) for rule in router.accept_rules}

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"issuer": "letsencrypt", "challenge": "dns-01", "hook": "/root/hook"},
            {"issuer": "files", "chain": "chain.pem", "key": "key.pem"},
        ],
    )
    def test_nothing_else_opens_it(self, example_site, said):
        plan = self.plan(example_site, **said)
        assert plan.servers[0].challenge_port is None
        assert plan.routers == make_plan(example_site).routers

    def test_staging_is_one_word(self, example_site):
        def directory(**said: Any) -> str:
            plan = self.plan(example_site, issuer="letsencrypt", **said)
            certificate = plan.servers[0].certificate
            assert certificate and certificate.acme
            return certificate.acme.directory

        assert directory() == tls.ACME_DIRECTORY
        assert directory(staging=True) == tls.ACME_STAGING_DIRECTORY
        assert directory(directory="https://acme.example.net/dir").startswith("https://acme.ex")


def test_cameras_may_connect_from_networks_that_the_site_names_and_from_home():
    """None of them holds another, which nftables would refuse (conflicting intervals)."""
    networks = ["192.168.1.64/26", "198.51.100.0/25", "198.51.100.128/25"]
    plan = plan_of(site_of(("nat", "nat"), ftp=Ftp(only_from=networks)))
    assert [str(router.lan.network) for router in plan.routers] == ["10.0.0.0/24", "10.0.1.0/24"]
    assert list(map(str, plan.servers[0].only_from)) == [
        "10.0.0.0/23",
        "192.168.1.64/26",
        "198.51.100.0/24",
    ]
    assert plan_of(site_of(("nat", "nat"))).servers[0].only_from == ()
