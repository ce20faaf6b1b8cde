"""Who keeps the record of the name at a public address that changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.checks.base import Finding, check_keys
from hotshoe.site.ddns import NSUPDATE, PROVIDERS, SOMEBODY_ELSE, needs_of
from hotshoe.site.fields import DYNAMIC
from hotshoe.site.model import Ddns

# The kinds of router that have a client for dynamic DNS which hotshoe, or a worksheet, sets up.
_UPDATING_ROUTERS = ("openwrt", "hand")


def ddns_is_for_an_address_that_changes(site: Any) -> Iterator[Finding]:
    """Refuse an address that changes and that nothing follows, and the reverse."""
    if site.public_address is None and site.ddns is None:
        yield (
            "ddns",
            f"is missing, and the address that {site.hostname} leads to changes",
            "write who updates its record, for example ddns: {updated_by: server, provider: "
            "duckdns}, or ddns: {updated_by: none} if something else does",
        )
    elif site.public_address is not None and site.ddns is not None:
        yield (
            "ddns",
            f"updates the record of an address that changes, and {site.public_address} stays",
            f"remove ddns, or write public_address: {DYNAMIC}",
        )


def shared_ports_stay(site: Any) -> Iterator[Finding]:
    """Refuse ports of a shared address (MAP-E, MAP-T) together with an address that changes."""
    if site.public_address is None and site.port_set is not None:
        yield (
            "port_set",
            "is one subscriber's part of one shared address: with another address come other "
            "ports, while a camera keeps the control port that was entered once",
            "write the shared address as public_address; if it does change, ask the provider for "
            "an address of your own, or for one that stays",
        )


def ddns_has_what_it_needs(site: Any) -> Iterator[Finding]:
    """Refuse a way to update the record that lacks a key, or has one that it does not use."""
    ddns = site.ddns
    if ddns is None:
        return
    needs = needs_of(ddns)
    if needs is None:
        yield (
            "ddns.provider",
            f"is missing, and the {ddns.updated_by} has to know whom to tell",
            f"write one of: {', '.join(PROVIDERS)}",
        )
        return
    if ddns.provider and needs in (NSUPDATE, SOMEBODY_ELSE):
        yield ("ddns.provider", f"{needs.title} has no provider", "remove it")
    yield from check_keys(ddns, Ddns, "ddns", needs, ("updated_by", "provider"))


def username_can_be_sent(site: Any) -> Iterator[Finding]:
    """Refuse a username that HTTP could not tell from the password (RFC 7617, section 2)."""
    if site.ddns and ":" in (site.ddns.username or ""):
        yield (
            "ddns.username",
            "has a colon, at which HTTP takes the rest for the password",
            "write the username without it; the password belongs into the vault, as ddns_secret",
        )


def router_can_update(site: Any) -> Iterator[Finding]:
    """Refuse to leave the update to a router that has no client for it."""
    if site.ddns is None or site.ddns.updated_by != "router":
        return
    outermost = site.routers[0]
    if outermost.managed_by not in _UPDATING_ROUTERS:
        yield (
            "ddns.updated_by",
            f"{outermost.name} is managed_by: {outermost.managed_by}, and has no client for "
            "dynamic DNS",
            "write updated_by: server",
        )


def record_is_where_it_can_be_updated(site: Any) -> Iterator[Finding]:
    """Refuse a name that is outside of the zone, or of the domain of the provider."""
    ddns = site.ddns
    needs = needs_of(ddns) if ddns else None
    if needs is None:
        return
    if needs.domain and not _is_a_name_of(needs.domain, site.hostname):
        yield (
            "hostname",
            f"{site.hostname} is none of {needs.title}'s names, which are one label and "
            f".{needs.domain}",
            f"write the name that you have there, such as photos-of-ann.{needs.domain}, or "
            "another provider",
        )
    in_zone = ddns.zone is None or f".{site.hostname}".endswith(f".{ddns.zone}")
    if "zone" in needs.needs and not in_zone:
        yield (
            "ddns.zone",
            f"{site.hostname} is not in the zone {ddns.zone}",
            f"write the zone that it is in, such as {site.hostname.partition('.')[2]}",
        )


def _is_a_name_of(domain: str, hostname: str) -> bool:
    return hostname.partition(".")[2] == domain
