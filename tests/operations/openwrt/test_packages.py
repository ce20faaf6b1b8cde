"""Why packages are installed by an operation of our own: what pyinfra's own would do."""

from __future__ import annotations

from pyinfra.facts.apk import ApkPackages
from pyinfra.operations import opkg

from roles.openwrt import operations
from roles.openwrt.facts import InstalledPackages
from tests.operations.openwrt.conftest import recorded


def test_pyinfra_s_own_opkg_operation_changes_a_router_in_every_run(on_router):
    """And without its update, nothing is found after a reboot: opkg keeps its lists in RAM."""
    installed = {"kmod-nf-nathelper": {"6.6.73-r1"}}
    on_router(recorded("fresh"), OpkgPackages=installed, InstalledPackages=frozenset(installed))
    assert list(map(str, opkg.packages._inner(["kmod-nf-nathelper"]))) == ["opkg update"]
    assert list(operations.packages._inner(("kmod-nf-nathelper",))) == []


def test_pyinfra_s_own_apk_fact_does_not_read_every_version_of_openwrt():
    theirs = ApkPackages().process(
        [
            "busybox-1.37.0-r6 x86_64 {feeds/base/busybox} (GPL-2.0) [installed]",
            "base-files-1674~5d5ffa7d32 x86_64 {feeds/base/base-files} (GPL-2.0) [installed]",
        ]
    )
    assert set(theirs) == {"busybox"}
    ours = InstalledPackages().process(
        ["@@hotshoe installed_packages", "busybox 1.37.0-r6", "base-files 1674~5d5ffa7d32"]
    )
    assert ours == {"busybox", "base-files"}
