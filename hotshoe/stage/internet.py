"""What the simulated Internet does: it routes, resolves, relays, and has a Debian mirror.

For a home whose public address changes it also has a name server and HTTPS services
(`provider.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from urllib.parse import urlsplit

from hotshoe.check.resolvers import RESOLVERS
from hotshoe.debian import record_update
from hotshoe.plan.model import Plan, RecordUpdate
from hotshoe.render import render
from hotshoe.stage import mirror, provider
from hotshoe.stage.acme import AcmeAuthority
from hotshoe.stage.topology import Topology

# Its uplink is a process of this computer that opens connections, as any program does. A bridge of
# podman's would change the computer's own network: it makes it forward, and rewrites its firewall.
_UPLINK = "tap0"
# The mirror's program, and where it keeps what every stage of this computer may use.
_MIRROR, _PROVIDER = "/root/mirror.py", "/root/provider.py"
OPTIONS = (
    "--network=slirp4netns:enable_ipv6=false",
    f"--volume={Path(mirror.__file__).resolve()}:{_MIRROR}:ro",
    f"--volume={Path(provider.__file__).resolve()}:{_PROVIDER}:ro",
    f"--volume={mirror.CACHE}:{mirror.CACHE}",
)
# Where name server and services have what is theirs.
FOLDER = "/root/provider"
AUTHORITY, ACCOUNT = f"{FOLDER}/authority.crt", f"{FOLDER}/account.json"
CONFIGURATION, ZONE = f"{FOLDER}/knot.conf", f"{FOLDER}/zone"
# The records of a home whose address is fixed, in the form of hosts(5), and who answers with them.
RECORDS, RECORDS_PID = "/etc/records", "/run/records.pid"
# Reserved (RFC 2544), and far from the direct links of the same block.
NAME_SERVER = IPv4Address("198.19.255.53")
# Short, as tests wait for it; providers have a minute.
TTL = 3
# Whose protocol the services do not speak. They take its name all the same: a rehearsal has the
# person's token, and must not change the record of the real home.
_NOT_PLAYED = ("cloudflare",)


@dataclass(frozen=True)
class Provider:
    """What is there for a home whose public address changes.

    :param hostname: the name that leads to the home
    :param addresses6: to which it leads over IPv6; these do not change
    :param record: how its record is updated
    :param by_hand: whether its outermost router is set up by a person
    :param sources: the URLs of services that tell whoever asks its own address
    :param name_server: the address of the zone's name server
    :param services: the address of the HTTPS services
    """

    hostname: str
    addresses6: tuple[IPv6Address, ...]
    record: RecordUpdate | None
    by_hand: bool
    sources: tuple[str, ...]
    name_server: str
    services: str

    @classmethod
    def of(cls, plan: Plan, topology: Topology) -> Provider | None:
        """What there is for a Plan; None for a home whose address is fixed."""
        if topology.name_server is None or topology.services is None:
            return None
        sources = (url for s in plan.servers if s.follower for url in s.follower.sources)
        return cls(
            plan.hostname,
            tuple(s.address6 for s in plan.servers if s.address6),
            plan.ddns,
            plan.routers[0].by_hand,
            tuple(dict.fromkeys(sources)),
            str(topology.name_server),
            str(topology.services),
        )

    @property
    def zone(self) -> str:
        """The zone of the record: as it is said, or one for this name alone."""
        return (self.record and self.record.zone) or self.hostname

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the services."""
        found = [urlsplit(url).hostname or "" for url in self.sources]
        if self.record:
            found.append(record_update.host(self.record) or "")
        return tuple(dict.fromkeys(name for name in found if name))

    def account(self, secret: str) -> dict[str, str | list[str]]:
        """With what updates are taken.

        :param secret: the password or token
        """
        # Where providers have a name for the account, and where they do not look at it.
        said = self.record.username if self.record else None
        return {"usernames": [said] if said else ["", "none"], "secret": secret}

    @property
    def sets_record(self) -> bool:
        """Whether nothing on the stage updates the record, so that it is done for the person."""
        if self.record is None or self.record.updated_by == "none":
            return True
        by_box = self.record.updated_by == "router" and self.by_hand
        return by_box or self.record.provider in _NOT_PLAYED

    def script(self) -> str:
        """The shell program that starts all this, or starts it again."""
        return render(
            "stage/provider.sh.j2",
            folder=FOLDER,
            program=_PROVIDER,
            name_server=self.name_server,
            services=self.services,
            zone=self.zone,
            hostname=self.hostname,
            names=",".join(f"DNS:{name}" for name in self.names),
            ttl=TTL,
        )

    def configuration(self, secret: str | None = None) -> str:
        """The name server's.

        :param secret: the TSIG key that lets its owner update the zone
        """
        record = self.record
        return render(
            "stage/knot.conf.j2",
            folder=FOLDER,
            run="/run/knot",
            anybody=False,
            name_server=self.name_server,
            zone=self.zone,
            key_name=record.key_name if record and secret else None,
            algorithm=record.algorithm if record else None,
            secret=secret,
        )

    def zone_file(self) -> str:
        """The zone as it is at first: the home's name leads nowhere yet by IPv4."""
        return render(
            "stage/zone.j2",
            zone=self.zone,
            name_server=self.name_server,
            hostname=self.hostname,
            addresses6=self.addresses6,
            ttl=TTL,
        )

    def update(self, address: object) -> str:
        """What nsupdate is told when the record shall lead to an address."""
        return provider.update(self.name_server, self.zone, self.hostname, TTL, f"{address}")

    def resolver_options(self) -> Iterator[str]:
        """How the Internet's resolver finds them."""
        yield f"--server=/{self.zone}/{self.name_server}"
        for name in self.names:
            yield f"--local=/{name}/"
            yield f"--address=/{name}/{self.services}"
        if self.record and self.record.updated_by == "nsupdate" and self.record.server:
            yield f"--address=/{self.record.server}/{self.name_server}"


