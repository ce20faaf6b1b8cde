"""A server whose public address changes announces what the outside sees, and only that.

What it asks on the Internet is played by a program on the server itself, in front of curl; a whole
home with real services is in ``test_dynamic``.
"""

from __future__ import annotations

import pytest

from hotshoe import paths
from hotshoe.stage import podman
from hotshoe.stage.topology import LAPTOP
from tests.stage.conftest import SharedStage, deployed
from tests.stage.home import Home

# Any router will do, and nobody updates the record.
DYNAMIC = "public_address: dynamic\nddns: {updated_by: none}\n"
SOURCES = "/usr/local/bin/curl"
OURS = f"{paths.ADDRESS_PROGRAM} {paths.STATE} {paths.ADDRESS_CONFIGURATION} {paths.UPDATE_RECORD}"


def _said(site: str) -> str:
    lines = site.replace("managed_by: linux", "managed_by: hand").splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith(("public_address:", "ddns:")))
    return kept + DYNAMIC


@pytest.fixture(params=["13", "12"])
def home(request: pytest.FixtureRequest, stage: SharedStage) -> Home:
    """A deployed home whose public address changes, on each Debian release."""
    name = f"test-address-{request.param}"
    return stage.home(name, lambda: deployed(name, request.param, "dynamic", _said))


def sources_say(home: Home, body: str, status: str = "200") -> None:
    """What the sources answer from now on, and let the server ask them."""
    podman.execute(
        home.stage.container(home.server),
        "sh",
        "-c",
        f"cat >{SOURCES} && chmod 755 {SOURCES} && systemctl reload hotshoe-address",
        input_text=f"#!/bin/sh\nprintf '%s\\n%s' '{body}' '{status}'\n",
    )


def becomes(home: Home, address: str) -> None:
    """Wait until the server announces an address; fails the test if it never does."""
    home.sh(
        home.server,
        f"timeout 20 sh -c 'until grep -qx pasv_address={address} {paths.PUBLIC_ADDRESS}; "
        "do sleep 0.1; done'",
    )


def says(home: Home, text: str) -> None:
    """Wait until the server's journal has a line."""
    home.sh(
        home.server,
        'timeout 20 sh -c \'until journalctl -o cat -t hotshoe-address | grep -qF "$1"; '
        f"do sleep 0.1; done' - '{text}'",
    )


def announced(home: Home, node: str = "camera", **order: object) -> str:
    """The address that PASV announces to a client."""
    (reply,) = home.ftp(["send", "PASV"], node=node, **order)
    return ".".join(reply[reply.index("(") + 1 :].split(",")[:4])


def test_new_sessions_get_the_new_address_and_no_deploy_fights_it(home: Home) -> None:
    for address in ("203.0.113.101", "203.0.113.102"):
        sources_say(home, address)
        becomes(home, address)
        inside = str(home.server_plan.address)
        assert announced(home, LAPTOP) == announced(home) == address
        assert announced(home, LAPTOP, dial=inside) == inside
        assert home.would_change() == []
        assert home.deploy() == {}


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ("<html>203.0.113.66</html>", "200", "no two sources agree on it"),
        ("203.0.113.66", "302", "no two sources agree on it"),
        ("100.64.1.1", "200", "carrier-grade NAT (RFC 6598)"),
        ("192.168.1.10", "200", "private (RFC 1918)"),
    ],
)
def test_what_is_not_the_public_address_is_never_announced(
    home: Home, body: str, status: str, why: str
) -> None:
    sources_say(home, "203.0.113.103")
    becomes(home, "203.0.113.103")
    home.sh(home.server, "journalctl --rotate && journalctl --vacuum-time=1s")
    sources_say(home, body, status)
    says(home, "203.0.113.103 stays: ")
    says(home, why)
    assert announced(home) == "203.0.113.103"


def test_killed_or_rebooted_without_an_answer_it_keeps_the_last_good_address(home: Home) -> None:
    sources_say(home, "203.0.113.104")
    becomes(home, "203.0.113.104")
    sources_say(home, "no answer", "000")
    home.sh(home.server, "systemctl kill -s KILL hotshoe-address")
    home.stage.reboot(home.server)
    says(home, "203.0.113.104 stays: ")
    home.wait_until_it_listens()
    assert announced(home) == "203.0.113.104"
    assert home.would_change() == []
    sources_say(home, "203.0.113.105")
    becomes(home, "203.0.113.105")


def test_what_follows_the_address_sees_no_photo_and_no_key(home: Home) -> None:
    unit = "hotshoe-address"
    assert home.exposure(home.server, unit) <= 1.6
    inside = f"/proc/$(systemctl show -P MainPID {unit})/root"
    assert home.sh(home.server, f"ls {inside}{paths.PHOTOS}; cat {inside}{paths.CERTIFICATE}") == ""
    assert not home.succeeds(home.server, f"touch {inside}/etc/it")


def test_with_a_fixed_address_nothing_of_it_is_left(home: Home) -> None:
    sources_say(home, "203.0.113.106")
    becomes(home, "203.0.113.106")
    with home.saying(DYNAMIC, "public_address: 203.0.113.20\n"):
        left = home.sh(
            home.server, f"ls -d {OURS} /etc/systemd/system/*/hotshoe-address* 2>&1 || :"
        )
        assert all("No such file" in line for line in left.splitlines()), left
        assert home.sh(home.server, "systemctl is-active hotshoe-address || :") == "inactive\n"
        assert announced(home) == "203.0.113.20"
        assert home.would_change() == []
    sources_say(home, "203.0.113.107")
    becomes(home, "203.0.113.107")
