"""Random homes that make sense, to try on them what must be true of every home.

Hypothesis draws little more than numbers; this module makes a valid Site of them.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotshoe.plan.derivation import make_plan
from hotshoe.plan.model import Plan
from hotshoe.ports.allocation import ports_needed
from hotshoe.ports.ranges import PortRange, Service
from hotshoe.site import checks
from hotshoe.site.fields import DYNAMIC
from hotshoe.site.library import Delivery
from hotshoe.site.model import (
    Camera,
    Ftp,
    HomeService,
    Photos,
    Router,
    Server,
    SharedAddress,
    Site,
)
from tests.homes import HOMES

BLOCKS = [
    *IPv4Network("10.0.0.0/8").subnets(new_prefix=16),
    *IPv4Network("172.16.0.0/12").subnets(new_prefix=16),
    *IPv4Network("192.168.0.0/16").subnets(new_prefix=24),
]
# The devices of a LAN: its router, the next router, servers, and a host of the home.
ROUTER, NEXT_ROUTER, SERVER, HOST = 0, 1, 2, 5
# Six devices fit into this.
LONGEST_PREFIX = 29
MOST_ROUTERS, MOST_SERVERS = 8, 3

# No port that FTP gets here is among them, except as UDP.
OWN_SERVICES = ["80/tcp", "2222/tcp", "21/udp", "50000-50199/udp"]
FORWARDED = ["443/tcp", "8443/tcp", "21/udp", "1024-65535/udp"]
OPEN_TO_LAN = ["445/tcp", "137-138/udp", "60000-61000/udp"]
# Who updates the record of a home whose public address changes; not every router can.
SOMEBODY_ELSE = {"updated_by": "none"}
_DYNDNS2 = {"provider": "dyndns2", "server": "dyn.example.net", "username": "photographer"}
TSIG = {"server": "ns1.example.net", "zone": "example.net", "key_name": "hotshoe.example.net"}
UPDATES = [
    SOMEBODY_ELSE,
    {"updated_by": "nsupdate", **TSIG},
    {"updated_by": "server", **_DYNDNS2},
    {"updated_by": "router", **_DYNDNS2},
]
HOME_SERVICES = ["22/tcp", "445/tcp", "445/udp", "1000-1009/tcp"]


def _one_or_two(written: list[str]) -> st.SearchStrategy[tuple[Service, ...]]:
    services = st.sampled_from([Service.parse(text) for text in written])
    return st.lists(services, unique=True, min_size=1, max_size=2).map(tuple)


def _some(written: list[str]) -> st.SearchStrategy[tuple[Service, ...]]:
    """None as often as not."""
    return st.just(()) | _one_or_two(written)


class _Router(NamedTuple):
    block: IPv4Network
    longer: int
    position: int
    start: int
    mode: int
    managed_by: str
    open_to_wan: tuple[Service, ...]
    other_forwards: tuple[Service, ...]
    masks_source: bool


class _Server(NamedTuple):
    at: int
    named: bool
    ssh_port: int
    ssh_from: tuple[IPv4Network, ...]
    open_to_lan: tuple[Service, ...]
    may_open: tuple[Service, ...]
    deeper: int
    to_servers: bool


class _Ports(NamedTuple):
    kind: str
    control: int | None
    first: int
    more: int
    listed: list[int]
    offset: int
    psid_length: int
    psid: int
    tls: str


_number = st.integers(0, 2**16 - 1)
_routers = st.builds(
    _Router,
    block=st.sampled_from(BLOCKS),
    longer=st.integers(0, LONGEST_PREFIX - 16),
    position=_number,
    start=_number,
    mode=st.integers(0, 5),
    managed_by=st.sampled_from(["linux", "hand", "openwrt"]),
    open_to_wan=_some(OWN_SERVICES),
    other_forwards=_some(FORWARDED),
    masks_source=st.sampled_from([False, False, True]),
)


def _servers(least: int, may_open: st.SearchStrategy[tuple[Service, ...]]) -> Any:
    server = st.builds(
        _Server,
        at=st.integers(0, MOST_ROUTERS - 1),
        named=st.booleans(),
        ssh_port=st.sampled_from([22, 2022]),
        ssh_from=st.sampled_from([(), (IPv4Network("10.9.0.0/24"),)]),
        open_to_lan=_some(OPEN_TO_LAN),
        may_open=may_open,
        deeper=st.integers(0, MOST_ROUTERS - 1),
        to_servers=st.booleans(),
    )
    return st.lists(server, min_size=least, max_size=MOST_SERVERS)


_lists_of_servers = _servers(1, _some(HOME_SERVICES))
# One server that opens connections to another is half of them.
_servers_of_a_dmz = _lists_of_servers | _servers(2, _one_or_two(HOME_SERVICES))
_ports = st.builds(
    _Ports,
    kind=st.sampled_from(["default", "said", "computed", "listed"]),
    control=st.sampled_from([None, 21, 990, 2121]),
    first=st.integers(10000, 60000),
    more=st.integers(0, 300),
    listed=st.lists(st.integers(50, 250), min_size=4, max_size=6, unique=True),
    offset=st.sampled_from([0, 4, 5, 6]),
    psid_length=st.integers(1, 8),
    psid=_number,
    tls=st.sampled_from(["explicit", "implicit", "both"]),
)


@st.composite
def sites(draw, dmz: bool = False, ipv6: bool | None = None, direct: bool | None = False) -> Site:
    """A home of up to eight routers and three servers.

    :param dmz: with a server that the innermost router protects the home from
    :param ipv6: with IPv6 up to the servers; None is either
    :param direct: whose cameras are on direct links, without TLS; None is either
    """
    least = 2 if dmz else 1
    drawn = draw(_lists_of_routers[least])
    chosen = draw(_servers_of_a_dmz if dmz else _lists_of_servers)
    ipv6 = draw(_truth) if ipv6 is None else ipv6
    twice = draw(_truth)  # whether every server has two cameras
    name = _long if draw(_truth) else _short
    dynamic = draw(_updates)  # None: the public address is fixed

    lans = [_lan(router) for router in drawn]
    last = len(lans) - 1
    places = [server.at % len(lans) for server in chosen]
    if dmz:
        places[0] %= last
        if chosen[0].to_servers:
            places[1:] = [last] * (len(places) - 1)
    servers = [_server(n, server, places, lans, name, ipv6) for n, server in enumerate(chosen)]
    photos = draw(_photos)
    limits = draw(_limits) if "{camera}" in photos.library else (None,)
    cameras = [
        Camera(
            name=name("camera", n),
            server=servers[n % len(servers)].name,
            limit=limits[n % len(limits)],
            tolerates_unclean_close=n % 3 == 1,
        )
        for n in range((1 + twice) * len(servers))
    ]
    direct = draw(_truth) if direct is None else direct
    ftp, port_set = _choose_ports(draw(_ports), len(servers), 1 + twice, direct)
    routers: list[Router] = []
    for i in reversed(range(len(lans))):  # inside out, since what is inside limits the mode
        router = _router(name("router", i), i, drawn[i], lans, places, servers, routers[:1], ipv6)
        routers.insert(0, router)
    if port_set or (
        dynamic and dynamic["updated_by"] == "router" and routers[0].managed_by == "linux"
    ):
        dynamic = None
    site = Site(
        hostname="photos.example.net",
        public_address=DYNAMIC if dynamic else "203.0.113.20",
        ddns=dynamic,
        port_set=port_set,
        routers=routers,
        servers=servers,
        ftp=ftp.model_copy(update={"total_bytes_per_second": draw(_total_rate)}),
        photos=photos,
        cameras=cameras,
    )
    assert list(checks.run(site)) == []
    return _with_deliveries(site, draw(_deliveries), lans)


_truth = st.booleans()
_total_rate = st.sampled_from([None, 12_345_678, 50_000_000])
_photos = st.builds(
    Photos,
    library=st.sampled_from(["{camera}/{date}/{name}", "{year}/{month}/{name}", "{name}"]),
    keep_incomplete=st.integers(1, 100),
    limit=st.sampled_from([None, "500GB", "20TB"]),
    keep_free=st.sampled_from(["1MB", "5GB"]),
)
_limits = st.lists(
    st.sampled_from([None, 100_000_000_000, 1_234_567_890]), min_size=1, max_size=3
).map(tuple)
_updates = st.none() | st.sampled_from(UPDATES)
_lists_of_routers = {
    least: st.lists(
        _routers, min_size=least, max_size=MOST_ROUTERS, unique_by=lambda router: router.block
    )
    for least in (1, 2)
}


plans: st.SearchStrategy[Plan] = sites(direct=None).map(make_plan)


class _Delivery(NamedTuple):
    by: str
    server: int
    lan: int
    order: str


_deliveries = st.lists(
    st.builds(
        _Delivery,
        by=st.sampled_from(["fetch", "sftp", "smb", "webdav", "s3"]),
        server=st.integers(0, MOST_SERVERS - 1),
        lan=st.integers(0, MOST_ROUTERS - 1),
        order=st.sampled_from(["oldest", "newest"]),
    ),
    max_size=3,
)
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZyu2AMH/Gn3pyaT3bY0gVlt46Jdvd3JpG9XJ8Fp9rW"


def _with_deliveries(site: Site, drawn: list[_Delivery], lans: list) -> Site:
    """A home with some of these deliveries: those that make sense in it."""
    for n, each in enumerate(drawn):
        lan = each.lan % len(lans)
        there = {"address": lans[lan][1][HOST], "username": "ann"}
        keys: dict[str, dict[str, Any]] = {
            "fetch": {
                "address": lans[lan][1][HOST],
                "behind": site.routers[lan].name,
                "folder": "/srv/photos",
            },
            "sftp": {**there, "port": 8022, "host_key": HOST_KEY},
            "smb": {**there, "share": "photos", "folder": "in"},
            "webdav": {"url": f"https://{there['address']}:8443/in", "username": "ann"},
            "s3": {"url": "https://s3.example.net", "bucket": "photos", "username": "AKIA"},
        }
        delivery = Delivery(
            name=f"place{n}",
            by=each.by,
            server=site.servers[each.server % len(site.servers)].name,
            order=each.order,
            **keys[each.by],
        )
        more = site.model_copy(update={"delivery": (*site.delivery, delivery)})
        if not list(checks.run(more)):
            site = more
    return site


def _short(kind: str, i: int) -> str:
    return f"{kind}{i}"


def _long(kind: str, i: int) -> str:
    return f"{kind}-{i}-with-the-longest-name-of-all"[:31]


def _lan(router: _Router) -> tuple[int, list[IPv4Address]]:
    """A part of the block: its prefix length, and the addresses of its devices."""
    prefix = min(router.block.prefixlen + router.longer, LONGEST_PREFIX)
    size = 2 ** (32 - prefix)
    position = router.position % (router.block.num_addresses // size)
    network = IPv4Network((int(router.block[0]) + position * size, prefix))
    return prefix, [network[1 + (router.start + k) % (size - 2)] for k in range(HOST + 1)]


def _server(
    n: int,
    drawn: _Server,
    places: list[int],
    lans: list,
    name: Callable[[str, int], str],
    ipv6: bool,
) -> Server:
    at = places[n]
    inner = range(at + 1, len(lans))
    hosts = [lans[lan][1][HOST] for lan in inner]
    others = [lans[lan][1][SERVER + k] for k, lan in enumerate(places) if lan > at]
    if drawn.to_servers and others:
        hosts = others
    targets = [
        HomeService(to=hosts[(drawn.deeper + k) % len(hosts)], services=(s,))
        for k, s in enumerate(drawn.may_open if inner else ())
    ]
    return Server(
        name=name("server", n),
        behind=name("router", at) if inner or drawn.named else None,
        address=lans[at][1][SERVER + n],
        address6=IPv6Address(f"2001:db8:100:{at:x}::{n + 16:x}") if ipv6 else None,
        ssh_port=drawn.ssh_port,
        ssh_from=drawn.ssh_from,
        open_to_lan=drawn.open_to_lan,
        may_open=targets,
    )


def _router(
    name: str,
    i: int,
    drawn: _Router,
    lans: list,
    places: list[int],
    servers: list[Server],
    inside: list[Router],
    ipv6: bool,
) -> Router:
    prefix, hosts = lans[i]
    if inside:
        (inner,) = inside
        exposable = min(places) >= i < max(places)
        exposable = exposable and inner.mode != "routed" and not inner.open_to_wan
    else:
        exposable = min(places) == i and not servers[0].open_to_lan
    modes = ["nat", *(["routed"] if i else []), *(["default-host"] if exposable else [])]
    mode = modes[drawn.mode % len(modes)]
    # Firewalls further inside must see the sources that they accept.
    maskable = mode == "nat" or (mode == "default-host" and inside)
    maskable = maskable and not _is_between(i, lans, places, servers)
    return Router(
        name=name,
        wan=lans[i - 1][1][NEXT_ROUTER] if i else None,
        lan=f"{hosts[ROUTER]}/{prefix}",
        wan6=IPv6Address(f"2001:db8:100:{i - 1:x}::2") if ipv6 and i else None,
        lan6=IPv6Interface(f"2001:db8:100:{i:x}::1/64") if ipv6 else None,
        mode=mode,
        managed_by=drawn.managed_by,
        open_to_wan=drawn.open_to_wan,
        other_forwards=drawn.other_forwards,
        masks_source=drawn.masks_source and bool(maskable),
    )


def _is_between(i: int, lans: list, places: list[int], servers: list[Server]) -> bool:
    """Whether a server opens connections through router i to a host further inside."""
    lan_of = {host: k for k, (_, hosts) in enumerate(lans) for host in hosts[SERVER:]}
    return any(
        at < i < lan_of[target.to]
        for at, server in zip(places, servers, strict=True)
        for target in server.may_open
    )


def _choose_ports(
    drawn: _Ports, servers: int, cameras: int, direct: bool
) -> tuple[Ftp, SharedAddress | None]:
    """FTP ports that suffice for that many cameras of each server."""
    plain = {"tls": "none", "only_on": "eth1"} if direct else {"tls": drawn.tls}
    if drawn.kind == "said":
        size = servers * (ports_needed(cameras, 1) + 2) + drawn.more
        passive = PortRange(drawn.first, drawn.first + size - 1)
        key = "implicit_port" if plain["tls"] == "implicit" else "control_port"
        # The other one's, unless said.
        control = None if (drawn.control, drawn.tls) == (990, "both") else drawn.control
        return Ftp(**{key: control}, passive_ports=passive, **plain), None
    shared = None
    if drawn.kind == "listed":
        runs = [PortRange(n * 256, n * 256 + 63) for n in drawn.listed]
        shared = SharedAddress(ports=runs)
    if drawn.kind == "computed":
        # At least 256 ports in a row, above the lowest, or else 15 rows of at least 16.
        offset, length = drawn.offset, min(drawn.psid_length, 12 - drawn.offset)
        psid = drawn.psid % 2**length | (2 ** (length - 1) if offset == 0 else 0)
        shared = SharedAddress(offset=offset, psid_length=length, psid=psid)
    return Ftp(**plain), shared


def every_home(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test of one argument, ``plan``, on the examples, the awkward homes and random ones."""

    @pytest.mark.parametrize("name", [*HOMES, "random"])
    def wrapped(name: str) -> None:
        if name == "random":
            settings(max_examples=10)(given(plan=plans)(test))()
        else:
            test(plan=HOMES[name])

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped
