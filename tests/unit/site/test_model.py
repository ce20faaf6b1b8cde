"""A Site that makes sense, and what is derived from it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface

import pytest

from hotshoe.ports.ranges import PortRange, Service
from hotshoe.site.model import Ftp, Photos, SharedAddress
from hotshoe.site.reading import SiteFiles, load_site, warnings_of
from tests.conftest import EXAMPLES, PROJECT, SMALLEST


def test_the_example_is_the_home_that_the_documentation_describes(example_site):
    assert example_site.model_dump(mode="json") == {
        "hostname": "photos.example.net",
        "public_address": "203.0.113.20",
        "ddns": None,
        "port_set": None,
        "routers": [
            {
                "name": "gateway",
                "managed_by": "linux",
                "wan": None,
                "lan": "192.168.1.1/24",
                "wan6": None,
                "lan6": None,
                "mode": "nat",
                "ssh_user": "root",
                "ssh_port": 22,
                "open_to_wan": [],
                "other_forwards": [],
                "masks_source": False,
            }
        ],
        "servers": [
            {
                "name": "darkroom",
                "behind": "gateway",
                "address": "192.168.1.10",
                "address6": None,
                "mac": None,
                "ssh_user": "root",
                "ssh_port": 22,
                "ssh_from": [],
                "open_to_lan": [],
                "may_open": [],
            }
        ],
        "ftp": {
            "tls": "explicit",
            "control_port": None,
            "implicit_port": None,
            "only_on": None,
            "only_from": [],
            "tls_1_3": False,
            "legacy_tls": False,
            "rsa_key_exchange": False,
            "passive_ports": None,
            "bytes_per_second": None,
            "total_bytes_per_second": None,
        },
        "certificate": {
            "issuer": "own-ca",
            "challenge": None,
            "staging": False,
            "directory": None,
            "ca_bundle": None,
            "email": None,
            "server": None,
            "key_name": None,
            "algorithm": "hmac-sha256",
            "propagation_seconds": 60,
            "hook": None,
            "chain": None,
            "key": None,
            "root": None,
        },
        "photos": {
            "library": "{camera}/{date}/{name}",
            "keep_incomplete": 14,
            "limit": None,
            "keep_free": 1_000_000_000,
        },
        "cameras": [
            {"name": name, "server": None, "limit": None, "tolerates_unclean_close": False}
            for name in ("r5", "a7")
        ],
        "library": {"share": "none", "share_may_change": False, "readers": []},
        "message": None,
        "delivery": [],
        "retention": None,
    }


def test_five_lines_are_a_site(write_site):
    site = load_site(write_site(SMALLEST))
    assert site.hostname == "photos.example.net"
    assert site.public_address == IPv4Address("203.0.113.20")
    assert [(r.name, r.lan) for r in site.routers] == [("gateway", IPv4Interface("192.168.1.1/24"))]
    assert [(s.name, s.address) for s in site.servers] == [
        ("darkroom", IPv4Address("192.168.1.10"))
    ]
    assert [camera.name for camera in site.cameras] == ["r5"]


def test_other_keys_have_defaults(write_site):
    site = load_site(write_site(SMALLEST))
    assert site.ftp == Ftp(
        tls="explicit", control_port=None, passive_ports=None, bytes_per_second=None
    )
    assert site.ftp.total_bytes_per_second is site.photos.limit is None
    assert site.photos == Photos(library="{camera}/{date}/{name}", keep_free=10**9)
    assert (site.cameras[0].limit, site.cameras[0].tolerates_unclean_close) == (None, False)
    assert site.port_set is site.ddns is None
    (router,), (server,) = site.routers, site.servers
    assert (router.managed_by, router.mode, router.masks_source) == ("linux", "nat", False)
    assert router.wan is router.wan6 is router.lan6 is None
    assert router.open_to_wan == router.other_forwards == ()
    assert (router.ssh_user, router.ssh_port) == ("root", 22)
    assert (server.ssh_user, server.ssh_port) == ("root", 22)
    assert server.behind is server.address6 is None
    assert server.ssh_from == server.open_to_lan == server.may_open == ()
    assert site.cameras[0].server is None


def test_a_site_may_say_everything(write_site):
    site = load_site(
        write_site("""\
hostname: Photos.Example.Net.
public_address: 203.0.113.20
port_set: {offset: 4, psid_length: 8, psid: 0x64}
routers:
  - {name: box, managed_by: hand, mode: default-host, wan: 203.0.113.20, lan: 10.0.0.1/16,
     lan6: 2001:DB8:1::1/64, other_forwards: [8443/tcp], masks_source: true}
  - {name: edge, managed_by: openwrt, wan: 10.0.0.2, lan: 192.168.178.1/24,
     wan6: 2001:db8:1::2, lan6: 2001:db8:2::1/64}
  - {name: gateway, managed_by: linux, mode: routed, wan: 192.168.178.2, lan: 192.168.1.1/24,
     ssh_user: admin, ssh_port: 2222, open_to_wan: [51820/udp]}
servers:
  - {name: darkroom, behind: edge, address: 192.168.178.10, address6: 2001:db8:2::10,
     may_open: [{to: 192.168.1.20, services: [22/tcp, 60000-61000/udp]}]}
  - {name: studio, address: 192.168.1.10, ssh_user: pi, ssh_port: 2022, ssh_from: [10.9.0.0/24],
     open_to_lan: [445/tcp]}
ftp: {tls: none, only_on: enp3s0, control_port: 5696, passive_ports: 9792-9807,
  bytes_per_second: 20MB, total_bytes_per_second: 50 MB}
