"""Cameras that upload one photo after the other: runs in a container.

It reads one line of JSON: ``host``, ``ca``, ``size`` of a photo, ``seconds`` that one takes, and
``cameras``: of each a name, user, password and source address. Each camera asks for the address of
the host anew at each connection, and sends a photo again until it is told 226. It says a line of
JSON for each try: when (monotonic), which camera, which photo, the address dialled, the address
that PASV announced, and what went wrong, if anything did.

When its input ends, no further photos are made; those that failed are sent until they have arrived,
or a minute is over.
"""

import contextlib
import ftplib
import hashlib
import json
import socket
import ssl
import sys
import threading
import time
from collections import deque

# As patient as a camera may be that stands still.
TIMEOUT = 4
# How long a photo rests whose name is still taken by the upload that broke off.
REST = 5
SLICES = 5
PHOTOS_A_CONNECTION = 8
LAST = 75

stopped = threading.Event()
telling = threading.Lock()


def content(name, size):
    """What is in a photo: nobody else's bytes."""
    return (hashlib.sha256(name.encode()).digest() * (size // 32 + 1))[:size]


class Connection(ftplib.FTP_TLS):
    """Believes the address that PASV announces, as cameras do, and keeps it."""

    trust_server_pasv_ipv4_address = True
    announced = ""

    def makepasv(self):
        self.announced, port = super().makepasv()
        return self.announced, port


class Camera(threading.Thread):
    def __init__(self, order, name, user, password, source):
        super().__init__()
        self.name, self.user, self.password, self.source = name, user, password, source
        self.host, self.size, self.seconds = order["host"], order["size"], order["seconds"]
        self.context = ssl.create_default_context(cafile=order["ca"])
        self.failed = deque()
        self.number, self.address, self.announced = 0, "", ""

    def run(self):
        deadline = None
        while not stopped.is_set() or self.failed:
            if stopped.is_set():
                deadline = deadline or time.monotonic() + LAST
                if time.monotonic() > deadline:
                    return
            photo = self.next_photo()
            if photo is None:
                time.sleep(0.2)
                continue
            try:
                self.connection(photo)
            except (ftplib.Error, OSError, EOFError) as error:
                self.tell(self.photo, f"{type(error).__name__}: {error}")
                self.failed.append((time.monotonic() + REST * ("553" in str(error)), self.photo))
                time.sleep(0.3)

    def next_photo(self):
        if self.failed and self.failed[0][0] <= time.monotonic():
            return self.failed.popleft()[1]
        if stopped.is_set():
            return None
        self.number += 1
        return f"{self.name}-{self.number:05}.JPG"

    def connection(self, photo):
        self.photo, self.address, self.announced = photo, "", ""
        self.address = socket.getaddrinfo(self.host, 21, socket.AF_INET)[0][4][0]
        ftp = Connection(context=self.context, timeout=TIMEOUT, source_address=(self.source, 0))
        try:
            ftp.connect(self.address)
            ftp.host = self.host
            ftp.login(self.user, self.password)
            ftp.prot_p()
            for _ in range(PHOTOS_A_CONNECTION):
                self.upload(ftp, self.photo)
                self.tell(self.photo, "")
                following = self.next_photo()
                if following is None:
                    break
                self.photo = following
            else:
                # Taken, and not sent yet.
                self.failed.appendleft((0, self.photo))
            with contextlib.suppress(ftplib.Error, OSError, EOFError):
                ftp.quit()
        finally:
            ftp.close()

    def upload(self, ftp, photo):
        body = content(photo, self.size)
        data = ftp.transfercmd(f"STOR {photo}")
        self.announced = ftp.announced
        try:
            step = -(-len(body) // SLICES)
            for start in range(0, len(body), step):
                data.sendall(body[start : start + step])
                time.sleep(self.seconds / SLICES)
            data = data.unwrap()
        finally:
            data.close()
        ftp.voidresp()

    def tell(self, photo, problem):
        line = [time.monotonic(), self.name, photo, self.address, self.announced, problem]
        with telling:
            print(json.dumps(line), flush=True)


def main():
    order = json.loads(sys.stdin.readline())
    cameras = [Camera(order, *each) for each in order["cameras"]]
    for camera in cameras:
        camera.start()
    sys.stdin.read()
    stopped.set()
    for camera in cameras:
        camera.join()


if __name__ == "__main__":
    main()
