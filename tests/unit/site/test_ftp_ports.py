"""What of a Site its FTP ports follow from."""

from __future__ import annotations

import pytest

from hotshoe.ports.ranges import PortRange
from hotshoe.site import checks
from hotshoe.site.ftp_ports import cameras_of, demand, own_ports
from hotshoe.site.model import Ftp, HomeService, SharedAddress, Site
from tests.homes import site_of

LISTED = SharedAddress(ports=["5008-5015", "5000-5010"])


def with_server(site: Site, **more: object) -> Site:
    (server,) = site.servers
    return site.model_copy(update={"servers": (server.model_copy(update=more),)})


def with_router(site: Site, **more: object) -> Site:
    (router,) = site.routers
    return site.model_copy(update={"routers": (router.model_copy(update=more),)})


def test_cameras_belong_to_the_server_that_they_name():
    home = site_of(behind=(0, 0), each=2)
    assert cameras_of(home, 0) == list(home.cameras[:2])
    assert cameras_of(home, 1) == list(home.cameras[2:])


def test_cameras_that_name_no_server_belong_to_the_only_one(example_site):
    assert cameras_of(example_site, 0) == list(example_site.cameras)


def test_a_home_has_all_ports_of_its_address_unless_it_shares_it(example_site):
    assert own_ports(example_site) is None


def test_listed_ranges_may_touch_and_overlap(example_site):
    site = example_site.model_copy(update={"port_set": LISTED})
    assert own_ports(site) == (PortRange(5000, 5015),)


def test_nobody_shares_an_address_whose_psid_has_no_bits(example_site):
    alone = SharedAddress(offset=6, psid_length=0, psid=0)
    assert own_ports(example_site.model_copy(update={"port_set": alone})) is None


def test_ports_that_the_person_says_are_part_of_the_demand(example_site):
    ftp = Ftp(control_port=2121, passive_ports="40000-40099")
    said = demand(example_site.model_copy(update={"ftp": ftp}))
    assert (said.control_ports, said.passive_ports) == ((2121,), PortRange(40000, 40099))
    assert said.cameras == (2,)


def test_too_many_cameras_are_refused_once():
    (finding,) = checks.run(site_of(each=9000))
    assert finding[0] == "cameras"


class TestTakenPorts:
    """Those of a shared address that other services of the home use."""

    @pytest.fixture
    def site(self, example_site) -> Site:
        return example_site.model_copy(update={"port_set": LISTED})

    def test_ssh_takes_its_port(self, site):
        assert demand(site).taken == {22}
        assert demand(with_server(site, ssh_port=5003)).taken == {5003}

    @pytest.mark.parametrize("protocol", ["tcp", "udp"])
    def test_other_services_take_their_tcp_ports(self, site, protocol):
        model = HomeService(to="192.168.2.20", services=[f"5003/{protocol}"])
        taken = {22, 5003} if protocol == "tcp" else {22}
        for busy in (
            with_router(site, open_to_wan=model.services),
            with_router(site, other_forwards=model.services),
            with_server(site, open_to_lan=model.services),
            with_server(site, may_open=(model,)),
        ):
            assert demand(busy).taken == taken

    def test_nothing_is_taken_where_the_home_has_all_ports(self, example_site):
        assert demand(example_site).taken == frozenset()
