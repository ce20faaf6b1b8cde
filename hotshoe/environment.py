"""The vault's password from the environment, as pipelines hand it over.

It is taken out of the environment, so that no child inherits it and no process list shows it, and
kept in a file that only this process has: ANSIBLE_VAULT_PASSWORD_FILE leads to it, for this process
and for those children that are given its descriptor.
"""

from __future__ import annotations

import os
from pathlib import Path

from hotshoe.errors import Problem, SiteError

VARIABLE = "HOTSHOE_VAULT_PASSWORD"
# ansible-core's own variable, so that one setting serves ansible-vault and hotshoe.
FILE_VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"
_FOLDER = Path("/proc/self/fd")
# Of what follows the program's name in /proc/PID/stat, proc_pid_stat(5): env_start, env_end.
_BOUNDS = slice(47, 49)


def take() -> None:
    """Take the password out of the environment, if it is there. It counts more than any file.

    :raises SiteError: if it is empty, as where a pipeline may not see the secret
    """
    password = os.environ.pop(VARIABLE, None)
    if password is None:
        return
    if not password.strip():
        reason = "is empty"
        remedy = "give this job the secret, which may be limited to a branch or an environment"
        raise SiteError([Problem(VARIABLE, "", reason, remedy)])
    _wipe()
    descriptor = os.memfd_create("vault-password")
    # ansible-vault runs a password file that is executable, as one in memory is.
    os.fchmod(descriptor, 0o600)
    os.write(descriptor, os.fsencode(password))
    os.environ[FILE_VARIABLE] = str(_FOLDER / str(descriptor))


def inherited() -> tuple[int, ...]:
    """The descriptors that a child needs to open the vault as this process does."""
    named = Path(os.environ.get(FILE_VARIABLE, ""))
    is_ours = named.parent == _FOLDER and named.name.isdecimal() and named.exists()
    return (int(named.name),) if is_ours else ()


def shown(password_file: Path) -> str:
    """A password file, as a message calls it."""
    return VARIABLE if password_file.parent == _FOLDER else str(password_file)


def _wipe() -> None:
    """Overwrite what /proc/PID/environ shows: the environment as it was when the process began."""
    try:
        with open("/proc/self/stat", encoding="utf-8") as stat:  # noqa: PTH123 - one read
            begin, end = (int(each) for each in stat.read().rpartition(")")[2].split()[_BOUNDS])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:  # noqa: PTH123 - unbuffered
            memory.seek(begin)
            before, found, after = memory.read(end - begin).partition(f"{VARIABLE}=".encode())
            if found:
                memory.seek(begin + len(before))
                memory.write(b"\0" * (len(found) + len(after.partition(b"\0")[0])))
    except (OSError, ValueError):
        # A kernel that does not let a process write there; only its own user could read it.
        return
