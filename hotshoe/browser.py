"""A page as a PDF, by the browser of this computer: Chromium, or what is built of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hotshoe.errors import HotshoeError

# The first one that is there is taken.
PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "brave-browser",
)
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)
_PATIENCE_S = 120


def pdf(html: str) -> bytes:
    """Print a page.

    :param html: a document that needs no other file and runs no program
    :raises HotshoeError: if there is no browser, or it does not print
    """
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise HotshoeError(
            "a PDF is printed by Chromium, which is not installed here\n"
            "    -> install it (Debian: apt install chromium), or write the page with --html and "
            "print it from any browser"
        )
    # Nobody else may look into the folder: the page may hold passwords.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page, printed = Path(folder) / "page.html", Path(folder) / "page.pdf"
        page.write_text(html, encoding="utf-8")
        try:
            done = subprocess.run(
                [
                    program,
                    *_OPTIONS,
                    # Chromium refuses to start as root with it; the page is our own.
                    *(["--no-sandbox"] if os.geteuid() == 0 else []),
                    f"--user-data-dir={folder}/profile",
                    f"--print-to-pdf={printed}",
                    page.as_uri(),
                ],
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise HotshoeError(
                f"{program}: has not printed the page within {_PATIENCE_S} s\n"
                "    -> write it with --html, and print it from any browser"
            ) from None
        if not printed.exists():
            said = done.stderr.strip().splitlines()
            raise HotshoeError(
                f"{program}: did not print the page: {said[-1] if said else done.returncode}\n"
                "    -> write it with --html, and print it from any browser"
            )
        return printed.read_bytes()
