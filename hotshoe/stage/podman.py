"""The programs that a stage is built with: podman, ip and nsenter."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import Any

from hotshoe.errors import HotshoeError
from hotshoe.stage import mirror

# Everything that the stage calls, and the Debian package that brings it.
PROGRAMS = {
    "podman": "podman",
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "nft": "nftables",
    "ssh-keygen": "openssh-client",
}

_PLENTY = 16384
# Seconds between the attempts to download something.
_PAUSES = (3, 6, 12, 24)

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")

PID_FILES = Path("/run/hotshoe-stage")

# The files that say in a container which it is. podman writes the first in a privileged one; others
# are given the second.
NAMED = ("/run/.containerenv", "/.containerenv")


def run(
    *command: str,
    input_text: str | None = None,
    check: bool = True,
    shown: Sequence[str] | None = None,
) -> str:
    """Run a program and return its standard output.

    :param shown: what is said to have failed, if that is not the command as it is
    :raises HotshoeError: with what the program said, if it fails
    """
    done = subprocess.run(command, input=input_text, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
        raise HotshoeError(f"{' '.join(shown or command)[:120].splitlines()[0]}: {said}")
    return done.stdout


def why_no_stage() -> str | None:
    """Say what this machine lacks for containers, in one sentence; None if nothing."""
    if os.geteuid() != 0:
        return "a stage needs root: run it with sudo"
    missing = sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})
    if missing:
        return f"a stage needs these Debian packages: apt-get install {' '.join(missing)}"
    try:
        done = subprocess.run(
            ["unshare", "--net", "--mount", "nft", "add table inet hotshoe_probe"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return f"a stage needs unshare (util-linux): {error.strerror}"
    if done.returncode != 0:
        return (
            "a stage needs a kernel that allows network namespaces and nftables in them: "
            + (done.stderr.strip().splitlines() or ["refused without a reason"])[0]
        )
    return None


def free_inotify_instances(most: int) -> int:
    """How many inotify instances root may have besides those of now; no more than asked for."""
    libc = ctypes.CDLL(None, use_errno=True)
    taken: list[int] = []
    try:
        while len(taken) < most:
            descriptor = libc.inotify_init1(os.O_CLOEXEC)
            if descriptor < 0:
                break
            taken.append(descriptor)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return len(taken)


def why_crowded(instances: int) -> str | None:
    """Say why no containers can be started that need so many inotify instances; None if they can.

    Without them systemd ends at once, and says nothing of the limit.
    """
    free = free_inotify_instances(instances)
    if free == instances:
        return None
    return (
        f"these containers need {instances} inotify instances, and only {free} of the "
        f"{INOTIFY.read_text().strip()} that this computer allows root are free\n"
        "    -> take other containers down, or allow more, until the next boot: "
        "sysctl -w fs.inotify.max_user_instances=1024"
    )


def runtime_arguments() -> list[str]:
    """What ``podman run`` needs for systemd, or another init, on this host.

    crun refuses the hybrid cgroup layout, and runc there wants its limits spelled out.
    """
    arguments: list[str] = []
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return arguments
    for name, limit in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        # podman lowers its own limit of processes to 32768, and nothing below it may ask for more.
        number = min(n for n in (*resource.getrlimit(limit), _PLENTY) if n > 0)
        arguments.append(f"--ulimit={name}={number}:{number}")
    return [*arguments, "--runtime=runc", "--pids-limit=-1"]


def mmdebstrap(*options: str, suite: str, target: Path) -> None:
    """Make a root filesystem, of packages that are kept for the next one and for deploys.

    After a failure it tries again, for 45 seconds in all: mmdebstrap does not tell a network that
    was away for a moment from a package that does not exist.

    :param target: the file or folder that it becomes
    :raises HotshoeError: with what mmdebstrap said at last, if it fails
    """
    # apt's own pauses between its attempts have hung for minutes (seen with 2.6).
    without_pauses = '--aptopt=Acquire::Retries::Delay "false"'
    for pause in (*_PAUSES, None):
        try:
            with mirror.serving(mirror.CACHE) as proxy:
                from_mirror = f'--aptopt=Acquire::http::Proxy "{proxy}"'
                command = ("mmdebstrap", "--quiet", without_pauses, from_mirror, *options)
                run(*command, suite, str(target))
        except HotshoeError:
            if pause is None:
                raise
            time.sleep(pause)
            if target.is_dir():
                shutil.rmtree(target, ignore_errors=True)
            else:
                target.unlink(missing_ok=True)
        else:
            return


def containers(label: str) -> list[dict[str, Any]]:
    """The containers with a label, running or not."""
    listing = run("podman", "ps", "--all", "--format=json", f"--filter=label={label}")
    found: list[dict[str, Any]] = json.loads(listing or "[]")
    return found


def pid_file(container: str) -> Path:
    """Where podman writes the process that holds a container's namespaces, at every start."""
    return PID_FILES / f"{container}.pid"


