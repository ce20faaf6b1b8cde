"""A camera in Python: runs inside a container, reads one order as JSON, prints what happened.

An order has ``host``, ``port`` (default 21), ``user``, ``password``, ``tls`` (default true),
``implicit`` (whether TLS begins at once; default false), ``timeout`` (in seconds), ``protect`` (the
argument of PROT; default P, and no PROT at all if empty), ``ca`` (PEM, or DER if its name ends in
.CER), ``version`` (the only one of TLS, such as TLSv1_2), ``ciphers``, ``common_name`` (whether it
alone is checked), ``reuse`` (whether data connections resume the TLS session) and ``steps``:
``["auth"]`` begins TLS, ``["send", COMMAND]`` sends a command, ``["stor", PATH, BYTES, COMMAND]``
uploads that many bytes, by that command instead of STOR if there is one, ``["list", FOLDER]`` lists
it, ``["names", FOLDER]`` tells the names in it, ``["end", PATH, HEX, HOW]`` uploads these bytes and
ends with ``fin``, ``rst`` or ``close-notify``,
``["blurt", COMMAND, TEXT]`` sends that text over a data connection in clear, unasked, and also
tells what came back there,
``["put", FILE, PATH]`` uploads a file, ``["stor-slowly", PATH, BYTES, SECONDS, PAUSES]`` dawdles,
``["stor-meeting", PATH, BYTES, FILE]`` does as "meet" in the middle,
``["stor-patiently", PATH, BYTES]`` lets the server hang up first, ``["hang-up", PATH, BYTES]`` ends
the data connection without closing TLS, ``["abort", PATH, BYTES]`` sends ABOR and then closes it
properly, ``["cut", PATH, BYTES]`` uploads and then vanishes without a word, ``["meet", FILE]``
makes that file and waits until somebody has removed it, or made one whose name ends in -over,
``["deaf", PATH, BYTES, NOTIFY]`` uploads and never reads the data connection after the handshake,
whether or not it closes TLS, ``["terms"]`` tells the version and the cipher suite of TLS, and
whether the last data connection resumed its session. The answer is a list with the server's reply
to each step.
"""

import contextlib
import ftplib
import json
import os
import pathlib
import socket
import ssl
import struct
import sys
import time
from socket import SO_LINGER, SOL_SOCKET


class Camera(ftplib.FTP_TLS):
    """Believes the address that PASV announces, as cameras do."""

    trust_server_pasv_ipv4_address = True
    reuse = resumed = False

    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            session = self.sock.session if self.reuse else None
            connection = self.context.wrap_socket(
                connection, server_hostname=self.host, session=session
            )
            self.resumed = connection.session_reused
        return connection, size


class ImplicitCamera(Camera):
    """Begins TLS at once, which Python's client cannot."""

    certified = ""  # the name that the certificate must have

    def connect(self, host, port):
        self.host, self.port = host, port
        sock = socket.create_connection((host, port), self.timeout)
        self.af = sock.family
        self.sock = self.context.wrap_socket(sock, server_hostname=self.certified)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def context_of(order):
    file = pathlib.Path(order["ca"])
    roots = {"cadata": file.read_bytes()} if file.suffix == ".CER" else {"cafile": file}
    context = ssl.create_default_context(**roots)
    if "version" in order:
        only = ssl.TLSVersion[order["version"]]
        context.minimum_version = context.maximum_version = only
    if "ciphers" in order:
        context.set_ciphers(order["ciphers"])
    context.check_hostname = not order.get("common_name")
    return context


def check_common_name(ftp, name):
    if not isinstance(ftp.sock, ssl.SSLSocket):
        ftp.auth()
    subject = dict(part for (part,) in ftp.sock.getpeercert()["subject"])
    if subject["commonName"] != name:
        raise ssl.SSLCertVerificationError(f"the common name is {subject['commonName']}")


def connect(order):
    tls = order.get("tls", True)
    if tls:
        context = context_of(order)
        kind = ImplicitCamera if order.get("implicit") else Camera
        ftp = kind(context=context, timeout=order.get("timeout", 30))
        ftp.certified, ftp.reuse = order["host"], order.get("reuse", False)
    else:
        ftp = ftplib.FTP(timeout=30)
        ftp.trust_server_pasv_ipv4_address = True
    ftp.connect(order.get("dial", order["host"]), order.get("port", 21))
    ftp.host = order["host"]  # the name that the certificate must have, whatever was dialled
    if order.get("common_name"):
        check_common_name(ftp, order["host"])
    if "user" in order:
        ftp.login(order["user"], order["password"])
        if tls and order.get("protect", "P"):
            ftp.prot_p() if order.get("protect", "P") == "P" else ftp.prot_c()
    return ftp


