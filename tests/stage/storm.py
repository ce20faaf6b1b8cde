"""Cameras in a storm: many sessions each, repeated names, transfers that break off in every way.

Runs in a container, with the standard library only. It reads one line of JSON: ``host``, ``ca``,
``seed``, ``sessions`` of each camera, ``names`` that a camera has for its photos, ``jpeg`` (base64
of one that all others are made of), and ``cameras``: of each its name, its password and whether all
of its photos have a format that tells where it ends. When its input ends, no further photos are
taken; those that were not acknowledged are sent again until they are, or ``last`` seconds are over.

It says a line of JSON for each upload that it began: the camera, the photo's name, format, SHA-256
and size, what it did (``HABITS``), the SHA-256 of what it sent of it before it closed the
connection properly (empty if it did not), and the reply, or what went wrong.
"""

import base64
import contextlib
import ftplib
import hashlib
import json
import os
import random
import socket
import ssl
import struct
import sys
import threading
import time

# As patient as a camera is.
TIMEOUT = 15
# Sessions of one camera that are silent at the same time, and for how many seconds they are: longer
# than the server waits for them.
MOST_SILENT, SILENCE = 8, 100
# What a camera does in a transfer, and how often. Only with the first does it want the photo to be
# acknowledged; with the next, it has sent all of it, and does not hear the answer.
HABITS = {
    "sends all": 80,
    "sends all and is reset": 3,
    "closes TLS in the middle": 3,
    "closes TCP in the middle": 3,
    "is reset in the middle": 3,
    "sends ABOR and closes TLS": 2,
    "sends ABOR and closes TCP": 2,
    "stands still": 2,
    "is out of range": 2,
}
# Seconds until the next try.
RESTS = (0, 0, 0, 0.5, 2, 5, 10, 30)
# Nothing that has this type of service leaves the stage's Internet (see tests/stage/storming.py).
OUT_OF_RANGE = 0x20
OK = "226"

stopped = threading.Event()
telling = threading.Lock()


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(base, noise):
    """A JPEG like that one, with comments of its own before its tables."""
    at = 2
    while base[at + 1] & 0xF0 == 0xE0:  # APP0 to APP15, Exif's among them
        at += 2 + int.from_bytes(base[at + 2 : at + 4], "big")
    comments = b"".join(segment(0xFE, noise[i : i + 60_000]) for i in range(0, len(noise), 60_000))
    return base[:at] + comments + base[at:]


