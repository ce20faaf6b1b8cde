"""Homes for tests: the examples that the project ships, and awkward ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.site import checks
from hotshoe.site.model import Site
from hotshoe.site.reading import SiteFiles, load_site
from tests.conftest import EXAMPLES, PROJECT

MANAGERS = ("hand", "openwrt", "linux")


def example(name: str) -> Plan:
    """The Plan of an example."""
    return make_plan(load_site(SiteFiles(name, PROJECT)))


def plan_of(site: Site) -> Plan:
    """The Plan of a Site that passes all checks."""
    assert list(checks.run(site)) == []
    return make_plan(site)


def site_of(
    modes: Sequence[str] = ("nat",),
    behind: Sequence[int] = (-1,),
    *,
    ipv6: bool = False,
    long: bool = False,
    each: int = 2,
    may_open: Sequence[Mapping[str, Any]] = (),
    managers: Sequence[str] = MANAGERS,
    **more: Any,
) -> Site:
    """A Site, which need not pass the checks.

    :param modes: of the routers, from the Internet inwards
    :param behind: for each server, the index of its router
    :param ipv6: whether everything has an IPv6 address
    :param long: whether names and addresses are as long as they may be
    :param each: how many cameras upload to each server
    :param may_open: what the first server may open
    :param managers: who manages the routers, over and over
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
            "managed_by": managers[i % len(managers)],
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
        else "photos.example.net",
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
    """The Plan of a home that makes sense; the parameters are those of :func:`site_of`."""
    return plan_of(site_of(*args, **kwargs))


# Every optional key of a Site.
EVERYTHING_SAID = {
    "routers": [
        {
            "name": "box",
            "managed_by": "hand",
            "lan": "192.168.178.1/24",
            "lan6": "2001:db8:100:1::1/64",
            "open_to_wan": ["51820/udp", "60000-61000/udp", "8443/tcp"],
            "other_forwards": ["443/tcp", "27000-27015/udp"],
        },
        {
            "name": "edge",
            "managed_by": "openwrt",
            "wan": "192.168.178.2",
            "lan": "192.168.1.1/24",
            "wan6": "2001:db8:100:1::2",
            "lan6": "2001:db8:100:2::1/64",
            "mode": "routed",
        },
        {"name": "gateway", "managed_by": "hand", "wan": "192.168.1.2", "lan": "172.16.0.1/20"},
    ],
    "servers": [
        {
            "name": "darkroom",
            "behind": "edge",
            "address": "192.168.1.10",
            "address6": "2001:db8:100:2::10",
            "ssh_user": "u" * 32,
            "ssh_port": 2222,
            "ssh_from": ["10.9.0.0/24"],
            "open_to_lan": ["445/tcp", "137-138/udp"],
            "may_open": [{"to": "172.16.1.20", "services": ["22/tcp", "10000-20000/udp"]}],
        },
        {"name": "studio", "behind": "box", "address": "192.168.178.10"},
    ],
    "ftp": {
        "tls": "both",
        "legacy_tls": True,
        "bytes_per_second": "20MB",
        "total_bytes_per_second": "50MB",
    },
    "photos": {
        "library": "photos-of-{camera}/{year}/{year}-{month}-{day}/{name}",
        "keep_incomplete": 30,
        "limit": "500GB",
        "keep_free": "5GB",
    },
    "cameras": [
        {"name": "r5", "server": "darkroom", "limit": "100GB", "tolerates_unclean_close": True},
        {"name": "a7", "server": "studio"},
    ],
}
_INWARDS = [
    {"to": "10.0.1.20", "services": ["22/tcp", "445/tcp", "60000-61000/udp"]},
    {"to": "10.0.2.20", "services": ["2049/tcp"]},
]
_TO_A_SERVER = [{"to": "10.0.1.102", "services": ["22/tcp", "873/tcp"]}, _INWARDS[1]]
_DYNDNS2 = {
    "provider": "dyndns2",
    "server": "updates-of-names.example.net",
    "username": "photographer",
}
_SHARED = {"offset": 6, "psid_length": 6, "psid": 52}

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZyu2AMH/Gn3pyaT3bY0gVlt46Jdvd3JpG9XJ8Fp9rW"
_OUTER = "server0-of-the-longest-kind-there-is-here"[:31]
_INNER = "server1-of-the-longest-kind-there-is-here"[:31]
# Photos that go to each kind of place.
EVERYWHERE = [
    {
        "name": "a-computer-in-the-attic-fetches",
        "by": "fetch",
        "server": _OUTER,
        "address": "192.168.102.120",
        "folder": "/srv/photos/of-the-whole-family/from-all-cameras",
        "order": "newest",
        "bytes_per_second": "12345678",
    },
    {
        "name": "desk",
        "by": "sftp",
        "server": _OUTER,
        "address": "192.168.101.130",
        "port": 2222,
        "username": "ann",
        "host_key": _KEY,
    },
    {
        "name": "office",
        "by": "smb",
        "server": _INNER,
        "address": "192.168.101.131",
        "username": "ann",
        "share": "photos",
        "folder": "in/from-the-cameras",
    },
    {
        "name": "cloud",
        "by": "webdav",
        "server": _INNER,
        "url": "https://webdav.of-a-provider-with-a-long-name.example.net:8443/remote.php/dav/in",
        "username": "ann",
    },
    {
        "name": "bucket",
        "by": "s3",
        "server": _OUTER,
        "url": "https://s3.eu-central-1.example.net",
        "region": "eu-central-1",
        "bucket": "photos-of-ann",
        "username": "AKIAIOSFODNN7EXAMPLE",
    },
]

