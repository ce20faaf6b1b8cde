"""What people are told of photos, by their paths."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from hotshoe_delivery import status
from hotshoe_delivery.configuration import Configuration
from hotshoe_delivery.ledger import Found, Ledger

LIBRARY = "/srv/hotshoe/library"


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Ask about photos of a ledger in which a few have come and gone."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.configure({"nas": "there"})
    ledger.see([Found("r5/a.JPG", 1, 1, 1.0), Found("r5/\udcff.JPG", 2, 2, 2.0)])
    ledger.see([Found("r5/a.JPG", 3, 3, 3.0), Found("r5/b.JPG", 4, 4, 4.0)])
    ledger.delivered(3, "nas", "r5/a.JPG")
    ledger.gone([4], "retention")
    ledger.close()
    configuration = SimpleNamespace(
        ledger=str(tmp_path / "ledger"),
        library=LIBRARY,
        exchange=str(tmp_path / "nobody"),
        retention=None,
        destinations=(),
    )
    monkeypatch.setattr(Configuration, "read", lambda _: configuration)

    def ask(*paths: str):
        given = b"".join(path.encode(errors="surrogateescape") + b"\0" for path in paths)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
        assert status.main(["configuration", "-"]) == 0
        return json.loads(capsys.readouterr().out)["photos"]

    return ask


def test_photos_that_are_asked_for_are_told_and_no_others(told):
    asked = [f"{LIBRARY}/{name}" for name in ("r5/\udcff.JPG", "r5/nobody-knows.JPG", "r5/b.JPG")]
    odd, removed = told(*asked)
    assert (odd["path"], odd["gone"]) == (asked[0], None)
    assert (removed["path"], removed["why_gone"]) == (asked[2], "retention")
    assert told() == []


def test_under_one_path_the_photo_counts_that_is_there(told):
    (photo,) = told(f"{LIBRARY}/r5/a.JPG")
    assert (photo["size"], photo["gone"]) == (3, None)
    assert [each["state"] for each in photo["deliveries"]] == ["delivered"]
