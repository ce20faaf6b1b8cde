"""Uploads beside vsftpd as Debian ships it: the same machine, certificate, route and client.

The two take turns. Of its configuration only what it cannot do without is changed: uploads are
allowed, and TLS and the passive range are set up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from benchmarks.figures import Figure
from hotshoe import paths
from hotshoe.errors import HotshoeError
from hotshoe.plan.model import ServerPlan
from hotshoe.stage import podman
from hotshoe.stage.actions import ROOT_ON_CAMERA
from hotshoe.stage.stage import Stage
from hotshoe.stage.topology import CAMERA

ROUNDS = 5
# Where the camera has what it sends.
FOLDER = "/root/bench"
STREAM_BYTES = 500_000_000
SESSIONS, FILES_A_SESSION, FILE_BYTES = 4, 100, 100_000

USER, PASSWORD, HOME = "stock", "stock-vsftpd-1", "/home/stock"
CONTROL, PASSIVE = 2121, "40000-40099"
# curl trusts what PASV announces, so both are dialled at the public address and through the router.
_FORWARD = """
table ip stock {{
    chain in {{
        type nat hook prerouting priority dstnat
        ip daddr {public} tcp dport {{ {control}, {passive} }} dnat to {address}
    }}
}}
"""
_INSTALL = """
set -e
useradd --create-home --shell /bin/bash {user}
chpasswd
nft insert rule inet hotshoe_firewall input tcp dport '{{ {control}, {passive} }}' accept
sed -E '/^(listen|listen_ipv6|ssl_enable|rsa_cert_file|rsa_private_key_file)=/d' \
    /etc/vsftpd.conf >/root/stock.conf
cat >>/root/stock.conf <<'.'
listen=YES
listen_port={control}
write_enable=YES
ssl_enable=YES
rsa_cert_file={certificate}
rsa_private_key_file={certificate}
pasv_address={public}
pasv_min_port={first}
pasv_max_port={last}
.
mkdir -p /run/vsftpd/empty
systemd-run --quiet --unit=stock-vsftpd vsftpd /root/stock.conf
timeout 20 sh -c 'until ss -Hltn sport = :{control} | grep -q .; do sleep 0.1; done'
"""


class Uploads:
    """A camera that uploads to the home's server and to a stock vsftpd beside it.

    :param server: the home's
    :param password: of its first camera
    """

    def __init__(self, stage: Stage, server: ServerPlan, password: str, router: str) -> None:
        self._stage, self._server = stage, server
        camera = server.cameras[0]
        self._hotshoe = (
            camera,
            password,
            server.control_port,
            paths.LIBRARY,
        )
        self._stock = (USER, PASSWORD, CONTROL, HOME)
        first, last = PASSIVE.split("-")
        values = {
            "user": USER,
            "control": CONTROL,
            "passive": PASSIVE,
            "first": first,
            "last": last,
            "address": server.address,
            "public": server.public_address,
            "certificate": paths.CERTIFICATE,
        }
        install = _INSTALL.format(**values)
        self._on(server.name, install, f"{USER}:{PASSWORD}\n")
        self._on(router, "nft -f -", _FORWARD.format(**values))
        self._on(
            CAMERA,
            f"mkdir -p {FOLDER}; cd {FOLDER}; head -c {STREAM_BYTES} /dev/urandom >stream; "
            f"head -c {FILE_BYTES} /dev/urandom >file",
        )

    def figures(self, say: Callable[[str], None]) -> Iterator[Figure]:
        """How fast they are, and how many times as long the stock one takes.

        :raises HotshoeError: if an upload fails, or not every byte arrives
        """
        stream = [["stream"]]
        files = [["file"] * FILES_A_SESSION] * SESSIONS
        for name, sessions, unit, amount in (
            ("upload_stream", stream, "MB/s", STREAM_BYTES / 1e6),
            ("upload_files", files, "files/s", SESSIONS * FILES_A_SESSION),
        ):
            say(f"{name}: hotshoe and a stock vsftpd, {ROUNDS} rounds")
            rounds = [
                (self._seconds(self._hotshoe, sessions), self._seconds(self._stock, sessions))
                for _ in range(ROUNDS)
            ]
            yield Figure(f"{name}_vs_stock_vsftpd", median(s / h for h, s in rounds), "times")
            yield Figure(f"{name}_hotshoe", amount / median(h for h, _ in rounds), unit)
            yield Figure(f"{name}_stock_vsftpd", amount / median(s for _, s in rounds), unit)

    def _seconds(
        self, server: tuple[str, str, int, str], sessions: Sequence[Sequence[str]]
    ) -> float:
        user, password, port, folder = server
        began = time.monotonic_ns()  # a photo of the same name would be kept beside it
        names = [
            [(file, f"{began}-{i}-{j}") for j, file in enumerate(session)]
            for i, session in enumerate(sessions)
        ]
        account = f"{user}:{password}"
        seconds = send(self._stage, account, f"{self._server.hostname}:{port}", names)
        if folder == paths.LIBRARY:
            wait_for_library(self._stage, self._server.name, user)
        sent = sum(STREAM_BYTES if f == "stream" else FILE_BYTES for s in sessions for f in s)
        photos = f"find {folder} -name '{began}-*' -type f"
        there = self._on(self._server.name, f"{photos} -exec cat {{}} + | wc -c; {photos} -delete")
        if int(there) != sent:
            raise HotshoeError(f"{there.strip()} of {sent} bytes arrived in {folder}")
        return seconds

    def _on(self, node: str, script: str, text: str | None = None) -> str:
        return podman.execute(self._stage.container(node), "sh", "-c", script, input_text=text)


def send(
    stage: Stage, account: str, server: str, sessions: Sequence[Sequence[tuple[str, str]]]
) -> float:
    """Upload from the camera on the Internet, each session by a curl of its own, all at once.

    :param account: the camera and its password, with a colon between
    :param server: its name and port, likewise
    :param sessions: of each, the files below :data:`FOLDER`, and the names that they get
    :returns: how long it took, in seconds
    :raises HotshoeError: if an upload fails
    """
    orders = [
        "\n".join(
            [
                f"user = {account}",
                *(
                    f"upload-file = {FOLDER}/{file}\nurl = ftp://{server}/{name}"
                    for file, name in session
                ),
            ]
        )
        for session in sessions
    ]
    curl = (
        "curl --silent --show-error --fail-early --ssl-reqd --ipv4 --disable-epsv "
        f"--cacert {ROOT_ON_CAMERA} --config -"
    )
    camera = stage.container(CAMERA)
    started = time.monotonic()
    with ThreadPoolExecutor(len(orders)) as pool:
        list(
            pool.map(
                lambda order: podman.execute(camera, "sh", "-c", curl, input_text=order), orders
            )
        )
    return time.monotonic() - started


def wait_for_library(stage: Stage, server: str, camera: str) -> None:
    """Wait until nothing of a camera is on its way any more.

    :raises HotshoeError: if something still is after a minute
    """
    folder = f"{paths.PHOTOS}/{camera}"
    script = (
        f"timeout 60 sh -c 'while find {folder}/{paths.UPLOAD} {folder}/{paths.ARRIVING} "
        "-type f | grep -q .; do sleep 0.1; done'"
    )
    podman.execute(stage.container(server), "sh", "-c", script)
