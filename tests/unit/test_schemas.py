"""What commands print as JSON is promised, by schemas that are committed and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from hotshoe.cli import main
from tests.conftest import PROJECT

# By the commands that print them.
SCHEMAS = {
    "plan": "show/plan",
    "check": "show/check",
    "photos": "show/photos",
    "diff": "deploy/diff",
    "drift": "deploy/diff",
}


@pytest.fixture(params=SCHEMAS)
def command(request) -> str:
    return request.param


@pytest.fixture
def committed(command) -> Path:
    return PROJECT / "hotshoe" / f"{SCHEMAS[command]}.schema.json"


def test_the_committed_schema_is_up_to_date(command, committed, tmp_path, monkeypatch):
    """Where there is no Site, it is printed as well."""
    monkeypatch.chdir(tmp_path)
    assert committed.read_text() == CliRunner().invoke(main, [command, "--json-schema"]).stdout, (
        f"if this change is meant: hotshoe {command} --json-schema >{committed}, and raise SCHEMA "
        "where a key went or means something else now"
    )


def test_every_field_is_described_and_always_there(committed):
    schema = json.loads(committed.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    for described in (schema, *schema["$defs"].values()):
        if "properties" not in described:
            continue
        assert described["description"].endswith(".")
        assert list(described["properties"]) == described["required"]
        for name, field in described["properties"].items():
            text = field["description"]
            assert text, f"{described['title']}.{name}"
            assert not set(text) & {"\n", "  "}
            assert "None" not in text
            assert ":param" not in text
