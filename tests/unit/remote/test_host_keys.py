"""Whose host keys count, tried by OpenSSH with machines that answer here."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko import ECDSAKey, Ed25519Key, PKey, ServerInterface, SSHException, Transport

from hotshoe.cli import main
from hotshoe.remote.host_keys import fetch
from hotshoe.remote.known_hosts import HostKey, entries, with_key
from hotshoe.remote.ssh import Access, Host, RemoteError
from hotshoe.remote.trust import how_to_compare
from tests.conftest import SMALLEST

SITE = SMALLEST.replace("lan:", "managed_by: openwrt, lan:")
ANOTHER = HostKey(
    "ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIFOiuTuF4M6RJYO0VEBMvoWYvvhSv9mhlB23wwWLgc2B"
)
FILE = "group_vars/home.known_hosts"


# What ssh is told to use instead of a connection of its own.
WAY = """
import os, select, socket, sys
there = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while True:
    for ready in select.select([0, there], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else there.recv(65536)
        if not data:
            sys.exit()
        if ready == 0:
            there.sendall(data)
        else:
            os.write(1, data)
"""


class Machine(socketserver.BaseRequestHandler):
    """A machine at which nobody can log in, since it is asked for its keys alone."""

    def handle(self) -> None:
        with Transport(self.request) as transport:
            for key in self.server.keys:  # type: ignore[attr-defined]
                transport.add_server_key(key)
            with contextlib.suppress(SSHException, EOFError):
                transport.start_server(server=ServerInterface())
            transport.join(30)


def generate(kind: str) -> PKey:
    """A new key."""
    if kind != "ed25519":
        return ECDSAKey.generate()
    secret = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    return Ed25519Key(file_obj=io.StringIO(secret.decode()))


class Machines:
    """Two machines with host keys, which ssh reaches by loopback, as its configuration says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "ssh_config"
        self.names = {"gateway": "192.168.1.1", "darkroom": "192.168.1.10"}
        self.servers: dict[str, socketserver.ThreadingTCPServer] = {}
        for name in self.names:
            server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Machine)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            self.servers[name] = server
            self.install(name, "ed25519")
        (folder / "way.py").write_text(WAY)
        self.connect(*self.names)
        # The person's own configuration is found by the password database, and not by HOME.
        ssh = folder / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.config} "$@"\n')
        ssh.chmod(0o755)

    def end(self) -> None:
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def install(self, name: str, *kinds: str) -> None:
        """Give a machine new keys."""
        self.servers[name].keys = [generate(kind) for kind in kinds]  # type: ignore[attr-defined]

    def connect(self, *names: str, more: str = "") -> None:
        """Have these be reachable, and no others."""
        way = f"{sys.executable} -IS {self.folder}/way.py {{}}"
        off = "sh -c 'echo it is off >&2; exit 1'"
        ways = {
            name: way.format(server.server_address[1]) if name in names else off
            for name, server in self.servers.items()
        }
        self.config.write_text(
            "".join(
                f"Host {address}\n    StrictHostKeyChecking no\n    UserKnownHostsFile "
                f"{self.folder}/personal\n    ProxyCommand {ways[name]}\n{more}"
                for name, address in self.names.items()
            )
        )

    def key(self, name: str) -> HostKey:
        (key, *_) = self.servers[name].keys  # type: ignore[attr-defined]
        return HostKey(key.get_name(), key.get_base64())


@pytest.fixture
def machines(
    home: Path, write_site: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machines]:
    write_site(SITE)
    (home / "machines").mkdir()
    made = Machines(home / "machines")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    yield made
    made.end()


def trust(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["trust", *arguments])


