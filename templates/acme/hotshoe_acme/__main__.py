"""The certificate of this server, by certbot.

hotshoe-acme run              get or renew it, and put it into use (by hotshoe-acme.timer)
hotshoe-acme renew            renew it now, though its time has not come
hotshoe-acme install [--now]  put the last one into use; --now: however young it is
hotshoe-acme open | close     the port at which the authority asks (by certbot)
hotshoe-acme hook ACTION      the program that sets the record for DNS-01 (by certbot)
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hotshoe_acme import certbot, live
from hotshoe_acme.configuration import ERROR, WARNING, Configuration, FailedError, say


def main(arguments: Sequence[str]) -> int:
    """Do what is asked.

    :param arguments: the configuration's file, and what the module's text lists
    :returns: what the program ends with
    """
    file, *asked = arguments
    configuration = Configuration.read(file)
    try:
        match asked:
            case ["open"]:
                certbot.open_port(configuration)
            case ["close"]:
                certbot.close_port(configuration)
            case ["hook", ("add" | "remove") as action]:
                certbot.call_hook(configuration, action)
            case ["run"]:
                return _alone(configuration, lambda: _run(configuration, force=False))
            case ["renew"]:
                return _alone(configuration, lambda: _run(configuration, force=True))
            case ["install"] | ["install", "--now"]:
                now = "--now" in asked
                return _alone(configuration, lambda: _install(configuration, at_once=now))
            case _:
                print((__doc__ or "").strip(), file=sys.stderr)
                return 64
    except FailedError as error:
        say(ERROR, str(error))
        return 1
    return 0


def _alone(configuration: Configuration, do: Callable[[], int]) -> int:
    """One at a time: a deploy, the timer and a person may all ask."""
    Path(configuration.lock).parent.mkdir(exist_ok=True)
    with Path(configuration.lock).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return do()


def _run(configuration: Configuration, *, force: bool) -> int:
    """Get the certificate, or renew it if it is there; then put it into use.

    What was got before is put into use even if no other can be had now.
    """
    failed = 0
    first = not certbot.is_obtained(configuration)
    try:
        if first:
            certbot.obtain(configuration)
        else:
            certbot.renew(configuration, force=force)
    except FailedError as error:
        what = "getting" if first else "renewing"
        say(WARNING, f"{what} the certificate for {configuration.hostname} failed:\n{error}")
        live.tell_what_is_left(configuration, time.time())
        if first:
            return 1
        failed = 1
    return _install(configuration, at_once=first) or failed


def _install(configuration: Configuration, *, at_once: bool) -> int:
    live.install(configuration, time.time(), at_once=at_once)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
