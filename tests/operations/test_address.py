"""The role that follows a public address: what it installs, and where."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import pytest

from hotshoe.debian import record_update
from hotshoe.plan.model import RecordUpdate
from hotshoe.secrets import Secrets
from hotshoe.site.model import Provider
from hotshoe_address.__main__ import Configuration
from roles import address
from roles.address import record
from tests.homes import example
from tests.operations.conftest import recorded

UPDATE = RecordUpdate("server", "dyndns2", "me", "dyn.it", None, None, "hmac-sha256", 60)


@pytest.fixture
def plan():
    return example("dynamic").servers[0]


def test_the_program_takes_its_configuration(plan):
    text = address.configuration(plan.hostname, plan.follower)
    taken = Configuration(**json.loads(text))
    assert taken.sources == list(plan.follower.sources)
    assert taken.router == str(plan.gateway)
    assert taken.public_address == "/var/lib/hotshoe/public-address.conf"
    assert taken.update == ["/usr/local/sbin/hotshoe-update-record", "/etc/hotshoe/record.conf"]


def test_where_somebody_else_updates_the_record_the_program_does_not(plan):
    follower = replace(plan.follower, update=None, router=None)
    taken = Configuration(**json.loads(address.configuration(plan.hostname, follower)))
    assert (taken.update, taken.router) == ([], None)


def test_a_host_is_asked_for_whatever_an_update_may_need():
    updates = [replace(UPDATE, provider=provider) for provider in (*get_args(Provider), None)]
    needed = {package for update in updates for package in record_update.packages(update)}
    assert needed <= set(record.PACKAGES) <= set(address.FOOTPRINT.packages)


def test_a_fixed_address_needs_no_package(plan):
    assert address.packages(example("home").servers[0]) == ()
    assert {"python3", "python3-netaddr", "curl"} <= set(address.packages(plan))


def test_only_root_may_read_the_secret(on_host, monkeypatch):
    """How it travels is told of ``put``."""
    put = {}
    on_host(recorded("fresh_server")).data = SimpleNamespace(site="home")
    monkeypatch.setattr(
        record, "secrets_of", lambda site: Secrets({}, "a passphrase", False, "a-token")
    )
    monkeypatch.setattr(
        record.operations, "put", lambda path, text, **more: put.setdefault(path, (text, more))
    )
    record.install("it.example", UPDATE)
    ((path, (_, more)),) = ((path, told) for path, told in put.items() if "a-token" in told[0])
    assert path == "/etc/hotshoe/record.conf"
    assert more["mode"] == "600"
    assert "a-token" not in more["name"]
