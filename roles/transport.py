"""SSH connections with keepalives: they answer at once, and end when the other side is gone.

A host that loses its power or its address says nothing more. TCP waits for its answer for a quarter
of an hour, a program in between (ProxyCommand) for ever, and so does everything that is built upon
them. So a connection sends keepalive requests, and ends where no answer comes.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

from paramiko import ProxyCommand, SSHException, Transport
from pyinfra import logger
from pyinfra.api import Host
from pyinfra.connectors.ssh import SSHConnector

# Seconds: between two keepalive requests, and until an answer has to have come. A router whose
# network is reloaded may need some of them.
KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT = 5, 20
# Seconds: until a command that is never done is given up, whatever it is. Slow routers install a
# package in minutes, and apt waits for another apt.
COMMAND_TIMEOUT = 1800
# For the other side to open what a command runs in; paramiko's own limit is an hour.
CHANNEL_TIMEOUT = 30


def host_data(name: str) -> dict[str, Any]:
    """What pyinfra has to be told of a host, so that each step there ends in its time.

    :param name: its name, for messages
    """
    return {
        "_timeout": COMMAND_TIMEOUT,
        "ssh_paramiko_connect_kwargs": {
            "transport_factory": partial(keepalive_transport, name=name),
            "channel_timeout": CHANNEL_TIMEOUT,
        },
    }


def is_alive(host: Host) -> bool:
    """Whether the connection to a host is, as far as is known; without SSH it always is."""
    connector = host.connector
    if not isinstance(connector, SSHConnector) or connector.client is None:
        return True
    transport = connector.client.get_transport()
    return transport is not None and transport.is_active()


def _gone(why: str) -> ConnectionError:
    """An error that pyinfra expects, unlike EOFError; paramiko needs its number."""
    return ConnectionResetError(errno.ECONNRESET, why)


class MonitoredSocket:
    """The socket of a transport; reading from it fails once the other side is gone.

    :param sock: a socket, or paramiko's ProxyCommand
    :param name: the host's
    """

    def __init__(self, sock: Any, name: str) -> None:
        self._sock, self._name = sock, name
        self._heard = time.monotonic()
        self._asked: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        """Read, for as long as the socket's timeout allows.

        :raises TimeoutError: if there was nothing to read
        :raises ConnectionError: if the other side is gone
        """
        try:
            data: bytes = self._sock.recv(size)
        except TimeoutError:
            # At the end of what it prints, ProxyCommand.recv goes round in circles.
            if isinstance(self._sock, ProxyCommand) and self._sock.process.poll() is not None:
                raise _gone("the ProxyCommand has ended") from None
            if self._is_silent():
                said = f"nothing was heard of it for {KEEPALIVE_TIMEOUT} seconds"
                logger.error(f"{self._name}: {said}: the connection is given up")
                raise _gone(said) from None
            raise
        if not data:
            raise _gone("the other side has closed the connection")
        self._heard = time.monotonic()
        return data

    def close(self) -> None:
        """Close it; paramiko would print a traceback of a ProxyCommand that has ended by itself."""
        with suppress(ProcessLookupError):
            self._sock.close()

    def _is_silent(self) -> bool:
        asked = self._asked
        return asked is not None and self._heard < asked < time.monotonic() - KEEPALIVE_TIMEOUT

    def keep_alive(self, transport: Transport) -> None:
        """Send keepalive requests for as long as a transport is in use.

        Whatever is heard is one. RFC 4254, section 4: who does not know a request says so.
        """
        while True:
            time.sleep(KEEPALIVE_INTERVAL)
            if not transport.is_active():
                return
            if not transport.is_authenticated():
                continue
            if self._asked is None or self._heard >= self._asked:
                self._asked = time.monotonic()
            # Each for itself: what is heard need not be the answer, and may be the last word.
            threading.Thread(target=_request, args=(transport,), daemon=True).start()


def _request(transport: Transport) -> None:
    with suppress(OSError, EOFError, SSHException):
        transport.global_request("keepalive@openssh.com")


def keepalive_transport(sock: Any, *, name: str, **kwargs: Any) -> Transport:
    """A paramiko transport that sends small packets at once, and ends with the other side.

    Without TCP_NODELAY every command waits about 40 ms for a delayed acknowledgement (RFC 1122,
    section 4.2.3.4).

    :param sock: a socket, or paramiko's ProxyCommand
    :param name: the host's
    :param kwargs: further arguments of paramiko's Transport
    """
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    monitored = MonitoredSocket(sock, name)
    transport = Transport(monitored, **kwargs)  # type: ignore[arg-type]
    threading.Thread(target=monitored.keep_alive, args=(transport,), daemon=True).start()
    return transport
