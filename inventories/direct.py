"""The home described in group_vars/direct.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("direct")
