"""aioftp uploads a file.

Takes one order as JSON: ``host``, ``port``, ``implicit``, ``user``, ``password``, ``ca``, ``file``,
``name``, ``patient`` (whether TLS on the data connection begins after STOR) and ``seconds``, after
which it is given up. Prints what became of it.
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path

import aioftp


class Patient(aioftp.Client):
    """Begins TLS on a data connection when the server does, which is after the command."""

    context: ssl.SSLContext

    async def _open_connection(self, host, port):
        if self._stream is None:  # the control connection
            return await super()._open_connection(host, port)
        return await asyncio.open_connection(host, port)

    @aioftp.common.async_enterable
    async def get_stream(self, *arguments, **options):
        stream = await super().get_stream(*arguments, **options)
        await stream.start_tls(self.context, self.server_host)
        return stream


async def upload(order):
    context = ssl.create_default_context(cafile=order["ca"])
    kind = Patient if order["patient"] else aioftp.Client
    client = kind(
        ssl=context if order["implicit"] else None,
        socket_timeout=order["seconds"],
        passive_commands=("pasv",),
    )
    client.context = context
    await client.connect(order["host"], order["port"])
    if not order["implicit"]:
        await client.upgrade_to_tls(context)
    await client.login(order["user"], order["password"])
    if order["implicit"]:  # it asks for protection with AUTH TLS alone
        await client.command("PBSZ 0", "200")
        await client.command("PROT P", "200")
    async with client.upload_stream(order["name"]) as stream:
        await stream.write(Path(order["file"]).read_bytes())
    await client.quit()
    return "226"


order = json.load(sys.stdin)
try:
    said = asyncio.run(asyncio.wait_for(upload(order), order["seconds"]))
except (aioftp.AIOFTPException, OSError, TimeoutError) as error:
    said = f"{type(error).__name__}: {error}"
print(json.dumps([said]))
