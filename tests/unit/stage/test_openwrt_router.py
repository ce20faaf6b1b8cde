"""Where an OpenWrt router on the stage is from, and how its owner set it up."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.plan.model import Plan
from hotshoe.stage import openwrt_router
from hotshoe.stage.topology import Node, Topology, make_topology
from tests.homes import example


def router(plan: Plan, place: int = 0) -> tuple[Topology, Node]:
    changed = tuple(replace(r, managed_by="openwrt") for r in plan.routers)
    topology = make_topology(replace(plan, routers=changed))
    name = plan.routers[place].name
    return topology, next(node for node in topology.nodes if node.name == name)


@pytest.fixture
def given(monkeypatch, tmp_path):
    def give(value: object) -> Path:
        monkeypatch.setenv(openwrt_router.ROOTFS, str(value))
        return tmp_path

    return give


class TestImage:
    def test_without_the_variable_the_image_is_a_stand_in_and_called_one(self, monkeypatch):
        monkeypatch.delenv(openwrt_router.ROOTFS, raising=False)
        assert openwrt_router.is_standin()
        assert "standin:" in openwrt_router.OpenWrtImage().tag
        assert openwrt_router.OpenWrtImage().title == (
            "the image of an OpenWrt stand-in, not OpenWrt itself"
        )

    def test_the_image_changes_with_the_stand_in_s_files(self, monkeypatch, tmp_path):
        monkeypatch.delenv(openwrt_router.ROOTFS, raising=False)
        monkeypatch.setattr(openwrt_router, "STANDIN", tmp_path)
        before = openwrt_router.tag()
        (tmp_path / "file").write_text("x")
        assert openwrt_router.tag() != before

    def test_a_project_without_the_stand_in_says_what_to_do(self, monkeypatch, tmp_path):
        monkeypatch.delenv(openwrt_router.ROOTFS, raising=False)
        monkeypatch.setattr(openwrt_router, "STANDIN", tmp_path / "gone")
        with pytest.raises(HotshoeError, match=f"set {openwrt_router.ROOTFS} to a root filesystem"):
            openwrt_router.tag()

    def test_a_file_is_another_image_when_it_changes(self, given, tmp_path):
        archive = tmp_path / "rootfs.tar"
        archive.write_text("x")
        given(archive)
        assert not openwrt_router.is_standin()
        before = openwrt_router.tag()
        assert before == openwrt_router.tag()
        archive.write_text("xy")
        assert openwrt_router.tag() != before

    def test_a_reference_is_itself(self, given):
        given("openwrt/rootfs:x86-64")
        assert openwrt_router.tag() == "openwrt/rootfs:x86-64"

    @pytest.mark.parametrize("value", ["/no/such/file", "./nothing", "~/rootfs.tar"])
    def test_a_path_to_nothing_is_refused(self, given, value):
        given(value)
        with pytest.raises(HotshoeError) as refused:
            openwrt_router.tag()
        assert str(refused.value).startswith(
            f"HOTSHOE_OPENWRT_ROOTFS={value}: there is no such file or folder\n    -> give the path"
        )

    def test_a_reference_that_podman_cannot_have_is_refused(self, given, monkeypatch):
        def run(*command: str) -> str:
            raise HotshoeError("podman pull: no such thing")

        monkeypatch.setattr(openwrt_router, "run", run)
        given("openwrt/rotfs")
        with pytest.raises(HotshoeError, match="is no file, and podman has no such image"):
            openwrt_router.OpenWrtImage().build()

    def test_what_is_no_root_filesystem_is_refused(self, given, tmp_path):
        given(tmp_path)
        with pytest.raises(HotshoeError, match="this folder has no sbin/init"):
            openwrt_router.OpenWrtImage().build()
        text = tmp_path / "text"
        text.write_text("no tarball")
        given(text)
        with pytest.raises(HotshoeError, match="is no tarball"):
            openwrt_router.OpenWrtImage().build()
        with tarfile.open(tmp_path / "some.tar", "w") as archive:
            archive.add(text, "text")
        given(tmp_path / "some.tar")
        with pytest.raises(HotshoeError, match=r"this tarball has no sbin/init"):
            openwrt_router.OpenWrtImage().build()


class TestSetUp:
    def test_the_router_s_networks_are_those_of_the_home(self, example_plan):
        assert openwrt_router.network(*router(example_plan)).split("\n\n")[1:] == [
            "config interface 'wan'\n"
            "\toption device 'eth0'\n"
            "\toption proto 'static'\n"
            "\toption ipaddr '203.0.113.20'\n"
            "\toption netmask '255.255.255.254'\n"
            "\toption gateway '203.0.113.21'\n"
            "\toption dns '198.51.100.249'",
            "config interface 'lan'\n"
            "\toption device 'eth1'\n"
            "\toption proto 'static'\n"
            "\toption ipaddr '192.168.1.1'\n"
            "\toption netmask '255.255.255.0'\n",
        ]

    def test_ipv6_has_an_interface_of_its_own_outside(self):
        text = openwrt_router.network(*router(example("ipv6"), 1))
        assert "\toption ip6addr '2001:db8:100:2::1/64'\n" in text
        assert text.endswith(
            "\nconfig interface 'wan6'\n"
            "\toption device 'eth0'\n"
            "\toption proto 'static'\n"
            "\toption ip6addr '2001:db8:100:1::2/64'\n"
            "\toption ip6gw '2001:db8:100:1::1'\n"
        )

    def test_nothing_of_hotshoe_s_is_there_before_the_deploy(self, example_plan):
        script = "\n".join(openwrt_router.set_up(*router(example_plan), "ssh-ed25519 AAAA\n", 22))
        assert "hotshoe" not in script
        assert "/etc/config/dropbear" not in script

    def test_a_router_that_shuts_down_leaves_the_host_s_file_systems_alone(self, example_plan):
        """umount -a -d -r in a container makes the file system behind a bind mount read-only."""
        script = list(openwrt_router.set_up(*router(example_plan), "ssh-ed25519 AAAA\n", 22))
        assert "rm -f /etc/rc.d/K*umount" in script

    def test_ssh_answers_where_the_site_says(self, example_plan):
        topology, node = router(example_plan)
        script = "\n".join(openwrt_router.set_up(topology, node, "ssh-ed25519 AAAA\n", 2022))
        assert "2022 >/etc/config/dropbear" in script
        assert "':2022 '" in openwrt_router.probes(node, 2022)[1]

    def test_ssh_connects_from_a_neighbour(self):
        topology, gateway = router(example("cascade"), 1)
        command = openwrt_router.proxy_command(topology, gateway, "laptop", 22)
        assert "/run/hotshoe-stage/laptop.pid" in command
        assert " bash -c 'exec 3<>/dev/tcp/192.168.1.1/22;" in command
        topology, box = router(example("cascade"), 0)
        command = openwrt_router.proxy_command(topology, box, "inner", 2022)
        assert "/run/hotshoe-stage/inner.pid" in command
        assert command.endswith(" nc 192.168.178.1 2022")
