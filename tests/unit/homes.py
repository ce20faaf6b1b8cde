"""Homes to try things on: those that the project ships, awkward ones, and whatever chance brings.

A test that takes ``plan`` over all of them is decorated with :func:`every_home`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hotshoe import checks
from hotshoe.load import SiteFiles, load_site
from hotshoe.plan import Plan, make_plan
from hotshoe.site import Site
from tests.conftest import EXAMPLES, PROJECT

HOME = {"hostname": "photos.example.net", "public_address": "203.0.113.20"}
LONGEST = "a-name-as-long-as-names-may-be0"
AWKWARD: dict[str, dict[str, Any]] = {
    "longest": {
        "hostname": "a-home-with-the-longest-name-that-is-possible.photos.example.net",
        "public_address": "203.0.113.120",
        "routers": [
            {
                "name": "a" + LONGEST[1:],
                "managed_by": "hand",
                "lan": "192.168.100.100/24",
                "lan6": "2001:db8:1000:1000:1000:1000:1000:1000/64",
                "open_to_wan": ["51820/udp", "60000-61000/udp", "8443/tcp"],
            },
            {
                "name": "b" + LONGEST[1:],
                "managed_by": "openwrt",
                "wan": "192.168.100.200",
                "lan": "192.168.200.100/24",
                "wan6": "2001:db8:1000:1000:1000:1000:1000:2000",
                "lan6": "2001:db8:1000:2000:1000:1000:1000:1000/64",
                "mode": "routed",
            },
            {
                "name": "c" + LONGEST[1:],
                "managed_by": "hand",
                "wan": "192.168.200.200",
                "lan": "172.16.100.100/20",
            },
        ],
        "servers": [
            {
                "name": "d" + LONGEST[1:],
                "behind": "b" + LONGEST[1:],
                "address": "192.168.200.110",
                "address6": "2001:db8:1000:2000:1000:1000:1000:3000",
                "ssh_user": "u" * 32,
                "ssh_from": ["10.9.0.0/24"],
                "open_to_lan": ["445/tcp"],
                "may_open": [{"to": "172.16.101.201", "services": ["22/tcp", "10000-20000/udp"]}],
            },
            {"name": "studio", "behind": "a" + LONGEST[1:], "address": "192.168.100.110"},
        ],
        "ftp": {"tls": "none", "helper": True, "bytes_per_second": "20MB"},
        "cameras": [
            {"name": "e" + LONGEST[1:], "server": "d" + LONGEST[1:]},
            {"name": "a7", "server": "studio"},
        ],
    },
    "shared address and two servers": HOME
    | {
        "port_set": {"offset": 6, "psid_length": 4, "psid": 3},
        "routers": [
            {"name": "box", "managed_by": "hand", "lan": "192.168.178.1/24"},
            {
                "name": "attic",
                "managed_by": "hand",
                "wan": "192.168.178.2",
                "lan": "10.0.0.1/8",
                "mode": "routed",
            },
        ],
        "servers": [
            {"name": "darkroom", "address": "10.0.0.10"},
            {"name": "studio", "behind": "box", "address": "192.168.178.10"},
        ],
        "cameras": [
            {"name": "r5", "server": "darkroom"},
            {"name": "a7", "server": "studio"},
        ],
    },
    "a default host behind which another one is": HOME
    | {
        "routers": [
            {
                "name": name,
                "managed_by": "hand",
                "lan": f"192.168.{i}.1/24",
                "mode": "default-host",
                **({"wan": f"192.168.{i - 1}.2"} if i else {}),
            }
            for i, name in enumerate(("box", "attic"))
        ],
        "servers": [{"name": "darkroom", "address": "192.168.1.10"}],
        "ftp": {"tls": "none", "helper": True, "control_port": 2121},
        "cameras": [{"name": "r5"}],
    },
}


def plan_of(home: dict[str, Any]) -> Plan:
    """The Plan of a home that makes sense."""
    site = Site.model_validate(home)
    assert list(checks.run(site)) == []
    return make_plan(site)


PLANS: dict[str, Plan] = {
    name: make_plan(load_site(SiteFiles(name, PROJECT))) for name in EXAMPLES
} | {name: plan_of(home) for name, home in AWKWARD.items()}


@st.composite
def _homes(draw: st.DrawFn) -> Plan:
    """Chains of routers of every kind, with servers anywhere in them."""
    count = draw(st.integers(1, 5))
    six = draw(st.booleans())
    routers: list[dict[str, Any]] = []
    for i in range(count):
        modes = ["nat", "default-host"] if i == 0 else ["nat", "nat", "routed", "default-host"]
        routers.append(
            {
                "name": f"router{i}",
                "managed_by": draw(st.sampled_from(["hand", "openwrt", "linux"])),
                "lan": f"192.168.{i}.1/{draw(st.integers(24, 26))}",
                "mode": draw(st.sampled_from(modes)),
                "open_to_wan": draw(
                    st.lists(st.sampled_from(["51820/udp", "60000-61000/udp"]), unique=True)
                ),
            }
        )
        if i:
            routers[i]["wan"] = f"192.168.{i - 1}.2"
        if six:
            routers[i]["lan6"] = f"2001:db8:0:{i}::1/64"
        if six and i:
            routers[i]["wan6"] = f"2001:db8:0:{i - 1}::2"
    servers: list[dict[str, Any]] = []
    for i in range(draw(st.integers(1, 3))):
        behind = draw(st.integers(0, count - 1))
        deeper = draw(st.lists(st.integers(behind + 1, count), max_size=2, unique=True))
        servers.append(
            {
                "name": f"server{i}",
                "behind": f"router{behind}",
                "address": f"192.168.{behind}.1{i}",
                "may_open": [
                    {"to": f"192.168.{lan}.20", "services": [f"{2200 + lan}/tcp", "137-139/udp"]}
                    for lan in deeper[:1]
                    if lan < count
                ],
            }
        )
        if six and draw(st.booleans()):
            servers[i]["address6"] = f"2001:db8:0:{behind}::1{i}"
    plain = draw(st.booleans())
    home = HOME | {
        "routers": routers,
        "servers": servers,
        "ftp": {"tls": "none", "helper": True} if plain else {},
        "cameras": [{"name": f"camera{i}", "server": s["name"]} for i, s in enumerate(servers)],
    }
    if draw(st.booleans()):
        home["port_set"] = {"offset": 6, "psid_length": 3, "psid": draw(st.integers(0, 7))}
    site = Site.model_validate(home)
    assume(not list(checks.run(site)))
    return make_plan(site)


def every_home(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test of one argument, ``plan``, on the examples, the awkward homes and others."""

    @pytest.mark.parametrize("name", [*PLANS, "generated"])
    def wrapped(name: str) -> None:
        if name == "generated":
            # Fewer than elsewhere, since a home takes longer to make up than a number.
            settings(max_examples=25)(given(plan=_homes())(test))()
        else:
            test(plan=PLANS[name])

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped
