"""What can be wrong with a home: each makes one fault on a stage, by real means, and undoes it.

The home has two routers with NAT, "box" and "gateway", and the server "darkroom". Rules are in a
table of their own; what is changed in a file is put back.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import partial

from hotshoe import paths
from hotshoe.stage import internet, podman
from hotshoe.stage.topology import INTERNET
from tests.stage.home import Home
from tests.unit.debian import pairs

Fault = Callable[[Home], AbstractContextManager[None]]

BOX, GATEWAY, SERVER = "box", "gateway", "darkroom"
# Where the inner router is in the LAN of the outer one, and an address where nobody is.
INNER, NOBODY = "192.168.178.2", "192.168.178.77"
CONF = f"{paths.FOLDER}/vsftpd.conf"
LISTENS = "timeout 20 sh -c 'until ss -Hltn sport = :21 | grep -q .; do sleep 0.1; done'"
RESTART = f"systemctl restart hotshoe-vsftpd; {LISTENS}"


# -- means


@contextmanager
def changed(home: Home, node: str, make: str, undo: str) -> Iterator[None]:
    """What one shell script makes, and another one undoes."""
    try:
        home.sh(node, f"set -e; {make}")
        yield
    finally:
        home.sh(node, undo)


def script(node: str, make: str, undo: str) -> Fault:
    return partial(changed, node=node, make=make, undo=undo)


def rules(node: str, *chains: str) -> Fault:
    """Rules in a table of their own; ``$public`` in them is the home's address."""

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        body = "".join(f"{chain}\n" for chain in chains).replace("$public", f"{home.public}")
        text = f"table inet fault {{\n{body}}}\n"
        podman.execute(home.stage.container(node), "nft", "-f", "-", input_text=text)
        try:
            yield
        finally:
            home.sh(node, "nft delete table inet fault")

    return make


def chain(kind: str, hook: str, priority: str, *lines: str) -> str:
    """A chain of nftables."""
    body = "\n".join(lines)
    return f"chain c_{hook} {{\ntype {kind} hook {hook} priority {priority};\n{body}\n}}"


def file(path: str, edit: str, after: str, node: str = SERVER) -> Fault:
    """A file that a shell command edits, and what has to be done whenever it is another one."""
    kept = f"/root/{path.rpartition('/')[2]}.kept"
    return script(
        node,
        f"cp -p {path} {kept}; {edit} {path}; {after}",
        f"cp -p {kept} {path} && rm {kept}; {after}",
    )


def configured(*commands: str, **options: str) -> Fault:
    """vsftpd with these values of options that it has, and with more commands."""
    edits = [f"s,^{name}=.*,{name}={value}," for name, value in options.items()]
    if commands:
        edits.append(f"s/^cmds_allowed=.*/&,{','.join(commands)}/")
    return file(CONF, f"sed -i {' '.join(f'-e {shlex.quote(each)}' for each in edits)}", RESTART)


def taking(**values: int) -> Fault:
    """What the intake is told."""
    program = (
        "import json, pathlib, sys; path = pathlib.Path(sys.argv[2]); "
        "path.write_text(json.dumps(json.loads(path.read_text()) | json.loads(sys.argv[1])))"
    )
    edit = f"python3 -c {shlex.quote(program)} {shlex.quote(json.dumps(values))}"
    # Which closes the cameras' folders, or opens them, when it starts.
    doors = f"{paths.PHOTOS}/*/{paths.UPLOAD}"
    said = f"find {doors} -maxdepth 0 -perm -g=w | grep -q ."
    closed = f"timeout 20 sh -c 'while {said}; do sleep 0.1; done'"
    opened = f"timeout 20 sh -c 'until {said}; do sleep 0.1; done'"
    kept, path = "/root/intake.kept", paths.INTAKE_CONFIGURATION
    again = "systemctl restart hotshoe-intake"
    return script(
        SERVER,
        f"cp -p {path} {kept}; {edit} {path}; {again}; {closed}",
        f"cp -p {kept} {path}; rm {kept}; {again}; {opened}",
    )


