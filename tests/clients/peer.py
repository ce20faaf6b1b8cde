"""A WebDAV server (WsgiDAV) or an S3-compatible one (moto), to which a home's server delivers.

What it serves is in the first line of its standard input, as JSON: ``by`` is ``webdav`` or ``s3``,
and then ``address``, ``port``, ``certificate`` and ``key`` (files, PEM), ``username``,
``password``, and ``folder`` or ``bucket``. It answers ``ready`` once it listens. Each further line
is a word about what it has stored, as JSON, and is answered with a line:

- ``["digests"]``: the SHA-256 of everything, by its name
- ``["remove", NAME]``, ``["change", NAME]``: as another user may do there
- ``["password", NEW]``: what is let in from now on
- ``["full", YES]``: whether there is no room (of WebDAV)
- ``["bucket", YES]``: whether there is the bucket (of S3)
- ``["meanwhile", NAME]``: another client stores something under a name right before it is stored
  the next time (of S3)

At the end of its standard input, it ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any


class Dav:
    """Files in a folder."""

    def __init__(self, order: dict[str, Any]) -> None:
        from cheroot.ssl.builtin import BuiltinSSLAdapter
        from cheroot.wsgi import Server
        from wsgidav.wsgidav_app import WsgiDAVApp

        self._folder = Path(order["folder"])
        (self._folder / "in").mkdir(exist_ok=True)
        self._users = {order["username"]: {"password": order["password"]}}
        app = WsgiDAVApp(
            {
                "provider_mapping": {"/": {"root": str(self._folder)}},
                "simple_dc": {"user_mapping": {"*": self._users}},
                "http_authenticator": {
                    "accept_basic": True,
                    "accept_digest": False,
                    "default_to_digest": False,
                },
                "logging": {"enable": False},
                "verbose": 1,
            }
        )
        self._server = Server((order["address"], order["port"]), app)
        self._server.ssl_adapter = BuiltinSSLAdapter(order["certificate"], order["key"])
        self._server.prepare()
        threading.Thread(target=self._server.serve, daemon=True).start()

    def digests(self) -> dict[str, str]:
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self._folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()

    def change(self, name: str) -> None:
        content = (self._folder / name).read_bytes()
        (self._folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def password(self, new: str) -> None:
        for user in self._users.values():
            user["password"] = new

    def full(self, yes: bool) -> None:
        fill = self._folder / "fill"
        if not yes:
            fill.unlink()
            return
        with suppress(OSError), fill.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))


class S3:
    """Objects in a bucket, in memory."""

    def __init__(self, order: dict[str, Any]) -> None:
        import ssl

        # Its name begins as that of a bucket may.
        os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
        from moto import settings
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.core.authorization import ActionAuthenticatorMixin
        from moto.iam.models import iam_backends
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from moto.s3.models import s3_backends
        from werkzeug.serving import make_server

        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        ActionAuthenticatorMixin.request_count = 0
        iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
        iam.create_user("us-east-1", "ann")
        everything = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
        iam.put_user_policy("ann", "everything", json.dumps(everything))
        self._key = iam.create_access_key("ann")
        self._key.access_key_id = order["username"]
        self._key.secret_access_key = order["password"]
        self._backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        self._bucket = order["bucket"]
        self._held = self._backend.create_bucket(self._bucket, "us-east-1")
        self._owners = s3_backends.bucket_accounts
        self._owner = self._owners[self._bucket]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(order["certificate"], order["key"])
        server = make_server(
            order["address"],
            order["port"],
            self._interrupted(DomainDispatcherApplication(create_backend_app)),
            threaded=True,
            request_handler=MotoRequestHandler,
            ssl_context=context,
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _interrupted(self, app: Any) -> Any:
        """An application that another client is faster than, if that is wanted."""
        self._wanted = ""

        def answer(environ: dict[str, Any], start: Any) -> Any:
            path = environ["PATH_INFO"]
            if self._wanted and environ["REQUEST_METHOD"] == "PUT" and path.endswith(self._wanted):
                name, self._wanted = self._wanted, ""
                self._backend.put_object(self._bucket, name, b"x\n")
            return app(environ, start)

        return answer

    def meanwhile(self, name: str) -> None:
        self._wanted = name

    def _objects(self) -> dict[str, Any]:
        return dict(self._held.keys.items())

    def digests(self) -> dict[str, str]:
        return {n: hashlib.sha256(each.value).hexdigest() for n, each in self._objects().items()}

    def remove(self, name: str) -> None:
        self._backend.delete_object(self._bucket, name)

    def change(self, name: str) -> None:
        content = self._objects()[name].value
        self._backend.put_object(self._bucket, name, content[:-1] + bytes([content[-1] ^ 1]))

    def password(self, new: str) -> None:
        self._key.secret_access_key = new

    def bucket(self, yes: bool) -> None:
        if yes:
            self._backend.buckets[self._bucket] = self._held
            self._owners[self._bucket] = self._owner
        else:
            del self._backend.buckets[self._bucket], self._owners[self._bucket]


def main() -> None:
    order = json.loads(sys.stdin.readline())
    peer = {"webdav": Dav, "s3": S3}[order["by"]](order)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        what, *said = json.loads(line)
        print(json.dumps(getattr(peer, what)(*said)), flush=True)


main()
# Servers have threads of their own.
os._exit(0)
