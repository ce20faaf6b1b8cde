"""What a real browser makes of a page: a headless Chromium runs a script in it and tells.

A page finds no host but the one it is on, and no start leaves anything behind.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

PROGRAM = "chromium"
_OPTIONS = (
    "--headless",
    "--no-sandbox",  # which Chromium refuses to do without when it is root's
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
# Of the page's own clock, which runs ahead as fast as it can.
_BUDGET_MS = 10_000
_PATIENCE_S = 120

# The answer leaves in an attribute, for a page may have any elements it likes.
_ANSWER = """
<script>
addEventListener("load", async () => {
  const answer = (key, value) =>
    { document.documentElement.dataset[key] = encodeURIComponent(JSON.stringify(value)); };
  try {
    await document.fonts.ready;
    answer("returned", await (async () => { %s })() ?? null);
  } catch (error) {
    answer("failed", String(error));
  }
  document.body.replaceChildren();
});
</script>
"""


class BrowserError(Exception):
    """The browser did not start, or the script failed."""


def evaluate(html: str, script: str, *, width: int = 1280, height: int = 800) -> Any:
    """Show a page and run a script in it.

    :param html: a whole HTML document
    :param script: the body of an asynchronous JavaScript function
    :param width: of the window, in CSS pixels
    :param height: of the window
    :returns: what the script returned, by way of JSON
    :raises BrowserError: with what the script or the browser said
    """
    if not shutil.which(PROGRAM):
        raise BrowserError(f"there is no {PROGRAM}; tools/browser installs it")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "page.html"
        page.write_text(html + _ANSWER % script, encoding="utf-8")
        done = subprocess.run(
            [
                PROGRAM,
                *_OPTIONS,
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{height}",
                f"--virtual-time-budget={_BUDGET_MS}",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    if failed := _answered("failed", done.stdout):
        raise BrowserError(f"the page's script failed: {failed}")
    returned = _answered("returned", done.stdout)
    if returned is None:
        raise BrowserError(
            f"{PROGRAM} returned nothing (exit {done.returncode}): {done.stderr[-2000:]}"
        )
    return returned[0]


def _answered(key: str, dom: str) -> tuple[Any] | None:
    """What the page put into that attribute of its root, if anything."""
    root = re.search(r"<html\b[^>]*>", dom)
    value = re.search(rf'\bdata-{key}="([^"]*)"', root[0]) if root else None
    return (json.loads(unquote(value[1])),) if value else None
