"""vsftpd's options: what is written is what vsftpd takes."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hotshoe.debian.device import RELEASES
from hotshoe.debian.vsftpd import (
    COMMANDS,
    VERSIONS,
    Options,
    Options305,
    lines,
    load_by_client,
    openssl_settings,
    options,
)
from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import ControlPort
from hotshoe.plan.tls_suites import AEAD, CBC, chosen
from hotshoe.site.model import Ftp
from tests.homes import example

# Option names that only 3.0.5 knows.
ONLY_305 = {"ssl_tlsv11", "ssl_tlsv12", "ssl_tlsv13"}


@pytest.fixture(params=sorted(VERSIONS.values()))
def version(request):
    return request.param


def written(plan, version) -> dict[str, str]:
    return dict(lines(options(plan.servers[0], version, plan.servers[0].control_ports[0])))


def test_vsftpd_takes_every_line_literally(example_plan, version):
    for name, value in written(example_plan, version).items():
        assert re.fullmatch(r"[a-z0-9_]+=(\S(.*\S)?)?", f"{name}={value}"), name


def test_truth_is_spelt_as_vsftpd_spells_it(example_plan, version):
    values = written(example_plan, version)
    assert values["ssl_enable"] == "YES"
    assert values["anonymous_enable"] == "NO"
    assert not {"True", "False", "None"} & set(values.values())


def test_the_options_say_what_the_plan_says(example_plan, version):
    values = written(example_plan, version)
    assert values["listen_port"] == "21"
    assert values["pasv_address"] == "203.0.113.20"
    assert (values["pasv_min_port"], values["pasv_max_port"]) == ("50000", "50199")
    assert (values["max_clients"], values["max_per_ip"]) == ("200", "64")
    assert values["anon_max_rate"] == values["local_max_rate"] == "0"


def test_clients_inside_load_another_file_and_what_looks_like_the_router_does_not(example_plan):
    (inside,) = load_by_client(example_plan.servers[0])
    network = "192.168.1.0/255.255.255.0 EXCEPT 192.168.1.1"
    assert inside == (network, "/etc/hotshoe/vsftpd-inside.conf")


def test_networks_behind_a_routed_router_are_inside_as_well():
    """They reach the server with their own addresses; hairpin NAT gives them the gateway's."""
    server = replace(
        example("home").servers[0],
        inside=(IPv4Network("192.168.1.0/24"), IPv4Network("10.0.0.0/8")),
    )
    clients = [clients for clients, _ in load_by_client(server)]
    assert clients == ["192.168.1.0/255.255.255.0 EXCEPT 192.168.1.1", "10.0.0.0/255.0.0.0"]


def test_an_address_that_changes_is_in_no_file_of_ours_but_in_one_for_all_others(version):
    plan = example("dynamic")
    assert "pasv_address" not in written(plan, version)
    *_, others = load_by_client(plan.servers[0])
    assert others == ("ALL", "/var/lib/hotshoe/public-address.conf")


def test_each_debian_gets_only_options_that_its_vsftpd_knows(example_plan):
    old, new = written(example_plan, "3.0.3"), written(example_plan, "3.0.5")
    assert not ONLY_305 & set(old)
    assert set(new) - set(old) == ONLY_305
    assert new["ssl_tlsv13"] == new["ssl_tlsv11"] == "NO"


def test_every_debian_release_that_is_accepted_has_a_known_vsftpd():
    assert set(VERSIONS) == set(RELEASES)


def test_a_version_that_is_not_known_is_refused(example_plan):
    with pytest.raises(KeyError):
        options(example_plan.servers[0], "3.0.6", example_plan.servers[0].control_ports[0])


def good(**changed):
    known = {
        "listen_port": 21,
        "max_clients": 22,
        "max_per_ip": 6,
        "pasv_min_port": 50000,
        "pasv_max_port": 50199,
        "pasv_address": "203.0.113.20",
        "tcp_wrappers": True,
    }
    return Options305(**known | changed)


@pytest.mark.parametrize("name", ["ssl_tlsv1_3", "ssl_tlsv13 ", "passive_port", "Listen"])
def test_an_option_that_vsftpd_does_not_know_cannot_be_written(name):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        good(**{name: True})


@pytest.mark.parametrize(
    "value", ["Ready\n", "Ready ", " Ready", "Ready\nanonymous_enable=YES", "Ready\r", "\t"]
)
def test_a_value_that_vsftpd_would_misread_cannot_be_written(value):
    with pytest.raises(ValidationError, match="should match pattern"):
        good(ftpd_banner=value)


@given(st.text(st.characters(max_codepoint=300), max_size=20))
def test_no_text_makes_a_second_line(text):
    try:
        chosen = good(ftpd_banner=text)
    except ValidationError:
        return
    value = dict(lines(chosen))["ftpd_banner"]
    assert not set(value) & set("\r\n")
    assert not value.startswith(" ")
    assert not value.endswith(" ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pasv_min_port", 1024),
        ("pasv_max_port", 65536),
        ("listen_port", 0),
        ("anon_umask", "27"),
        ("file_open_mode", "0999"),
        ("pasv_address", "photos.example.net"),
    ],
)
def test_a_value_that_would_end_vsftpd_cannot_be_written(name, value):
    with pytest.raises(ValidationError):
        good(**{name: value})


