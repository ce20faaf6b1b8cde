"""Photos as cameras send them: a small one, a large one, a slow one, many at once, one twice."""

from __future__ import annotations

import os
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hotshoe.probe.broken import BrokenError, Trouble
from hotshoe.probe.connection import Connection
from hotshoe.probe.layers import Layer, Problem, Status
from hotshoe.probe.result import Result
from hotshoe.probe.session import NoDataError, RefusedError, Upload, Way, upload
from hotshoe.probe.teller import Teller

# Fits into one packet whatever is on the way; and one for which many of full size are needed.
SMALL, LARGE = 400, 2_000_000
_DRIP = 1000
# The intake takes a photo away before another of its name may come.
_TAKEN_AWAY = 15.0
_NO_ROOM = (452, 552, 553)


def _problem(error: BrokenError | RefusedError) -> Problem:
    """What an upload that failed tells."""
    if isinstance(error, RefusedError):
        if error.reply.code in _NO_ROOM:
            return Problem.UPLOAD_FULL
        return Problem.UPLOAD_REFUSED if error.command == "STOR" else Problem.UPLOAD_BROKEN
    data_tls = "handshake of the data" in error.doing
    return Problem.UPLOAD_DATA_TLS if data_tls else Problem.UPLOAD_BROKEN


def small(way: Way, connection: Connection, what: str = "small") -> Result:
    """Upload a small photo. The result is yet to be told.

    :param what: what its name shall end with
    """
    name = way.order.photo(what)
    data: dict[str, Any] = {"port": way.control.port}
    started = time.monotonic()
    try:
        photo = upload(way, connection, name, os.urandom(SMALL))
    except NoDataError as error:
        evidence = f"no data connection opens: {error}"
        return Result(Layer.UPLOAD, Status.UNKNOWN, evidence, None, data)
    except (BrokenError, RefusedError) as error:
        data |= {"reply": error.reply.text} if isinstance(error, RefusedError) else {}
        return Result(Layer.UPLOAD, Status.FAIL, f"{error}", _problem(error), data)
    seconds = time.monotonic() - started
    evidence = f"{SMALL} bytes in {seconds:.1f} s"
    data |= {"photos": {name: photo.sha256}, "seconds": seconds}
    return Result(Layer.UPLOAD, Status.FINE, evidence, None, data)


def large(teller: Teller, way: Way, connection: Connection) -> None:
    """Upload a photo of many packets of full size."""
    name = way.order.photo("large")
    photo: Upload | None = None
    try:
        photo = Upload(way, connection, name)
        photo.write(os.urandom(LARGE))
        photo.finish()
    except (BrokenError, RefusedError) as error:
        sent = photo.size if photo else 0
        stalled = isinstance(error, BrokenError) and error.trouble is Trouble.SILENT
        problem = Problem.LARGE_STALLED if stalled else _problem(error)
        evidence = f"the upload of {LARGE} bytes "
        evidence += f"stalled after {sent}" if stalled else f"failed: {error}"
        teller.fail(Layer.LARGE, problem, evidence, sent=sent)
        if photo:
            photo.cut()
        return
    seconds = time.monotonic() - photo.started
    way.bytes_per_second = LARGE / seconds
    evidence = f"{LARGE} bytes in {seconds:.1f} s"
    teller.fine(Layer.LARGE, evidence, photos={name: photo.sha256}, seconds=seconds)


