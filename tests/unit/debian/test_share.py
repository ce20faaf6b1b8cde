"""The share's user and password, and what its units and Samba's configuration say."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from hotshoe import paths
from hotshoe.debian import share
from hotshoe.debian.vsftpd import OWNER
from hotshoe.plan.model import ServerPlan, Share
from hotshoe.render import render


@pytest.fixture
def server(example_plan) -> ServerPlan:
    return replace(example_plan.servers[0], share=Share(may_change=False))


def configuration(server: ServerPlan) -> dict[str, str]:
    """The options of the share, and of Samba as a whole; none is in both."""
    said = render("share/smb.conf.j2", server=server, share=share, owner=OWNER)
    lines = [line.strip() for line in said.splitlines()]
    options = [line.split(" = ", 1) for line in lines if " = " in line and line[0] != "#"]
    assert len({name for name, _ in options}) == len(options)
    return dict(options)


def unit(server: ServerPlan) -> str:
    return render("share/service.j2", server=server, unit=share.SAMBA, user=share.USER, owner=OWNER)


def test_the_password_is_stored_as_samba_compares_it():
    """MD4 of UTF-16 ([MS-NLMP], section 3.3.1), here of a password whose hash is well known."""
    assert share.password_file("password") == (
        "hotshoe-share:0:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:8846F7EAEE8FB117AD06BDD830B7586C:"
        "[UX         ]:LCT-00000001:\n"
    )


def test_an_unchanged_password_is_no_change():
    assert share.password_file("päss:word") == share.password_file("päss:word")
    assert "päss" not in share.password_file("päss:word")


def test_what_a_person_types_is_a_user_of_samba_alone():
    assert share.users() == "hotshoe-share = hotshoe\n"


@pytest.mark.parametrize("may_change", [False, True])
def test_photos_may_be_changed_if_the_site_says_so(server, may_change):
    plan = replace(server, share=Share(may_change))
    assert configuration(plan)["read only"] == ("no" if may_change else "yes")
    bound = f"BindPaths={paths.LIBRARY}\nReadWritePaths={paths.LIBRARY}\n"
    assert (bound in unit(plan)) is may_change
    assert (f"BindReadOnlyPaths={paths.LIBRARY}\n" in unit(plan)) is not may_change


def test_what_is_put_there_is_for_readers_if_there_are_any(server):
    assert configuration(server)["create mask"] == "0660"
    assert configuration(server)["directory mask"] == "0770"
    readable = replace(server, readers=("ann",))
    assert configuration(readable)["create mask"] == "0664"
    assert configuration(readable)["directory mask"] == "0775"


def test_samba_keeps_nothing_on_the_disk(server):
    options = configuration(server)
    kept = [name for name in options if re.search(r"(dir|directory|log file)$", name)]
    assert len(kept) == 7
    assert all(options[name].startswith(paths.SHARE_RUNTIME) for name in kept)


@pytest.mark.parametrize("wanted", [share.SAMBA, share.DISCOVERY])
def test_a_unit_records_what_a_deploy_compares(server, wanted):
    """In the unit's file, systemd makes one % of two."""
    template = "service" if wanted is share.SAMBA else "discovery.service"
    said = render(f"share/{template}.j2", server=server, unit=wanted, user=share.USER, owner=OWNER)
    line = next(line for line in said.splitlines() if line.startswith("ExecStartPre=+"))
    program = shlex.split(line.removeprefix("ExecStartPre=+").replace("%%", "%"))[-1]
    assert f"( {wanted.loaded} ) >{wanted.record}" in program


def test_no_digest_of_the_password_is_recorded():
    """A record is for everybody; of a digest, one could try passwords."""
    digests, _, rest = share.SAMBA.loaded.partition(";")
    assert paths.SHARE_PASSWORD not in digests
    assert rest.split() == ["stat", "-c", "%i.%Z", paths.SHARE_PASSWORD]
