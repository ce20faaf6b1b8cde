"""What follows from what a Site says about the way of photos out of the library."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from hotshoe.plan.delivery import FETCH_PORT
from hotshoe.plan.model import (
    AcceptRule,
    FetchAccess,
    FetcherPlan,
    HomeAccess,
    Message,
    PortForward,
    Retention,
    Share,
)
from hotshoe.ports.ranges import Service
from hotshoe.site.delivery import SHARE_SERVICES
from tests.homes import example, home
from tests.random_homes import HOST_KEY

SERVER, INNER = IPv4Address("10.0.0.101"), IPv4Address("10.0.0.2")
FETCH = {"name": "nas", "by": "fetch", "address": "10.0.1.20", "folder": "/srv/photos"}
SFTP = {
    "name": "desk",
    "by": "sftp",
    "address": "10.0.1.30",
    "username": "ann",
    "host_key": f"{HOST_KEY} root@desk",
}


def dmz(*deliveries, inner: str = "nat", **more):
    """A server in the outer of two LANs."""
    return home(("nat", inner), (0,), delivery=deliveries, **more)


def test_whoever_says_nothing_gets_nothing(example_plan):
    (server,) = example_plan.servers
    assert (server.share, server.message, server.retention) == (None, None, None)
    assert (server.pushes, server.fetchers, server.fetch_port, server.readers) == ((), (), None, ())
    assert not server.delivers
    assert example_plan.fetchers == ()


def test_a_share_is_open_to_the_home(example_plan):
    server = example("share").servers[0]
    assert server.share == Share(may_change=False)
    assert server.lan_services == SHARE_SERVICES


def test_a_service_that_is_named_as_well_is_open_once():
    servers = [
        {
            "name": "darkroom",
            "address": "10.0.0.100",
            "open_to_lan": ["445/tcp"],
        }
    ]
    plan = home(servers=servers, library={"share": "smb"}, cameras=[{"name": "r5"}])
    assert [str(service) for service in plan.servers[0].lan_services].count("445/tcp") == 1


def test_message_and_retention_are_as_they_are_said():
    plan = dmz(
        SFTP,
        message={"program": "messages/ntfy", "per": "quiet-minute"},
        retention={"keep_free": "200GB"},
        library={"readers": ["ann"]},
    )
    (server,) = plan.servers
    assert server.message == Message("messages/ntfy", "quiet-minute", 30)
    assert server.retention == Retention(None, 200_000_000_000)
    assert server.readers == ("ann",)


class TestFetching:
    def test_the_computer_is_a_host_of_its_own(self):
        plan = dmz({**FETCH, "order": "newest", "bytes_per_second": "5MB", "ssh_user": "pi"})
        assert plan.fetchers == (
            FetcherPlan(
                name="nas",
                behind="router1",
                address=IPv4Address("10.0.1.20"),
                ssh_user="pi",
                ssh_port=22,
                server="server0",
                dial=SERVER,
                port=FETCH_PORT,
                folder="/srv/photos",
                order="newest",
                bytes_per_second=5_000_000,
                by_hand=False,
                removed=False,
            ),
        )
        assert plan.fetcher("nas") in plan.hosts

    @pytest.mark.parametrize(("inner", "source"), [("nat", INNER), ("routed", FETCH["address"])])
    def test_the_server_lets_in_the_address_that_it_sees_and_no_other(self, inner, source):
        (server,) = dmz(FETCH, inner=inner).servers
        seen = IPv4Address(str(source))
        to = "{address}:{folder}".format_map(FETCH)
        assert server.fetchers == (FetchAccess("nas", seen, to, "oldest"),)
        let = Service.parse(f"{FETCH_PORT}/tcp")
        purpose = "nas fetches from server0"
        assert server.accept_rules == (AcceptRule(let, SERVER, seen, purpose),)
        # It connects outwards, so no router has to open anything.
        assert not server.may_open

    def test_of_several_routers_that_translate_the_one_next_to_the_server_is_seen(self):
        plan = home(
            ("nat", "nat", "routed", "nat"),
            (0,),
            delivery=[{**FETCH, "address": "10.0.3.20"}],
        )
        assert plan.servers[0].fetchers[0].source == INNER
        assert not any(router.forwards or router.accept_rules for router in plan.routers[1:])

    def test_from_outside_of_a_routed_router_that_one_lets_it_in(self):
        delivery = {**FETCH, "address": "10.0.0.20", "behind": "router0"}
        plan = home(("nat", "routed"), (1,), delivery=[delivery])
        source = IPv4Address("10.0.0.20")
        rules = [rule for rule in plan.routers[1].accept_rules if rule.source == source]
        assert [(str(rule.service), rule.to) for rule in rules] == [
            (f"{FETCH_PORT}/tcp", IPv4Address("10.0.1.101"))
        ]

    def test_its_port_is_one_that_nothing_else_has(self):
        servers = [
            {
                "name": "darkroom",
                "behind": "router0",
                "address": "10.0.0.100",
                "ssh_port": FETCH_PORT,
                "open_to_lan": [f"{FETCH_PORT + 1}/tcp"],
            }
        ]
        plan = home(("nat", "nat"), delivery=[FETCH], servers=servers, cameras=[{"name": "r5"}])
        assert plan.servers[0].fetch_port == plan.fetchers[0].port == FETCH_PORT + 2


class TestPushing:
    def test_through_a_router_that_translates_one_port_is_forwarded_for_the_server_alone(self):
        plan = dmz(SFTP)
        (push,) = plan.servers[0].pushes
        assert (push.host, push.port, push.home_address) == (
            str(INNER),
            22,
            IPv4Address("10.0.1.30"),
        )
        # Without the comment.
        assert (push.host_key, push.username, push.folder) == (HOST_KEY, "ann", None)
        ssh, desk = Service.parse("22/tcp"), IPv4Address("10.0.1.30")
        assert plan.servers[0].may_open == (HomeAccess(ssh, desk, INNER),)
        assert plan.routers[1].forwards == (PortForward(ssh, desk, SERVER, "server0 to 10.0.1.30"),)
        assert not any(forward.to == desk for forward in plan.routers[0].forwards)

    def test_through_a_routed_one_the_port_is_accepted(self):
        plan = dmz(SFTP, inner="routed")
        (push,) = plan.servers[0].pushes
        assert push.host == "10.0.1.30"
        (rule,) = plan.routers[1].accept_rules
        assert (rule.service, str(rule.to), rule.source) == (
            Service.parse("22/tcp"),
            "10.0.1.30",
            SERVER,
        )

    def test_a_url_is_as_the_server_dials_it(self):
        webdav = {
            "name": "dav",
            "by": "webdav",
            "url": "https://10.0.1.30:8443/in",
            "username": "ann",
        }
        (push,) = dmz(webdav).servers[0].pushes
        assert push.url == "https://10.0.0.2:8443/in"
        assert (push.host, push.port) == (str(INNER), 8443)
        (push,) = dmz({**webdav, "url": "https://dav.example.net/in/"}).servers[0].pushes
        assert (push.url, push.port) == ("https://dav.example.net/in/", 443)
        assert push.home_address is None

    def test_what_is_said_and_what_a_delivery_needs_is_one_thing(self):
        target = {"to": "10.0.1.30", "services": ["22/tcp"]}
        plan = dmz(SFTP, {**SFTP, "name": "too", "folder": "in"}, may_open=[target])
        assert len(plan.servers[0].may_open) == len(plan.routers[1].forwards) == 1

    def test_in_its_own_lan_and_on_the_internet_nothing_is_opened(self):
        plan = dmz(
            {**SFTP, "address": "10.0.0.30"},
            {**SFTP, "name": "away", "address": "sftp.example.net"},
        )
        assert plan.servers[0].may_open == ()
        assert not any(router.accept_rules for router in plan.routers)

    def test_another_server_lets_it_in(self):
        delivery = {**SFTP, "address": "10.0.1.102", "server": "server0"}
        plan = home(("nat", "nat"), (0, 1), delivery=[delivery])
        (rule,) = plan.servers[1].accept_rules
        assert (str(rule.service), rule.source) == ("22/tcp", SERVER)


def test_each_server_has_its_own_deliveries():
    plan = home(
        ("nat", "nat"),
        (0, 0),
        delivery=[{**SFTP, "server": "server1"}, {**FETCH, "server": "server0"}],
    )
    assert [len(server.pushes) for server in plan.servers] == [0, 1]
    assert [server.fetch_port for server in plan.servers] == [FETCH_PORT, None]
