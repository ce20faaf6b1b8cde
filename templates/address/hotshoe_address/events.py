"""What tells of a change before the next look would: the kernel and the router."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

from hotshoe_address.system import WARNING, say

# linux/rtnetlink.h: IPv4 addresses and routes. Of links, Wi-Fi tells something all the time.
NETLINK_GROUPS = 0x10 | 0x40
# One line, which its sender says at once.
NOTICE, LONGEST_NOTICE, SECONDS = re.compile(rb"wan ([0-9.]+)\n"), 32, 5


@contextlib.contextmanager
def from_the_kernel(changed: Callable[[], None]) -> Iterator[None]:
    """Hear of this host's addresses and routes.

    :param changed: what to do when one has changed
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK) as kernel:
        kernel.bind((0, NETLINK_GROUPS))

        def drain() -> None:
            changed()
            # Until it would block; or some of it was lost, which is no less of a reason.
            with contextlib.suppress(OSError):
                while kernel.recv(1 << 16):
                    pass

        asyncio.get_running_loop().add_reader(kernel, drain)
        yield


async def from_the_router(router: str, port: int, told: Callable[[IPv4Address], None]) -> None:
    """Hear what the outermost router tells, and nobody else.

    :param router: its address
    :param port: the TCP port where it does
    :param told: what to do with its WAN address
    """

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer, *_ = writer.get_extra_info("peername") or ("gone",)
            if peer != router:
                return
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            if notice := NOTICE.fullmatch(line):
                told(IPv4Address(notice[1].decode()))
        except (ValueError, OSError):
            return
        finally:
            writer.close()

    try:
        # This host's own address may come late.
        await asyncio.start_server(hear, port=port, family=socket.AF_INET, limit=LONGEST_NOTICE)
    except OSError as error:
        say(f"the router is not heard at TCP port {port}: {error}", WARNING)
