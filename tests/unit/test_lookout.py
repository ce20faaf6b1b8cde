"""The search for secrets finds one that is planted, in every place and form."""

from __future__ import annotations

import base64
import html
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.lookout import MARKED, Lookout, forms, vault_text

SECRET = 'mk7 "äöü" <+/=&>'
IN_DISGUISE = {
    "as it is": SECRET,
    "in a URL": f"ftp://r5:{quote(SECRET, safe='')}@photos",
    "in JSON": json.dumps({"password": SECRET}),
    "as Python shows it": repr({"password": SECRET + "'"}),
    "in HTML": f"<td>{html.escape(SECRET)}</td>",
    "in hex": f"x {SECRET.encode().hex()}",
    "in HEX": f"x {SECRET.encode().hex().upper()}",
}


@pytest.fixture
def lookout() -> Lookout:
    return Lookout({"it": SECRET})


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_found(lookout: Lookout, place: str) -> None:
    wait_until(lambda: any(found == place for found, _, _ in set(lookout.found)))


@pytest.mark.parametrize("form", IN_DISGUISE)
def test_a_secret_is_found_in_its_disguise(lookout, form):
    lookout.look(IN_DISGUISE[form], "here")
    assert ("here", "it", form) in lookout.found


@pytest.mark.parametrize("urls", [False, True])
@pytest.mark.parametrize("after", range(7))
@pytest.mark.parametrize("before", range(7))
def test_a_secret_is_found_in_the_middle_of_base64(lookout, before, after, urls):
    encode = base64.urlsafe_b64encode if urls else base64.b64encode
    lookout.look(encode(b"u" * before + SECRET.encode() + b"\xff" * after), "here")
    assert lookout.found


@pytest.mark.parametrize("text", ["", SECRET[:-1], SECRET[1:], SECRET.upper(), "mk7"])
def test_what_is_not_the_secret_is_not_found(lookout, text):
    lookout.look(text, "here")
    assert lookout.found == set()


def test_a_secret_is_found_in_files_and_their_names_and_not_where_it_belongs(lookout, tmp_path):
    for name in ("a/leak", "a/.hidden", "vault/password", "password"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"\0{SECRET}")
    with zipfile.ZipFile(tmp_path / "it.pyz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("order", SECRET * 9)
    lookout.look_at_files(tmp_path, but=[tmp_path / "vault", tmp_path / "password"])
    assert {place for place, _, _ in lookout.found} == {
        f"{tmp_path}/a/leak",
        f"{tmp_path}/a/.hidden",
        f"{tmp_path}/it.pyz: order",
    }
    (tmp_path / quote(SECRET, safe="")).touch()
    lookout.look_at_files(tmp_path, but=[tmp_path / "vault", tmp_path / "password"])
    assert ("the name of a file", "it", "in a URL") in lookout.found


SLEEP = "import sys; sys.stdin.read()"


def test_a_secret_is_found_on_a_command_line(lookout):
    with (
        lookout.watching(),
        subprocess.Popen([sys.executable, "-c", SLEEP, f"--it={SECRET}"], stdin=subprocess.PIPE),
    ):
        wait_until_found(lookout, "a command line")


def test_a_secret_is_found_in_an_environment_unless_it_belongs_there(lookout):
    def start(variable: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SLEEP]
        return subprocess.Popen(command, stdin=subprocess.PIPE, env={variable: SECRET})

    with lookout.watching(allowed=["PASSWORD"]):
        with start("PASSWORD"):
            seen = lookout.rounds + 2
            wait_until(lambda: lookout.rounds >= seen)
        assert lookout.found == set()
        with start("PASSWORD2"):
            wait_until_found(lookout, "an environment")


def test_a_secret_is_found_in_a_file_that_is_there_for_a_moment(lookout, tmp_path):
    with lookout.watching(tmp_path):
        (tmp_path / "brief").write_text(SECRET)
        wait_until_found(lookout, f"{tmp_path}/brief")
        (tmp_path / "brief").unlink()


def test_no_marked_secret_is_part_of_another_and_all_are_in_the_vault():
    for name, secret in MARKED.items():
        rest = {other: text for other, text in MARKED.items() if other != name}
        lookout = Lookout({name: secret})
        lookout.look("\n".join(rest.values()), "the others")
        assert lookout.found == set()
        if name != "the password of the vault":
            lookout.look(vault_text(), "the vault")
            assert lookout.found
    assert all(len(text) > 8 for secret in MARKED.values() for text in forms(secret).values())
