"""What each way to update a record of dynamic DNS has to be told, as a table.

The keys are those of :class:`~hotshoe.site.model.Ddns`; everything else about a provider's protocol
is where it is spoken (:mod:`hotshoe.debian.record_update` on a Debian server).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from hotshoe.site.model import Provider
from hotshoe.site.needs import Needs


@dataclass(frozen=True)
class Update(Needs):
    """What a way to update a record has to be told.

    :param secret: what messages call its password, token or key; empty if there is none
    :param domain: the domain that all of its names are in, one label each; None if they may be in
        a domain of the person's
    """

    secret: str = ""
    domain: str | None = None


_OF_USERNAME = "the password that belongs to ddns.username"
PROVIDERS: dict[Provider, Update] = {
    "cloudflare": Update(
        "Cloudflare", ("zone",), (), "an API token of Cloudflare that may edit the DNS of the zone"
    ),
    "desec": Update("deSEC", (), (), "a token of deSEC"),
    "duckdns": Update("Duck DNS", (), (), "the token of your account at Duck DNS", "duckdns.org"),
    "dyndns2": Update("dyndns2", ("username", "server"), (), _OF_USERNAME),
    "dynv6": Update("dynv6", (), (), "an HTTP token of dynv6"),
    "noip": Update("No-IP", ("username",), (), _OF_USERNAME),
}
NSUPDATE = Update(
    "updated_by: nsupdate",
    ("zone", "key_name"),
    ("server", "algorithm", "ttl"),
    "the secret of the TSIG key, such as the command tsig-keygen prints",
)
SOMEBODY_ELSE = Update("updated_by: none")
assert set(PROVIDERS) == set(get_args(Provider))


def needs_of(ddns: Any) -> Update | None:
    """What the chosen way needs; None as long as its provider is not named.

    :param ddns: of a Site, checked or not
    """
    if ddns.updated_by == "nsupdate":
        return NSUPDATE
    if ddns.updated_by == "none":
        return SOMEBODY_ELSE
    return PROVIDERS[ddns.provider] if ddns.provider else None


def secret_of(site: Any) -> Update | None:
    """The way to update whose secret hotshoe has to know.

    :param site: a Site that passed its checks
    :returns: None if no host that hotshoe sets up updates the record
    """
    ddns = site.ddns
    if ddns is None or ddns.updated_by == "none":
        return None
    by_hand = ddns.updated_by == "router" and site.routers[0].managed_by == "hand"
    return None if by_hand else needs_of(ddns)
