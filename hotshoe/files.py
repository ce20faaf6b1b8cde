"""Files that are replaced in one step: those that a person asks for, and those of our own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hotshoe.errors import HotshoeError

# As much of a file as holds its title.
_BEGINNING = 2000


@dataclass(frozen=True)
class Kind:
    """A kind of file that is written.

    :param what: it is, in a few words
    :param option: of the command line that asks for it
    :param suffix: the end of its name, so that no file of the project is overwritten
    :param mark: text near its beginning that other files do not have
    """

    what: str
    option: str
    suffix: str
    mark: str


WORKSHEET = Kind("worksheet", "--worksheet", ".html", "<title>Worksheet: ")
SHEET = Kind("camera sheet", "--html", ".html", "<title>Camera sheet: ")
SHEET_PDF = Kind("camera sheet", "--pdf", ".pdf", "/Title (Camera sheet: ")
# Its first member (hotshoe.probe.bundle).
CHECKER = Kind("checker", "--single-file", ".pyz", "hotshoe/__init__.py")
PICTURE = Kind("picture of a home", "--diagram", ".svg", 'class="hotshoe-home"')


@dataclass(frozen=True)
class File:
    """A file to write.

    :param path: its folder must exist; where it is a link, the file that it leads to is written
    :param kind: of file; what is there already must be one too
    :param text: its content
    :param private: whether nobody else on this computer may read it, since it holds secrets
    """

    path: Path
    kind: Kind
    text: str | bytes
    private: bool = False


def write(files: Sequence[File]) -> None:
    """Write files, each in one step, so that a killed run leaves the old one or the new one.

    :raises HotshoeError: if one cannot be written, or is not for hotshoe to write; mostly before
        any is written
    """
    reals = [_checked(file) for file in files]
    for file, real in zip(files, reals, strict=True):
        try:
            _replace(real, file)
        except OSError as error:
            raise _refusal(file, str(error.strerror)) from None


def _checked(file: File) -> Path:
    """The real path of a file, if it may be written."""
    try:
        # A loop of links is a RuntimeError in Python 3.11 and 3.12.
        real = file.path.resolve()
        if reason := _why_not_writable(real) or _why_not_replaceable(real, file.kind):
            raise _refusal(file, reason)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is a loop of links"
        raise _refusal(file, reason) from None
    return real


def _refusal(file: File, reason: str) -> HotshoeError:
    return HotshoeError(f"{file.path}: cannot be written: {reason}")


def _why_not_writable(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not path.is_file():
        # To rename something over a device would remove the device.
        return "it is a device or a pipe"
    if path.exists() and not os.access(path, os.W_OK):
        return "it may only be read"
    return None


def _why_not_replaceable(path: Path, kind: Kind) -> str | None:
    """Why a file must not be replaced, such as the Site itself."""
    if path.suffix.lower() != kind.suffix:
        return (
            f"the name {path.name} does not end in {kind.suffix}\n"
            f"    -> write for example: {kind.option} home{kind.suffix}"
        )
    if not path.exists():
        return None
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    if beginning and kind.mark.encode() not in beginning:
        return f"what is there is no {kind.what}\n    -> name another file, or remove that one"
    return None


def replace(path: Path, data: bytes, mode: int, *, exact: bool = False) -> None:
    """Replace a file of our own, so that a killed run or a power cut leaves the old or the new one.

    :param path: only one process writes it at a time
    :param mode: its permissions, less those that umask(2) takes
    :param exact: whether that takes none
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        if exact:
            os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(path: Path, file: File) -> None:
    data = file.text if isinstance(file.text, bytes) else file.text.encode()
    new = path.with_name(f".hotshoe-{os.getpid()}.new")
    new.unlink(missing_ok=True)
    try:
        mode = 0o600 if file.private else 0o666
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
        if path.exists() and not file.private:
            new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
