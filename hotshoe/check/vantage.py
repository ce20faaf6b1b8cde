"""Where a probe runs, and how it gets there."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from hotshoe.check.validation import LONGEST_LINE, MOST_LINES, validated
from hotshoe.errors import HotshoeError, escaped
from hotshoe.probe.order import Order
from hotshoe.probe.result import Result
from hotshoe.remote.ssh import NO_SSH, OPTIONS

HERE = "here"
# A probe's waits are bounded; what still goes on then is stuck. So is a computer, or the way there,
# where it has not even begun by now: it says at once what it does first.
_LONGEST, _BEGINNING = 900.0, 60.0
# How long a probe that is no longer wanted may take to leave.
_SECONDS = 10
# Of ssh, and of a shell that finds no such program.
_NOT_RUN, _NOT_FOUND = 255, 127


@dataclass(frozen=True)
class Vantage:
    """A computer on which a probe runs.

    :param name: ``here``, or as the person wrote it
    :param login: the command line that runs another one there; empty for this computer
    """

    name: str
    login: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """The command line that waits for a probe there."""
        if not self.login:
            return [sys.executable, "-I", "-c", _pushed()]
        return [*self.login, shlex.join(["python3", "-I", "-c", _pushed()])]

    def error(self, status: int, stderr: bytes, *, began: bool) -> HotshoeError:
        """What went wrong, and what to do about it.

        :param began: whether it had told anything
        """
        lines = stderr.decode(errors="backslashreplace").strip().splitlines()
        reason = escaped(lines[-1].strip()) if lines else f"exit status {status}"
        # That is ssh's answer as well where a signal has ended what it ran.
        broke = bool(self.login) and status == _NOT_RUN
        if broke and began:
            why = reason if lines else "the connection broke, or somebody ended it there"
            return HotshoeError(f"{self.name}: the check ended early: {why}")
        if broke:
            return HotshoeError(
                f"{self.name}: cannot be reached by SSH: {reason}\n"
                f"    -> this has to work without a question: {shlex.join(self._plainly())}"
            )
        if status == _NOT_FOUND:
            return HotshoeError(
                f"{self.name}: has no python3, which the check needs there\n"
                "    -> install it (3.9 or newer), or check from another computer"
            )
        return HotshoeError(f"{self.name}: the check ended early: {reason}")

    def stuck(self, seconds: float, began: bool) -> HotshoeError:
        """It was ended, since it did not end by itself."""
        did = "come to an end" if began else "begin"
        remedy = (
            f"see what keeps it: {shlex.join(self._plainly())}, and python3 there"
            if self.login
            else "see what keeps this computer busy"
        )
        return HotshoeError(
            f"{self.name}: the check did not {did} within {seconds:.0f} s\n    -> {remedy}"
        )

    def told_too_much(self) -> HotshoeError:
        """No probe tells so much."""
        return HotshoeError(
            f"{self.name}: tells more than a check has to tell\n"
            "    -> see what runs there at each log-in, or check from another computer"
        )

    def _plainly(self) -> list[str]:
        """As a person would log in."""
        options = {f"{key}={value}" for key, value in OPTIONS.items()}
        return [word for word in self.login if word not in options | {"-o", "--"}]


@cache
def _pushed() -> str:
    return (Path(__file__).parents[1] / "probe" / "pushed.py").read_text(encoding="utf-8")


def vantage_of(text: str, config: Path | None = None) -> Vantage:
    """What a person means by ``--from``.

    :param text: ``here``, or ``ssh://[user@]host[:port]``
    :param config: an ssh_config(5) file to use instead of the person's; None for that
    :raises HotshoeError: if it is neither
    """
    if text == HERE:
        return Vantage(HERE)
    try:
        url = urlsplit(text)
        host, port, rest = url.hostname, url.port, (url.path.strip("/"), url.query, url.fragment)
        # urlsplit() writes host names in lower case; ssh_config(5) tells cases apart.
        host = url.netloc.rpartition("@")[2].partition(":")[0] if host and "[" not in text else host
    except ValueError:
        host, port, rest = None, None, ("", "", "")
    if not text.startswith("ssh://") or not host or host.startswith("-") or any(rest):
        raise HotshoeError(
            f"{text!r} is no place to check from\n"
            "    -> write here, or ssh://HOST, or ssh://USER@HOST:PORT"
        )
    if url.password is not None:
        raise HotshoeError(
            "--from: a password does not belong into a command line\n"
            "    -> log in with an SSH key: ssh-copy-id"
        )
    file = ["-F", str(config)] if config else []
    options = [word for key, value in OPTIONS.items() for word in ("-o", f"{key}={value}")]
    user = ["-l", url.username] if url.username else []
    at = ["-p", str(port)] if port else []
    return Vantage(text, ("ssh", *file, *options, *at, *user, "--", host))


class Probing:
    """A probe that runs, and what it tells.

    A context; at its end, the probe has gone, and nothing of it is left where it ran.
    """

    def __init__(self, vantage: Vantage, program: bytes, order: Order) -> None:
        """Push it.

        :param program: what :func:`hotshoe.probe.bundle.bundle` returns
        :raises HotshoeError: if there is no ssh
        """
        self._vantage = vantage
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                vantage.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                # Ctrl-C is for us: it has to leave in order.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise HotshoeError(NO_SSH) from None
        self._longest = order.slow_seconds + _LONGEST
        self._late = 0.0
        self._limit = self._limited(_BEGINNING)
        self._given = b"%d\n%s%s\n" % (len(program), program, order.text().encode())

    def _limited(self, seconds: float) -> threading.Timer:
        """Have it end in so many seconds."""

        def end() -> None:
            self._late = seconds
            # Here, so that it tidies up; elsewhere, by its standard input, which ends with ssh.
            self._process.terminate()

        limit = threading.Timer(seconds, end)
        limit.daemon = True
        limit.start()
        return limit

    def __enter__(self) -> Probing:
        return self

    def __iter__(self) -> Iterator[Result | str]:
        """What it tells: results, and now and then what it does.

        :raises HotshoeError: if it cannot be run there, or ends early
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(self._given)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # why, it tells at its end
        lines, began = 0, False
        while line := self._process.stdout.readline(LONGEST_LINE + 1):
            lines += 1
            if len(line) > LONGEST_LINE or lines > MOST_LINES:
                self._process.kill()
                raise self._vantage.told_too_much()
            if told := validated(line):
                if not began:
                    began = True
                    self._limit.cancel()
                    self._limit = self._limited(self._longest)
                yield told
        status = self._process.wait()
        if self._late:
            raise self._vantage.stuck(self._late, began)
        if status != 0:
            self._stderr.seek(0)
            raise self._vantage.error(status, self._stderr.read(), began=began)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limit.cancel()
        try:
            assert self._process.stdin
            # It may have ended before it had read everything.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            assert self._process.stdout
            self._process.stdout.close()
            self._stderr.close()
