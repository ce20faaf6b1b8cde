"""The home described in group_vars/fetch.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("fetch")
