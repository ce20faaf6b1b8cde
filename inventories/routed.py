"""The home described in group_vars/routed.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("routed")