@dataclass
class Slow:
    """A slow upload, in a session of its own, while other things are looked at."""

    way: Way
    result: Result | None = None
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> Result:
        """Wait until it is done."""
        order = self.way.order
        # In pieces, so that it can be interrupted on Windows as well.
        end = time.monotonic() + order.slow_seconds + 10 * order.patience
        while self._thread.is_alive() and time.monotonic() < end:
            self._thread.join(0.5)
        return self.result or Result(Layer.SLOW, Status.UNKNOWN, "it did not come to an end")

    def _run(self) -> None:
        try:
            self.result = self._upload()
        except (BrokenError, RefusedError, ssl.SSLError) as error:
            self.result = Result(Layer.SLOW, Status.UNKNOWN, f"it could not begin: {error}")

    def _upload(self) -> Result:
        order, name = self.way.order, self.way.order.photo("slow")
        connection = self.way.log_in()
        photo = Upload(self.way, connection, name)
        end, finishing = time.monotonic() + order.slow_seconds, False
        try:
            while (left := end - time.monotonic()) > 0:
                photo.write(os.urandom(_DRIP))
                time.sleep(min(left, 1.0))
            finishing = True
            photo.finish()
            connection.ask("NOOP")
        except RefusedError as error:
            return self._failed(photo, _problem(error), f"{error}")
        except BrokenError as error:
            forgotten = finishing and "end of the upload" not in error.doing
            problem = Problem.SLOW_FORGOTTEN if forgotten else Problem.UPLOAD_BROKEN
            return self._failed(photo, problem, f"{error}")
        connection.quit()
        evidence = f"{photo.size} bytes over {order.slow_seconds:.0f} s"
        return Result(Layer.SLOW, Status.FINE, evidence, None, {"photos": {name: photo.sha256}})

    def _failed(self, photo: Upload, problem: Problem, error: str) -> Result:
        photo.cut()
        seconds = time.monotonic() - photo.started
        evidence = f"after {seconds:.0f} s: {error}"
        # The server may have all of it, though nobody was told.
        data = {"seconds": seconds, "photos": {photo.name: photo.sha256}}
        return Result(Layer.SLOW, Status.FAIL, evidence, problem, data)


def at_once(teller: Teller, way: Way, connection: Connection) -> None:
    """Upload as many photos at once as a camera may have sessions.

    :param connection: that is logged in, the first of these sessions
    """
    order = way.order
    sessions, photos, refusals, done = [connection], list[Upload](), list[str](), dict[str, str]()
    try:
        for number in range(order.sessions):
            try:
                if number:
                    sessions.append(way.log_in())
                photo = Upload(way, sessions[-1], order.photo(f"session-{number + 1}"))
                photos.append(photo)
                photo.write(os.urandom(SMALL))
            except (BrokenError, RefusedError, ssl.SSLError) as error:
                refusals.append(f"{error}")
        for photo in photos:
            try:
                photo.finish()
                done[photo.name] = photo.sha256
            except (BrokenError, RefusedError) as error:
                refusals.append(f"{error}")
    finally:
        for photo in photos:
            photo.cut()
        for session in sessions[1:]:
            with suppress(BrokenError):
                session.quit()
    data = {"sessions": len(done), "wanted": order.sessions, "photos": done}
    if len(done) < order.sessions:
        others = "; ".join(dict.fromkeys(refusals))
        evidence = f"{len(done)} of {order.sessions} sessions uploaded at once; others: {others}"
        teller.fail(Layer.SESSIONS, Problem.SESSIONS_FEW, evidence, **data)
    else:
        teller.fine(Layer.SESSIONS, f"{len(done)} uploads at once", **data)


def same_name(teller: Teller, way: Way, connection: Connection) -> None:
    """Send a photo again, as cameras do that did not hear of its arrival."""
    name, content = way.order.photo("again"), os.urandom(SMALL)
    try:
        photo = upload(way, connection, name, content)
    except (BrokenError, RefusedError) as error:
        teller.fail(Layer.SAME_NAME, _problem(error), f"the first time: {error}")
        return
    data = {"photos": {name: photo.sha256}}
    started = time.monotonic()
    while True:
        waited = time.monotonic() - started
        try:
            upload(way, connection, name, content)
        except RefusedError as error:
            if error.reply.code in _NO_ROOM and waited < min(_TAKEN_AWAY, 2 * way.order.patience):
                time.sleep(0.5)
                continue
            evidence = f"after {waited:.0f} s: {error}"
            problem = Problem.SAME_NAME_REFUSED
            teller.fail(Layer.SAME_NAME, problem, evidence, reply=error.reply.text, **data)
        except BrokenError as error:
            teller.fail(Layer.SAME_NAME, Problem.UPLOAD_BROKEN, f"the second time: {error}", **data)
        else:
            teller.fine(Layer.SAME_NAME, "taken twice", **data)
        return
