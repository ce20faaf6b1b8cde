"""What a person says about the way of photos out of the library.

To a share, to a program of their own, and to other computers. What each way to deliver needs is in
:mod:`hotshoe.site.delivery`; secrets are in the vault.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hotshoe.site.fields import (
    Bucket,
    Bytes,
    Days,
    Host,
    HostKey,
    LocalPath,
    Name,
    Part,
    Port,
    Rate,
    Region,
    ShareName,
    SshUser,
    Text,
    Timeout,
    Url,
)

ShareKind = Literal["none", "smb"]
Per = Literal["photo", "quiet-minute"]
By = Literal["fetch", "sftp", "smb", "webdav", "s3"]
Order = Literal["oldest", "newest"]


class Library(Part):
    """Who may read the library besides those in its group."""

    share: ShareKind = Field(
        default="none",
        examples=["smb"],
        description="smb: the home's computers see it as a network folder, with the user hotshoe "
        "and the password in the vault",
    )
    share_may_change: bool = Field(
        default=False,
        examples=["true"],
        description="whether photos may be moved, renamed and deleted in the share",
    )
    readers: tuple[SshUser, ...] = Field(
        default=(),
        examples=["[ann]"],
        description="users on the server who may read the library, and not change it",
    )


class Message(Part):
    """A program of the person's that a server runs for new photos."""

    program: LocalPath = Field(
        examples=["messages/ntfy"],
        description="a file beside the Site; hotshoe installs it on the server",
    )
    per: Per = Field(
        default="photo",
        examples=["quiet-minute"],
        description="photo: for each; quiet-minute: once no photo has come for a minute",
    )
    timeout_seconds: Timeout = Field(
        default=30, examples=[30], description="after which the program is ended"
    )


class Delivery(Part):
    """A place that photos are brought to from the library, and how."""

    name: Name = Field(examples=["nas"])
    by: By = Field(
        examples=["fetch"],
        description="fetch: a Debian computer at home fetches them, and hotshoe sets it up; sftp, "
        "smb, webdav and s3: the server sends them",
    )
    server: Name | None = Field(
        default=None, examples=["darkroom"], description="whose photos, if there are several"
    )
    address: Host | None = Field(
        default=None,
        examples=["192.168.1.20"],
        description="of fetch, sftp and smb: the other computer's; a name only for sftp and smb",
    )
    port: Port | None = Field(
        default=None,
        examples=[22],
        description="of sftp and smb: where it answers; 22 and 445 unless said",
    )
    url: Url | None = Field(
        default=None,
        examples=["https://dav.example.net/in"],
        description="of webdav: the folder there; of s3: where its service answers",
    )
    behind: Name | None = Field(
        default=None,
        examples=["gateway"],
        description="of fetch: the router in whose LAN it is; the innermost one unless said",
    )
    folder: LocalPath | None = Field(
        default=None,
        examples=["/srv/photos"],
        description="of fetch, sftp, smb and s3: where photos go there",
    )
    share: ShareName | None = Field(
        default=None, examples=["photos"], description="of smb: the share's name"
    )
    bucket: Bucket | None = Field(
        default=None, examples=["photos"], description="of s3: the bucket, which is there already"
    )
    region: Region | None = Field(
        default=None, examples=["eu-central-1"], description="of s3: where the bucket is"
    )
    username: Text | None = Field(
        default=None,
        examples=["ann"],
        description="of sftp, smb, webdav; of s3: the access key's id",
    )
    host_key: HostKey | None = Field(
        default=None,
        examples=['"ssh-ed25519 AAAA…"'],
        description="of sftp: the public key that it has to show",
    )
    removed: bool = Field(
        default=False,
        examples=["true"],
        description="of fetch: whether the next deploy takes away what hotshoe put on that "
        "computer, but for the photos; after that, the delivery can be taken out of the Site",
    )
    by_hand: bool = Field(
        default=False,
        examples=["true"],
        description="of fetch: whether you set that computer up yourself, with what hotshoe "
        "delivery --fetcher writes, and hotshoe never logs in there",
    )
    ssh_user: SshUser = Field(default="root", examples=["root"], description="of fetch")
    ssh_port: Port = Field(default=22, examples=[22], description="of fetch")
    order: Order = Field(
        default="oldest", examples=["newest"], description="which of those that wait goes first"
    )
    bytes_per_second: Rate | None = Field(
        default=None, examples=["5MB"], description="the most that it may take; unlimited"
    )


class Retention(Part):
    """When photos that every delivery has are removed from the library."""

    after_days: Days | None = Field(
        default=None,
        examples=[30],
        description="once they have been in the library for so many days",
    )
    keep_free: Bytes | None = Field(
        default=None,
        examples=["200GB"],
        description="the oldest first, until so much of the disk is free",
    )
