"""The home described in group_vars/share.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("share")
