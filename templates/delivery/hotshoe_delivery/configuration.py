"""What the deploy wrote: where photos go, and when they may go from here."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The file of secrets in the folder of systemd's credentials.
SECRETS = "delivery"


@dataclass(frozen=True)
class Push:
    """A destination that this server delivers to.

    :param name: of the delivery
    :param by: ``sftp``, ``smb``, ``webdav`` or ``s3``
    :param host: where it is, as this server dials it; empty where the URL says it
    :param port: its TCP port; 0 where the URL says it
    :param username: who logs in; of S3 the access key's ID
    :param folder: where photos go: at the other side, in the share or in the bucket
    :param url: of WebDAV, or of the S3 service
    :param host_key: of SFTP: its type and itself, as OpenSSH writes it
    :param share: of SMB
    :param bucket: of S3
    :param region: of S3
    :param order: ``oldest`` first or ``newest`` first
    :param bytes_per_second: the most that is sent; 0 for as much as the line carries
    """

    name: str
    by: str
    host: str
    port: int
    username: str
    folder: str
    url: str
    host_key: str
    share: str
    bucket: str
    region: str
    order: str
    bytes_per_second: int

    @property
    def to(self) -> str:
        """Where it leads, for people; at another one, nothing counts as delivered."""
        if self.by in ("webdav", "s3"):
            inner = "/".join(filter(None, (self.bucket, self.folder.strip("/"))))
            return f"{self.url.rstrip('/')}/{inner}".rstrip("/")
        inner = "/".join(filter(None, (self.share, self.folder.lstrip("/"))))
        if self.by == "sftp" and not self.folder.startswith("/"):
            inner = f"~/{inner}"
        return f"{self.by}://{self.username}@{self.host}:{self.port}/{inner}"


@dataclass(frozen=True)
class Fetcher:
    """A computer in the home that fetches.

    :param name: of the delivery
    :param to: its address and its folder, for people; at another one, nothing counts as delivered
    :param order: ``oldest`` first or ``newest`` first
    """

    name: str
    to: str
    order: str


@dataclass(frozen=True)
class Retention:
    """When photos that every destination has are removed.

    :param after_days: so long after they came; None for never
    :param keep_free: the oldest, until so many bytes of the disk are free; None for never
    :param settle: how long a photo has to have lost its name before it is looked for at the others
        once more, in seconds. NFS shows a name that is gone for a minute (nfs(5), acdirmax), and
        programs that mirror a folder take about as long
    """

    after_days: int | None
    keep_free: int | None
    settle: float = 90


@dataclass(frozen=True)
class Configuration:
    """What the deploy wrote.

    :param library: the folder of the library
    :param intake: the name of the user to whom belongs what cameras upload
    :param ledger: the file of the ledger
    :param exchange: the socket at which ``serve`` asks
    :param asks: the name of the user that ``serve`` runs as
    :param pushes: destinations that this server delivers to
    :param fetchers: computers that fetch
    :param retention: None where nothing is ever removed
    """

    library: str
    intake: str
    ledger: str
    exchange: str
    asks: str
    pushes: tuple[Push, ...]
    fetchers: tuple[Fetcher, ...]
    retention: Retention | None

    @classmethod
    def read(cls, path: str) -> Configuration:
        """Read it from its file.

        :raises OSError: if it cannot be read
        """
        said: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(
            **said
            | {
                "pushes": tuple(Push(**each) for each in said["pushes"]),
                "fetchers": tuple(Fetcher(**each) for each in said["fetchers"]),
                "retention": Retention(**said["retention"]) if said["retention"] else None,
            }
        )

    @property
    def destinations(self) -> tuple[Push | Fetcher, ...]:
        """All of them, in the order of the Site."""
        return (*self.fetchers, *self.pushes)


def secrets() -> dict[str, dict[str, str]]:
    """The secrets, as systemd gives them to the service and to nobody else.

    :returns: of each push, by its name: ``password``, or ``key``, a private key of OpenSSH
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    try:
        text = Path(folder, SECRETS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    found: dict[str, dict[str, str]] = json.loads(text)
    return found
