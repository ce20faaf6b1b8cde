"""The home described in group_vars/cascade.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("cascade")
