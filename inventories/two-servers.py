"""The home described in group_vars/two-servers.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("two-servers")
