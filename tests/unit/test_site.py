"""A Site that makes sense, and what is derived from it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from hotshoe.load import load_site
from hotshoe.ports import PortRange, Service
from hotshoe.site import Ftp
from tests.conftest import SMALLEST


def test_the_example_is_the_home_that_the_documentation_describes(example_site):
    assert example_site.model_dump(mode="json") == {
        "hostname": "photos.example.net",
        "public_address": "203.0.113.20",
        "routers": [
            {
                "name": "gateway",
                "managed_by": "linux",
                "lan": "192.168.1.1/24",
                "ssh_user": "root",
                "ssh_port": 22,
                "open_to_wan": [],
            }
        ],
        "server": {
            "name": "darkroom",
            "behind": "gateway",
            "address": "192.168.1.10",
            "ssh_user": "root",
            "ssh_port": 22,
            "ssh_from": [],
            "open_to_lan": [],
        },
        "ftp": {
            "tls": "explicit",
            "control_port": 21,
            "passive_ports": "50000-50099",
            "bytes_per_second": None,
        },
        "cameras": [{"name": "r5"}, {"name": "a7"}],
    }


def test_five_lines_are_a_site(write_site):
    site = load_site(write_site(SMALLEST))
    assert site.hostname == "photos.example.net"
    assert site.public_address == IPv4Address("203.0.113.20")
    assert [(r.name, r.lan) for r in site.routers] == [("gateway", IPv4Interface("192.168.1.1/24"))]
    assert site.server.address == IPv4Address("192.168.1.10")
    assert [camera.name for camera in site.cameras] == ["r5"]


def test_everything_else_has_a_default(write_site):
    site = load_site(write_site(SMALLEST))
    assert site.ftp == Ftp(
        tls="explicit",
        control_port=21,
        passive_ports=PortRange(50000, 50099),
        bytes_per_second=None,
    )
    assert site.routers[0].managed_by == "linux"
    assert (site.routers[0].ssh_user, site.routers[0].ssh_port) == ("root", 22)
    assert (site.server.ssh_user, site.server.ssh_port) == ("root", 22)
    assert site.server.behind is None
    assert site.server.ssh_from == site.server.open_to_lan == ()
    assert site.routers[0].open_to_wan == ()


def test_everything_can_be_said(write_site):
    site = load_site(
        write_site("""\
hostname: Photos.Example.Net.
public_address: 203.0.113.20
routers:
  - {name: gateway, managed_by: linux, lan: 10.0.0.1/16, ssh_user: admin, ssh_port: 2222,
     open_to_wan: [51820/udp]}
server: {name: darkroom, behind: gateway, address: 10.0.0.10, ssh_user: pi, ssh_port: 2022,
         ssh_from: [10.9.0.0/24], open_to_lan: [445/tcp, 60000-61000/udp]}
ftp: {tls: explicit, control_port: 2121, passive_ports: 40000-40019, bytes_per_second: 20MB}
cameras: [{name: r5}, {name: z-9}]
""")
    )
    assert site.hostname == "photos.example.net"
    assert site.routers[0].open_to_wan == (Service("udp", PortRange(51820, 51820)),)
    assert site.server.ssh_from == (IPv4Network("10.9.0.0/24"),)
    assert site.server.open_to_lan == (
        Service("tcp", PortRange(445, 445)),
        Service("udp", PortRange(60000, 61000)),
    )
    assert site.ftp == Ftp(
        control_port=2121, passive_ports=PortRange(40000, 40019), bytes_per_second=20_000_000
    )


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

    def test_may_be_missing(self, write_site):
        files = write_site(SMALLEST)
        assert not files.shared.exists()
        assert load_site(files).ftp.control_port == 21


@pytest.mark.parametrize(
    ("written", "bytes_per_second"),
    [("1000", 1000), ("20MB", 20_000_000), ("1.5 MiB", 1_572_864), ("2147483647", 2**31 - 1)],
)
def test_a_rate_may_have_a_unit(write_site, written, bytes_per_second):
    files = write_site(SMALLEST + f"ftp: {{bytes_per_second: {written}}}\n")
    assert load_site(files).ftp.bytes_per_second == bytes_per_second


def test_a_file_from_windows_is_read_as_well(write_site):
    files = write_site("\N{BYTE ORDER MARK}" + SMALLEST.replace("\n", "\r\n"))
    assert load_site(files).server.name == "darkroom"


def test_an_anchor_used_twice_is_fine_and_silent(write_site, recwarn):
    text = SMALLEST.replace("[{name: r5}]", "[{name: &n r5}, {name: &n a7}]")
    assert len(load_site(write_site(text)).cameras) == 2
    assert not recwarn.list
