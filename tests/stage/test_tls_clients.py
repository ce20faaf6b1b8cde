"""A zoo of clients, at both control ports, on both Debian releases.

curl, lftp and Python as they come are in `test_tls_modes.py`; here are the others, and the awkward
ones: old, short of suites, of roots or of manners.
"""

from __future__ import annotations

import json
import time
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from hotshoe.debian.authority_files import EXPORTS
from hotshoe.plan.model import ControlPort
from hotshoe.stage import actions, podman
from hotshoe.stage.photos import make_photos
from hotshoe.stage.topology import CAMERA
from tests.stage import clients
from tests.stage.home import Home
from tests.stage.test_tls_modes import OK, both, ftp, shape, shaped

__all__ = ["shaped"]

BOTH = [ControlPort(21, "explicit"), ControlPort(990, "implicit")]
each_port = pytest.mark.parametrize("control", BOTH, ids=["explicit", "implicit"])
# IANA's numbers.
ECDHE_CBC, RSA, RSA_CBC = 0xC013, 0x009C, 0x002F  # …RSA_WITH_AES_128_CBC_SHA, RSA_…GCM, RSA_…CBC
TLS_1_0 = 1


@pytest.fixture(scope="module", autouse=True)
def _clients() -> None:
    clients.install()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (photo,) = make_photos(tmp_path, 1)
    return photo.rename(photo.with_name(f"zoo-{time.time_ns()}.JPG"))


@pytest.fixture
def mbed(shaped: Home) -> Home:
    """With Mbed TLS on its camera."""
    clients.install_mbed_tls(shaped)
    return shaped


@pytest.fixture
def exports(shaped: Home) -> Home:
    """With ROOT.CER, ROOT.CRT and ROOT.PEM on its camera, and no other root."""
    files = [shaped.authority.folder / name for name in EXPORTS]
    podman.put(files, shaped.stage.container(CAMERA), PurePosixPath("/root/card"))
    return shaped


def arrived(home: Home, photo: Path) -> bool:
    there = actions.arrived(home.stage, home.server_plan, home.user)
    return there.get(photo.name) == actions.digests([photo])[photo.name]


@both
@each_port
def test_basic_ftp_uploads(shaped: Home, control: ControlPort, photo: Path) -> None:
    order = clients.order_for(shaped, control, photo.name, file=str(photo))
    program = clients.HERE / "upload_basic_ftp.mjs"
    assert clients.play(shaped, CAMERA, clients.NODE, program, order=order) == [OK]
    assert arrived(shaped, photo)


def aioftp(home: Home, control: ControlPort, photo: Path, **more: Any) -> str:
    order = clients.order_for(home, control, photo.name, file=str(photo), **more)
    program = clients.HERE / "upload_aioftp.py"
    (said,) = clients.play(home, CAMERA, clients.PYTHON, program, order=order)
    return str(said)


@both
@each_port
def test_aioftp_uploads_if_it_begins_tls_after_the_command(
    shaped: Home, control: ControlPort, photo: Path
) -> None:
    assert aioftp(shaped, control, photo, patient=True, seconds=20) == "226"
    assert arrived(shaped, photo)


@shape("both")
def test_aioftp_as_it_comes_waits_in_vain_and_leaves_nothing(shaped: Home, photo: Path) -> None:
    """It begins TLS on the data connection before STOR, and vsftpd after it."""
    home = shaped
    said = aioftp(home, BOTH[0], photo, patient=False, seconds=5)
    assert said.startswith("TimeoutError")
    find = f"find /srv/hotshoe -name '{photo.name}'"
    assert home.sh(home.server, find) == ""


@both
@each_port
@pytest.mark.parametrize("reuse", [True, False], ids=["resumed", "fresh"])
def test_data_connections_may_resume_the_session_or_not(
    shaped: Home, control: ControlPort, reuse: bool
) -> None:
    name = f"{time.time_ns()}.JPG"
    said, terms = ftp(shaped, control, ["stor", name, 70_000], ["terms"], reuse=reuse)
    assert said == OK
    assert terms.endswith(f" {reuse}")
    assert shaped.size(name) == 70_000


@both
@each_port
def test_curl_uploads_without_the_session_s_id(
    shaped: Home, control: ControlPort, photo: Path
) -> None:
    home, folder = shaped, PurePosixPath("/root/zoo")
    podman.put([photo], home.stage.container(CAMERA), folder)
    scheme = "ftps" if control.tls == "implicit" else "ftp"
    script = (
        f"curl -sS --ssl-reqd --no-sessionid --cacert /root/ROOT.CRT --ipv4 --disable-epsv "
        f"-T {folder}/{photo.name} --config - {scheme}://{home.server_plan.hostname}:{control.port}/"
    )
    podman.execute(
        home.stage.container(CAMERA),
        "sh",
        "-c",
        script,
        input_text=f"user = {home.user}:{home.password}\n",
    )
    assert arrived(home, photo)


