"""What happens on a stage: the deploy, and a camera that uploads."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from hotshoe.debian import certificate_files
from hotshoe.debian.authority_files import AuthorityFiles
from hotshoe.deploy import program
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import ControlPort, FetcherPlan, ServerPlan
from hotshoe.render import render
from hotshoe.stage import podman
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

ROOT_ON_CAMERA = "/root/ROOT.CRT"
CARD = PurePosixPath("/root/dcim")


def deploy(stage: Stage, progress: Callable[[str], None] = lambda _: None) -> float:
    """Deploy to the stage with the command that deploys to the home.

    :param progress: told the name of each operation as it starts
    :returns: how long it took, in seconds
    :raises HotshoeError: with why, if it fails
    """
    started = time.monotonic()
    result = program.deploy(stage.site, stage.root, stage.pyinfra_arguments(), progress)
    if result.error:
        raise HotshoeError(f"the deploy failed:\n{result.error}")
    return time.monotonic() - started


def wait_for_name(stage: Stage, seconds: float = 60) -> float:
    """Wait until the home's name leads cameras to a public address that changes.

    :returns: how long it took, in seconds
    :raises HotshoeError: with what the servers say, if it does not
    """
    started, hostname, address = time.monotonic(), stage.plan.hostname, f"{stage.wan.public}"
    ask = podman.inside(stage.container(CAMERA), "getent", "ahostsv4", hostname)
    while True:
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        took = time.monotonic() - started
        if address in done.stdout.split():
            return took
        if took > seconds:
            break
        time.sleep(0.2)
    said = [
        podman.execute(
            stage.container(server.name),
            *("journalctl", "--quiet", "--output=cat", "--lines=3", "--unit=hotshoe-address"),
        )
        for server in stage.plan.servers
    ]
    leads = done.stdout.split()[:1] or ["nowhere"]
    raise HotshoeError(
        f"{hostname} leads to {leads[0]} after {took:.0f} s, and not to {address}\n{''.join(said)}"
    )


def root_certificate(stage: Stage) -> Path:
    """What cameras on the stage have to trust: a PEM file here.

    :raises HotshoeError: if there is none yet
    """
    said = stage.plan.servers[0].certificate
    if stage.authority:
        root = stage.authority_root
    elif said and said.issuer == "files":
        root = stage.folder / "files-root.pem"
        root.write_bytes(certificate_files.root_of(said, stage.root))
    else:
        root = AuthorityFiles.of(stage.plan, stage.folder).certificate
    if not root.exists():
        raise HotshoeError(f"{root}: is missing; deploy to the stage first")
    return root


def give_root_certificate(stage: Stage, root_certificate: Path, node: str) -> None:
    """Put the root certificate where a camera has it from its card."""
    podman.execute(
        stage.container(node),
        "sh",
        "-c",
        f"cat >{ROOT_ON_CAMERA}",
        input_text=root_certificate.read_text(),
    )


def upload(
    stage: Stage,
    server: ServerPlan,
    user: str,
    password: str,
    photos: Iterable[Path],
    *,
    node: str = "",
    control: ControlPort | None = None,
    ipv6: bool = False,
    folder: PurePosixPath = CARD,
) -> float:
    """Upload photos with curl, with the certificate verified, by PASV (over IPv6, by EPSV).

    :param server: where to
    :param node: where the camera is: ``camera`` on the Internet, unless the server has a direct
        link; ``laptop`` in the LAN
    :param control: the control port, and how TLS begins there; the server's first one unless said
    :param ipv6: to the server's IPv6 address
    :param folder: where they are on the camera's card
    :returns: how long the transfers took, in seconds
    :raises HotshoeError: with what curl said, if an upload fails
    """
    control = control or server.control_ports[0]
    scheme = "ftps" if control.tls == "implicit" else "ftp"
    container = stage.container(node or stage.camera_of([server]))
    photos = list(photos)
    podman.put(photos, container, folder)
    lines = [f"user = {user}:{password}"]
    for photo in photos:
        lines += [
            f"upload-file = {folder}/{photo.name}",
            f"url = {scheme}://{stage.dialled(server)}:{control.port}/",
        ]
    started = time.monotonic()
    podman.execute(
        container,
        "curl",
        "--silent",
        "--show-error",
        "--fail-early",
        *([] if control.tls == "none" else ["--ssl-reqd", "--cacert", ROOT_ON_CAMERA]),
        *(["--ipv6"] if ipv6 else ["--ipv4", "--disable-epsv"]),
        "--no-ftp-skip-pasv-ip",
        "--connect-timeout",
        "10",
        "--config",
        "-",  # the password stays out of the process list
        input_text="\n".join(lines),
    )
    return time.monotonic() - started


def arrived(stage: Stage, server: ServerPlan, user: str) -> dict[str, str]:
    """What is in the library of a camera: the name of each photo and its SHA-256.

    It waits for photos that are on their way there.
    """
    script = render("stage/arrived.sh.j2", user=user)
    listing = podman.execute(stage.container(server.name), "sh", "-c", script)
    return {line.rpartition("/")[2]: line[:64] for line in listing.splitlines()}


def fetched(
    stage: Stage, fetcher: FetcherPlan, photos: Mapping[str, str], seconds: float = 60
) -> float:
    """Wait until a computer at home has fetched photos.

    :param photos: the name and SHA-256 of each
    :returns: how long it took, in seconds
    :raises HotshoeError: with what it says, if it has not
    """
    started, there = time.monotonic(), stage.container(fetcher.name)
    listing = f"find {fetcher.folder} -type f -exec sha256sum {{}} + 2>/dev/null || :"
    while True:
        lines = podman.execute(there, "sh", "-c", listing).splitlines()
        took = time.monotonic() - started
        if photos.items() <= {line.rpartition("/")[2]: line[:64] for line in lines}.items():
            return took
        if took > seconds:
            break
        time.sleep(0.2)
    said = podman.execute(there, "journalctl", "--quiet", "--output=cat", "--lines=5")
    raise HotshoeError(f"{fetcher.name} has not fetched all photos after {took:.0f} s\n{said}")


def digests(photos: Iterable[Path]) -> dict[str, str]:
    """The name and SHA-256 of photos on this computer, to compare with :func:`arrived`."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in photos}
