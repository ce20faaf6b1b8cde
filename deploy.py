"""What happens to a home, in the order in which it must happen.

    pyinfra inventories/home.py deploy.py

Hosts work side by side; where one must wait for another there is a barrier. Every call has a line
of its own, because pyinfra orders operations by line.
"""

from pyinfra import host

from roles import firewall, router_linux, tls, users, vsftpd
from roles.base import preflight
from roles.base.operations import barrier
from roles.base.plans import plan_of

plan = plan_of(host.data.site)

# Refuse what cannot work, before anything is changed.
if "server" in host.groups:
    preflight.server(plan.server)
if "routers" in host.groups:
    preflight.router(plan.router(host.name))
barrier(name="Every host is as the Site says")

# The way out: the server installs its packages through the routers.
if "routers" in host.groups:
    router_linux.routing(plan.router(host.name))
barrier(name="The routers lead out")

# The server, ready and protected before anything leads to it.
if "server" in host.groups:
    vsftpd.install()
if "server" in host.groups:
    certificate = tls.certificate(plan.server)
if "server" in host.groups:
    users.cameras(plan.server)
if "server" in host.groups:
    firewall.server(plan.server)
if "server" in host.groups:
    vsftpd.daemon(plan.server, certificate)
if "server" in host.groups:
    vsftpd.settle()
barrier(name="The server is ready")

# The way in, last, and never towards a server that failed.
if "routers" in host.groups:
    router_linux.port_forwards(plan.router(host.name))