def pid(container: str) -> int:
    """The process that holds a running container's namespaces.

    :raises HotshoeError: if it has never been started
    """
    try:
        return int(pid_file(container).read_text())
    except (OSError, ValueError) as error:
        raise HotshoeError(f"{container}: this container has never been started") from error


# What podman exec does, in a tenth of its time: into the container's namespaces and root, into the
# control group by which it is frozen, and without the rights that a container of this computer
# never has. A session of its own, since some programs end everything in theirs. One line, as
# ssh_config(5) has them.
_ENTER = (
    'pid=; read -r pid <"$1" || [ "$pid" ] || exit; proof=$2; shift 2; '
    "at=/sys/fs/cgroup; if [ -e $at/cgroup.controllers ]; then line=0::; "
    "else line=:freezer: at=$at/freezer; fi; "
    'while read -r each; do case $each in *$line*) echo $$ >"$at${each##*:}/cgroup.procs" ;; esac; '
    'done <"/proc/$pid/cgroup"; '
    'exec setsid --wait env -i HOME=/root TERM="${TERM-dumb}" container=podman '
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
    "setpriv --bounding-set=-sys_time,-sys_module "
    'nsenter --target="$pid" --all --root sh -c "$proof" "$0" "$@"'
)
# The process may have ended, and another one of this computer have its number.
PROOF = (
    f'grep -qsxF "name=\\"$0\\"" {" ".join(NAMED)} || {{ echo "$0: this is not the container of '
    'that name, and nothing was done: put the stage up anew" >&2; exit 1; }; exec "$@"'
)


def inside(container: str, *command: str) -> list[str]:
    """The command line that runs a command in a container, and nowhere else."""
    return ["sh", "-c", _ENTER, container, str(pid_file(container)), PROOF, *command]


def execute(container: str, *command: str, input_text: str | None = None) -> str:
    """Run a command in a container and return its output.

    :raises HotshoeError: if it fails, or does not run in that container
    """
    return run(*inside(container, *command), input_text=input_text, shown=(container, *command))


def put(files: Iterable[Path], container: str, folder: PurePosixPath) -> None:
    """Copy files into a folder of a container, which is made anew.

    :raises HotshoeError: if that fails
    """
    # Each folder is taken from the one before, and a name may begin with a dash.
    names = [
        word
        for file in files
        for word in (f"--directory={file.parent.resolve()}", f"./{file.name}")
    ]
    pack = ["tar", "--create", "--file=-", *names]
    unpack = inside(
        container, "sh", "-c", 'rm -rf "$0" && mkdir "$0" && tar -xf - -C "$0"', f"{folder}"
    )
    with (
        TemporaryFile() as said,
        subprocess.Popen(pack, stdout=subprocess.PIPE, stderr=said) as packing,
    ):
        done = subprocess.run(unpack, stdin=packing.stdout, stdout=said, stderr=said, check=False)
        assert packing.stdout
        packing.stdout.close()
        packed = packing.wait()
        said.seek(0)
        message = said.read().decode(errors="replace").strip()
    if packed or done.returncode:
        raise HotshoeError(f"{container}: files could not be put into {folder}: {message}")


def shell(container: str, program: str) -> list[str]:
    """The command line that lets a person work in a container, with a terminal of its own."""
    terminal = ["--tty"] if sys.stdin.isatty() else []
    command = ["podman", "exec", "--interactive", *terminal, container]
    return [*command, "sh", "-c", PROOF, container, program]
