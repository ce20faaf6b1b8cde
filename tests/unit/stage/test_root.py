"""What cameras on a stage are given to trust."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from hotshoe.errors import HotshoeError
from hotshoe.plan.model import CertificateFiles, CertificatePlan
from hotshoe.stage import actions
from tests.homes import example
from tests.unit.debian.pairs import GOOD, OTHER_ROOT, ROOT


@pytest.fixture
def stage(tmp_path):
    """The part of a stage that is asked."""

    def of(certificate=None):
        plan = example("home")
        server = plan.servers[0]
        server = replace(server, certificate=certificate or server.certificate)
        return SimpleNamespace(
            plan=replace(plan, servers=(server,)), root=tmp_path, folder=tmp_path, authority=None
        )

    return of


def test_is_the_own_authority_s_once_there_is_one(stage, tmp_path):
    folder = tmp_path / "pki" / "photos.example.net"
    with pytest.raises(HotshoeError, match=r"ROOT\.CRT: is missing; deploy to the stage first"):
        actions.root_certificate(stage())
    folder.mkdir(parents=True)
    (folder / "ROOT.CRT").write_bytes(ROOT.pem)
    assert actions.root_certificate(stage()).read_bytes() == ROOT.pem


@pytest.mark.parametrize(("said", "trusted"), [(None, ROOT), ("root.pem", OTHER_ROOT)])
def test_is_the_root_of_the_person_s_own_files(stage, tmp_path, said, trusted):
    (tmp_path / "chain.pem").write_bytes(GOOD + ROOT.pem)
    (tmp_path / "root.pem").write_bytes(OTHER_ROOT.pem)
    files = CertificateFiles("chain.pem", "key.pem")
    found = actions.root_certificate(stage(CertificatePlan("files", None, files, said)))
    assert found.read_bytes() == trusted.pem
