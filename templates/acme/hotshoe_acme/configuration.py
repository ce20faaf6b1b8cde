"""What the deploy wrote for this program, and how it talks to the journal."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

# Priorities of the journal (sd-daemon(3)).
ERROR, WARNING, INFO = 3, 4, 6


class FailedError(Exception):
    """Why something could not be done, for the person who reads the journal."""


@dataclass(frozen=True)
class Configuration:
    """What the deploy wrote.

    :param hostname: what cameras dial
    :param settings: what decides which certificate it is; with others, a new one is obtained
    :param certbot: certbot's configuration file
    :param ca_bundle: the PEM file by which the authority's own HTTPS is verified; None for the
        system's
    :param lineage: the folder in which certbot keeps the certificate that it got last
    :param archive: the folder in which it keeps all of them
    :param obtained: the file that has the settings with which it got them
    :param server: the file that vsftpd loads: key, certificate, and those of its issuers
    :param pair: the program that judges a key and its chain
    :param records: the folder in which units record what they have loaded
    :param lock: the file that is locked meanwhile
    :param hook: the person's program that sets a record for DNS-01; None if there is none
    :param propagation_seconds: until all name servers have such a record
    :param port: the TCP port at which the authority asks; None if it asks at none
    :param what_to_check: what a person may look at when the authority refuses
    """

    hostname: str
    settings: str
    certbot: str
    ca_bundle: str | None
    lineage: str
    archive: str
    obtained: str
    server: str
    pair: str
    records: str
    lock: str
    hook: str | None
    propagation_seconds: int
    port: int | None
    what_to_check: str

    @classmethod
    def read(cls, file: str) -> Configuration:
        """Read its file."""
        return cls(**json.loads(Path(file).read_text()))


def say(priority: int, text: str) -> None:
    """Tell the journal; each line has its priority."""
    for line in text.splitlines():
        print(f"<{priority}>{line}", file=sys.stderr, flush=True)
