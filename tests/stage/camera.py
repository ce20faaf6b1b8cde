"""A camera in Python: runs inside a container, reads one order as JSON, prints what happened.

An order has ``host``, ``user``, ``password``, ``tls`` (default true), ``protect`` (the argument of
PROT; default P, and no PROT at all if empty), ``ca`` and ``steps``:
``["auth"]`` begins TLS, ``["send", COMMAND]`` sends a command, ``["stor", PATH, BYTES, COMMAND]``
uploads that many bytes, by that command instead of STOR if there is one, ``["list", FOLDER]`` lists
it, ``["names", FOLDER]`` tells the names in it, ``["end", PATH, HEX, HOW]`` uploads these bytes and
ends with ``fin``, ``rst`` or ``close-notify``,
``["blurt", COMMAND, TEXT]`` sends that text over a data connection in clear, unasked, and also
tells what came back there,
``["put", FILE, PATH]`` uploads a file, ``["stor-slowly", PATH, BYTES, SECONDS, PAUSES]`` dawdles,
``["stor-patiently", PATH, BYTES]`` lets the server hang up first, ``["hang-up", PATH, BYTES]`` ends
the data connection without closing TLS, ``["abort", PATH, BYTES]`` sends ABOR and then closes it
properly, ``["cut", PATH, BYTES]`` uploads and then vanishes without a word, ``["meet", FILE]``
makes that file and waits until somebody has removed it, or made one whose name ends in -over. The
answer is a list with the server's reply to each step.
"""

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


def connect(order):
    tls = order.get("tls", True)
    if tls:
        context = ssl.create_default_context(cafile=order["ca"])
        ftp = Camera(context=context, timeout=30)
    else:
        ftp = ftplib.FTP(timeout=30)
        ftp.trust_server_pasv_ipv4_address = True
    ftp.connect(order.get("dial", order["host"]), order.get("port", 21))
    ftp.host = order["host"]  # the name that the certificate must have, whatever was dialled
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
    if kind in ("list", "names"):
        lines = []
        command = {"list": "LIST", "names": "NLST"}[kind]
        ftp.retrlines(" ".join([command, *arguments]), lines.append)
        return "\n".join(lines)
    others = {
        "auth": Camera.auth,
        "blurt": blurt,
        "end": end,
        "stor-patiently": stor_patiently,
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