@both
@each_port
def test_what_ends_badly_is_never_whole(shaped: Home, control: ControlPort) -> None:
    """Cut in the middle, or ended without closing TLS, which looks the same."""
    home = shaped
    for how in ("cut", "hang-up"):
        name = f"{how}-{time.time_ns()}.JPG"
        (said,) = ftp(home, control, [how, name, 700_000])
        assert said in ("gone", "426 Failure reading network stream.")
        assert home.set_aside(name)
        assert not home.succeeds(home.server, f"find /srv/hotshoe/library -name {name} | grep .")


@both
@each_port
def test_a_client_that_checks_the_common_name_alone(shaped: Home, control: ControlPort) -> None:
    name = f"cn-{time.time_ns()}.JPG"
    assert ftp(shaped, control, ["stor", name, 9], common_name=True) == [OK]
    # It would refuse another name.
    if control.tls == "explicit":
        other = {"host": "other.example.net", "dial": str(shaped.public)}
        (said,) = shaped.ftp(["stor", name, 9], common_name=True, **other)
        assert "the common name is photos.example.net" in said


@both
@each_port
@pytest.mark.parametrize("root", EXPORTS)
def test_a_camera_trusts_any_form_of_the_root_certificate(
    exports: Home, control: ControlPort, root: str
) -> None:
    name = f"root-{time.time_ns()}.JPG"
    said = ftp(exports, control, ["stor", name, 9], ca=f"/root/card/{root}")
    assert said == [OK]


@both
@each_port
@pytest.mark.parametrize("root", EXPORTS)
def test_mbed_tls_uploads(exports: Home, mbed: Home, control: ControlPort, root: str) -> None:
    """It verifies the chain from the root certificate, with its constraint, and the name."""
    name = f"mbed-{time.time_ns()}.JPG"
    said = clients.mbed_upload(mbed, control, name, ca=f"/root/card/{root}")
    assert said == [OK, "TLSv1.2", "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"]
    assert mbed.size(name) == 70_000


@shape("both")
def test_mbed_tls_refuses_another_name(mbed: Home) -> None:
    (said,) = clients.mbed_upload(mbed, BOTH[0], "never.JPG", host="other.example.net")
    assert said.startswith("MbedError: X509 - Certificate verification failed")


@both
@each_port
def test_mbed_tls_with_cbc_alone(mbed: Home, control: ControlPort) -> None:
    name = f"mbed-{time.time_ns()}.JPG"
    said = clients.mbed_upload(mbed, control, name, suites=[ECDHE_CBC])
    assert said == [OK, "TLSv1.2", "TLS-ECDHE-RSA-WITH-AES-128-CBC-SHA"]
    assert mbed.size(name) == 70_000


@both
def test_what_an_old_camera_needs_is_given_if_the_site_says_so(mbed: Home) -> None:
    """One with RSA key exchange alone, or TLS 1.0 alone; refused otherwise."""
    home = mbed
    needs: list[tuple[dict[str, Any], list[str]]] = [
        ({"suites": [RSA]}, ["TLSv1.2", "TLS-RSA-WITH-AES-128-GCM-SHA256"]),
        ({"version": TLS_1_0}, ["TLSv1.0", "TLS-ECDHE-RSA-WITH-AES-128-CBC-SHA"]),
        ({"version": TLS_1_0, "suites": [RSA_CBC]}, ["TLSv1.0", "TLS-RSA-WITH-AES-128-CBC-SHA"]),
    ]

    def tried() -> list[list[str]]:
        names = [f"mbed-{time.time_ns()}.JPG" for _ in needs]
        return [
            clients.mbed_upload(home, BOTH[1], name, **need)
            for (need, _), name in zip(needs, names, strict=True)
        ]

    for (said,) in tried():
        assert said.startswith("MbedError: SSL - A fatal alert message was received")
    with home.saying("{tls: both}", "{tls: both, rsa_key_exchange: true, legacy_tls: true}"):
        for said, (_, terms) in zip(tried(), needs, strict=True):
            assert said == [OK, *terms], json.dumps(said)
        assert home.deploy() == {}
    for (said,) in tried():
        assert said.startswith("MbedError: SSL - A fatal alert message was received")
