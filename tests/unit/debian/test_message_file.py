"""The person's program that is told of photos, as it is read before anything is contacted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotshoe.debian.message_file import MOST_BYTES, load
from hotshoe.errors import SiteError
from hotshoe.plan.model import Message

SITE = Path("group_vars/home.yml")
MESSAGE = Message("messages/ntfy", "photo", 30)


@pytest.fixture
def program(tmp_path) -> Path:
    path = tmp_path / MESSAGE.program
    path.parent.mkdir()
    return path


def test_a_program_is_taken_as_it_is(program, tmp_path):
    program.write_bytes(b"#!/bin/sh\nexit 0\n")
    assert load(MESSAGE, SITE, tmp_path) == "#!/bin/sh\nexit 0\n"


def test_a_file_is_not_waited_for(program, tmp_path):
    os.mkfifo(program)
    with pytest.raises(SiteError, match="ntfy is not a file"):
        load(MESSAGE, SITE, tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is no program: it does not begin with a line that names its interpreter"),
        (b"echo\n", "is no program: it does not begin with a line that names its interpreter"),
        (b"#!" + bytes(MOST_BYTES), "is longer than 1024 KiB"),
        (
            b"#!/bin/sh\r\nexit 0\r\n",
            "ends its lines as Windows does, so that no server finds its ",
        ),
        (b"#!/bin/sh\n# \xe9\n", "is not text in UTF-8"),
    ],
)
def test_what_is_no_program_is_refused(program, tmp_path, content, reason):
    if content is not None:
        program.write_bytes(content)
    with pytest.raises(SiteError) as refused:
        load(MESSAGE, SITE, tmp_path)
    assert f"{SITE}: message.program: {program} {reason}" in str(refused.value)
    assert "\n    -> " in str(refused.value)
