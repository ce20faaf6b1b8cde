"""A host that is nothing but what is known about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import Config
from pyinfra.api.operation import OperationMeta
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_config, ctx_host, ctx_state

from hotshoe.debian.device import (
    Device,
    Footprint,
    PathState,
    queries_of,
    read_device,
    split_sections,
)
from hotshoe.debian.leftovers import Found
from hotshoe.debian.network import Network
from roles import server
from roles.base import plans
from roles.router_linux.facts import FOOTPRINT as ROUTER

HERE = Path(__file__).parent
FACTS = HERE / "facts"


# What the queries of all roles tell of a host of which nothing is known.
NOTHING_KNOWN = {
    query.name: query.read(())
    for footprint in (*server.FOOTPRINTS, ROUTER)
    for query in footprint.queries
}


def device_from(known: dict[str, Any]) -> Device:
    """A Device from JSON; what the JSON leaves out is as on a host of which nothing is known."""
    assert set(known) <= {field.name for field in fields(Device)}
    values = dict(known)
    if "paths" in values:
        values["paths"] = {path: PathState(**state) for path, state in values["paths"].items()}
    for name in ("packages", "loaded"):
        values[name] = frozenset(values.get(name, ()))
    answers = dict(values.get("answers", ()))
    if "forwarding" in answers:
        answers["forwarding"] = frozenset(answers["forwarding"])
    values["answers"] = NOTHING_KNOWN | answers
    if "ours" in values:
        values["ours"] = Found(**{name: tuple(names) for name, names in values["ours"].items()})
    if "network" in values:
        values["network"] = Network(**values["network"])
    return Device(**values)


def as_json(device: Device) -> dict[str, Any]:
    """A Device as JSON has it."""

    def plain(value: Any) -> Any:
        if isinstance(value, frozenset):
            return sorted(value)
        raise TypeError(value)

    return json.loads(json.dumps(asdict(device), default=plain))


def footprints_of(name: str) -> tuple[Footprint, ...]:
    """The footprints of the roles that a recorded host has."""
    return (ROUTER,) if "router" in name else server.FOOTPRINTS


def recorded(name: str, **network: Any) -> Device:
    """The Device of a recorded output.

    :param network: what of its addresses and routes is different
    """
    found = split_sections((FACTS / f"{name}.txt").read_text().splitlines())
    device = read_device(queries_of(footprints_of(name)), found)
    return replace(device, network=replace(device.network, **network))


class FakeHost:
    """The part of pyinfra's Host that operations ask."""

    def __init__(self, name: str, device: Device) -> None:
        self.name = name
        self.connector_data = {"hotshoe_device": device}
        self.data: Any = type("Data", (), {"site": "home", "get": lambda self, key: None})()
        self.noops: list[str] = []

    def noop(self, description: str) -> None:
        self.noops.append(description)


@pytest.fixture
def on_host() -> Iterator[Callable[..., FakeHost]]:
    """Make a FakeHost the one that operations are prepared for."""

    def use(device: Device, name: str = "darkroom") -> FakeHost:
        fake = FakeHost(name, device)
        ctx_host.set(fake)
        return fake

    ctx_state.set(object())
    ctx_config.set(Config())
    yield use
    for context in (ctx_host, ctx_state, ctx_config):
        context.reset()


@pytest.fixture
def fresh_plans() -> Iterator[None]:
    """Nothing remembered of the Sites of other tests."""
    caches = (plans.site_of, plans.plan_of, plans.secrets_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()
    while plans._openings:
        plans._openings.popitem()[1].text()


def operation(what: str) -> OperationMeta:
    """An earlier operation of the same run, told in a word or two."""
    meta = OperationMeta("earlier", is_change=what in ("will change", "changed"))
    if what in ("changed", "did not change"):
        commands = ["something"] if what == "changed" else []
        meta.set_complete(True, commands, CommandOutput([]))
    else:
        assert what in ("will change", "will not change")
    return meta


def as_texts(commands: Iterable[Any]) -> list[Any]:
    """Commands as the cases spell them: the shell's text, and what it reads from its input."""
    said: list[Any] = []
    for command in commands:
        if isinstance(command, str):
            said.append(command)
        elif hasattr(command, "function"):
            said.append({"function": command.function.__name__, "args": list(command.args)})
        else:
            text = {"command": str(command)}
            stdin = command.connector_arguments.get("_stdin")
            said.append(text | {"stdin": stdin} if stdin is not None else str(command))
    return said