# What is hard to draw, to print or to read.
AWKWARD: dict[str, Plan] = {
    "eight routers, all long": home(("nat",) * 8, ipv6=True, long=True),
    "everything routed": home(("nat",) + ("routed",) * 7, ipv6=True, long=True),
    "five servers, all long": home(("nat", "nat"), (1,) * 5, ipv6=True, long=True),
    "a server in every LAN": home(("nat", "routed", "nat", "routed"), (0, 1, 2, 3), ipv6=True),
    "may open": home(("nat", "nat", "nat"), (0,), may_open=_INWARDS),
    "may open, routed": home(("nat", "routed", "routed"), (0, 0), may_open=_INWARDS),
    "may open beside a server": home(("nat", "nat", "nat"), (0, 2), may_open=_INWARDS),
    "may open a server": home(("nat", "nat", "nat"), (0, 1), may_open=_TO_A_SERVER),
    "default hosts": home(
        ("default-host",) * 4,
        long=True,
        ftp={"tls": "none", "only_on": "eth1", "control_port": 2121},
    ),
    "all is the server's": home(("default-host",)),
    "many ports": home(("nat", "routed"), (1, 0), port_set=_SHARED, each=1),
    "too many ports": home(port_set={"offset": 7, "psid_length": 3, "psid": 1}, each=1),
    "a hundred cameras": home(each=100),
    "explicit and implicit, all long": home(
        ("nat", "nat"),
        (1, 1),
        long=True,
        ftp={"tls": "both", "only_from": ["198.51.100.0/24", "192.0.2.128/25"]},
        managers=("openwrt", "hand"),
    ),
    "implicit": home(ftp={"tls": "implicit", "implicit_port": 9990}),
    "updated by a router": home(
        ("nat", "nat"),
        (1, 1),
        public_address="dynamic",
        ddns={"updated_by": "router", **_DYNDNS2},
    ),
    "updated by a server": home(
        ("nat", "nat"),
        (1, 1),
        ipv6=True,
        long=True,
        public_address="dynamic",
        ddns={"updated_by": "server", **_DYNDNS2},
        managers=("openwrt", "linux"),
    ),
    "photos go everywhere": home(
        ("nat", "nat", "routed"),
        (0, 1),
        long=True,
        library={"share": "smb", "share_may_change": True, "readers": ["ann", "bob"]},
        message={"program": "messages/a-program-with-a-long-name", "per": "quiet-minute"},
        delivery=EVERYWHERE,
        retention={"after_days": 30, "keep_free": "200GB"},
    ),
    "everything said": home(**EVERYTHING_SAID),
}
HOMES = {name: example(name) for name in EXAMPLES} | AWKWARD
