"""The example programs, as a person copies and fills them in, against the APIs that they speak."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.unit.message.endpoints import KEY, TOKEN, Elsewhere, Immich, Ntfy, answering

EXAMPLES = PROJECT / "templates" / "message" / "examples"


@pytest.fixture
def run(tmp_path):
    """Runs a copy of an example: ``run("ntfy", photos, SERVER=…)``."""

    def start(
        name: str, photos: list[dict], secret: str = "", **settings: str
    ) -> subprocess.CompletedProcess[str]:
        text = (EXAMPLES / name).read_text()
        for key, value in settings.items():
            text, changed = re.subn(f'^{key} = ".*"$', f'{key} = "{value}"', text, flags=re.M)
            assert changed == 1
        program = tmp_path / name
        program.write_text(text)
        environment = {}
        if secret:
            (tmp_path / "secret").write_text(secret)
            environment["CREDENTIALS_DIRECTORY"] = str(tmp_path)
        return subprocess.run(
            [sys.executable, program],
            input=json.dumps(photos),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


def photo(path: Path | str, camera: str = "r5") -> dict:
    return {"camera": camera, "path": str(path), "size": 7, "time": "2026-05-31T10:00:00Z"}


@pytest.mark.parametrize("name", ["ntfy", "immich"])
def test_an_example_can_be_run_where_it_is_copied_to(name):
    assert (EXAMPLES / name).read_text().startswith("#!/usr/bin/python3\n")
    assert (EXAMPLES / name).stat().st_mode & 0o111


@pytest.mark.parametrize(("name", "key"), [("ntfy", "TOPIC"), ("immich", "SERVER")])
def test_one_that_is_not_filled_in_says_so(run, name, key):
    done = run(name, [photo("/a/A.JPG")], secret="it")
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"into this program: {key}")


@pytest.mark.parametrize(("name", "settings"), [("ntfy", {"TOPIC": "photos"}), ("immich", {})])
class TestAnotherServer:
    """Such as the one that leads from http:// to https://, or a hotspot that wants a log-in."""

    def test_that_leads_elsewhere_is_told_and_not_followed(self, run, tmp_path, name, settings):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        with answering(Elsewhere()) as web, answering(Elsewhere(web.url)) as first:
            done = run(name, [photo(tmp_path / "A.JPG")], KEY, SERVER=first.url, **settings)
        assert done.returncode == 1
        assert f"{first.url} leads to {web.url}" in done.stderr
        assert "write that address into this program: SERVER" in done.stderr
        assert web.read == []

    def test_that_takes_whatever_comes_has_not_taken_it(self, run, tmp_path, name, settings):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        with answering(Elsewhere()) as web:
            done = run(name, [photo(tmp_path / "A.JPG")], KEY, SERVER=web.url, **settings)
        assert done.returncode == 1
        assert f"what answers at {web.url} is not {name}" in done.stderr.lower()
        assert "Traceback" not in done.stderr


class TestNtfy:
    @pytest.fixture
    def ntfy(self):
        with answering(Ntfy()) as endpoint:
            yield endpoint

    def test_a_photo(self, run, ntfy):
        done = run("ntfy", [photo("/a/Été.JPG")], SERVER=ntfy.url, TOPIC="photos")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert ntfy.messages == [
            {
                "topic": "photos",
                "title": "A new photo",
                "message": "r5: Été.JPG",
                "tags": ["camera"],
            }
        ]

    def test_many_photos_are_one_message_of_a_few_lines(self, run, ntfy):
        photos = [photo(f"/a/IMG_{n:04}.JPG") for n in range(5000)]
        done = run("ntfy", [*photos, photo("/a/B.JPG", "a7")], SERVER=ntfy.url, TOPIC="photos")
        assert done.returncode == 0
        (said,) = ntfy.messages
        assert said["title"] == "5001 new photos"
        assert said["message"] == "r5: 5000 photos, IMG_0000.JPG … IMG_4999.JPG\na7: B.JPG"

    def test_a_name_that_is_no_utf_8(self, run, ntfy):
        done = run("ntfy", [photo("/a/\udcff.JPG")], SERVER=ntfy.url, TOPIC="photos")
        assert done.returncode == 0
        assert ntfy.messages[0]["message"] == "r5: ?.JPG"

    def test_a_protected_topic(self, run, ntfy):
        done = run("ntfy", [photo("/a/A.JPG")], SERVER=ntfy.url, TOPIC="private")
        assert done.returncode == 1
        assert "answers 403" in done.stderr
        done = run("ntfy", [photo("/a/A.JPG")], TOKEN + "\n", SERVER=ntfy.url, TOPIC="private")
        assert done.returncode == 0
        assert len(ntfy.messages) == 1

    def test_a_wrong_token_is_told_and_not_shown(self, run, ntfy):
        done = run("ntfy", [photo("/a/A.JPG")], "tk_wrong", SERVER=ntfy.url, TOPIC="private")
        assert done.returncode == 1
        assert "unauthorized" in done.stderr
        assert "tk_wrong" not in done.stderr

    def test_too_many_requests_are_a_failure(self, run, ntfy):
        """So hotshoe sends it again later."""
        ntfy.busy = True
        done = run("ntfy", [photo("/a/A.JPG")], SERVER=ntfy.url, TOPIC="photos")
        assert done.returncode == 1
        assert "limit reached" in done.stderr


