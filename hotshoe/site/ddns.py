"""What each way to update a record of dynamic DNS has to be told, as a table.

The keys are those of :class:`~hotshoe.site.model.Ddns`; everything else about a provider's protocol
is where it is spoken (:mod:`hotshoe.debian.record_update` on a Debian server).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from hotshoe.site.model import Provider


@dataclass(frozen=True)
class Needs:
    """What a way to update a record has to be told.

    :param title: what a message or a page calls it
    :param secret: what its password, token or key is called there; empty if there is none
    :param needs: the keys of ``ddns`` that it cannot do without
    :param takes: further keys that it uses if they are there
    :param domain: the domain that all of its names are in, one label each; None if they may be in
        a domain of the person's
    """

    title: str
    secret: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    domain: str | None = None


_OF_USERNAME = "the password that belongs to ddns.username"
PROVIDERS: dict[Provider, Needs] = {
    "cloudflare": Needs(
        "Cloudflare", "an API token of Cloudflare that may edit the DNS of the zone", ("zone",)
    ),
    "desec": Needs("deSEC", "a token of deSEC"),
    "duckdns": Needs("Duck DNS", "the token of your account at Duck DNS", domain="duckdns.org"),
    "dyndns2": Needs("dyndns2", _OF_USERNAME, ("username", "server")),
    "dynv6": Needs("dynv6", "an HTTP token of dynv6"),
    "noip": Needs("No-IP", _OF_USERNAME, ("username",)),
}
NSUPDATE = Needs(
    "updated_by: nsupdate",
    "the secret of the TSIG key, such as the command tsig-keygen prints",
    ("zone", "key_name"),
    ("server", "algorithm", "ttl"),
)
SOMEBODY_ELSE = Needs("updated_by: none", "")
assert set(PROVIDERS) == set(get_args(Provider))


def needs_of(ddns: Any) -> Needs | None:
    """What the chosen way needs; None as long as its provider is not named.

    :param ddns: of a Site, checked or not
    """
    if ddns.updated_by == "nsupdate":
        return NSUPDATE
    if ddns.updated_by == "none":
        return SOMEBODY_ELSE
    return PROVIDERS[ddns.provider] if ddns.provider else None


def secret_of(site: Any) -> Needs | None:
    """The way to update whose secret hotshoe has to know.

    :param site: a Site that passed its checks
    :returns: None if no host that hotshoe sets up updates the record
    """
    ddns = site.ddns
    if ddns is None or ddns.updated_by == "none":
        return None
    by_hand = ddns.updated_by == "router" and site.routers[0].managed_by == "hand"
    return None if by_hand else needs_of(ddns)
