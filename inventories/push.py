"""The home described in group_vars/push.yml."""

from roles.inventory import hosts

servers, routers, openwrt_routers, fetchers = hosts("push")