def trust_at_a_terminal(answer: str) -> tuple[int, str]:
    """What it says to a person, and its exit status."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("hotshoe")), "trust"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(ours, f"{answer}\n".encode())
    said, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    return process.returncode, said


def fingerprints(machines: Machines, *names: str) -> list[str]:
    return [f"--fingerprint={name}={machines.key(name).fingerprint}" for name in names]


def known() -> dict[str, HostKey]:
    path = Path(FILE)
    text = path.read_text() if path.exists() else ""
    return {name: entry.key for entry in entries(text) for name in entry.names}


def host(machines: Machines, access: Access, name: str = "darkroom") -> Host:
    return Host(name, machines.names[name], "root", 22, access)


class TestTrust:
    def test_a_person_compares_once(self, machines):
        status, said = trust_at_a_terminal("y")
        assert status == 0, said
        for name, command in (
            ("gateway", "dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key"),
            ("darkroom", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"),
        ):
            address, key = machines.names[name], machines.key(name)
            assert f"{name} ({address}): ssh-ed25519 {key.fingerprint}\n    new\n" in said
            assert f"    {name} itself shows it by: {command}\n" in said
            assert known()[address] == key
        assert said.count("Have you compared them") == 1
        again = trust()
        assert (again.exit_code, again.stderr) == (0, "")
        assert f"as in {FILE}, line 1\n" in again.stdout
        assert again.stdout.endswith(f"{FILE}: nothing is new\n")

    @pytest.mark.parametrize("answer", ["n", "", "maybe\nn"])
    def test_who_has_not_compared_gets_nothing(self, machines, answer):
        status, _ = trust_at_a_terminal(answer)
        assert status == 1
        assert known() == {}

    @pytest.mark.parametrize("options", [[], ["--yes"]])
    def test_where_nobody_can_be_asked_fingerprints_are_needed(self, machines, options):
        one = fingerprints(machines, "gateway")
        for given, left in ((one, "darkroom"), ([], "gateway, darkroom")):
            done = trust(*options, *given)
            assert done.exit_code == 1
            assert done.stderr.startswith(f"Error: {left}: not compared yet")
            assert "hotshoe trust --yes --fingerprint=" in done.stderr
            assert known() == {}

    def test_with_the_right_fingerprints_nobody_is_asked(self, machines):
        done = trust("--yes", *fingerprints(machines, "gateway", "darkroom"))
        assert (done.exit_code, done.stderr) == (0, "")
        assert set(known()) == set(machines.names.values())

    def test_another_fingerprint_is_refused(self, machines):
        right = fingerprints(machines, "gateway")
        done = trust("--yes", *right, f"--fingerprint=darkroom={ANOTHER.fingerprint}")
        assert done.exit_code == 1
        assert done.stderr.startswith(f"Error: darkroom: shows {machines.key('darkroom')}, and not")
        assert known() == {}

    def test_one_that_does_not_answer_keeps_nobody_from_trusting_the_others(self, machines):
        machines.connect("darkroom")
        done = trust("--yes", *fingerprints(machines, "gateway", "darkroom"))
        assert done.exit_code == 1
        assert done.stderr.startswith("Error: gateway: cannot be reached at 192.168.1.1: ")
        assert known() == {"192.168.1.10": machines.key("darkroom")}
        assert trust().exit_code == 1

    def test_a_changed_key_is_said_to_be_one_and_replaced_only_if_compared(self, machines):
        trust("--yes", *fingerprints(machines, "gateway", "darkroom"))
        old = machines.key("darkroom")
        machines.install("darkroom", "ed25519")
        done = trust("--yes")
        assert done.exit_code == 1
        assert f"CHANGED: {FILE}, line 2, says {old}\n" in done.stdout
        assert known()["192.168.1.10"] == old
        done = trust("--yes", *fingerprints(machines, "darkroom"))
        assert done.exit_code == 0
        assert known()["192.168.1.10"] == machines.key("darkroom")

    def test_a_host_is_asked_for_the_key_that_is_known(self, machines):
        machines.install("darkroom", "ecdsa", "ed25519")
        # OpenSSH would ask for the other one.
        assert machines.key("darkroom").fingerprint not in trust().stdout
        text = with_key("", "192.168.1.1", machines.key("gateway"))
        Path(FILE).write_text(with_key(text, "192.168.1.10", machines.key("darkroom")))
        assert trust().stdout.endswith("nothing is new\n")

    @pytest.mark.parametrize(("same", "says"), [(True, "the same"), (False, "another one: ")])
    def test_what_the_person_s_own_ssh_knows_is_told(self, machines, home, same, says):
        (home / ".ssh").mkdir()
        key = machines.key("darkroom") if same else ANOTHER
        (home / ".ssh" / "known_hosts").write_text(with_key("", "192.168.1.10", key))
        assert f"new; ~/.ssh/known_hosts, line 1, says {says}" in trust().stdout

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ("darkroom", "needs HOST=SHA256:…"),
            ("darkroom=MD5:00", "needs HOST=SHA256:…"),
            ("attic=SHA256:x", "there is no host attic; it has gateway, darkroom"),
        ],
    )
    def test_what_is_no_fingerprint_is_refused(self, machines, given, says):
        done = trust(f"--fingerprint={given}")
        assert done.exit_code == 2
        assert says in done.stderr

    def test_nobody_logs_in_and_nothing_is_remembered(self, machines):
        """Its own question is about the key alone, whatever the person's configuration says."""
        assert fetch(host(machines, Access())) == machines.key("darkroom")
        assert not (machines.folder / "personal").exists()