def running(node: str, program: str, *arguments: object) -> Fault:
    """A Python program in the background of a device; it says "ready" when it listens."""
    words = " ".join(shlex.quote(str(word)) for word in arguments)

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        start = f'python3 -uc "$0" {words} >/run/fault 2>&1 & echo $! >/run/fault.pid'
        podman.execute(home.stage.container(node), "sh", "-c", start, program)
        try:
            home.sh(node, "timeout 20 sh -c 'until grep -q ready /run/fault; do sleep 0.1; done'")
            yield
        finally:
            home.sh(node, "kill $(cat /run/fault.pid); rm -f /run/fault /run/fault.pid")

    return make


def both(*made: Fault) -> Fault:
    """Several at once, in this order."""

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        with ExitStack() as stack:
            for each in made:
                stack.enter_context(each(home))
            yield

    return make


# -- the name

# Both dnsmasq read their files again then, and forget what they were told.
REREAD = (
    f"for f in {internet.RECORDS_PID} /run/dnsmasq.pid; do kill -HUP $(cat $f); sleep 0.2; done"
)


def record(*addresses: str) -> Fault:
    """Where the home's name leads, by its own name server: nowhere, without any address."""

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        name = home.plan.hostname
        lines = "".join(rf"{address} {name}\n" for address in addresses)
        edit = f"new() {{ sed -i '/[0-9] {name}$/d' $1; printf '{lines}' >>$1; }}; new"
        with file(internet.RECORDS, edit, REREAD, INTERNET)(home):
            yield

    return make


def old_record(resolver: str, address: str) -> Fault:
    """One of the public resolvers keeps a record of old."""

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        own = (
            "dnsmasq --conf-file= --no-resolv --no-hosts --port=5353 --pid-file=/run/old.pid "
            f"--bind-interfaces --listen-address={resolver} "
            f"--address=/{home.plan.hostname}/{address}"
        )
        asked = f"ip daddr {resolver} udp dport 53 dnat ip to {resolver}:5353"
        with (
            changed(home, INTERNET, own, "kill $(cat /run/old.pid)"),
            rules(INTERNET, chain("nat", "prerouting", "dstnat", asked))(home),
        ):
            yield

    return make


# -- addresses and forwards


def moved(address: str, peer: str) -> Fault:
    """The provider gives the home another address, and its name leads to the old one."""

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        old, old_peer = "203.0.113.20", "203.0.113.21"

        def cable(new: str, new_peer: str, gone: str, gone_peer: str) -> None:
            swap = "ip address add {}/31 dev {}; ip address delete {}/31 dev {}"
            home.sh(INTERNET, swap.format(new_peer, "home0", gone_peer, "home0"))
            ours = swap.format(new, "eth0", gone, "eth0")
            home.sh(BOX, f"{ours}; ip route replace default via {new_peer}")

        cable(address, peer, old, old_peer)
        # Whatever is beyond the uplink has nothing to do with it.
        home.sh(INTERNET, f"ip route add blackhole {old}")
        try:
            yield
        finally:
            home.sh(INTERNET, f"ip route delete blackhole {old}")
            cable(old, old_peer, address, peer)

    return make


def unforwarded(node: str, ports: str) -> Fault:
    """A router that does not forward these ports: it takes them for its own, and drops them."""
    dialled = {BOX: "$public", GATEWAY: INNER}[node]
    # Of several rules for a connection's NAT, the first one decides.
    rule = f"ip daddr {dialled} tcp dport {ports} dnat ip to {dialled}"
    return rules(node, chain("nat", "prerouting", "dstnat - 5", rule))


def forwarded(to: str, ports: str = "21") -> Fault:
    """The outer router forwards them somewhere else."""
    rule = f"ip daddr $public tcp dport {ports} dnat ip to {to}"
    return rules(
        BOX,
        chain("nat", "prerouting", "dstnat - 5", rule),
    )


