"""What the probe is told: which home, and how to look at it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Control:
    """A control port.

    :param port: the TCP port
    :param tls: ``explicit``, ``implicit`` or ``none``
    """

    port: int
    tls: str


@dataclass(frozen=True)
class Order:
    """A look at one server of a home.

    :param run: letters and digits that no other run has; the names of test photos hold it
    :param hostname: what cameras dial
    :param public: the addresses that it must lead to; none if they change
    :param address6: the server's IPv6 address; None if the name must have none
    :param inside: the home's networks, such as ``192.168.1.0/24``
    :param server: the server's own address inside
    :param controls: its control ports; the first one is looked at closely
    :param passive: the first and the last passive port
    :param versions: of TLS that it offers, such as ``1.2``
    :param root: the root certificates that cameras have, as PEM; None if they need none of ours
    :param user: the camera to log in as
    :param password: its password; None to stop before the log-in
    :param sessions: how many it must be able to open at once
    :param quick: whether to see the server behind a few of the passive ports only
    :param slow_seconds: for how long the slow upload goes on; 0 to leave it out
    :param patience: how many seconds to wait for an answer
    :param resolvers: the addresses of DNS resolvers to ask
    :param banner: what the server says first
    :param unverified: whether the password may go to a server whose certificate does not prove who
        it is
    :param made: when the order was made, in seconds since 1970; 0 if that is not known
    """

    run: str
    hostname: str
    public: tuple[str, ...]
    address6: str | None
    inside: tuple[str, ...]
    server: str
    controls: tuple[Control, ...]
    passive: tuple[int, int]
    versions: tuple[str, ...]
    root: str | None
    user: str
    password: str | None
    sessions: int
    quick: bool
    slow_seconds: float
    patience: float
    resolvers: tuple[str, ...]
    banner: str = "220 Ready"
    unverified: bool = False
    made: float = 0.0

    def text(self) -> str:
        """As JSON. It may hold a password."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Order:
        """Read what :meth:`text` wrote.

        :raises ValueError: if it is none
        """
        try:
            values = json.loads(text)
            order = cls(**{key: _frozen(value) for key, value in values.items()})
            controls = tuple(Control(**control) for control in values["controls"])
            return replace(order, controls=controls)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no order for a check") from error

    def photo(self, what: str) -> str:
        """The name of a test photo of this run."""
        return photo_name(self.run, what)


def photo_name(run: str, what: str) -> str:
    """The name of a test photo of a run."""
    return f"{photo_beginning(run)}{what}.bin"


def photo_beginning(run: str) -> str:
    """How the names of all test photos of a run begin."""
    return f"hotshoe-check-{run}-"


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
