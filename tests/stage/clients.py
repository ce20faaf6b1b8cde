"""Programs that no image has, which tests play cameras and attackers with.

They are installed beside the stages (``tools/clients``) and run on this computer, in the network of
a device, where names lead to the addresses that the device's own do. Mbed TLS, as Debian 12 has it,
is put into a device's file system.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from hotshoe.plan.model import ControlPort
from hotshoe.stage import podman
from hotshoe.stage.topology import CAMERA
from tests.stage.home import Home

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "clients"
INSTALLED = ROOT / ".stage" / "clients"
LIBRARIES = ROOT / ".stage" / "mbedtls"
PYTHON, NODE = INSTALLED / "bin" / "python", INSTALLED / "bin" / "node"
MBED_LIBRARIES = ("libmbedcrypto.so.7", "libmbedx509.so.1", "libmbedtls.so.14")
ON_CAMERA = PurePosixPath("/root/mbedtls")
# Run in the network of $1, with the hosts(5) of $2.
_ENTER = (
    'exec nsenter --net --target="$1" unshare --mount sh -c '
    '\'mount --bind "$0" /etc/hosts && exec "$@"\' "$2" "${@:3}"'
)


def play(home: Home, node: str, *command: str | Path, order: dict[str, Any]) -> Any:
    """Run a client in the network of a device, and return what it prints, which is JSON.

    :param order: what it is told on its standard input, as JSON
    """
    with tempfile.NamedTemporaryFile("w", suffix=".hosts") as hosts:
        hosts.write(f"127.0.0.1 localhost\n{home.public} {home.server_plan.hostname}\n")
        hosts.flush()
        holder = str(podman.pid(home.stage.container(node)))
        done = subprocess.run(
            ["bash", "-c", _ENTER, "play", holder, hosts.name, *map(str, command)],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
            cwd=INSTALLED,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def scan(home: Home, control: ControlPort) -> dict[str, Any]:
    """What sslyze finds at a control port; asked on the server, where no firewall limits it."""
    found: dict[str, Any] = play(
        home,
        home.server,
        *(PYTHON, HERE / "scan.py"),
        order={
            "host": home.server_plan.hostname,
            "dial": str(home.server_plan.address),
            "port": control.port,
            "starttls": control.tls == "explicit",
        },
    )
    return found


def order_for(home: Home, control: ControlPort, name: str, **more: Any) -> dict[str, Any]:
    """What a client is told to upload a file."""
    return {
        "host": home.server_plan.hostname,
        "port": control.port,
        "implicit": control.tls == "implicit",
        "user": home.user,
        "password": home.password,
        "ca": str(home.authority.certificate),
        "name": name,
        **more,
    }


def install() -> None:
    """Install the clients, unless they are there."""
    subprocess.run(["tools/clients", str(INSTALLED)], cwd=ROOT, check=True)


def install_mbed_tls(home: Home, node: str = CAMERA) -> None:
    """Put Mbed TLS 2.28 and the camera that speaks it onto a device."""
    ROOT.joinpath(".stage").mkdir(exist_ok=True)
    with LIBRARIES.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not LIBRARIES.exists():
            with tempfile.TemporaryDirectory(dir=LIBRARIES.parent) as folder:
                _extract_mbed_tls(Path(folder), LIBRARIES)
    files = [*(LIBRARIES / name for name in MBED_LIBRARIES), HERE / "mbed.py"]
    podman.put(files, home.stage.container(node), ON_CAMERA)


def _extract_mbed_tls(folder: Path, into: Path) -> None:
    """Take the libraries out of Debian 12's packages; they need nothing but libc."""
    packages = "libmbedcrypto7,libmbedtls14,libmbedx509-1"
    root = folder / "root"
    podman.mmdebstrap("--variant=extract", f"--include={packages}", suite="bookworm", target=root)
    (new := folder / "mbedtls").mkdir()
    for name in MBED_LIBRARIES:
        (library,) = root.glob(f"usr/lib/*/{name}")
        (new / name).write_bytes(library.read_bytes())
    new.rename(into)


def mbed_upload(home: Home, control: ControlPort, name: str, **more: Any) -> list[str]:
    """Upload with Mbed TLS; what the server replied, and the terms of the session, or an error."""
    order = order_for(home, control, name, libraries=str(ON_CAMERA), dial=str(home.public))
    order |= {"ca": "/root/ROOT.CRT", "size": 70_000} | more
    said = podman.execute(
        home.stage.container(CAMERA),
        *("timeout", "60", "python3", f"{ON_CAMERA}/mbed.py"),
        input_text=json.dumps(order),
    )
    replies: list[str] = json.loads(said)
    return replies
