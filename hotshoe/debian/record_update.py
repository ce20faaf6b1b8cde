"""The record of the home's name: how a Debian server keeps it at the public address.

The program ``hotshoe-update-record`` speaks to the provider by curl, or to the name server by
nsupdate. The ready-made clients were tried, on Debian 12 and 13, each for one update to a given
address: inadyn (2.10, 2.11) ends with 0 when the server is not found, not reached or not trusted,
with the same status for a wrong password and for a server's passing fault, and waits for ten
minutes after a 500; ddclient (3.10, 3.11) ends with 0 and says nothing after a 500 or a
redirection, and calls it a success when the provider sets another address; its options have other
names in each release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from hotshoe import paths
from hotshoe.plan.model import RecordUpdate
from hotshoe.site.model import Provider

PROGRAM = "address/update-record.sh.j2"
# What of it speaks which protocol.
_PARTS = {
    "cloudflare": "address/update-record-cloudflare.j2",
    "duckdns": "address/update-record-duckdns.j2",
    "dyndns2": "address/update-record-dyndns2.j2",
    "nsupdate": "address/update-record-nsupdate.j2",
}
_PACKAGES = ("ca-certificates", "curl")


@dataclass(frozen=True)
class _Service:
    """Where and how a provider is told an address, over HTTPS.

    :param protocol: what it speaks
    :param server: its host; None for the one that the Site names
    :param username: the same for everybody; None for the one that the Site names
    :param credentials: what a message calls the secret, and what goes with it
    :param query: what is told besides name and address
    :param packages: what the program needs
    """

    protocol: Literal["cloudflare", "duckdns", "dyndns2"]
    server: str | None
    username: str | None = None
    credentials: str = "the token"
    query: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = _PACKAGES


_SERVICES: Mapping[Provider, _Service] = {
    # https://developers.cloudflare.com/api/resources/dns/subresources/records
    "cloudflare": _Service("cloudflare", "api.cloudflare.com", packages=(*_PACKAGES, "jq")),
    # https://desec.readthedocs.io/en/latest/dyndns/update-api.html: an IPv6 address of which
    # nothing is said would be removed.
    # Its user name would have to be a domain of the account, not a name in it.
    "desec": _Service("dyndns2", "update.dedyn.io", username="", query={"myipv6": "preserve"}),
    # https://www.duckdns.org/spec.jsp
    "duckdns": _Service("duckdns", "www.duckdns.org"),
    # https://help.dyn.com/remote-access-api/perform-update
    "dyndns2": _Service("dyndns2", None, credentials="the username or the password"),
    # https://dynv6.com/docs/apis: it looks at the token alone.
    "dynv6": _Service("dyndns2", "dynv6.com", username="none"),
    # https://www.noip.com/integrate/request
    "noip": _Service("dyndns2", "dynupdate.no-ip.com", credentials="the username or the password"),
}
assert set(_SERVICES) == set(get_args(Provider))
_OF_NSUPDATE = ("bind9-dnsutils",)
# Of all ways to update a record.
EVERY_PACKAGE = tuple(
    dict.fromkeys((*_OF_NSUPDATE, *(p for each in _SERVICES.values() for p in each.packages)))
)


def packages(update: RecordUpdate) -> tuple[str, ...]:
    """The Debian packages that the program needs."""
    return _SERVICES[update.provider].packages if update.provider else _OF_NSUPDATE


def host(update: RecordUpdate) -> str | None:
    """The host that is told over HTTPS; None for nsupdate, and where somebody else updates."""
    return (_SERVICES[update.provider].server or update.server) if update.provider else None


def values(update: RecordUpdate, hostname: str) -> dict[str, Any]:
    """What the template of the program is filled with; no secret.

    :param hostname: the name whose record is updated
    """
    common = {"hostname": hostname, "configuration": paths.RECORD_CONFIGURATION}
    if update.provider is None:
        return common | {
            "part": _PARTS["nsupdate"],
            "server": update.server or f"the primary name server of {update.zone}",
            "name_server": update.server,
            "zone": update.zone,
            "key_name": update.key_name,
            "ttl": update.ttl,
        }
    service = _SERVICES[update.provider]
    return common | {
        "part": _PARTS[service.protocol],
        "server": service.server or update.server,
        "credentials": service.credentials,
        "zone": update.zone,
    }


def configuration(update: RecordUpdate, hostname: str, secret: str) -> str:
    """The text of the file that only root may read, as it has the secret in it.

    :param hostname: the name whose record is updated
    :param secret: the password, token or key
    :returns: a configuration of curl(1), or a key file of nsupdate(1)
    """
    if update.provider is None:
        key = f'algorithm {update.algorithm}; secret "{secret}";'
        return f'key "{update.key_name}" {{ {key} }};\n'
    service = _SERVICES[update.provider]
    host = f"https://{service.server or update.server}"
    if service.protocol == "cloudflare":
        return _curl(header=f"Authorization: Bearer {secret}")
    if service.protocol == "duckdns":
        query = {"domains": hostname.partition(".")[0], "token": secret}
        return _curl(url=f"{host}/update?{urlencode(query)}")
    username = update.username if service.username is None else service.username
    query = {"hostname": hostname, **service.query}
    return _curl(url=f"{host}/nic/update?{urlencode(query)}", user=f"{username}:{secret}")


def _curl(**options: str) -> str:
    # Between quotes, a backslash begins an escape.
    lines = (
        (option, value.replace("\\", "\\\\").replace('"', '\\"'))
        for option, value in options.items()
    )
    return "".join(f'{option} = "{value}"\n' for option, value in lines)
