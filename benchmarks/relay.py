"""A long way to every SSH server: ``relay.py PORT MARK SECONDS``, for benchmarks.distance.

Takes the TCP connections that nftables redirects to a port of this computer, opens each to where it
was meant to go, and delivers what passes, in either direction, so many seconds later. For kernels
without netem.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from contextlib import suppress

# linux/netfilter_ipv4.h
SO_ORIGINAL_DST = 80
CHUNK = 65536


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: float, delay: float
) -> None:
    """Deliver what arrives, each piece later by the delay, and in the end its end.

    :param opened: when the sender could begin to send, in the loop's time
    """
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        data = b"-"
        while data:
            at, data = await due.get()
            await asyncio.sleep(at - loop.time())
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    delivery = asyncio.create_task(deliver())
    data = b"-"
    while data:
        data = b""
        with suppress(OSError):
            data = await reader.read(CHUNK)
        due.put_nowait((max(loop.time(), opened) + delay, data))
    with suppress(OSError):
        await delivery


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mark: int, delay: float
) -> None:
    """Pass one connection on, as late as a TCP handshake over such a way makes it."""
    began = asyncio.get_running_loop().time()
    near: socket.socket = writer.get_extra_info("socket")
    _, port, packed = struct.unpack("!HH4s8x", near.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
    far = socket.socket()
    far.setblocking(False)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    # SYN, SYN and ACK, ACK: the client may send after two of them, the server after three.
    await asyncio.sleep(3 * delay)
    await asyncio.get_running_loop().sock_connect(far, (socket.inet_ntoa(packed), port))
    far_reader, far_writer = await asyncio.open_connection(sock=far)
    for each in (near, far):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.gather(
        pump(reader, far_writer, began + 2 * delay, delay),
        pump(far_reader, writer, began, delay),
    )
    for end in (writer, far_writer):
        end.close()


async def main(port: int, mark: int, delay: float) -> None:
    """Serve until killed; ``ready`` on standard output says that connections are taken."""
    server = await asyncio.start_server(
        lambda reader, writer: relay(reader, writer, mark, delay), "127.0.0.1", port
    )
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
