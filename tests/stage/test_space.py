"""How much room photos take, on the disk and on the line, and what a camera is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.stage.home import Home

OK = "226 Transfer complete."


@contextmanager
def saying(home: Home, **keys: str) -> Iterator[None]:
    """A Site that says more, deployed; put back afterwards."""
    shared = home.project / "group_vars" / "all.yml"
    said = shared.read_text()
    try:
        shared.write_text(
            said.replace("{tls:", f"{{{keys.pop('ftp')}, tls:") if "ftp" in keys else said
        )
        with shared.open("a") as file:
            file.writelines(f"{key}: {value}\n" for key, value in keys.items())
        home.deploy()
        yield
    finally:
        shared.write_text(said)
        home.deploy()


def rate(home: Home, uploads: int, size: int) -> float:
    """The bytes a second of several uploads at once, from before they log in."""
    started = time.monotonic()
    with ThreadPoolExecutor(uploads) as pool:
        orders = [pool.submit(home.ftp, ["stor", f"{started}-{i}", size]) for i in range(uploads)]
        assert [order.result() for order in orders] == [[OK]] * uploads
    return uploads * size / (time.monotonic() - started)


def test_all_uploads_together_keep_to_the_rate(either_home: Home) -> None:
    """They stay near it, nothing else is slowed down, and nothing of it stays behind."""
    home, most, rules = either_home, 2_000_000, "nft -s list table inet hotshoe_firewall"
    before = home.sh(home.server, rules)
    assert rate(home, 4, 4_000_000) > 2 * most
    with saying(home, ftp="total_bytes_per_second: 2MB"):
        reached = rate(home, 4, 6_000_000)
        print(f"{reached / most:.2f} of the rate")
        assert 0.5 < reached / most < 1.15
        assert home.would_change() == []
    assert home.sh(home.server, rules) == before
