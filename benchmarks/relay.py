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


Due = asyncio.Queue[tuple[float, bytes]]


async def collect(reader: asyncio.StreamReader, due: Due, opened: float, delay: float) -> None:
    """Note what arrives, with the time when it is due at the other end; nothing is its end.

    :param opened: when the sender could begin to send, in the loop's time
    """
    data = b"-"
    while data:
        data = b""
        with suppress(OSError):
            data = await reader.read(CHUNK)
        due.put_nowait((max(asyncio.get_running_loop().time(), opened) + delay, data))


async def deliver(due: Due, writer: asyncio.StreamWriter) -> None:
    """Send what has been noted, each piece when it is due, and then the end."""
    data = b"-"
    while data:
        at, data = await due.get()
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        with suppress(OSError):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mark: int, delay: float
) -> None:
    """Pass one connection on, as late as a TCP handshake over such a way makes it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    near: socket.socket = writer.get_extra_info("socket")
    _, port, packed = struct.unpack("!HH4s8x", near.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
    far = socket.socket()
    far.setblocking(False)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    there: Due = asyncio.Queue()
    back: Due = asyncio.Queue()
    # SYN, SYN and ACK, ACK: the client may send after two of them, the server after three.
    collecting = asyncio.create_task(collect(reader, there, began + 2 * delay, delay))
    await asyncio.sleep(3 * delay)
    await loop.sock_connect(far, (socket.inet_ntoa(packed), port))
    far_reader, far_writer = await asyncio.open_connection(sock=far)
    for each in (near, far):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.gather(
        collecting,
        deliver(there, far_writer),
        collect(far_reader, back, began, delay),
        deliver(back, writer),
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
