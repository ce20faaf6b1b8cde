"""A certificate authority on the simulated Internet, for homes whose certificate is from one.

Debian's pebble, which Let's Encrypt makes for tests, plays whichever authority the Site names,
under its name: a rehearsal never asks the real one. nginx in front of it has the name, and the path
of the directory. For DNS-01 there is a name server with the zone of the one record that matters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from hotshoe.plan.model import DnsUpdate, Plan
from hotshoe.render import render
from hotshoe.stage.topology import Topology

FOLDER = "/root/acme"
# What its HTTPS is verified by, and what its certificates are.
AUTHORITY, ROOT = f"{FOLDER}/authority.crt", f"{FOLDER}/root.pem"
KNOT, NGINX, PEBBLE = (f"{FOLDER}/{name}" for name in ("knot.conf", "nginx.conf", "pebble.json"))
ZONE = f"{FOLDER}/zone.first"
# Short, as tests wait for it.
TTL = 1
# As long as Let's Encrypt's certificates are valid.
_VALID_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class AcmeAuthority:
    """What plays the authority of a Site.

    :param hostname: the name on the certificate
    :param directory: the URL of its directory
    :param address: where it answers
    :param name_server: the address of the server with the record for DNS-01
    :param update: how that record is set, by RFC 2136; None if by anybody who likes
    """

    hostname: str
    directory: str
    address: IPv4Address
    name_server: IPv4Address
    update: DnsUpdate | None

    @classmethod
    def of(cls, plan: Plan, topology: Topology) -> AcmeAuthority | None:
        """What there is for a Plan; None where the certificate is from elsewhere."""
        acme = plan.servers[0].certificate.acme if plan.servers[0].certificate else None
        if acme is None or topology.acme is None or topology.acme_name_server is None:
            return None
        try:
            address = IPv4Address(urlsplit(acme.directory).hostname or "")
        except AddressValueError:
            address = topology.acme
        server = acme.update.server if acme.update else topology.acme_name_server
        return cls(plan.hostname, acme.directory, address, server, acme.update)

    @property
    def zone(self) -> str:
        """The zone of the record for DNS-01, which has no other."""
        return f"_acme-challenge.{self.hostname}"

    @property
    def _name(self) -> str:
        return urlsplit(self.directory).hostname or ""

    def resolver_options(self) -> Iterator[str]:
        """How the Internet's resolver finds them."""
        yield f"--server=/{self.zone}/{self.name_server}"
        if self._name != str(self.address):
            yield f"--local=/{self._name}/"
            yield f"--address=/{self._name}/{self.address}"

    def script(self, resolver: IPv4Address) -> str:
        """The shell program that starts all this, or starts it again.

        :param resolver: the Internet's
        """
        kind = "IP" if self._name == str(self.address) else "DNS"
        return render(
            "stage/acme.sh.j2",
            folder=FOLDER,
            address=self.address,
            name_server=self.name_server,
            resolver=resolver,
            names=f"{kind}:{self._name}",
            zone=self.zone,
        )

    def files(self, secret: str | None = None) -> dict[str, str]:
        """What that reads.

        :param secret: the TSIG key that lets its owner set the record
        """
        directory = urlsplit(self.directory)
        update = self.update if secret else None
        return {
            PEBBLE: json.dumps(_PEBBLE, indent=2),
            NGINX: render(
                "stage/acme-nginx.conf.j2",
                folder=FOLDER,
                address=self.address,
                port=directory.port or 443,
                path=directory.path or "/",
            ),
            KNOT: render(
                "stage/knot.conf.j2",
                folder=FOLDER,
                run="/run/knot-acme",
                name_server=self.name_server,
                zone=self.zone,
                key_name=update.key_name if update else None,
                algorithm=update.algorithm if update else None,
                secret=secret,
                anybody=self.update is None,
            ),
            ZONE: render(
                "stage/zone.j2",
                zone=self.zone,
                name_server=self.name_server,
                hostname=self.zone,
                addresses6=(),
                ttl=TTL,
            ),
        }


_PEBBLE = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": f"{FOLDER}/services.crt",
        "privateKey": f"{FOLDER}/services.key",
        "httpPort": 80,
        "tlsPort": 443,
        "certificateValidityPeriod": _VALID_SECONDS,
    }
}