def answered(node: str, how: str, ports: str = "21") -> Fault:
    """A packet filter that drops, or refuses in some way, what comes for these ports."""
    hook = "input" if node == SERVER else "forward"
    return rules(node, chain("filter", hook, "filter - 5", f"tcp dport {ports} {how}"))


# -- others that answer

_ANSWER = """
import socket, struct, sys, time
port, how = int(sys.argv[1]), sys.argv[2]
listening = socket.create_server(("0.0.0.0", port), backlog=32)
print("ready")
kept = []
while True:
    line, _ = listening.accept()
    if how == "reset":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()
        continue
    kept.append(line)
    if how != "silent":
        line.sendall(f"220 {how}\\r\\n".encode())
"""
# In front of the real one, for connections of cameras that were turned to it.
_MIDDLEBOX = """
import socket, struct, sys, threading
to, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listening = socket.create_server(("0.0.0.0", 2100), backlog=32)
print("ready")
def carry(one, other, upwards):
    while True:
        try: said = one.recv(65536)
        except OSError: said = b""
        if upwards and how == "strip" and said.upper().startswith(b"AUTH "):
            one.sendall(b"500 Unknown command.\\r\\n")
            continue
        if not upwards and how == "strip" and said.startswith(b"211-"):
            said = b"\\r\\n".join(l for l in said.split(b"\\r\\n") if b"AUTH" not in l)
        # A ClientHello.
        if upwards and how == "cut" and said.startswith(b"\\x16"):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            said = b""
        try: other.sendall(said)
        except OSError: said = b""
        if not said:
            for line in (one, other):
                try: line.shutdown(socket.SHUT_RDWR)
                except OSError: pass
                line.close()
            return
while True:
    one, _ = listening.accept()
    try: other = socket.create_connection((to, port), 5)
    except OSError:
        one.close()
        continue
    for pair in ((one, other, True), (other, one, False)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
"""


def another_answers(how: str) -> Fault:
    """The outer router answers at the control port itself."""
    return both(
        unforwarded(BOX, "21"),
        script(
            BOX,
            "nft insert rule inet hotshoe_routing input tcp dport 21 accept",
            "systemctl restart hotshoe-routing",
        ),
        running(BOX, _ANSWER, 21, how),
    )


def middlebox(how: str, port: int = 21) -> Fault:
    """Something between camera and home reads control connections: "strip" or "cut" TLS."""

    @contextmanager
    def make(home: Home) -> Iterator[None]:
        turned = f'iifname "camera0" ip daddr $public tcp dport {port} redirect to :2100'
        with (
            running(INTERNET, _MIDDLEBOX, home.public, port, how)(home),
            rules(INTERNET, chain("nat", "prerouting", "dstnat", turned))(home),
        ):
            yield

    return make


# -- certificates


def certified(make: Callable[[pairs.Made], tuple[pairs.Made, ...]]) -> Fault:
    """Another certificate of the server.

    :param make: what of the home's authority makes the chain that is sent, the server's own first
    """

    @contextmanager
    def fault(home: Home) -> Iterator[None]:
        authority = home.authority.load(home.secrets.ca_passphrase or "")
        assert authority
        first, *more = make(pairs.Made(authority.roots.current, authority.key))
        text = (first.key() + first.pem + b"".join(each.pem for each in more)).decode()
        kept = f"{paths.CERTIFICATE}.kept"
        write = f"cp -p {paths.CERTIFICATE} {kept}; cat >{paths.CERTIFICATE}; {RESTART}"
        podman.execute(home.stage.container(SERVER), "sh", "-ec", write, input_text=text)
        try:
            yield
        finally:
            home.sh(SERVER, f"mv {kept} {paths.CERTIFICATE}; {RESTART}")

    return fault


def one(**different: object) -> Fault:
    """One of the home's authority that is good but for something."""
    return certified(lambda root: (pairs.leaf(root, **different),))


def without_chain(root: pairs.Made) -> tuple[pairs.Made, ...]:
    """One of an intermediate authority, which is not sent."""
    return (pairs.leaf(pairs.make("an intermediate", root, ca=True, path_length=0)),)


