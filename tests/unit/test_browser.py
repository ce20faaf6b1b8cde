"""A page as a PDF: what is said if the browser of this computer does not print it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotshoe import browser
from hotshoe.errors import HotshoeError


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A browser that does what a script says, and the file of what it was told."""

    def make(script: str):
        path = tmp_path / "chromium"
        path.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/told\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return tmp_path / "told"

    return make


PRINT = 'for a; do case $a in --print-to-pdf=*) echo %PDF-1.4 >"${a#*=}";; esac; done'


def test_what_the_browser_printed_is_returned(program):
    program(PRINT)
    assert browser.pdf("<p>a page</p>") == b"%PDF-1.4\n"


def test_it_asks_no_host_and_keeps_its_sandbox_unless_it_is_roots(program, monkeypatch):
    told = program(PRINT)
    monkeypatch.setattr(browser.os, "geteuid", lambda: 1000)
    browser.pdf("<p>a page</p>")
    assert "--no-sandbox" not in told.read_text()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in told.read_text()
    monkeypatch.setattr(browser.os, "geteuid", lambda: 0)
    browser.pdf("<p>a page</p>")
    assert "--no-sandbox" in told.read_text()


def test_a_browser_that_prints_nothing_is_told_with_what_it_said(program):
    program("echo no display >&2; exit 1")
    with pytest.raises(HotshoeError, match=r"did not print the page: no display\n.*--html"):
        browser.pdf("<p>a page</p>")


def test_a_browser_that_hangs_is_ended(program, monkeypatch):
    monkeypatch.setattr(browser, "_PATIENCE_S", 0.3)
    program("exec sleep 60")
    with pytest.raises(HotshoeError, match="has not printed the page within"):
        browser.pdf("<p>a page</p>")


def test_the_page_is_in_a_folder_that_is_gone_afterwards(program):
    told = program(PRINT)
    browser.pdf("<p>a page</p>")
    (page,) = (word for word in told.read_text().split() if word.startswith("file://"))
    assert page.endswith("/page.html")
    assert not Path(page.removeprefix("file://")).parent.exists()