def test_a_camera_has_no_command_that_reads_changes_or_removes_a_file():
    forbidden = "RETR DELE RNFR RNTO APPE PORT EPRT RMD SITE REST STOU"
    assert not set(COMMANDS) & set(forbidden.split())


def test_a_camera_has_the_commands_that_it_needs():
    needed = "USER PASS AUTH PBSZ PROT TYPE PASV EPSV STOR MKD CWD PWD SIZE LIST NOOP QUIT"
    assert set(needed.split()) <= set(COMMANDS)


def test_the_list_of_commands_is_exact_for_vsftpd(example_plan, version):
    assert written(example_plan, version)["cmds_allowed"].split(",") == COMMANDS
    assert len(set(COMMANDS)) == len(COMMANDS)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ssl_enable", "YES"),
        ("strict_ssl_read_eof", "YES"),
        ("require_ssl_reuse", "NO"),
        ("anonymous_enable", "NO"),
        ("download_enable", "NO"),
        ("port_enable", "NO"),
        ("pasv_promiscuous", "NO"),
        ("chroot_local_user", "YES"),
        ("virtual_use_local_privs", "NO"),
        ("delete_failed_uploads", "NO"),
        ("file_open_mode", "0440"),
        ("listen_ipv6", "NO"),
        ("pasv_addr_resolve", "NO"),
    ],
)
def test_the_options_that_keep_photos_safe_are_set(example_plan, version, option, value):
    assert written(example_plan, version)[option] == value


@pytest.mark.parametrize("tls", ["explicit", "implicit", "none"])
def test_encryption_is_forced_on_whatever_rights_a_user_has(example_plan, version, tls):
    """What comes of it is tried with packets: ``test_nothing_travels_over…``."""
    chosen = options(example_plan.servers[0], version, ControlPort(21, tls))
    forced = {name: value for name, value in chosen if name.startswith("force_")}
    assert len(forced) == 4
    assert set(forced.values()) == {tls != "none"} == {chosen.ssl_enable}
    assert chosen.implicit_ssl == (tls == "implicit")


class TestEncryption:
    """What is offered is proved by a scan: ``test_tls_versions``."""

    def said(self, example_site, version, **ftp):
        site = example_site.model_copy(update={"ftp": Ftp(**ftp)})
        server = make_plan(site).servers[0]
        return (
            dict(lines(options(server, version, server.control_ports[0]))),
            openssl_settings(server.encryption),
        )

    def test_is_tls_1_2_unless_the_site_says_more(self, example_site, version):
        values, openssl = self.said(example_site, version)
        assert values["ssl_ciphers"] == ":".join((*AEAD, *CBC))
        assert values["ssl_tlsv1"] == "YES"  # FEAT
        assert (openssl["MinProtocol"], openssl["MaxProtocol"]) == ("TLSv1.2", "TLSv1.2")
        assert openssl["CipherString"] == "DEFAULT@SECLEVEL=2"
        if version == "3.0.5":
            newer = [values[f"ssl_tlsv1{minor}"] for minor in (1, 2, 3)]
            assert newer == ["NO", "YES", "NO"]

    def test_may_be_tls_1_3_as_well(self, example_site, version):
        values, openssl = self.said(example_site, version, tls_1_3=True)
        assert (openssl["MinProtocol"], openssl["MaxProtocol"]) == ("TLSv1.2", "TLSv1.3")
        assert openssl["NumTickets"] == "0"
        assert values.get("ssl_tlsv13", "YES") == "YES"

    def test_may_be_old(self, example_site, version):
        values, openssl = self.said(example_site, version, legacy_tls=True)
        assert (openssl["MinProtocol"], openssl["MaxProtocol"]) == ("TLSv1", "TLSv1.2")
        assert openssl["CipherString"] == "DEFAULT@SECLEVEL=0"
        assert values.get("ssl_tlsv11", "YES") == "YES"
        assert values.get("ssl_tlsv13", "NO") == values["ssl_sslv3"] == values["ssl_sslv2"] == "NO"

    def test_without_it_no_cipher_is_named(self, example_plan, version):
        server = replace(example_plan.servers[0], encryption=None)
        assert "ssl_ciphers" not in dict(lines(options(server, version, ControlPort(21, "none"))))


def test_the_usual_suites_have_forward_secrecy_and_all_fit_an_rsa_certificate():
    assert all(cipher.startswith("ECDHE-RSA-") for cipher in chosen())
    assert set(chosen()) < set(chosen(rsa_key_exchange=True))
    assert not any("ECDSA" in cipher for cipher in chosen(rsa_key_exchange=True))
    # Those that are better come first.
    assert chosen(rsa_key_exchange=True)[: len(AEAD)] == AEAD


def test_options_cannot_be_changed_afterwards(example_plan):
    frozen = options(example_plan.servers[0], "3.0.3", example_plan.servers[0].control_ports[0])
    assert type(frozen) is Options
    with pytest.raises(ValidationError, match="frozen"):
        frozen.ssl_enable = False
