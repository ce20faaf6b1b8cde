"""The way of photos out of the library, in words, for tables and the picture."""

from __future__ import annotations

from hotshoe.plan.model import FetcherPlan, Message, Push, Retention, Share
from hotshoe.site.library import By, Order
from hotshoe.site.sizes import written

WAYS: dict[By, str] = {
    "fetch": "SSH",
    "sftp": "SFTP",
    "smb": "SMB",
    "webdav": "WebDAV",
    "s3": "S3",
}


def share(said: Share) -> str:
    """What may be done in a share."""
    may = "moved, renamed and deleted" if said.may_change else "read, and not changed"
    return f"by SMB, for the home, where photos may be {may}"


def message(said: Message) -> str:
    """When a program is told of photos."""
    when = "for each photo" if said.per == "photo" else "once no photo has come for a minute"
    return f"{said.program}, {when}, ended after {said.timeout_seconds} s"


def place(push: Push) -> tuple[str, ...]:
    """Where photos go at the other side of a delivery: the place there, and its parts."""
    if push.url and not push.bucket:
        return (push.url,)
    parts = (
        push.url or f"{push.host} port {push.port}",
        push.share and f"share {push.share}",
        push.bucket and f"bucket {push.bucket}",
        push.folder and f"folder {push.folder}",
    )
    return tuple(filter(None, parts))


def pace(order: Order, bytes_per_second: int) -> str:
    """Which photos go first, and how fast."""
    rate = f", at most {written(bytes_per_second)} a second" if bytes_per_second else ""
    return f"{order} first{rate}"


def pushes_to(push: Push) -> str:
    """Where a server sends photos, and how."""
    where, *parts = place(push)
    home = push.home_address
    behind = f" ({home})" if home and str(home) != push.host else ""
    inside = "".join(f", {part}" for part in parts)
    how = pace(push.order, push.bytes_per_second)
    return f"by {WAYS[push.by]} to {where}{behind}{inside}, as {push.username}, {how}"


def fetches_from(fetcher: FetcherPlan) -> str:
    """Where a computer at home fetches photos."""
    return f"{fetcher.server}, dialled as {fetcher.dial} on {fetcher.port}/tcp"


def retention(said: Retention) -> str:
    """Which photos are removed from the library, and when."""
    when = []
    if said.after_days is not None:
        when.append(f"after {said.after_days} day{'s' * (said.after_days > 1)}")
    if said.keep_free is not None:
        when.append(f"the oldest first until {written(said.keep_free)} of the disk are free")
    return f"what all of these have is removed {' and '.join(when)}"
