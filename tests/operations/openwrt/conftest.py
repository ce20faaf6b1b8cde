"""OpenWrt routers that are nothing but what is known about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from pyinfra.context import ctx_host

from hotshoe.openwrt import sections
from hotshoe.openwrt.uci.changes import Wanted
from hotshoe.openwrt.zones import find_zones
from hotshoe.plan.model import Lease, RouterPlan
from roles.openwrt.facts import Router, RouterState
from roles.openwrt.facts.router import PACKAGES
from tests.operations.conftest import FakeHost

HERE = Path(__file__).parent
FACTS = HERE / "facts"
LEASE = Lease("darkroom", "b8:27:eb:12:34:56", IPv4Address("192.168.1.10"))


def recording(name: str) -> list[str]:
    """What the command printed on a router."""
    return (FACTS / f"{name}.txt").read_text().splitlines()


def recorded(name: str) -> RouterState:
    """What that means."""
    return Router().process(recording(name))


class FakeRouter(FakeHost):
    """The part of pyinfra's Host that operations and preflight ask."""

    def __init__(self, state: RouterState, known: dict[str, Any]) -> None:
        super().__init__("gateway", state)
        self.connector_data = {f"openwrt {PACKAGES}": state}
        self.known = known
        self.asked: list[str] = []

    def get_fact(self, fact: type, *args: object) -> Any:
        self.asked.append(fact.__name__)
        return self.known[fact.__name__]


@pytest.fixture
def on_router(on_host) -> Callable[..., FakeRouter]:
    """Make a FakeRouter the one that operations are prepared for."""

    def use(state: RouterState, **known: Any) -> FakeRouter:
        fake = FakeRouter(state, known)
        ctx_host.set(fake)
        return fake

    return use


@pytest.fixture
def gateway(example_plan) -> RouterPlan:
    """The router that the recorded ones are."""
    (router,) = example_plan.routers
    return replace(router, managed_by="openwrt", leases=(LEASE,))


def outbound(router: RouterPlan, state: RouterState) -> tuple[Wanted, ...]:
    zones = find_zones(router, state.interfaces, state.packages["firewall"])
    return sections.outbound(router, zones)


def inbound(router: RouterPlan, state: RouterState) -> tuple[Wanted, ...]:
    zones = find_zones(router, state.interfaces, state.packages["firewall"])
    return sections.inbound(router, zones)
