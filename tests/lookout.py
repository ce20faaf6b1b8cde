"""Secrets that look like nothing else, and a search for them in whatever commands leave behind.

Who prints a secret by accident seldom prints it as it is: so it is looked for in the forms that
programs give to text.
"""

from __future__ import annotations

import base64
import html
import json
import os
import shlex
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

# Tests beside this one have secrets of their own.
_OWN = "mk" + "".join("bcdfghjkmn"[int(digit)] for digit in f"{os.getpid():07}")
# Symbols that quoting changes are in those that may have any.
MARKED: Mapping[str, str] = {
    "the password of the vault": f"{_OWN}/vault+zw=3xmt9b&hq",
    "the password of r5": f"{_OWN}r5pwzq8xt",
    "the password of a7": f"{_OWN}a7pwvjd3z",
    "the password of z9": f"{_OWN}z9pwhk3tq",
    "ca_passphrase": f'{_OWN} "passphrase" <zq/8w&x+t=',
    "ddns_secret": f"{_OWN}/ddns+zq8w=x&t<b>",
    "acme_secret": base64.b64encode(f"{_OWN} key ".encode() + b"\xfb\xef\xbe\xff").decode(),
    "share_password": f"{_OWN}sharewq8xv",
    "message_secret": f"{_OWN}/message+zq8w=x&t<b>",
    "delivery_secret": f"{_OWN}/delivery+zq8w=x&t<b>h3",
    "the delivery password of desk": f"{_OWN} desk/zq8w+x=&<t>",
}
# Seconds; a process that lives shorter may not be seen.
_PAUSE = 0.005


def vault_text(secrets: Mapping[str, str] = MARKED) -> str:
    """What a vault with these secrets holds, as YAML."""
    content: dict[str, object] = {
        name: secret for name, secret in secrets.items() if not name.startswith("the ")
    }
    content["camera_passwords"] = {
        name.removeprefix(_CAMERA): secret
        for name, secret in secrets.items()
        if name.startswith(_CAMERA)
    }
    passwords = {
        name.removeprefix(_DELIVERY): secret
        for name, secret in secrets.items()
        if name.startswith(_DELIVERY)
    }
    if passwords:
        content["delivery_passwords"] = passwords
    return json.dumps(content, indent=2)


_CAMERA, _DELIVERY = "the password of ", "the delivery password of "


def forms(secret: str) -> dict[str, bytes]:
    """A secret in the forms that programs give to text, by their names."""
    raw = secret.encode()
    texts = {
        "as it is": secret,
        "in a URL": quote(secret, safe=""),
        "in a form": quote_plus(secret),
        "in JSON": json.dumps(secret)[1:-1],
        "as Python shows it": repr(secret)[1:-1],
        "in HTML": html.escape(secret),
        "in a shell": shlex.quote(secret).strip("'"),
        "in hex": raw.hex(),
        "in HEX": raw.hex().upper(),
    }
    for before in range(3):
        # Whatever comes before and after, these characters are always the same.
        encoded = base64.b64encode(bytes(before) + raw).decode()
        same = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        texts[f"in base64, after {before} bytes"] = same
        texts[f"in base64 for URLs, after {before} bytes"] = same.translate(_URLSAFE)
    return {name: text.encode() for name, text in texts.items()}


_URLSAFE = str.maketrans("+/", "-_")


class Lookout:
    """Looks for secrets.

    :param secrets: what to look for, by what it is called
    :ivar found: where they were found: each time the place, the secret's name and its form
    :ivar rounds: how often it has looked at all processes
    """

    def __init__(self, secrets: Mapping[str, str] = MARKED) -> None:
        self._forms = [
            (name, form, text)
            for name, secret in secrets.items()
            for form, text in forms(secret).items()
        ]
        self.found: set[tuple[str, str, str]] = set()
        self.rounds = 0

    def look(self, content: str | bytes, place: str) -> None:
        """Look at something that was printed, or at a file's content."""
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        for name, form, text in self._forms:
            if text in data:
                self.found.add((place, name, form))

    def look_at_files(self, *folders: Path, but: Iterable[Path] = ()) -> None:
        """Look at the content and the name of every file.

        :param folders: where to look, with everything below
        :param but: the files and folders that are there to hold a secret
        """
        spared = {path.resolve() for path in but}
        for folder in folders:
            for path in _files(folder, spared):
                self.look(os.fsencode(path), "the name of a file")
                # It may be gone by now.
                with suppress(OSError):
                    self.look(path.read_bytes(), str(path))
                    if zipfile.is_zipfile(path):
                        self._look_into_archive(path)

    def _look_into_archive(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                self.look(archive.read(name), f"{path}: {name}")

    @contextmanager
    def watching(self, *folders: Path, allowed: Iterable[str] = ()) -> Iterator[None]:
        """Look at what starts, and into some folders, over and over while something runs.

        :param folders: for files that are gone when it ends
        :param allowed: variables of the environment that are there to hold a secret
        """
        done = threading.Event()
        names = tuple(f"{name}=".encode() for name in allowed)

        before = set(_processes())

        def watch() -> None:
            while not done.wait(_PAUSE):
                self._look_at_processes(before, names)
                self.look_at_files(*folders)
                self.rounds += 1

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _look_at_processes(self, before: set[str], allowed: tuple[bytes, ...]) -> None:
        for process in _processes():
            if process in before:
                continue
            # It may have ended meanwhile.
            with suppress(OSError):
                self.look(Path(f"/proc/{process}/cmdline").read_bytes(), "a command line")
            with suppress(OSError):
                variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
                told = [v for v in variables if not (allowed and v.startswith(allowed))]
                self.look(b"\0".join(told), "an environment")


def _processes() -> Iterator[str]:
    return (path.name for path in Path("/proc").iterdir() if path.name.isdigit())


def _files(folder: Path, spared: set[Path]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        inside = Path(parent)
        folders[:] = [name for name in folders if (inside / name).resolve() not in spared]
        for name in names:
            path = inside / name
            if path.is_file() and not path.is_symlink() and path.resolve() not in spared:
                yield path
