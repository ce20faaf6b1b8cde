"""What is entered on a camera: all of it follows from the Plan."""

from __future__ import annotations

import re

import pytest

from hotshoe.plan.camera_setup import CameraSetup, Entry, Setting, camera_setups
from tests.homes import example, home
from tests.random_homes import every_home


def entry(setup: CameraSetup, setting: Setting) -> Entry:
    return next(each for each in setup.entries if each.setting is setting)


@every_home
def test_each_camera_gets_what_its_server_is(plan):
    setups = camera_setups(plan, "home")
    assert [(s.server, s.camera) for s in setups] == [
        (server.name, camera) for server in plan.servers for camera in server.cameras
    ]
    for setup in setups:
        server = plan.server(setup.server)
        assert entry(setup, Setting.USER).value == setup.camera
        assert entry(setup, Setting.PORT).value == str(server.control_port)
        assert entry(setup, Setting.PASSIVE).value == "on"
        assert entry(setup, Setting.PROXY).value == "off"
        assert entry(setup, Setting.SENDING).value == "on"
        assert entry(setup, Setting.PASSWORD).value == ""
        if not server.only_on:
            assert entry(setup, Setting.SERVER).value == plan.hostname
            for ports in server.ftp_ports:
                assert str(ports) in setup.network[0]
            assert f"{len(plan.hostname)} characters" in setup.lengths[0]


def test_sftp_is_warned_of_and_the_order_is_that_of_menus():
    (setup, _) = camera_setups(example("home"), "home")
    assert [entry.setting for entry in setup.entries] == list(Setting)
    assert entry(setup, Setting.PROTOCOL).value == "FTPS (explicit)"
    assert entry(setup, Setting.PROTOCOL).note.startswith(
        "Not SFTP, which many cameras offer first"
    )
    assert setup.url == "ftpes://r5@photos.example.net:21/"
    assert "/srv/hotshoe/library/r5/DATE/NAME.JPG" in setup.first_shot[2]
    assert "203.0.113.20" in setup.network[0]


def test_of_both_ports_the_explicit_one_comes_first():
    (setup, _) = camera_setups(example("implicit"), "home")
    assert entry(setup, Setting.PORT).value == "21"
    assert entry(setup, Setting.PORT).note == "990 on a camera that knows implicit FTPS only."
    assert "which kind of FTPS: explicit" in entry(setup, Setting.PROTOCOL).note


def test_a_port_that_cameras_do_not_suggest_is_pointed_out():
    (setup, _) = camera_setups(example("map-e"), "home")
    assert entry(setup, Setting.PORT).note == "Not 21, which cameras suggest."
    (setup, _) = camera_setups(example("home"), "home")
    assert entry(setup, Setting.PORT).note == ""


def test_implicit_ftps_alone_is_said():
    (setup, _) = camera_setups(home(ftp={"tls": "implicit"}), "home")
    assert entry(setup, Setting.PROTOCOL).value == "FTPS (implicit)"
    assert entry(setup, Setting.PORT).value == "990"
    assert setup.url == "ftps://camera0-0@photos.example.net:990/"


def test_a_direct_link_has_no_name_no_certificate_and_no_network_to_cross():
    (setup, _) = camera_setups(example("direct"), "home")
    assert entry(setup, Setting.PROTOCOL).value == "FTP"
    assert entry(setup, Setting.SERVER).value == "the address of eth1 on darkroom"
    assert "ip -4 address show eth1" in entry(setup, Setting.SERVER).note
    assert not {Setting.ROOT, Setting.TRUST} & {entry.setting for entry in setup.entries}
    assert setup.network == ("Only the direct link to eth1: no router and no Internet.",)
    assert setup.url is None


@pytest.mark.parametrize(
    ("name", "needed"), [("home", True), ("letsencrypt", False), ("dynamic", True)]
)
def test_a_root_certificate_is_loaded_where_the_authority_is_the_homes_own(name, needed):
    (setup, _) = camera_setups(example(name), "home")
    assert (entry(setup, Setting.ROOT).value == "load it from the card") is needed


def test_a_dynamic_address_is_told_by_its_name():
    (setup, _) = camera_setups(example("dynamic"), "home")
    assert "hotshoe-example.duckdns.org (whatever that leads to)" in setup.network[0]


def test_a_long_user_name_is_warned_of():
    for setup in camera_setups(home(long=True), "home"):
        assert "no more than 16 characters" in setup.lengths[0]
    assert "no more than" not in camera_setups(example("home"), "home")[0].lengths[0]


@pytest.mark.parametrize(("site", "said"), [("home", ""), ("cabin", " cabin")])
def test_commands_are_about_the_home_of_the_sheet(site, said):
    """Without its Site, they would write another home's certificate, and show its passwords."""
    (setup, _) = camera_setups(example("home"), site)
    text = " ".join([*(entry.note for entry in setup.entries), *setup.first_shot])
    commands = re.findall(r"hotshoe (sheet|check|photos)( cabin)?", text)
    assert {command for command, _ in commands} == {"sheet", "check", "photos"}
    assert {name for _, name in commands} == {said}