class TestImmich:
    @pytest.fixture(params=[2, 3])
    def immich(self, request):
        with answering(Immich(request.param)) as endpoint:
            yield endpoint

    def test_photos_arrive_with_every_byte(self, run, immich, tmp_path):
        contents = {"A.JPG": b"--boundary\r\n\r\n" * 9, 'É "b".CR3': bytes(range(256)) * 9000}
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        done = run("immich", [photo(tmp_path / n) for n in contents], KEY, SERVER=immich.url)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        found = {asset.name: asset.content for asset in immich.assets.values()}
        assert {*found.values()} == {*contents.values()}
        assert "A.JPG" in found

    def test_a_photo_that_it_has_is_there_once(self, run, immich, tmp_path):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        for _ in range(2):
            done = run("immich", [photo(tmp_path / "A.JPG")], KEY, SERVER=immich.url + "/")
            assert (done.returncode, done.stderr) == (0, "")
        assert (len(immich.assets), immich.uploads) == (1, 2)

    def test_a_file_that_it_never_takes_is_no_failure(self, run, immich, tmp_path):
        """Else it would be sent again for days, and the photos beside it."""
        for name in ("A.WAV", "A.JPG"):
            (tmp_path / name).write_bytes(b"1234567")
        photos = [photo(tmp_path / "A.WAV"), photo(tmp_path / "A.JPG")]
        done = run("immich", photos, KEY, SERVER=immich.url)
        assert (done.returncode, len(immich.assets)) == (0, 1)
        assert "A.WAV: Immich takes no files of this type" in done.stdout

    def test_a_photo_that_is_gone_keeps_no_other_back(self, run, immich, tmp_path):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        photos = [photo(tmp_path / "gone.JPG"), photo(tmp_path / "A.JPG")]
        done = run("immich", photos, KEY, SERVER=immich.url)
        assert (done.returncode, len(immich.assets)) == (0, 1)
        assert "gone.JPG has been moved or removed since" in done.stdout

    def test_a_wrong_key_is_told_and_not_shown(self, run, immich, tmp_path):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        done = run("immich", [photo(tmp_path / "A.JPG")], "not-the-key", SERVER=immich.url)
        assert done.returncode == 1
        assert "answers 401" in done.stderr
        assert "Invalid API key" in done.stderr
        assert "not-the-key" not in done.stderr

    def test_without_a_key(self, run, immich, tmp_path):
        done = run("immich", [photo(tmp_path / "A.JPG")], SERVER=immich.url)
        assert done.returncode == 1
        assert "into the vault: message_secret" in done.stderr

    def test_something_else_answers_there(self, run, tmp_path):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        with answering(Ntfy()) as other:
            done = run("immich", [photo(tmp_path / "A.JPG")], KEY, SERVER=other.url)
        assert done.returncode == 1
        assert "answers 400" in done.stderr

    def test_nobody_answers_there(self, run, tmp_path):
        (tmp_path / "A.JPG").write_bytes(b"1234567")
        with answering(Immich(3)) as gone:
            url = gone.url
        done = run("immich", [photo(tmp_path / "A.JPG")], KEY, SERVER=url)
        assert done.returncode == 1
        assert "cannot be reached: [Errno 111] Connection refused" in done.stderr
