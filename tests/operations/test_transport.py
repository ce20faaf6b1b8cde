"""SSH connections to hosts that answer at once, later, or never again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import paramiko
import pytest
from paramiko import ECDSAKey, ProxyCommand, RSAKey, SSHClient, SSHException, Transport
from pyinfra.connectors.sshuserclient import client

from hotshoe.stage import podman
from hotshoe.stage.stage import Stage
from roles import transport
from roles.transport import MonitoredSocket

KEEPALIVE_TIMEOUT = 0.6
pytestmark = pytest.mark.timeout(30)


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(transport, "KEEPALIVE_INTERVAL", 0.1)
    monkeypatch.setattr(transport, "KEEPALIVE_TIMEOUT", KEEPALIVE_TIMEOUT)


class Server(paramiko.ServerInterface):
    """Lets everybody in, and never does what it is asked."""

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: object, command: bytes) -> bool:
        return True


def pump(source: socket.socket, to: socket.socket, cut: threading.Event) -> None:
    while not cut.is_set():
        try:
            to.sendall(source.recv(4096))
        except OSError:
            return


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        return near, listening.accept()[0]


@contextmanager
def connected() -> Iterator[tuple[SSHClient, threading.Event]]:
    """A client whose cable is cut, without a word, when the event is set."""
    (ours, near), (far, theirs) = tcp_pair(), tcp_pair()
    cut = threading.Event()
    for source, to in ((near, far), (far, near)):
        threading.Thread(target=pump, args=(source, to, cut), daemon=True).start()
    server = Transport(theirs)
    server.add_server_key(RSAKey.generate(2048))
    threading.Thread(target=server.start_server, kwargs={"server": Server()}, daemon=True).start()
    client = SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    connect = transport.host_data("gateway")["ssh_paramiko_connect_kwargs"]
    client.connect(
        "gateway", sock=ours, username="root", password="x",
        allow_agent=False, look_for_keys=False, **connect,
    )  # fmt: skip
    try:
        yield client, cut
    finally:
        client.close()
        server.close()
        for each in (near, far):
            each.close()


def test_small_packets_are_sent_at_once():
    sock, other = tcp_pair()
    with sock, other:
        made = transport.keepalive_transport(sock, name="gateway")
        assert isinstance(made, Transport)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        made.close()


def test_every_command_has_a_time_limit_and_so_has_its_beginning():
    """The first is read by pyinfra from a host's data, the second by paramiko."""
    said = transport.host_data("gateway")
    assert said["_timeout"] == transport.COMMAND_TIMEOUT
    with connected() as (client, _):
        assert client.get_transport().channel_timeout == transport.CHANNEL_TIMEOUT


def test_a_connection_over_which_nothing_happens_stays():
    with connected() as (client, _):
        time.sleep(3 * KEEPALIVE_TIMEOUT)
        assert client.get_transport().is_active()
        client.exec_command("anything")


@pytest.mark.parametrize("what", ["a command", "its beginning"])
def test_a_connection_that_is_cut_without_a_word_ends(what, caplog):
    with connected() as (client, cut):
        _, out, _ = client.exec_command("anything")
        began = time.monotonic()
        cut.set()
        if what == "a command":
            assert out.read() == b""
            assert out.channel.recv_exit_status() == -1
        else:
            # Not paramiko's EOFError, which pyinfra does not expect.
            with pytest.raises((OSError, SSHException)):
                client.exec_command("another")
        assert time.monotonic() - began < KEEPALIVE_TIMEOUT + 3
        assert not client.get_transport().is_active()
    assert "gateway: nothing was heard of it" in caplog.text


@pytest.mark.parametrize("program", ["true", "sh -c 'echo x; exit 3'"])
def test_a_proxy_command_that_has_ended_ends_the_connection(program):
    """paramiko reads on for ever, and this would notice if paramiko corrected that."""
    monitored = MonitoredSocket(ProxyCommand(program), "gateway")
    monitored.settimeout(0.1)
    deadline = time.monotonic() + 10
    read = partial(monitored.recv, 100)
    with pytest.raises(ConnectionResetError, match=r"ended|closed"):
        while time.monotonic() < deadline:
            try:
                read()
            except TimeoutError:
                continue
    monitored.close()


def test_a_connection_that_the_other_side_closes_ends():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(ConnectionResetError, match="the other side has closed"):
        MonitoredSocket(ours, "gateway").recv(100)


def test_a_stage_in_a_folder_with_a_space_is_known_to_pyinfra(tmp_path, example_plan, monkeypatch):
    """pyinfra takes such a path in ssh_config(5) for two."""
    stage = Stage.of("home", example_plan, tmp_path / "My Photos")
    stage.folder.mkdir(parents=True)
    key, connected = ECDSAKey.generate(), {}
    monkeypatch.setattr(podman, "execute", lambda *_: f"{key.get_name()} {key.get_base64()}\n")
    stage._write_ssh_config()
    monkeypatch.setattr(client, "ProxyCommand", lambda *_: None)
    monkeypatch.setattr(paramiko.SSHClient, "connect", lambda *_, **how: connected.update(how))
    data = dict(word.split("=", 1) for word in stage.pyinfra_arguments() if word != "--data")
    ssh, address = client.SSHClient(), str(example_plan.servers[0].address)
    ssh.connect(
        address,
        _pyinfra_ssh_config_file=data["ssh_config_file"],
        _pyinfra_ssh_known_hosts_file=data.get("ssh_known_hosts_file"),
    )
    known = ssh.get_host_keys().lookup(address)
    assert known is not None
    assert known[key.get_name()] == key
    assert connected["key_filename"] == [str(stage.folder / "id_ed25519")]
