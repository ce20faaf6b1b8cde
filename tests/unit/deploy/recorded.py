"""What pyinfra 3.10 prints: recorded, with names of ours."""

from __future__ import annotations

import json

from hotshoe.deploy.log import Log

LOOKING = """\
--> Loading config...
--> Loading inventory...
    group_vars/home.yml: ftp.tls: nobody verifies it
    -> write tls: explicit
--> Connecting to hosts...
    [darkroom] Connected
    [gateway]  Connected

--> Preparing operation files...
    Loading: deploy.py
    [darkroom] Ready: deploy.py
    gateway: inside are eth1, lo; what comes in by any other interface is from outside
    darkroom: leftover: unit hotshoe-settle.service
    [gateway]  Ready: deploy.py

"""
DRY = f"""{LOOKING}--> Disconnecting from hosts...
"""
CONFIGURE = "vsftpd | Configure vsftpd 3.0.5"
START = "vsftpd | Start vsftpd on port 21"
FORWARDS = "Router | Load the rules for port forwards"
PLAN = json.dumps(
    {
        "plan": [
            {
                "op_hash": "b774d0fdabe26575c0b79a9b49f216bd9af1d0e4",
                "name": CONFIGURE,
                "names": [CONFIGURE],
                "args": [],
                "hosts_with_change": ["darkroom"],
                "hosts_with_conditional_change": [],
            },
            {
                "op_hash": "815551104ae010bf29698ef5da6d2d29fd39115c",
                "name": FORWARDS,
                "names": [FORWARDS],
                "args": [],
                "hosts_with_change": [],
                "hosts_with_conditional_change": ["gateway"],
            },
        ],
        "results": None,
    }
)
BEGUN = f"""{LOOKING}--> Beginning operation run...
--> Starting operation: {CONFIGURE} 
    [darkroom] Success

--> Starting operation: Servers ready 
    [darkroom] No changes
    [gateway]  No changes

--> Starting operation: {FORWARDS} 
"""
WELL = f"""{BEGUN}    [gateway]  Success

--> Results:
--> Disconnecting from hosts...
"""
RESULTS = json.dumps({"plan": [], "results": {"operations": [], "failed_hosts": []}})
FAILED = f"""{BEGUN}    [gateway]  nft: syntax error
    [gateway]  unexpected end of file
    [gateway]  Error: executed 1 commands

--> Disconnecting from hosts...
--> pyinfra error: Over 0% of hosts failed (50%)
"""
AWAY = """\
--> Connecting to hosts...
    [darkroom] Connected
    [nas]      Could not connect (timed out)
    [gateway]  Connected
    nas does not answer and is left as it is: Could not connect (timed out)
    -> deploy again once it answers

--> Preparing operation files...
    [darkroom] Ready: deploy.py
    [gateway]  Ready: deploy.py

--> Disconnecting from hosts...
"""
UNREACHABLE = """\
--> Loading config...
--> Loading inventory...
--> Connecting to hosts...
    [darkroom] Connected
    [gateway]  Could not connect ([Errno None] Unable to connect to port 22 on 192.168.1.1)

--> Disconnecting from hosts...
--> pyinfra error: Over 0% of hosts failed (50%)
"""
REFUSED = """\
--> Loading config...
--> Loading inventory...
--> Connecting to hosts...
    [darkroom] Connected
    [gateway]  Connected

--> Preparing operation files...
    Loading: deploy.py
--> Disconnecting from hosts...
--> pyinfra error: darkroom: port 21 is taken by proftpd
    -> stop that program, or choose another ftp.control_port
"""
BROKEN_SITE = """\
--> Loading config...
--> Loading inventory...
--> pyinfra error: 2 problems, nothing was changed:
group_vars/home.yml: camera: is not a key that belongs here
    -> did you mean 'cameras'?
group_vars/home.yml: cameras: is missing
    -> write for example: cameras: [{name: r5}]
"""
EXCEPTION = """\
--> Loading config...
--> Loading inventory...
--> Connecting to hosts...
    [darkroom] Connected
--> An exception occurred in: deploy.py:

Traceback (most recent call last):
  File "/home/me/hotshoe/deploy.py", line 20, in <module>
    plan = plan_of(host.data.site)
           ^^^^^^^^^^^^^^^^^^^^^^^
KeyError: 'site'

--> Disconnecting from hosts...
"""
CALLBACK = f"""{LOOKING}--> Beginning operation run...
--> Starting operation: {FORWARDS} 
    Traceback (most recent call last):
  File "/usr/lib/python3/pyinfra/api/operations.py", line 103, in _run_host_op
    status = command.execute(state, host, connector_arguments)
ValueError: it is broken
    [gateway]  Unexpected error in Python callback: ValueError('it is broken')
    [gateway]  Error: executed 0 commands

--> Disconnecting from hosts...
--> pyinfra error: Over 0% of hosts failed (50%)
"""


def log_of(text: str) -> Log:
    """The Log of a recorded output."""
    log = Log()
    for line in text.splitlines(keepends=True):
        log.add(line)
    return log
