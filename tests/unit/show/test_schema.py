"""The Plan as JSON: what it looks like is promised, so a change of it is deliberate."""

from __future__ import annotations

import json
from functools import cache

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter

from hotshoe.errors import Problem
from hotshoe.show.schema import Document, dump
from tests.conftest import PROJECT
from tests.homes import HOMES
from tests.random_homes import every_home

COMMITTED = PROJECT / "hotshoe" / "show" / "plan.schema.json"
DOCUMENTS = TypeAdapter(Document)
WARNING = Problem("group_vars/home.yml", "ftp.tls", "none can be read", "write tls: explicit")


@cache
def strict() -> Draft202012Validator:
    """The committed schema, which allows no key that it does not describe."""
    schema = json.loads(COMMITTED.read_text())
    for described in (schema, *schema["$defs"].values()):
        described["additionalProperties"] = False
    return Draft202012Validator(schema, format_checker=FormatChecker())


@every_home
def test_the_output_fits_the_schema_and_loses_nothing(plan):
    printed = dump("home", plan, [WARNING])
    strict().validate(json.loads(printed))
    assert DOCUMENTS.validate_json(printed) == Document(3, "home", plan, (WARNING,))


def test_a_document_needs_no_warnings():
    strict().validate(json.loads(dump("home", HOMES["home"], [])))


def test_the_schema_describes_the_document():
    document = json.loads(dump("cabin", HOMES["home"], [WARNING]))
    assert list(document) == ["schema", "site", "plan", "warnings"]
    assert document["schema"] == 3
    assert document["site"] == "cabin"
    assert document["warnings"] == [
        {
            "file": "group_vars/home.yml",
            "key": "ftp.tls",
            "reason": "none can be read",
            "remedy": "write tls: explicit",
        }
    ]


def test_ports_addresses_and_networks_have_these_spellings():
    plan = json.loads(dump("home", HOMES["ipv6"], []))["plan"]
    edge, _ = plan["routers"]
    assert edge["forwards"][1] == {
        "service": {"protocol": "tcp", "ports": {"first": 50000, "last": 50199}},
        "to": "192.168.178.2",
        "source": None,
        "purpose": "cameras to darkroom",
    }
    assert edge["lan"] == "192.168.178.1/24"
    assert edge["lan6"] == "2001:db8:100:1::1/64"
    assert edge["masquerade"] == ["192.168.178.0/24"]
    assert edge["routes"] == [{"to": "2001:db8:100:2::/64", "via": "2001:db8:100:1::2"}]
    assert edge["default_host"] is None
    assert plan["servers"][0]["passive"] == {"first": 50000, "last": 50199}
    assert plan["port_set"] == []


def test_a_dynamic_address_is_null_and_its_follower_is_described():
    plan = json.loads(dump("home", HOMES["dynamic"], []))["plan"]
    (server,), (router,) = plan["servers"], plan["routers"]
    assert plan["public_address"] is server["public_address"] is router["wan_address"] is None
    assert server["follower"] | {"sources": None, "update": None} == {
        "sources": None,
        "seconds": 30,
        "router": "192.168.1.1",
        "notice_port": 17021,
        "update": None,
    }
    assert server["follower"]["update"] == plan["ddns"]
    assert router["notices"] == [{"to": "192.168.1.10", "port": 17021}]
    assert not [key for key in plan["ddns"] if "secret" in key or "password" in key]


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", 2), ("warnings", [{}]), ("plan", None), ("site", 7), ("more", 1)],
)
def test_the_schema_refuses_other_documents(key, value):
    document = json.loads(dump("home", HOMES["home"], []))
    assert not strict().is_valid(document | {key: value})