def of_others(_: pairs.Made) -> tuple[pairs.Made, ...]:
    """One of an authority that cameras do not have, with all that is between."""
    return pairs.LEAF, pairs.MIDDLE


DAY = timedelta(days=1)


# -- the rest


@contextmanager
def other_password(home: Home) -> Iterator[None]:
    """The server has another password of the camera than the vault."""
    second = home.server_plan.cameras[1]
    swap = f"sed -i -E 's/^{home.user}:/x:/; s/^{second}:/{home.user}:/; s/^x:/{second}:/'"
    with file(paths.PASSWORDS, swap, ":")(home):
        yield


# The sessions that a broken connection left behind, which vsftpd would wait for. A daemon's own
# process is its unit's, or on a direct link a child of the unit's.
_END_SESSIONS = (
    "daemons=$(echo $(systemctl show -P MainPID 'hotshoe-vsftpd*')); for p in $(pidof vsftpd); do "
    'parent=$(cut -d" " -f4 /proc/$p/stat); case " $daemons " in *" $p "*) continue ;; '
    '*" $parent "*) grep -q vsftpd /proc/$parent/comm || continue ;; esac; kill -9 $p; done'
)
_SETS = "control_rate4 flooding4 data_rate4 logged_in4 connected4"
_FORGET = f"for s in {_SETS}; do nft flush set inet hotshoe_firewall $s; done 2>/dev/null"


def forget_earlier(home: Home) -> None:
    """Have the servers forget who has connected how often, and end what is left of it."""
    for server in home.plan.servers:
        home.sh(server.name, f"{_END_SESSIONS}; {_FORGET}; true")


# The only thing that is too large for a path is a packet that must not be cut in pieces; whoever
# would say so keeps silent.
BLACK_HOLE = both(
    script(
        INTERNET,
        "ip route add 203.0.113.20/32 dev home0 mtu lock 1300",
        "ip route delete 203.0.113.20/32 dev home0 mtu lock 1300; ip route flush cache",
    ),
    rules(INTERNET, chain("filter", "output", "filter", "icmp type destination-unreachable drop")),
)
_SETTINGS = "/proc/sys/net/netfilter/nf_conntrack_tcp"
_TIMEOUT, _LOOSE = f"{_SETTINGS}_timeout_established", f"{_SETTINGS}_loose"
# Connections to which hotshoe's own rules give a time keep to that, and not to the kernel's.
FORGETFUL = both(
    script(
        GATEWAY,
        f"echo 3 >{_TIMEOUT}; echo 0 >{_LOOSE}",
        f"echo 432000 >{_TIMEOUT}; echo 1 >{_LOOSE}",
    ),
    rules(
        GATEWAY,
        "ct timeout short {\nprotocol tcp;\nl3proto ip;\npolicy = { established : 3s }\n}",
        chain("filter", "forward", "filter + 5", 'tcp dport 21 ct timeout set "short"'),
    ),
)
# The kernel's own.
HELPER = rules(
    GATEWAY,
    'ct helper ftp21 { type "ftp" protocol tcp; }',
    chain("filter", "prerouting", "filter", 'tcp dport 21 ct helper set "ftp21"'),
)
NO_HAIRPIN = rules(
    BOX, chain("filter", "forward", "filter - 5", 'iifname "eth1" oifname "eth1" drop')
)
# Containers have the clock of this computer, so only what tells the time can be wrong.
CLOCK = script(
    SERVER,
    "mv /usr/bin/date /usr/bin/date.kept; "
    'printf \'#!/bin/sh\\nexec date.kept -d "now + 3 days" "$@"\\n\' >/usr/bin/date; '
    "chmod 755 /usr/bin/date",
    "mv /usr/bin/date.kept /usr/bin/date",
)


def stopped(unit: str, wait: str = ":") -> Fault:
    return script(SERVER, f"systemctl stop {unit}", f"systemctl start {unit}; {wait}")


ALL = "50000-50199"
