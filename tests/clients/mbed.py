"""A camera with Mbed TLS 2.28, as embedded devices have it: uploads one file.

Runs in the camera's container. Takes one order as JSON: ``libraries`` (the folder with Mbed TLS),
``host``, ``dial``, ``port``, ``implicit``, ``user``, ``password``, ``ca`` (PEM or DER), ``name``,
``size``; ``suites`` (IANA's numbers; the library's own unless given), and ``version``
(the highest: 1 is TLS 1.0, 3 is TLS 1.2). Prints the server's last reply, the version and the suite
as Mbed TLS names them; or what failed.
"""

import ctypes
import json
import re
import socket
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p, create_string_buffer
from pathlib import Path

# Larger than any of its structures, whose sizes only its headers tell.
ROOM = 1 << 17
# ssl.h
CLIENT, STREAM, DEFAULT, REQUIRED, MAJOR = 0, 0, 0, 2, 3
WANT_READ, WANT_WRITE, CLOSE_NOTIFY = -0x6900, -0x6880, -0x7880


class MbedError(Exception):
    """What Mbed TLS says."""


class Mbed:
    """The library, and what all connections of a client have in common."""

    def __init__(self, order):
        folder = Path(order["libraries"])
        self.crypto, self.x509, self.tls = (
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
            for name in ("libmbedcrypto.so.7", "libmbedx509.so.1", "libmbedtls.so.14")
        )
        for name in ("version", "ciphersuite"):
            getattr(self.tls, f"mbedtls_ssl_get_{name}").restype = c_char_p
        self.host = order["host"].encode()
        self.entropy, self.random, self.roots, self.config = (
            create_string_buffer(ROOM) for _ in range(4)
        )
        self.crypto.mbedtls_entropy_init(self.entropy)
        self.crypto.mbedtls_ctr_drbg_init(self.random)
        self.x509.mbedtls_x509_crt_init(self.roots)
        self.tls.mbedtls_ssl_config_init(self.config)
        function = ctypes.cast(self.crypto.mbedtls_entropy_func, c_void_p)
        self.check(self.crypto.mbedtls_ctr_drbg_seed(self.random, function, self.entropy, None, 0))
        self.check(self.x509.mbedtls_x509_crt_parse_file(self.roots, order["ca"].encode()))
        self.check(self.tls.mbedtls_ssl_config_defaults(self.config, CLIENT, STREAM, DEFAULT))
        self.tls.mbedtls_ssl_conf_authmode(self.config, REQUIRED)
        self.tls.mbedtls_ssl_conf_ca_chain(self.config, self.roots, None)
        function = ctypes.cast(self.crypto.mbedtls_ctr_drbg_random, c_void_p)
        self.tls.mbedtls_ssl_conf_rng(self.config, function, self.random)
        if "version" in order:
            self.tls.mbedtls_ssl_conf_min_version(self.config, MAJOR, 1)
            self.tls.mbedtls_ssl_conf_max_version(self.config, MAJOR, order["version"])
        if "suites" in order:
            self.suites = (c_int * (len(order["suites"]) + 1))(*order["suites"], 0)
            self.tls.mbedtls_ssl_conf_ciphersuites(self.config, self.suites)

    def check(self, result):
        """Return what a function returned, or raise what it means."""
        if result < 0:
            text = create_string_buffer(200)
            self.crypto.mbedtls_strerror(result, text, c_size_t(200))
            raise MbedError(text.value.decode())
        return result


class Connection:
    """A TLS connection over a socket."""

    def __init__(self, mbed, sock):
        self.mbed, self.sock = mbed, sock
        self.tls, self.ssl = mbed.tls, create_string_buffer(ROOM)
        self.net = c_int(sock.fileno())  # mbedtls_net_context
        self.tls.mbedtls_ssl_init(self.ssl)
        mbed.check(self.tls.mbedtls_ssl_setup(self.ssl, mbed.config))
        mbed.check(self.tls.mbedtls_ssl_set_hostname(self.ssl, mbed.host))
        send, receive = (
            ctypes.cast(getattr(self.tls, f"mbedtls_net_{what}"), c_void_p)
            for what in ("send", "recv")
        )
        self.tls.mbedtls_ssl_set_bio(self.ssl, byref(self.net), send, receive, None)
        mbed.check(self.tls.mbedtls_ssl_handshake(self.ssl))

    def write(self, content):
        while content:
            content = content[
                self.mbed.check(
                    self.tls.mbedtls_ssl_write(self.ssl, content, c_size_t(len(content)))
                ) :
            ]

    def read(self):
        buffer = create_string_buffer(4096)
        done = self.mbed.check(self.tls.mbedtls_ssl_read(self.ssl, buffer, c_size_t(4096)))
        return buffer.raw[:done]

    def close(self):
        self.tls.mbedtls_ssl_close_notify(self.ssl)
        self.sock.close()

    def terms(self):
        """The version and the suite that both agreed on."""
        return [
            getattr(self.tls, f"mbedtls_ssl_get_{name}")(self.ssl).decode()
            for name in ("version", "ciphersuite")
        ]


def plain(sock):
    """Send and receive as a :class:`Connection` does, in clear."""
    return sock.sendall, lambda: sock.recv(4096)


def ask(write, read, command):
    """Send a command, unless it is empty, and return the reply's last line."""
    if command:
        write(f"{command}\r\n".encode())
    said = b""
    while not re.search(rb"(?:^|\n)\d{3} [^\n]*\n\Z", said):
        said += read() or b"000 gone\n"
    return said.decode().splitlines()[-1]


def upload(order):
    mbed = Mbed(order)
    address = order["dial"], order["port"]
    control = socket.create_connection(address, 10)
    control.settimeout(None)
    if not order.get("implicit"):
        ask(*plain(control), "")
        ask(*plain(control), "AUTH TLS")
    secure = Connection(mbed, control)
    both = secure.write, secure.read
    if order.get("implicit"):
        ask(*both, "")
    for command in (
        f"USER {order['user']}",
        f"PASS {order['password']}",
        "PBSZ 0",
        "PROT P",
        "TYPE I",
    ):
        ask(*both, command)
    numbers = re.search(r"\(([\d,]+)\)", ask(*both, "PASV"))[1].split(",")
    address = ".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5])
    data = socket.create_connection(address, 10)
    data.settimeout(None)
    ask(*both, f"STOR {order['name']}")
    transfer = Connection(mbed, data)
    transfer.write(b"x" * order["size"])
    transfer.close()
    return [ask(*both, ""), *secure.terms()]


if __name__ == "__main__":
    try:
        print(json.dumps(upload(json.load(sys.stdin))))
    except (MbedError, OSError) as error:
        print(json.dumps([f"{type(error).__name__}: {error}"]))
