"""A home rehearsed in containers: one per device, wired as the Plan says.

Cables are pairs of virtual interfaces between the containers' own network namespaces, so the home's
subnets never appear on the computer that runs them. Only the simulated Internet has an uplink,
through a process of that computer; everything else gets its packages through the routers.
"""