photos: {library: "{year}/{camera}/{name}", keep_incomplete: 7, limit: 1.5 TB, keep_free: 5GB}
cameras: [{name: r5, server: darkroom, limit: 100GB},
  {name: z-9, server: studio, tolerates_unclean_close: true}]
""")
    )
    assert site.hostname == "photos.example.net"
    assert site.port_set == SharedAddress(offset=4, psid_length=8, psid=100)
    box, edge, gateway = site.routers
    assert (box.mode, box.masks_source) == ("default-host", True)
    assert box.other_forwards == (Service("tcp", PortRange(8443, 8443)),)
    assert box.lan6 == IPv6Interface("2001:db8:1::1/64")
    assert (edge.managed_by, edge.wan) == ("openwrt", IPv4Address("10.0.0.2"))
    assert edge.wan6 == IPv6Address("2001:db8:1::2")
    assert (gateway.mode, gateway.ssh_user, gateway.ssh_port) == ("routed", "admin", 2222)
    assert gateway.open_to_wan == (Service("udp", PortRange(51820, 51820)),)
    darkroom, studio = site.servers
    assert darkroom.address6 == IPv6Address("2001:db8:2::10")
    (access,) = darkroom.may_open
    assert access.to == IPv4Address("192.168.1.20")
    assert access.services == (
        Service("tcp", PortRange(22, 22)),
        Service("udp", PortRange(60000, 61000)),
    )
    assert (studio.ssh_user, studio.ssh_port) == ("pi", 2022)
    assert studio.ssh_from == (IPv4Network("10.9.0.0/24"),)
    assert studio.open_to_lan == (Service("tcp", PortRange(445, 445)),)
    assert site.ftp == Ftp(
        tls="none",
        only_on="enp3s0",
        control_port=5696,
        passive_ports=PortRange(9792, 9807),
        bytes_per_second=20_000_000,
        total_bytes_per_second=50_000_000,
    )
    assert site.photos == Photos(
        library="{year}/{camera}/{name}",
        keep_incomplete=7,
        limit=1_500_000_000_000,
        keep_free=5_000_000_000,
    )
    assert [(c.name, c.server) for c in site.cameras] == [("r5", "darkroom"), ("z-9", "studio")]
    assert [c.limit for c in site.cameras] == [100_000_000_000, None]
    assert [c.tolerates_unclean_close for c in site.cameras] == [False, True]


def test_a_single_server_may_be_written_either_way(write_site):
    one = load_site(write_site(SMALLEST))
    listed = SMALLEST.replace("server: {", "servers: [{").replace("1.10}", "1.10}]")
    assert load_site(write_site(listed)) == one


def test_the_ports_of_a_shared_address_may_be_listed(write_site):
    site = load_site(write_site(SMALLEST + "port_set: {ports: [5136-5151, 9232]}\n"))
    assert site.port_set.ports == (PortRange(5136, 5151), PortRange(9232, 9232))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_site_without_warnings(name):
    files = SiteFiles(name, PROJECT)
    warned = [problem.key for problem in warnings_of(files, load_site(files))]
    # Of all rows of its ports, none holds as many as two cameras can use.
    assert warned == (["port_set"] if name == "map-e" else [])


class TestAllYml:
    """group_vars/all.yml holds what every Site of a repository shares."""

    def test_gives_what_the_site_leaves_out(self, write_site):
        files = write_site(SMALLEST, shared="ftp: {control_port: 2121}\n")
        assert load_site(files).ftp.control_port == 2121

    def test_yields_to_the_site_key_by_key(self, write_site):
        files = write_site(
            SMALLEST + "ftp: {control_port: 2121}\n",
            shared="ftp: {control_port: 990}\nhostname: shared.example.net\n",
        )
        site = load_site(files)
        assert site.ftp.control_port == 2121
        assert site.hostname == "photos.example.net"

    def test_keeps_the_keys_of_a_part_that_the_site_only_adds_to(self, write_site):
        files = write_site(
            SMALLEST + "ftp: {control_port: 2121}\n", shared="ftp: {passive_ports: 40000-40099}\n"
        )
        ftp = load_site(files).ftp
        assert (ftp.control_port, str(ftp.passive_ports)) == (2121, "40000-40099")

    def test_may_hold_the_server_too(self, write_site):
        *lines, cameras = SMALLEST.splitlines(keepends=True)
        files = write_site("".join([*lines[:-1], cameras]), shared=lines[-1])
        assert load_site(files).servers[0].name == "darkroom"

    def test_may_be_missing(self, write_site):
        files = write_site(SMALLEST)
        assert not files.shared.exists()
        assert load_site(files).ftp.tls == "explicit"


@pytest.mark.parametrize(
    ("written", "bytes_per_second"),
    [("1000", 1000), ("20MB", 20_000_000), ("1.5 MiB", 1_572_864), ("2147483647", 2**31 - 1)],
)
def test_a_rate_may_have_a_unit(write_site, written, bytes_per_second):
    files = write_site(SMALLEST + f"ftp: {{bytes_per_second: {written}}}\n")
    assert load_site(files).ftp.bytes_per_second == bytes_per_second


def test_a_file_from_windows_is_read_as_well(write_site):
    files = write_site("\N{BYTE ORDER MARK}" + SMALLEST.replace("\n", "\r\n"))
    assert load_site(files).servers[0].name == "darkroom"


def test_an_anchor_may_be_used_twice(write_site, recwarn):
    text = SMALLEST.replace("[{name: r5}]", "[{name: &n r5}, {name: &n a7}]")
    assert len(load_site(write_site(text)).cameras) == 2
    assert not recwarn.list