def tiff(noise):
    """A file as TIFF-based raw images are, of one strip that is its end."""
    made = b"2024:02:29 12:00:00\0"
    entries = [
        (256, 4, 1, len(noise)),  # ImageWidth
        (257, 4, 1, 1),  # ImageLength
        (258, 3, 1, 8),  # BitsPerSample
        (259, 3, 1, 1),  # Compression: none
        (262, 3, 1, 1),  # PhotometricInterpretation
        (273, 4, 1, 0),  # StripOffsets
        (277, 3, 1, 1),  # SamplesPerPixel
        (278, 4, 1, 1),  # RowsPerStrip
        (279, 4, 1, len(noise)),  # StripByteCounts
        (306, 2, len(made), 0),  # DateTime
    ]
    after = 8 + 2 + 12 * len(entries) + 4
    values = {273: after + len(made), 306: after}
    directory = b"".join(
        struct.pack("<HHII", tag, kind, count, values.get(tag, value))
        for tag, kind, count, value in entries
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + directory + bytes(4) + made + noise


class Photo:
    """A photo, which no other is like.

    :param dice: what decides on it
    :param serial: its number among all photos
    :param name: the camera's name for it, without the ending
    :param tells_end: whether it must have a format that tells where it ends
    """

    def __init__(self, order, dice, serial, name, tells_end):
        size = dice.choice((100, 1_000, 20_000, 60_000, 200_000))
        noise = f"photo {serial} ".encode() + dice.randbytes(size)
        self.kind = dice.choice(("JPG",) * 6 + ("NEF",) * 2 + ("BIN",) * (not tells_end))
        self.name = f"{name}.{self.kind}"
        if self.kind == "JPG":
            self.body = jpeg(order["base"], noise)
        else:
            self.body = tiff(noise) if self.kind == "NEF" else noise
        self.digest = hashlib.sha256(self.body).hexdigest()


class Connection(ftplib.FTP_TLS):
    """Believes the address that PASV announces, as cameras do."""

    trust_server_pasv_ipv4_address = True


def reset(*connections):
    """Close connections by RST."""
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(connection.detach())


class Camera:
    """What the sessions of a camera have in common."""

    def __init__(self, order, number, name, password, tells_end):
        self.name, self.password, self.tells_end = name, password, tells_end
        self.order, self.number, self.taken = order, number, 0
        self.silent = []
        self.lock = threading.Lock()

    def next_photo(self, dice):
        with self.lock:
            self.taken += 1
            taken = self.taken
        # The names come again and again: its numbering restarts.
        name = f"IMG_{taken % self.order['names']:04}"
        return Photo(self.order, dice, f"{self.number}-{taken}", name, self.tells_end)

    def keep_silent(self, *connections):
        """Keep connections open and never touch them again, or only after a long while."""
        with self.lock:
            self.silent.append((time.monotonic(), connections))

    def may_be_silent(self):
        with self.lock:
            while self.silent and time.monotonic() > self.silent[0][0] + SILENCE:
                reset(*self.silent.pop(0)[1])
            return len(self.silent) < MOST_SILENT


class Session(threading.Thread):
    def __init__(self, camera, number):
        super().__init__(daemon=True)
        self.camera, self.order = camera, camera.order
        self.dice = random.Random(f"{self.order['seed']} {camera.name} {number}")
        self.ftp = None

    def run(self):
        stopped.wait(self.dice.uniform(0, self.order["begin"]))
        while not stopped.is_set():
            photo = self.camera.next_photo(self.dice)
            while not self.send(photo):
                rest = self.dice.choice(RESTS)
                if stopped.wait(rest):
                    if time.monotonic() > stopped.at + self.order["last"]:
                        return
                    time.sleep(self.dice.uniform(0.2, 2))
            stopped.wait(self.dice.expovariate(1 / self.order["pause"]))
        self.hang_up()

    def send(self, photo):
        """One try to upload a photo; whether it was acknowledged."""
        habits, weights = zip(*HABITS.items(), strict=True)
        (habit,) = self.dice.choices(habits, weights)
        if stopped.is_set() or (
            habit in ("stands still", "is out of range") and not self.camera.may_be_silent()
        ):
            habit = "sends all"
        try:
            if not self.ftp:
                self.connect()
            data = self.ftp.transfercmd(f"STOR {photo.name}")
        except (ftplib.Error, OSError, EOFError) as error:
            # 553 leaves the session as it was.
            if not str(error).startswith("553"):
                self.hang_up()
            self.tell(photo, "begins", "", error)
            return False
        sent = ""
        try:
            sent, reply = self.transfer(data, photo, habit)
        except Exception as error:
            # Of whatever kind: what was sent may have arrived, so the try has to be told.
            reply = error
            data.close()
            self.hang_up()
        self.tell(photo, habit, sent, reply)
        return habit == "sends all" and str(reply).startswith(OK)

    def connect(self):
        ftp = Connection(context=self.order["context"], timeout=TIMEOUT)
        try:
            ftp.connect(self.order["host"])
            ftp.login(self.camera.name, self.camera.password)
            ftp.prot_p()
        except BaseException:
            ftp.close()
            raise
        self.ftp = ftp

    def hang_up(self):
        if self.ftp:
            self.ftp.close()
        self.ftp = None

    def transfer(self, data, photo, habit):
        """Send a photo in this manner.

        :returns: the digest of what was sent before TLS was closed properly, and the reply
        """
        whole = habit.startswith("sends all")
        body = photo.body if whole else photo.body[: self.dice.randrange(len(photo.body))]
        middle = self.dice.randrange(len(body) + 1)
        data.sendall(body[:middle])
        time.sleep(self.dice.uniform(0, 0.3))
        data.sendall(body[middle:])
        if habit in ("stands still", "is out of range"):
            if habit == "is out of range":
                for connection in (data, self.ftp.sock):
                    connection.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, OUT_OF_RANGE)
            self.camera.keep_silent(data, self.ftp.sock)
            self.ftp = None
            return "", habit
        if habit == "is reset in the middle":
            reset(*self.dice.sample((data, self.ftp.sock), 2))
            self.ftp = None
            return "", habit
        if "ABOR" in habit:
            self.ftp.putcmd("ABOR")
        sent = ""
        if habit in ("closes TCP in the middle", "sends ABOR and closes TCP"):
            data.shutdown(socket.SHUT_WR)
        else:
            sent = hashlib.sha256(body).hexdigest()
            data = data.unwrap()
        data.close()
        if habit == "sends all and is reset":
            reset(self.ftp.sock)
            self.ftp = None
            return sent, habit
        reply = self.ftp.getmultiline()
        if "ABOR" in habit:
            self.ftp.getmultiline()
        return sent, reply

    def tell(self, photo, habit, sent, reply):
        size = len(photo.body)
        line = [self.camera.name, photo.name, photo.kind, photo.digest, size, habit, sent]
        with telling:
            print(json.dumps([*line, f"{reply}" or type(reply).__name__]), flush=True)


def main():
    order = json.loads(sys.stdin.readline())
    order["base"] = base64.b64decode(order["jpeg"])
    order["context"] = ssl.create_default_context(cafile=order["ca"])
    cameras = [Camera(order, i, *each) for i, each in enumerate(order["cameras"])]
    sessions = [Session(camera, n) for n in range(order["sessions"]) for camera in cameras]
    for session in sessions:
        session.start()
    sys.stdin.read()
    stopped.at = time.monotonic()
    stopped.set()
    for session in sessions:
        # To its end, so that everything that may have arrived is told; nothing waits for ever.
        session.join()


if __name__ == "__main__":
    main()
