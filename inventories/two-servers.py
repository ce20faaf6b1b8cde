"""The home described in group_vars/two-servers.yml."""

from roles.inventory import hosts

servers, routers = hosts("two-servers")
