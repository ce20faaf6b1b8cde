"""What people have to do about a change: at cameras, and at places that photos are delivered to."""

from __future__ import annotations

from collections.abc import Iterator

from hotshoe.plan.camera_setup import CameraSetup, Setting, camera_setups
from hotshoe.plan.model import Plan, ServerPlan
from hotshoe.show import library

# What no change of a home touches, or what is on every sheet alike.
_ALWAYS = {Setting.CLOCK, Setting.PASSWORD, Setting.SENDING}


def notices(before: Plan, after: Plan, site: str) -> Iterator[str]:
    """What whoever holds the cameras has to know, each a sentence without its full stop.

    :param before: the Plan that is in force
    :param after: the Plan that would be
    :param site: the Site's name
    """
    old = {setup.camera: setup for setup in camera_setups(before, site)}
    new = {setup.camera: setup for setup in camera_setups(after, site)}
    for camera in (name for name in old if name not in new):
        yield f"camera {camera} can no longer log in; its photos stay"
    for camera in (name for name in new if name not in old):
        yield f"camera {camera} is new: hotshoe sheet {site} --camera {camera} says what to enter"
    for camera in (name for name in new if name in old):
        for what in _settings(old[camera], new[camera]):
            yield f"camera {camera}: {what}"
    yield from _networks(old, new)
    for server in after.servers:
        if server.name in {each.name for each in before.servers}:
            yield from _server(before.server(server.name), server)
    yield from _deliveries(before, after, site)


def _deliveries(before: Plan, after: Plan, site: str) -> Iterator[str]:
    """What a person does at the other side of a delivery."""
    yield from _fetchers(before, after, site)

    old = {push.name: push for server in before.servers for push in server.pushes}
    new = {push.name: push for server in after.servers for push in server.pushes}
    for name in new:
        if name not in old and new[name].by == "sftp":
            yield (
                f"{name} has to let the server in: by the password in the vault, or by the key "
                f"that hotshoe delivery {site} prints"
            )
    for name in old:
        if name not in new:
            yield f"no more photos go to {name}; what is there stays"
    for server in after.servers:
        earlier = {each.name: each for each in before.servers}.get(server.name)
        if server.retention and earlier and earlier.retention != server.retention:
            yield (
                f"{server.name}: photos that every delivery has are removed from the library: "
                f"{library.retention(server.retention)}"
            )


def _fetchers(before: Plan, after: Plan, site: str) -> Iterator[str]:
    """What a person does at computers that fetch photos."""
    for old in before.fetchers:
        if old.address not in {each.address for each in after.fetchers} and not (
            old.removed or old.by_hand
        ):
            yield (
                f"{old.name} ({old.address}) keeps what hotshoe put there, with a key that "
                "opens nothing any more: to have it removed, deploy with removed: true in that "
                "delivery first"
            )
    were = {fetcher.name: fetcher.to for fetcher in before.fetchers}
    for new in after.fetchers:
        if new.removed or were.get(new.name) == new.to:
            continue
        if new.name in were:
            yield (
                f"{new.name}: all that is in the library is fetched to {new.to}, but for what is "
                f"there already under its name; what is at {were[new.name]} stays"
            )
        if new.by_hand:
            yield (
                f"{new.name} ({new.address}) is set up by hand, and needs what hotshoe delivery "
                f"{site} --fetcher {new.name} FOLDER writes"
            )


def _settings(old: CameraSetup, new: CameraSetup) -> Iterator[str]:
    """What is entered on a camera that was set up before."""
    if old.server != new.server:
        yield f"its photos go to the server {new.server}, not to {old.server}"
    were = {entry.setting: entry.value for entry in old.entries}
    are = {entry.setting: entry.value for entry in new.entries}
    for setting in Setting:
        was, now = were.get(setting), are.get(setting)
        if setting in _ALWAYS or was == now:
            continue
        if now is None:
            yield f"{setting} is no longer set"
        else:
            yield f"{setting} becomes {now}" + (f", and was {was}" if was else "")


def _networks(old: dict[str, CameraSetup], new: dict[str, CameraSetup]) -> Iterator[str]:
    """What networks that cameras are in have to allow."""
    for sentence in dict.fromkeys(
        each.rstrip(".")
        for camera in new
        if camera in old
        for each in new[camera].network
        if each not in old[camera].network
    ):
        yield f"the network that cameras are in: {sentence}"


def _server(old: ServerPlan, new: ServerPlan) -> Iterator[str]:
    """What a camera meets at a server."""
    was, now = old.certificate, new.certificate
    if was and now and was != now:
        if was.issuer != now.issuer:
            yield (
                f"{new.name}: the certificate's issuer becomes {now.issuer}, and was {was.issuer}: "
                "cameras that verify it need the new root certificate"
            )
        elif was.root != now.root:
            yield f"{new.name}: cameras that verify the certificate need another root certificate"
    if now and now.issuer == "own-ca" and old.hostname != new.hostname:
        yield (
            f"{new.name}: an authority vouches for one name, so cameras that verify the "
            "certificate need the root certificate of the new one"
        )
    if old.encryption != new.encryption:
        yield f"{new.name}: TLS becomes {_versions(new)}, and was {_versions(old)}" + (
            "; the cipher suites differ" if _suites(old) != _suites(new) else ""
        )


def _versions(server: ServerPlan) -> str:
    return " and ".join(server.encryption.versions) if server.encryption else "none"


def _suites(server: ServerPlan) -> tuple[str, ...]:
    return server.encryption.ciphers if server.encryption else ()