class TestCommands:
    """What asks hosts over SSH, as hotshoe photos and hotshoe check do."""

    def test_a_key_that_stands_beside_the_site_counts_alone(self, machines, home):
        """Neither the person's own file nor a careless configuration makes up for it."""
        access = Access(known_hosts=Path(FILE))
        trust("--yes", *fingerprints(machines, "gateway", "darkroom"))
        # As nobody can log in here, whoever is asked for a key of his own has been recognized.
        with pytest.raises(RemoteError, match="Permission denied"):
            host(machines, access).run("true")
        machines.install("darkroom", "ed25519")
        (machines.folder / "personal").write_text(
            with_key("", "192.168.1.10", machines.key("darkroom"))
        )
        with pytest.raises(RemoteError) as refused:
            host(machines, access).run("true")
        said = str(refused.value)
        assert said.startswith(
            f"darkroom: its host key has changed: it shows {machines.key('darkroom').fingerprint}, "
            f"and {home / FILE}, line 2, says another one, so nothing was sent\n    -> if you did "
        )
        assert said.endswith("If you did: hotshoe trust")
        before = Path(FILE).read_text()
        with pytest.raises(RemoteError, match="Permission denied"):
            host(machines, Access()).run("true")
        assert Path(FILE).read_text() == before

    def test_a_configuration_for_several_systems_is_taken(self, machines):
        machines.connect("darkroom", more="    IgnoreUnknown UseKeychain\n    UseKeychain yes\n")
        (machines.folder.parent / FILE).write_text(
            with_key("", "192.168.1.10", fetch(host(machines, Access())))
        )
        with pytest.raises(RemoteError, match="Permission denied"):
            host(machines, Access(known_hosts=Path(FILE))).run("true")

    def test_nor_does_a_program_of_the_person_s_configuration_make_up_for_it(self, machines):
        trust("--yes", *fingerprints(machines, "gateway", "darkroom"))
        machines.install("darkroom", "ed25519")
        (machines.folder / "told").write_text(
            with_key("", "192.168.1.10", machines.key("darkroom"))
        )
        command = f"    KnownHostsCommand /bin/cat {machines.folder}/told\n"
        machines.connect("gateway", "darkroom", more=command)
        with pytest.raises(RemoteError, match="its host key has changed"):
            host(machines, Access(known_hosts=Path(FILE))).run("true")

    def test_an_unknown_host_is_refused_although_the_configuration_would_take_it(self, machines):
        for access in (Access(site="cabin"), Access(known_hosts=Path(FILE), site="cabin")):
            with pytest.raises(RemoteError) as refused:
                host(machines, access).run("true")
            assert str(refused.value) == (
                "darkroom: its host key is not known, so nothing was sent\n    -> hotshoe trust "
                "cabin, which says how to compare it, and keeps it; or log in once: "
                "ssh root@192.168.1.10"
            )

    def test_a_name_of_the_person_s_own_configuration_changes_nothing(self, machines):
        trust("--yes", *fingerprints(machines, "gateway", "darkroom"))
        machines.connect("gateway", "darkroom", more="    HostName elsewhere\n")
        with pytest.raises(RemoteError, match="Permission denied"):
            host(machines, Access(known_hosts=Path(FILE))).run("true")

    def test_a_folder_may_have_any_name(self, machines, home, monkeypatch):
        folder = home / "my homes 100%"
        folder.mkdir()
        path = folder / "home.known_hosts"
        path.write_text(with_key("", "192.168.1.10", machines.key("darkroom")))
        with pytest.raises(RemoteError, match="Permission denied"):
            host(machines, Access(known_hosts=path)).run("true")

    def test_a_configuration_of_another_place_brings_its_own_keys(self, machines):
        """Such as a stage's, which has the same addresses."""
        from hotshoe.site.reading import SiteFiles

        assert Access.of(SiteFiles("home"), machines.config).known_hosts is None
        assert Access.of(SiteFiles("home")).known_hosts == Path(FILE)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ssh-ed25519", "ed25519"), ("ecdsa-sha2-nistp256", "ecdsa"), ("ssh-rsa", "rsa")],
)
def test_each_kind_of_key_has_a_file_of_its_own(kind, name):
    assert how_to_compare(kind, openwrt=False).endswith(f"/ssh_host_{name}_key.pub")
    assert how_to_compare(kind, openwrt=True).endswith(f"/dropbear_{name}_host_key")
