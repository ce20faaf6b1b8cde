"""What the journal is told: a sentence for people, and fields for ``hotshoe photos``."""

from __future__ import annotations

import os

from hotshoe_intake.arrivals import Arrival
from hotshoe_intake.journal import INFO, WARNING, Teller
from hotshoe_intake.uploads import MOST_FOLDERS


class Reports:
    """Tells what becomes of photos.

    :param root: the path of the folder of all photos
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._teller = Teller()
        self._crowded: set[str] = set()

    def arriving(self, arrival: Arrival) -> None:
        """An upload has begun."""
        self._tell(arrival, "arriving", f"{arrival.name} is arriving")

    def safe(self, arrival: Arrival, path: str, size: int) -> None:
        """A photo is in the library and on the disk.

        :param path: from the folder of all photos on
        :param size: in bytes
        """
        path = f"{self._root}/{path}"
        self._tell(arrival, "library", f"{arrival.name} is safe, {size} bytes: {path}", path, size)

    def copy(self, arrival: Arrival, path: str) -> None:
        """A photo was in the library already.

        :param path: from the folder of all photos on
        """
        path = f"{self._root}/{path}"
        self._tell(arrival, "copy", f"{arrival.name} was there already: {path}", path)

    def aside(self, arrival: Arrival, folder: str, size: int, reason: str) -> None:
        """An upload is not in the library.

        :param folder: in which folder of its camera it is instead
        :param size: in bytes
        """
        path = f"{self._root}/{arrival.camera}/{folder}/{arrival.place}/{arrival.name}"
        what = f"{arrival.name}: {reason}; {size} bytes are in {path}"
        self._tell(arrival, folder, what, path, size, reason)

    def removed(self, camera: str, name: str, days: int) -> None:
        """What broke off so many days ago is removed."""
        self._teller.tell(
            f"{camera}: {name} is removed; it broke off {days} days ago",
            HOTSHOE_EVENT="removed",
            HOTSHOE_CAMERA=camera,
            HOTSHOE_NAME=name,
        )

    def room(self, event: str, camera: str | None, reason: str) -> None:
        """Cameras are refused (``full``), or not any more (``room``).

        :param camera: which one; None for all
        """
        what = "no room: cameras are refused" if event == "full" else "there is room again"
        self._teller.tell(
            f"{camera or 'all cameras'}: {what}; {reason}",
            priority=WARNING if event == "full" else INFO,
            HOTSHOE_EVENT=event,
            HOTSHOE_CAMERA=camera,
            HOTSHOE_REASON=reason,
        )

    def waits(self, camera: str, name: str, error: Exception, seconds: float) -> None:
        """An upload could not be moved.

        :param seconds: until that is tried again
        """
        reason = _reason(error)
        self._teller.tell(
            f"{camera}: {name} is not in the library yet: {reason}; next try in {seconds:.0f} s",
            priority=WARNING,
            HOTSHOE_EVENT="waiting",
            HOTSHOE_CAMERA=camera,
            HOTSHOE_NAME=name,
            HOTSHOE_REASON=reason,
        )

    def not_removed(self, camera: str, error: OSError) -> None:
        """What broke off long ago could not be removed."""
        self._teller.tell(
            f"{camera}: old incomplete uploads could not be removed: {_reason(error)}",
            priority=WARNING,
        )

    def not_adopted(self, camera: str, error: OSError) -> None:
        """What an earlier version left among incomplete uploads could not be taken over."""
        self._teller.tell(
            f"{camera}: what lies in its folder for incomplete uploads stays there for good: "
            f"{_reason(error)}",
            priority=WARNING,
        )

    def unwatched(self, error: OSError) -> None:
        """A folder of a camera's cannot be watched."""
        self._teller.tell(
            f"a folder of a camera could not be watched: {_reason(error)}; next try soon",
            priority=WARNING,
        )

    def unanswered(self) -> None:
        """The journal does not keep what it is sent."""
        self._teller.tell(
            "the journal does not have the lines that it was sent, so the content of photos alone "
            "decides; see Storage= and MaxLevelStore= in journald.conf(5)",
            priority=WARNING,
        )

    def not_ended(self, error: OSError) -> None:
        """Sessions that have to end could not be named to hotshoe-sessions."""
        self._teller.tell(f"sessions could not be ended: {_reason(error)}", priority=WARNING)

    def close(self) -> None:
        """Wait until all is told, for some seconds at most."""
        self._teller.close()

    def crowded(self, camera: str) -> None:
        """A camera has made more folders than are watched; it is told once."""
        if camera not in self._crowded:
            self._crowded.add(camera)
            self._teller.tell(
                f"{camera}: has more than {MOST_FOLDERS} folders; uploads into further ones wait. "
                "Remove empty ones",
                priority=WARNING,
            )

    def _tell(
        self,
        arrival: Arrival,
        event: str,
        what: str,
        path: str | None = None,
        size: int | None = None,
        reason: str | None = None,
    ) -> None:
        self._teller.tell(
            f"{arrival.camera}: {what}",
            HOTSHOE_EVENT=event,
            HOTSHOE_CAMERA=arrival.camera,
            HOTSHOE_NAME=arrival.name,
            HOTSHOE_BYTES=size,
            HOTSHOE_PATH=path,
            HOTSHOE_REASON=reason,
        )


def _reason(error: Exception) -> str:
    """Why something failed, and where."""
    if isinstance(error, OSError) and error.strerror:
        where = (
            f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        )
        return f"{where}{error.strerror}"
    return repr(error)
