"""What the public address is: by two sources that agree, and by what the router tells."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from netaddr import smallest_matching_cidr

from hotshoe_address.system import NOTICE, say

# An answer is a line with an address; a page is longer.
LONGEST_ANSWER = 64
# curl and not Python's urllib: it has one limit for all the time that a question takes, from the
# name's resolution to an answer that trickles. A proxy would be told its own address.
CURL = (
    *("curl", "--disable", "--silent", "--show-error", "--ipv4", "--noproxy", "*"),
    *("--proto", "=https", "--tlsv1.2", "--connect-timeout", "3", "--max-time", "6"),
    *("--write-out", "\\n%{response_code}"),
)
# After so many in a row, a source that is of no use is told of.
MISSES = 10
# What the router tells holds for so long. It tells a change at once, and the same every minute.
NOTICE_SECONDS = 120


class DoubtError(Exception):
    """Why the public address is not known, or is of no use.

    :param kind: the sort of reason; one is told once, until another holds or none does
    :param reason: in words
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class Notice:
    """What the outermost router told.

    :param wan: its WAN address
    :param at: when, by the monotonic clock; None for before this program began
    """

    wan: IPv4Address
    at: float | None = None


def address_in(said: str) -> IPv4Address:
    """The address in a source's answer: a body and, in a line of its own, the status.

    :raises ValueError: if it answers anything else, such as the page of a captive portal
    """
    body, _, status = said.rpartition("\n")
    if status != "200" or len(body) > LONGEST_ANSWER:
        raise ValueError("not an address and nothing else")
    return IPv4Address(body.strip())


async def ask(source: str) -> IPv4Address | str:
    """Ask a source which address it sees.

    :returns: the address, or why it tells none
    """
    curl = await asyncio.create_subprocess_exec(
        *CURL, source, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert curl.stdout
    said = b""
    try:
        while len(said) < 4 * LONGEST_ANSWER and (part := await curl.stdout.read(LONGEST_ANSWER)):
            said += part
    finally:
        if curl.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Its own kill() would look first whether it has ended, and asyncio miss that then.
                os.kill(curl.pid, signal.SIGKILL)
        # Its end is not seen before all that it has said is read.
        await curl.communicate()
    text = said.decode(errors="replace")
    with contextlib.suppress(ValueError):
        return address_in(text)
    failed = re.search(r"^curl: \(\d+\) (.*)", text, re.MULTILINE)
    return failed[1] if failed else "its answer is not an address and nothing else"


class Sources:
    """Independent services that tell whoever asks its own address."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._misses: Counter[str] = Counter()

    async def address(self) -> IPv4Address:
        """What two of them see; more than two are asked only if the first two do not agree.

        :raises DoubtError: if no two agree
        """
        answers: dict[str, IPv4Address | str] = {}
        for urls in (self._urls[:2], *([url] for url in self._urls[2:])):
            answers |= zip(urls, await asyncio.gather(*map(ask, urls)), strict=True)
            seen = Counter(each for each in answers.values() if isinstance(each, IPv4Address))
            for address, times in seen.items():
                if times > 1:
                    self._remember(answers, address)
                    return address
        told = (f"{urlsplit(url).hostname}: {answer}" for url, answer in answers.items())
        raise DoubtError("sources", f"no two sources agree on it ({'; '.join(told)})")

    def _remember(self, answers: Mapping[str, IPv4Address | str], address: IPv4Address) -> None:
        """Ask last, the next time, whoever was of no use."""
        for url, answer in answers.items():
            self._misses[url] = 0 if answer == address else self._misses[url] + 1
            if self._misses[url] == MISSES:
                say(f"{urlsplit(url).hostname} is of no use ({answer}); others are asked", NOTICE)
        self._urls = sorted(self._urls, key=lambda url: answers.get(url, address) != address)


def why_unreachable(address: IPv4Address, blocks: Mapping[str, str]) -> str | None:
    """Say why nobody on the Internet can reach an address; None if it can be reached.

    :param blocks: of addresses that cannot be reached, each with its reason
    """
    block = smallest_matching_cidr(str(address), list(blocks))
    return None if block is None else blocks[str(block)]


def judge(seen: IPv4Address, notice: Notice | None, now: float, blocks: Mapping[str, str]) -> None:
    """Whether what the outside sees is the public address of this home.

    :param notice: what the outermost router told last, if it tells anything
    :param now: by the monotonic clock
    :param blocks: of addresses that the Internet cannot reach, each with its reason
    :raises DoubtError: if it is not, or may not be
    """
    if reason := why_unreachable(seen, blocks):
        raise DoubtError("seen", f"the sources see {seen}, which nobody can reach: {reason}")
    if notice is None:
        return
    # That holds until the router tells another one.
    if reason := why_unreachable(notice.wan, blocks):
        raise DoubtError(
            "private",
            f"the router's WAN address {notice.wan} is not public: {reason}. The sources see "
            f"{seen}, which leads to somebody else's NAT in front of it. Ask the provider for a "
            "public address",
        )
    fresh = notice.at is not None and now - notice.at < NOTICE_SECONDS
    if fresh and notice.wan != seen:
        raise DoubtError(
            "other", f"the router's WAN address is {notice.wan}, and the sources see {seen}"
        )
