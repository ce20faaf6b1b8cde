"""Homes to draw: the examples that the project ships, and awkward ones that are allowed too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from hotshoe import checks
from hotshoe.load import SiteFiles, load_site
from hotshoe.plan import Plan, make_plan
from hotshoe.site import Site
from tests.conftest import PROJECT

MANAGERS = ("hand", "openwrt", "linux")
EXAMPLES = sorted(
    path.stem
    for path in (PROJECT / "group_vars").glob("*.yml")
    if path.stem != "all" and ".vault" not in path.name
)


def example(name: str) -> Plan:
    """The Plan of an example site."""
    return make_plan(load_site(SiteFiles(name, PROJECT)))


def site_of(
    modes: Sequence[str] = ("nat",),
    behind: Sequence[int] = (-1,),
    *,
    ipv6: bool = False,
    long: bool = False,
    each: int = 2,
    may_open: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Site:
    """A Site, which need not pass the checks.

    :param modes: of the routers, from the Internet inwards
    :param behind: for each server, the index of its router
    :param ipv6: whether everything has an IPv6 address
    :param long: whether names and addresses are as long as they may be
    :param each: how many cameras upload to each server
    :param may_open: what the first server may open
    :param more: other keys of the Site
    """

    def name(text: str) -> str:
        return f"{text}-{'of-the-longest-kind-there-is-here'}"[:31] if long else text

    def lan(i: int) -> IPv4Interface:
        return IPv4Interface(f"192.168.{100 + i}.254/24" if long else f"10.0.{i}.1/24")

    def lan6(i: int) -> IPv6Interface:
        end = "ffff:ffff:ffff:ff01" if long else ":1"
        return IPv6Interface(f"2001:db8:ffff:ff{i:02x}:{end}/64")

    routers: list[dict[str, Any]] = []
    for i, mode in enumerate(modes):
        router = {
            "name": name(f"router{i}"),
            "mode": mode,
            "managed_by": MANAGERS[i % 3],
            "lan": str(lan(i)),
        }
        if i:
            router["wan"] = str(lan(i - 1).ip + (-1 if long else 1))
        if ipv6:
            router["lan6"] = str(lan6(i))
            if i:
                router["wan6"] = str(lan6(i - 1).ip + 1)
        routers.append(router)
    servers: list[dict[str, Any]] = []
    for i, index in enumerate(behind):
        at = index % len(modes)
        server = {
            "name": name(f"server{i}"),
            "behind": routers[at]["name"],
            "address": str(lan(at).ip + (-100 if long else 100) + i),
        }
        if ipv6:
            server["address6"] = str(lan6(at).ip + 0x80 + i)
        servers.append(server)
    servers[0]["may_open"] = may_open
    raw = {
        "hostname": ".".join(["photos-of-the-year"] * 3 + ["exampl", "net"])[-64:]
        if long
        else "photos.test",
        "public_address": "203.113.213.220",
        "routers": routers,
        "servers": servers,
        "cameras": [
            {"name": name(f"camera{i}-{j}"), "server": server["name"]}
            for i, server in enumerate(servers)
            for j in range(each)
        ],
    }
    return Site.model_validate(raw | more)


def home(*args: Any, **kwargs: Any) -> Plan:
    """The Plan of a Site that passes all checks; the parameters are those of :func:`site_of`."""
    site = site_of(*args, **kwargs)
    assert not list(checks.run(site))
    return make_plan(site)


def awkward() -> dict[str, Plan]:
    """Homes whose pictures are hard to draw."""
    busy = {"open_to_wan": ["51820/udp", "8443/tcp", "60000-61000/udp"]}
    inwards = [
        {"to": "10.0.1.20", "services": ["22/tcp", "445/tcp", "60000-61000/udp"]},
        {"to": "10.0.2.20", "services": ["2049/tcp"]},
    ]
    return {
        "one router": home(),
        "eight routers": home(("nat",) * 8),
        "eight routers, all long": home(("nat",) * 8, ipv6=True, long=True),
        "everything routed": home(("nat",) + ("routed",) * 7, ipv6=True, long=True),
        "five servers": home(("nat",), (0,) * 5),
        "five servers, all long": home(("nat", "nat"), (1,) * 5, ipv6=True, long=True),
        "a server in every LAN": home(("nat", "routed", "nat", "routed"), (0, 1, 2, 3), ipv6=True),
        "may open": home(("nat", "nat", "nat"), (0,), may_open=inwards),
        "may open, routed": home(("nat", "routed", "routed"), (0, 0), may_open=inwards),
        "may open beside a server": home(("nat", "nat", "nat"), (0, 2), may_open=inwards),
        "default hosts": home(("default-host",) * 4, long=True),
        "all is the server's": home(("default-host",)),
        "many ports": home(
            ("nat", "nat"), port_set={"offset": 6, "psid_length": 6, "psid": 52}, each=1
        ),
        "too many ports": home(port_set={"offset": 11, "psid_length": 1, "psid": 1}, each=1),
        "a hundred cameras": home(each=100),
        "no TLS": home(ftp={"tls": "none", "helper": True}),
        "other services": home(
            routers=[{"name": "gateway", "lan": "10.0.0.1/24", "managed_by": "openwrt"} | busy],
            servers=[
                {
                    "name": "darkroom",
                    "address": "10.0.0.10",
                    "ssh_port": 2222,
                    "ssh_from": ["10.9.0.0/24", "192.168.178.128/25"],
                    "open_to_lan": ["445/tcp", "137-138/udp"],
                }
            ],
            cameras=[{"name": "r5"}],
        ),
    }