def finish(ftp, connection):
    if isinstance(connection, ssl.SSLSocket):
        connection.unwrap()
    connection.close()
    return ftp.voidresp()


def stor_patiently(ftp, path, size):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(b"x" * size)
    connection = connection.unwrap()
    connection.recv(1)
    connection.close()
    return ftp.voidresp()


def stor_slowly(ftp, path, size, seconds, pauses=10):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(os.urandom(size % pauses))
    for _ in range(pauses):
        connection.sendall(os.urandom(size // pauses))
        time.sleep(seconds / pauses)
    return finish(ftp, connection)


def stor_meeting(ftp, path, size, file):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(os.urandom(size - size // 2))
    meet(ftp, file)
    connection.sendall(os.urandom(size // 2))
    return finish(ftp, connection)


def abort(ftp, path, size):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(b"x" * size)
    ftp.putcmd("ABOR")
    connection.unwrap().close()
    return f"{ftp.getmultiline()} {ftp.getmultiline()}"


def cut(ftp, path, size):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(b"x" * size)
    # The control connection first: a server that can still answer there tidies up by itself.
    for sock in (ftp.sock, connection):
        sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        os.close(sock.detach())
    return "gone"


def hang_up(ftp, path, size):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(b"x" * size)
    connection.shutdown(socket.SHUT_WR)
    connection.close()
    return ftp.voidresp()


def end(ftp, path, content, how):
    connection = ftp.transfercmd(f"STOR {path}")
    connection.sendall(bytes.fromhex(content))
    if how == "close-notify":
        return finish(ftp, connection)
    bare = socket.socket(fileno=connection.detach())
    if how == "rst":
        bare.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    bare.close()
    return ftp.voidresp()


def deaf(ftp, path, size, notify):
    connection, _ = ftplib.FTP.ntransfercmd(ftp, f"STOR {path}")
    arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ftp.context.wrap_bio(arriving, leaving, server_hostname=ftp.host)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(leaving.read())
            arriving.write(connection.recv(4096))
    while size:
        size -= tls.write(b"x" * min(size, 16384))
        connection.sendall(leaving.read())
    if notify:
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        connection.sendall(leaving.read())
    connection.close()
    return ftp.voidresp()


def blurt(ftp, command, text):
    address = ftp.makepasv()
    ftp.putcmd(command)
    with socket.create_connection(address, 10) as connection:
        connection.sendall(text.encode())
        connection.shutdown(socket.SHUT_WR)
        reply, back = ftp.getmultiline(), b""
        if reply[:1] == "1":
            back = connection.recv(100)
            reply = ftp.getmultiline()
    return f"{reply} {back.decode()}".strip()


def meet(ftp, file):
    over = pathlib.Path(file.rpartition("-")[0] + "-over")
    pathlib.Path(file).touch()
    while pathlib.Path(file).exists() and not over.exists():
        time.sleep(0.1)
    return "met"


def step(ftp, kind, *arguments):
    if kind == "send":
        return ftp.sendcmd(arguments[0])
    if kind == "stor":
        path, size, *command = arguments
        connection = ftp.transfercmd(f"{command[0] if command else 'STOR'} {path}")
        connection.sendall(b"x" * size)
        return finish(ftp, connection)
    if kind == "put":
        source, path = arguments
        with pathlib.Path(source).open("rb") as file:
            return ftp.storbinary(f"STOR {path}", file)
    if kind == "terms":
        return f"{ftp.sock.version()} {ftp.sock.cipher()[0]} {ftp.resumed}"
    if kind in ("list", "names"):
        lines = []
        command = {"list": "LIST", "names": "NLST"}[kind]
        ftp.retrlines(" ".join([command, *arguments]), lines.append)
        return "\n".join(lines)
    others = {
        "auth": Camera.auth,
        "blurt": blurt,
        "deaf": deaf,
        "end": end,
        "stor-patiently": stor_patiently,
        "stor-meeting": stor_meeting,
        "stor-slowly": stor_slowly,
        "abort": abort,
        "cut": cut,
        "hang-up": hang_up,
        "meet": meet,
    }
    return others[kind](ftp, *arguments)


def main():
    order = json.load(sys.stdin)
    replies = []
    try:
        ftp = connect(order)
    except (ftplib.Error, OSError, EOFError) as error:
        print(json.dumps([f"{type(error).__name__}: {error}"]))
        return
    for kind, *arguments in order["steps"]:
        try:
            replies.append(step(ftp, kind, *arguments))
        except (ftplib.Error, OSError, EOFError) as error:
            replies.append(str(error))
    print(json.dumps(replies))


main()
