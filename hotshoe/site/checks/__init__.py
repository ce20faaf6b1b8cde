"""What makes no sense together, though every single value is well formed.

Each module has one theme. A check yields findings: key, reason and remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hotshoe.site.checks import (
    acme,
    addresses,
    certificate,
    connections,
    ddns,
    delivery,
    direct_link,
    encryption,
    lans,
    library,
    names,
    outside,
    photos,
    ports,
    sources,
    warnings,
)
from hotshoe.site.checks.base import Check, Finding
from hotshoe.site.validation import RefusedFieldError

__all__ = ["CHECKS", "WARNINGS", "Check", "Finding", "run"]

CHECKS: tuple[Check, ...] = (
    outside.hostname_is_public,
    outside.public_address_is_reachable,
    outside.outermost_wan_is_public,
    outside.outermost_wan6_is_outside,
    outside.port_set_is_valid,
    ddns.ddns_is_for_an_address_that_changes,
    ddns.shared_ports_stay,
    ddns.ddns_has_what_it_needs,
    ddns.username_can_be_sent,
    ddns.router_can_update,
    ddns.record_is_where_it_can_be_updated,
    certificate.certificate_has_what_it_needs,
    certificate.certificate_is_used,
    acme.authority_reaches_the_server,
    acme.challenge_has_what_it_needs,
    acme.directory_is_one,
    acme.port_80_is_free,
    direct_link.plain_ftp_has_a_link_of_its_own,
    encryption.tls_options_are_used,
    lans.lan_is_usable,
    lans.lan6_is_usable,
    lans.lans_do_not_overlap,
    names.names_are_unique,
    names.hardware_addresses_are_unique,
    names.openwrt_is_reached_as_root,
    names.cameras_know_their_server,
    photos.no_camera_is_the_library,
    photos.limits_of_cameras_are_within_the_whole,
    photos.photos_of_a_limited_camera_are_told_apart,
    photos.one_transfer_fits_into_all,
    addresses.wan_is_in_the_outer_lan,
    addresses.server_is_behind_a_router,
    addresses.server_is_in_the_lan,
    addresses.ipv6_is_complete,
    connections.outermost_router_translates,
    connections.default_hosts_expose_servers_only,
    connections.source_nat_keeps_clients_distinguishable,
    connections.home_services_can_be_reached,
    ports.control_port_is_free,
    ports.control_ports_are_used,
    ports.passive_range_suits_vsftpd,
    ports.ftp_ports_are_this_homes,
    ports.ports_suffice,
    ports.ssh_port_is_not_an_ftp_port,
    ports.other_services_use_other_ports,
    sources.sources_are_networks_of_their_own,
    sources.cameras_can_be_distinguished_by_source,
    library.share_options_are_used,
    ports.share_has_its_ports,
    library.share_is_for_the_home,
    library.readers_are_people,
    library.retention_has_a_limit,
    library.retention_has_a_delivery,
    delivery.delivery_has_what_it_needs,
    delivery.what_is_set_up_by_hand_is_left_alone,
    delivery.username_can_be_sent,
    delivery.folder_is_one,
    delivery.deliveries_know_their_server,
    delivery.deliveries_differ,
    addresses.fetcher_is_behind_a_router,
    addresses.fetcher_is_in_the_lan,
    delivery.fetcher_reaches_the_server,
    delivery.pushes_can_reach,
)

WARNINGS: tuple[Check, ...] = (
    encryption.legacy_tls_can_be_broken,
    warnings.source_is_masked,
    warnings.server_is_exposed,
    warnings.ssh_is_exposed,
    warnings.example_values_are_left,
    warnings.no_dhcp_server_gives_the_address,
    warnings.one_name_leads_to_several_servers,
    ports.ports_limit_cameras,
    acme.staging_is_trusted_by_nobody,
    delivery.peer_is_in_no_lan,
    delivery.names_open_no_port,
)


def run(site: Any, checks: tuple[Check, ...] = CHECKS) -> Iterator[Finding]:
    """Run every check that the valid part of a Site allows."""
    for check in checks:
        try:
            yield from check(site)
        except RefusedFieldError:
            continue