def script(
    topology: Topology, there: Provider | None, authority: AcmeAuthority | None = None
) -> str:
    """Route between camera and home, answer DNS, and lend the uplink to everybody.

    :param there: what there is for a home whose public address changes
    :param authority: the certificate authority of a home whose certificate is from one
    :returns: a shell program for it
    """
    if there:
        names = list(there.resolver_options())
    else:
        names = [f"--server=/{topology.hostname}/{NAME_SERVER}"]
    if authority:
        names += authority.resolver_options()
    return render(
        "stage/internet.sh.j2",
        uplink=_UPLINK,
        mirror=_MIRROR,
        cache=mirror.CACHE,
        resolver=topology.resolver,
        names=names,
        others=RESOLVERS,
        routes=topology.routes,
        zone=None if there else topology.hostname,
        name_server=NAME_SERVER,
        records=RECORDS,
        records_pid=RECORDS_PID,
        addresses=topology.public,
        ttl=TTL,
    )


def relay(plan: Plan) -> str:
    """What a MAP border relay does: it knows who has which ports (RFC 7597, section 8.1).

    :returns: a ruleset; empty for an address that nobody shares
    """
    if not plan.port_set:
        return ""
    ports = ", ".join(map(str, plan.port_set))
    # What the mirror here is asked, and answers, as well as what passes.
    chains = "\n".join(
        f"chain {hook} {{\ntype filter hook {hook} priority filter;\n"
        f"{way} meta l4proto {{ 6, 17 }} th {port} != {{ {ports} }} counter drop\n}}"
        for hook, way, port in (
            ("postrouting", f'oifname "home0" ip daddr {plan.public_address}', "dport"),
            ("prerouting", f'iifname "home0" ip saddr {plan.public_address}', "sport"),
        )
    )
    return f"table inet relay {{\n{chains}\n}}\n"


def own_ports(plan: Plan) -> str:
    """What makes a router behind that relay lead itself out, as it had to before hotshoe was there.

    :returns: a shell command for it, which fetches packages then
    """
    ports = max(plan.port_set, key=len)
    return f"echo {ports.first} {ports.last} >/proc/sys/net/ipv4/ip_local_port_range"
