"""What the deploy writes is what the program that delivers reads."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from hotshoe import paths
from hotshoe.debian import delivery
from hotshoe.debian.units import Unit
from hotshoe.plan.model import FetchAccess, Push, Retention
from hotshoe.render import render
from hotshoe_delivery.configuration import SECRETS, Configuration
from roles.delivery.facts import DELIVERY

NOTHING = dict.fromkeys(("folder", "url", "host_key", "share", "bucket", "region", "home_address"))
TO = "192.168.1.20:/srv/photos"
DESK = Push(
    **NOTHING
    | {"name": "desk", "by": "sftp", "host": "192.168.1.30", "port": 22, "username": "ann"}
    | {"folder": "/in", "host_key": "ssh-ed25519 AAAA", "order": "newest", "bytes_per_second": 7}
)
CLOUD = Push(
    **NOTHING
    | {"name": "cloud", "by": "webdav", "host": "dav.example.net", "port": 443, "username": "ann"}
    | {"url": "https://dav.example.net/in", "order": "oldest", "bytes_per_second": 0}
)


@pytest.fixture
def plan(example_plan):
    return replace(
        example_plan.servers[0],
        pushes=(DESK, CLOUD),
        fetchers=(FetchAccess("nas", IPv4Address("192.168.178.2"), TO, "oldest"),),
        retention=Retention(30, 10**9),
    )


def test_the_program_reads_what_the_deploy_writes(plan, tmp_path):
    file = tmp_path / "delivery.json"
    file.write_text(delivery.configuration(plan))
    read = Configuration.read(str(file))
    assert [each.name for each in read.destinations] == ["nas", "desk", "cloud"]
    assert (read.pushes[0].host_key, read.pushes[0].folder) == ("ssh-ed25519 AAAA", "/in")
    assert (read.pushes[1].url, read.pushes[1].share) == ("https://dav.example.net/in", "")
    assert (read.retention.after_days, read.retention.keep_free) == (30, 10**9)
    assert [each.to for each in read.destinations] == [
        TO,
        "sftp://ann@192.168.1.30:22/in",
        "https://dav.example.net/in",
    ]


def test_without_retention_nothing_is_removed_and_nothing_can_be(plan, tmp_path):
    file = tmp_path / "delivery.json"
    file.write_text(delivery.configuration(replace(plan, retention=None)))
    assert Configuration.read(str(file)).retention is None
    values = {"unit": Unit("it", "it"), "user": "it", "owner": "it", "credential": "it"}
    assert "ReadWritePaths" not in render("delivery/service.j2", **values, removes=False)
    assert "ReadWritePaths" in render("delivery/service.j2", **values, removes=True)


def test_who_has_no_password_gets_a_key(plan):
    said = json.loads(delivery.secrets(plan, {"cloud": "secret"}, "the key of {}".format))
    assert said == {"desk": {"key": "the key of desk"}, "cloud": {"password": "secret"}}
    assert delivery.CREDENTIAL == SECRETS


def test_only_what_is_needed_is_installed(plan):
    def packages(*pushes: Push) -> set[str]:
        return {*delivery.packages(replace(plan, pushes=pushes))} - {*delivery.PACKAGES}

    assert packages() == set()
    assert packages(DESK) == {"openssh-client", "python3-paramiko"}
    assert packages(CLOUD) == {"ca-certificates", "rclone"}
    assert packages(DESK, CLOUD) | {*delivery.PACKAGES} == {*delivery.EVERY_PACKAGE}


def test_no_digest_of_the_secrets_is_kept():
    """Whoever sees one could try passwords on it."""
    digests, _, others = DELIVERY.loaded.partition(";")
    assert paths.DELIVERY_SECRETS not in digests
    assert others.split() == ["stat", "-c", "%i.%Z", paths.DELIVERY_SECRETS]
