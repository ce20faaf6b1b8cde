"""A storm over a home: cameras whose transfers break off, and what of their photos is there."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TextIO

from hotshoe import paths
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import jpeg
from hotshoe.stage.topology import CAMERA, INTERNET
from tests.stage import storm
from tests.stage.home import Home

SESSIONS = 8
# How many names a camera has for its photos: few, so that many photos share one.
NAMES = 12
# Seconds between two photos of a session, on average; within how many all sessions begin, and for
# how many they go on when no further photos are taken.
PAUSE, BEGIN, LAST = 4.0, 8.0, 45.0


class Try(NamedTuple):
    """One try to upload one photo.

    :param camera: which camera
    :param name: the photo's name
    :param kind: its format
    :param digest: its SHA-256
    :param size: its size, in bytes
    :param habit: what the camera did
    :param sent: the SHA-256 of what it sent before it closed TLS; empty if it did not
    :param reply: what the server answered, or what went wrong
    """

    camera: str
    name: str
    kind: str
    digest: str
    size: int
    habit: str
    sent: str
    reply: str

    @property
    def acknowledged(self) -> bool:
        """Whether the camera was told that the whole photo is safe."""
        return self.habit == "sends all" and self.reply.startswith(storm.OK)


class Found(NamedTuple):
    """A file in the library."""

    camera: str
    name: str
    digest: str


class Storm:
    """Every camera of a home, with eight sessions each, until :meth:`end`.

    :param seed: what the photos are, and what the cameras do with them, follows from it
    :param unclean: the cameras that need not close TLS properly
    """

    def __init__(self, home: Home, seed: int, unclean: Sequence[str] = ()) -> None:
        self.tries = list[Try]()
        cameras = home.server_plan.cameras
        passwords = home.secrets.camera_passwords
        order = {
            "host": home.plan.hostname,
            "ca": actions.ROOT_ON_CAMERA,
            "seed": seed,
            "sessions": SESSIONS,
            "names": NAMES,
            "pause": PAUSE,
            "begin": BEGIN,
            "last": LAST,
            "jpeg": base64.b64encode(jpeg(1)).decode(),
            "cameras": [[name, passwords[name], name in unclean] for name in cameras],
        }
        # What has to be told once on a stage; flushing makes it right the second time as well.
        home.sh(
            INTERNET,
            "nft add table ip storm; nft flush table ip storm; "
            "nft add chain ip storm c '{ type filter hook forward priority 0; }'; "
            f"nft add rule ip storm c ip dscp {storm.OUT_OF_RANGE >> 2} drop",
        )
        container = home.stage.container(CAMERA)
        text = Path(storm.__file__).read_text()
        podman.execute(container, "sh", "-c", "cat >/root/storm.py", input_text=text)
        self._process = subprocess.Popen(
            podman.inside(container, "python3", "/root/storm.py"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            self.tries.append(Try(*json.loads(line)))

    @property
    def acknowledged(self) -> int:
        """How many photos were so far."""
        return sum(each.acknowledged for each in list(self.tries))

    def end(self) -> None:
        """Take no further photos, and wait until the others were acknowledged, or given up."""
        assert self._process.stdin
        self._process.stdin.close()
        self._reader.join()
        assert self._process.wait() == 0

    def summary(self) -> str:
        """How often a camera did what, and what became of it."""
        seen = Counter(
            (each.habit, re.sub(r"\W*\d+,.*|['\"].*", "", each.reply)[:60]) for each in self.tries
        )
        return "\n".join(f"{n:6} {habit}: {reply}" for (habit, reply), n in sorted(seen.items()))


@dataclass(frozen=True)
class Verdict:
    """What of the photos of a storm is in the library.

    :param sent: how many photos began to be sent
    :param acknowledged: how many were acknowledged
    :param found: how many of these are there, with every byte and in the right place
    :param kept: how many others of them are kept as what nothing tells of
    :param lost: the others
    :param duplicated: what is there more than once
    :param foreign: what is there and is no photo of that camera's and of that name
    """

    sent: int
    acknowledged: int
    found: int
    kept: int
    lost: frozenset[Found]
    duplicated: frozenset[Found]
    foreign: frozenset[Found]

    @classmethod
    def of(cls, tries: Sequence[Try], library: Sequence[Found], aside: Sequence[Found]) -> Verdict:
        """Compare what cameras did with what is in the library.

        :param aside: what is kept because nothing tells whether it is whole: when the server loses
            its power, the journal may lose the last lines, and of some formats content tells
            nothing either (docs/limits.md)
        """
        whole = {Found(each.camera, each.name, each.digest) for each in tries}
        acknowledged = {
            Found(each.camera, each.name, each.digest) for each in tries if each.acknowledged
        }
        # Nothing tells that it is not whole: the camera said that it was.
        cut = {Found(each.camera, each.name, each.sent) for each in tries if each.kind == "BIN"}
        untold = {
            Found(each.camera, each.name, each.digest) for each in tries if each.kind == "BIN"
        }
        times = Counter(library)
        return cls(
            sent=len(whole),
            acknowledged=len(acknowledged),
            found=len(acknowledged & set(library)),
            kept=len((acknowledged - set(library)) & untold & set(aside)),
            lost=frozenset(acknowledged - set(library) - (untold & set(aside))),
            duplicated=frozenset(each for each, n in times.items() if n > 1),
            foreign=frozenset(set(library) - whole - cut),
        )

    def __str__(self) -> str:
        lost, duplicated, foreign = map(len, (self.lost, self.duplicated, self.foreign))
        return (
            f"sent {self.sent}, acknowledged {self.acknowledged}, found {self.found}, "
            f"kept aside {self.kept}, lost {lost}, duplicated {duplicated}, foreign {foreign}"
        )


def library(home: Home) -> list[Found]:
    """What is in the library, under the name that it had on the camera."""
    find = f"cd {paths.LIBRARY} && find . -type f -exec sha256sum {{}} +"
    found = []
    for line in home.sh(home.server, find).splitlines():
        digest, path = line[:64], PurePosixPath(line[66:])
        name = re.sub(r"-\d+(\.\w+)$", r"\1", path.name)
        found.append(Found(path.parts[0], name, digest))
    return found


def unproven(home: Home) -> list[Found]:
    """What is kept because nothing tells whether it is whole."""
    find = f"cd {paths.PHOTOS} && find */{paths.UNPROVEN} -type f -exec sha256sum {{}} +"
    found = []
    for line in home.sh(home.server, find).splitlines():
        path = PurePosixPath(line[66:])
        found.append(Found(path.parts[0], path.name, line[:64]))
    return found


def under_way(home: Home) -> list[str]:
    """Files that are neither in the library nor set aside yet."""
    folders = f"{paths.PHOTOS}/*/{paths.ARRIVING} {paths.PHOTOS}/*/{paths.UPLOAD}"
    return home.sh(home.server, f"find {folders} -type f").splitlines()
