"""The certificate authority on the simulated Internet."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from hotshoe.plan.model import DnsUpdate
from hotshoe.plan.tls import ACME_DIRECTORY
from hotshoe.stage import acme, internet
from hotshoe.stage.acme import AcmeAuthority
from hotshoe.stage.topology import INTERNET, make_topology
from tests.homes import example


@pytest.fixture
def there() -> AcmeAuthority:
    plan = example("letsencrypt")
    found = AcmeAuthority.of(plan, make_topology(plan))
    assert found
    return found


def test_others_have_none(example_plan):
    topology = make_topology(example_plan)
    assert AcmeAuthority.of(example_plan, topology) is None
    assert topology.acme is topology.acme_name_server is None


def test_the_internet_has_what_it_needs():
    topology = make_topology(example("letsencrypt"))
    (there,) = (node for node in topology.nodes if node.name == INTERNET)
    assert there.kind == "provider"


def test_no_rehearsal_reaches_the_real_authority(there):
    plan = example("letsencrypt")
    assert there.directory == ACME_DIRECTORY
    text = internet.script(make_topology(plan), None, there)
    assert f"--address=/acme-v02.api.letsencrypt.org/{there.address}" in text
    assert "--local=/acme-v02.api.letsencrypt.org/" in text
    # The name of the home leads where it did.
    assert f"{plan.public_address} {plan.hostname}" in text.splitlines()
    assert f"--server=/_acme-challenge.{plan.hostname}/{there.name_server}" in text


@pytest.mark.parametrize(
    ("directory", "listens", "path"),
    [
        (ACME_DIRECTORY, "198.51.100.253:443", "/directory"),
        ("https://ca.example.net:8443/acme/dir", "198.51.100.253:8443", "/acme/dir"),
        ("https://203.0.113.80/dir", "203.0.113.80:443", "/dir"),
        ("https://ca.example.net", "198.51.100.253:443", "/"),
    ],
)
def test_the_directory_is_where_the_site_says(directory, listens, path):
    plan = example("letsencrypt")
    (server,) = plan.servers
    assert server.certificate
    assert server.certificate.acme
    said = replace(server.certificate.acme, directory=directory)
    server = replace(server, certificate=replace(server.certificate, acme=said))
    plan = replace(plan, servers=(server,))
    there = AcmeAuthority.of(plan, make_topology(plan))
    assert there
    text = there.files()[acme.NGINX]
    assert f"listen {listens} ssl;" in text
    assert f"location = {path} {{" in text


def test_pebble_asks_at_the_real_ports(there):
    said = json.loads(there.files()[acme.PEBBLE])["pebble"]
    assert (said["httpPort"], said["tlsPort"]) == (80, 443)


def test_the_record_is_set_with_the_key_alone(there):
    assert "address: 0.0.0.0/0" in there.files()[acme.KNOT], "by a program of the person's"
    update = DnsUpdate(IPv4Address("203.0.113.53"), "hotshoe", "hmac-sha256")
    keyed = replace(there, update=update)
    for secret in (None, "c2VjcmV0"):
        text = keyed.files(secret)[acme.KNOT]
        assert "0.0.0.0/0" not in text
        assert ("secret: c2VjcmV0" in text) == bool(secret)
