"""What a server must refuse. Nothing is tried that would do harm if it worked."""

from __future__ import annotations

import hashlib
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hotshoe.probe.broken import BrokenError, Trouble
from hotshoe.probe.connection import Connection, Reply
from hotshoe.probe.layers import Layer, Problem
from hotshoe.probe.session import RefusedError, Upload, Way
from hotshoe.probe.teller import Teller
from hotshoe.probe.uploads import SMALL

# Where active mode would connect to. Nobody does before a transfer, and there is none; vsftpd takes
# no port below 1024.
_HIGH, _LOW = 156, 73
# What vsftpd says when it would do something, and cannot just now: the intake has moved the photo
# away already, there is no data connection, or a NAT is between it and the address of PORT.
_WOULD = ("illegal port", "illegal eprt", "use port or pasv", "delete operation failed")

# What was not refused, and how that was answered.
_Replies = Iterator[tuple[Problem, str]]


class Stranger:
    """Tries to log in as nobody in particular, while other things are looked at.

    Servers take seconds to refuse that.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self._found: list[tuple[Problem, str]] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.extend(_anonymous(self._way))
        except (BrokenError, RefusedError, ssl.SSLError) as error:
            self._error = error

    def replies(self) -> _Replies:
        """Wait for what came of it.

        :raises BrokenError: if the connection broke, or nothing has come of it in time
        :raises RefusedError: if the server did not let it begin
        """
        self._thread.join(4 * self._way.order.patience)
        if self._thread.is_alive():
            raise BrokenError(Trouble.SILENT, "in time")
        if self._error:
            raise self._error
        yield from self._found


def look(teller: Teller, way: Way, connection: Connection, stranger: Stranger) -> None:
    """Tell what is refused, and what is not.

    :param connection: that is logged in
    :param stranger: who has begun already
    """
    allowed: list[tuple[Problem, str]] = []
    tried: list[str] = []
    untold: list[str] = []
    photos: dict[str, str] = {}
    attempts = {
        "active mode": _active(connection),
        "downloads and deleting": _on_a_photo(way, connection, photos),
        "anonymous": stranger.replies(),
    }
    if way.encrypted:
        attempts["uploads in clear"] = _clear_data(way, photos)
    if way.control.tls == "explicit":
        attempts["log-in in clear"] = _plain(way)
    for name, replies in attempts.items():
        try:
            allowed.extend(replies)
            tried.append(name)
        except (BrokenError, RefusedError, ssl.SSLError) as error:
            untold.append(f"{name} ({error})")
    data: dict[str, Any] = {"photos": photos, "untold": untold}
    for problem, said in allowed:
        teller.fail(Layer.REFUSALS, problem, said, **data)
    if allowed:
        return
    told = f"could not be tried: {'; '.join(untold)}"
    if not tried:
        teller.unknown(Layer.REFUSALS, told, **data)
        return
    evidence = f"refused: {', '.join(tried)}" + (f"; {told}" if untold else "")
    teller.fine(Layer.REFUSALS, evidence, **data)


def _ask(connection: Connection, command: str) -> Reply | None:
    """The answer; None if the server hangs up instead, which is a refusal as well."""
    try:
        return connection.ask(command)
    except BrokenError as error:
        if error.trouble in (Trouble.ENDED, Trouble.RESET):
            return None
        raise


def _plain(way: Way) -> _Replies:
    """Name the user without TLS. The password is not told."""
    connection = way.connect()
    try:
        connection.reply("before the banner")
        reply = _ask(connection, f"USER {way.order.user}")
    finally:
        connection.close()
    if reply and reply.code in (230, 331):
        yield Problem.ALLOWED_PLAIN, f"USER without TLS was answered with {reply.text!r}"


def _anonymous(way: Way) -> _Replies:
    connection = way.greet()
    try:
        reply = _ask(connection, "USER anonymous")
        if reply and reply.code == 331:
            reply = _ask(connection, "PASS guest@example.net")
    finally:
        connection.close()
    if reply and reply.code == 230:
        yield Problem.ALLOWED_ANONYMOUS, f"anonymous was answered with {reply.text!r}"


def _clear_data(way: Way, photos: dict[str, str]) -> _Replies:
    """Begin an upload without PROT P, and send nothing of it."""
    name = way.order.photo("clear")
    session = way.log_in(protect=False)
    try:
        with way.data(session):
            reply = _ask(session, f"STOR {name}")
        if reply and reply.code in (125, 150):
            yield (
                Problem.ALLOWED_CLEAR_DATA,
                f"STOR without PROT P was answered with {reply.text!r}",
            )
            photos[name] = hashlib.sha256().hexdigest()
    finally:
        session.close()


def _would(reply: Reply) -> bool:
    """Whether the server would do it, though not as it was asked just now."""
    return any(words in reply.text.lower() for words in _WOULD)


def _active(connection: Connection) -> _Replies:
    own = connection.own
    for command in (
        f"PORT {own.replace('.', ',')},{_HIGH},{_LOW}",
        f"EPRT |1|{own}|{256 * _HIGH + _LOW}|",
    ):
        reply = connection.ask(command)
        if reply.code // 100 == 2 or _would(reply):
            yield Problem.ALLOWED_ACTIVE, f"{command.split()[0]} was answered with {reply.text!r}"


def _on_a_photo(way: Way, connection: Connection, photos: dict[str, str]) -> _Replies:
    """Fetch and delete a photo that is on its way, since later it may be elsewhere."""
    name = way.order.photo("held")
    photo = Upload(way, connection, name)
    try:
        photo.write(os.urandom(SMALL))
        session = way.log_in()
        try:
            reply = _ask(session, f"RETR {name}")
            if reply and _would(reply):
                with way.data(session):
                    reply = _ask(session, f"RETR {name}") or reply
            if reply and (reply.code in (125, 150) or "failed to open" in reply.text.lower()):
                yield Problem.ALLOWED_DOWNLOAD, f"RETR was answered with {reply.text!r}"
            if reply and reply.code in (125, 150):
                with suppress(BrokenError):
                    session.reply("after RETR")
            reply = _ask(session, f"DELE {name}")
            if reply and (reply.code == 250 or _would(reply)):
                yield Problem.ALLOWED_DELETE, f"DELE was answered with {reply.text!r}"
        finally:
            session.close()
    finally:
        with suppress(BrokenError, RefusedError):
            photo.finish()
        photos[name] = photo.sha256
