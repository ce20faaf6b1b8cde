"""The person's program that is told of photos, read on the computer that deploys."""

from __future__ import annotations

from pathlib import Path

from hotshoe.errors import Problem, SiteError

KEY = "message.program"
# A script is no longer; it travels with every deploy that changes it.
MOST_BYTES = 1 << 20
_REMEDY = "templates/message/examples/ntfy is one to copy (docs/message.md)"


def load(program: str, site: Path, root: Path) -> str:
    """Read the program.

    :param program: its path, from the folder that holds deploy.py
    :param site: the Site's file, for messages
    :param root: the folder that holds deploy.py
    :returns: its text
    :raises SiteError: if it cannot be read, or if no server could run it
    """
    path = root / program
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is not there, or no regular file"
            raise _refused(site, f"{path} {what}", f"correct the path, or write it: {_REMEDY}")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _refused(
            site,
            f"{path} cannot be read: {error.strerror}",
            "correct the path, which begins at the folder that holds deploy.py",
        ) from None
    if reason := _why_unfit(content):
        raise _refused(site, f"{path} {reason}", _REMEDY)
    return content.decode()


def _why_unfit(content: bytes) -> str:
    """Why no server can run a program, as a clause; empty if one may."""
    begins, _, _ = content.partition(b"\n")
    if len(content) > MOST_BYTES:
        return f"is larger than {MOST_BYTES >> 20} MiB; write a script that calls what is so large"
    if not begins.startswith(b"#!"):
        return "does not begin with #! and the path of its interpreter, such as #!/usr/bin/python3"
    if not begins.removeprefix(b"#!").strip().startswith(b"/"):
        return "begins with #! and no path of an interpreter, such as #!/usr/bin/python3"
    if begins.endswith(b"\r"):
        return (
            "ends its lines as Windows does, so that no server finds its interpreter; save it "
            "with the line ends of Unix (LF)"
        )
    try:
        content.decode()
    except UnicodeDecodeError:
        return "is not a text file in UTF-8"
    return ""


def _refused(site: Path, reason: str, remedy: str) -> SiteError:
    return SiteError([Problem(str(site), KEY, reason, remedy)])
