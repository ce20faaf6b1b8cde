"""``hotshoe trust``: the SSH host keys of a home, compared once and kept beside its Site."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotshoe.cli.base import one_message, site_argument
from hotshoe.errors import HotshoeError

if TYPE_CHECKING:
    from hotshoe.plan.model import HostPlan
    from hotshoe.remote.known_hosts import Entry, HostKey
    from hotshoe.remote.ssh import Access, Host, RemoteError
    from hotshoe.site.reading import SiteFiles


@click.command("trust")
@site_argument
@click.option("--stage", is_flag=True, help="Ask the hosts of the Site's stage.")
@click.option(
    "--fingerprint",
    "fingerprints",
    multiple=True,
    metavar="HOST=SHA256:…",
    help="What that host shows of itself; for each host once.",
)
@click.option("--yes", is_flag=True, help="Do not ask: take what --fingerprint says, and no more.")
@one_message
def command(site: str, stage: bool, fingerprints: Sequence[str], yes: bool) -> None:
    """Show the SSH host keys of a home, and keep them once they are compared.

    SITE is the name of a file in group_vars/; home unless said. A deploy sends secrets, so it talks
    only to hosts whose keys are known. Each host is asked for its key the way that your ssh goes;
    nobody logs in. What you confirm is written to group_vars/SITE.known_hosts, which every deploy,
    check and pipeline of this Site then goes by.
    """
    from concurrent.futures import ThreadPoolExecutor

    from hotshoe.plan.derivation import make_plan
    from hotshoe.remote import known_hosts
    from hotshoe.remote.ssh import Host
    from hotshoe.site.reading import SiteFiles, load_site

    files = SiteFiles(site)
    plan = make_plan(load_site(files))
    path, access = _stage(site) if stage else _home(files)
    known = known_hosts.read(path)
    hosts = [_Seen(Host.of(device, access), _runs_openwrt(device)) for device in plan.hosts]
    expected = _expected(fingerprints, [seen.host.name for seen in hosts])
    personal = "" if stage else known_hosts.read(Path(known_hosts.PERSONAL).expanduser())
    with ThreadPoolExecutor(max(len(hosts), 1)) as pool:
        list(pool.map(lambda seen: seen.ask(known, personal), hosts))
    for seen in hosts:
        _show(seen, path, known, personal)
    wanted = [seen for seen in hosts if seen.key and not seen.is_known(known)]
    _refuse_others(wanted, expected)
    compared = not wanted or _are_compared(wanted, expected, yes, site)
    if compared and wanted:
        _write(path, known, wanted)
        names = ", ".join(seen.host.name for seen in wanted)
        click.echo(f"{path}: written, with the host keys of {names}")
    elif compared and any(seen.key for seen in hosts):
        click.echo(f"{path}: nothing is new")
    if not compared or any(seen.error for seen in hosts):
        raise SystemExit(1)


def _home(files: SiteFiles) -> tuple[Path, Access]:
    from hotshoe.remote.ssh import Access

    return files.known_hosts, Access(site=files.name)


def _stage(site: str) -> tuple[Path, Access]:
    """The file of host keys of a stage, and what leads there.

    :raises HotshoeError: if it is not up
    """
    from hotshoe.cli.stage import stage_that_is_up
    from hotshoe.remote.ssh import Access

    stage = stage_that_is_up(site)
    return stage.known_hosts, Access(stage.ssh_config, site=site)


def _runs_openwrt(device: HostPlan) -> bool:
    from hotshoe.plan.model import RouterPlan

    return isinstance(device, RouterPlan) and device.managed_by == "openwrt"


@dataclass
class _Seen:
    """A host, and the key that it shows; or why it shows none."""

    host: Host
    openwrt: bool
    key: HostKey | None = None
    error: RemoteError | None = None

    def _entries(self, *texts: str) -> tuple[Entry, ...]:
        """The lines about it, of the first of these files that has any."""
        from hotshoe.remote.known_hosts import entries_of

        found = (entries_of(text, self.host.known_as) for text in texts)
        return next(filter(None, found), ())

    def entry(self, text: str) -> Entry | None:
        """The line that says a key of it: the one that it shows, if there is that."""
        found = self._entries(text)
        return next((entry for entry in found if entry.key == self.key), next(iter(found), None))

    def is_known(self, text: str) -> bool:
        """Whether a file says its key."""
        entry = self.entry(text)
        return entry is not None and entry.key == self.key

    def ask(self, *texts: str) -> None:
        """Have it show the key that one of these files says, if it has that still."""
        from hotshoe.remote.host_keys import fetch
        from hotshoe.remote.ssh import RemoteError

        try:
            self.key = fetch(self.host, [entry.key.kind for entry in self._entries(*texts)])
        except RemoteError as error:
            self.error = error


def _expected(said: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """What the person knows of hosts.

    :raises click.UsageError: if that is no fingerprint of one of these hosts
    """
    found: dict[str, str] = {}
    for each in said:
        name, _, fingerprint = each.partition("=")
        if not fingerprint.startswith("SHA256:") or name in found:
            raise click.UsageError(
                "--fingerprint needs HOST=SHA256:…, once a host, as ssh-keygen -l shows it"
            )
        if name not in names:
            raise click.UsageError(
                f"--fingerprint: there is no host {name}; it has {', '.join(names)}"
            )
        found[name] = fingerprint.rstrip("=")
    return found


def _show(seen: _Seen, path: Path, known: str, personal: str) -> None:
    """Print a host's key, and what is known of it."""
    from hotshoe.remote.known_hosts import PERSONAL
    from hotshoe.remote.trust import how_to_compare

    if not seen.key:
        click.echo(f"Error: {seen.error}", err=True)
        return
    click.echo(f"{seen.host.name} ({seen.host.known_as}): {seen.key}")
    entry = seen.entry(known)
    if entry and entry.key == seen.key:
        click.echo(f"    as in {path}, line {entry.number}")
        return
    if entry:
        click.secho(
            f"    CHANGED: {path}, line {entry.number}, says {entry.key}\n"
            f"    If nobody has reinstalled {seen.host.name}, do not go on: something else may "
            "answer in its place.",
            fg="red",
        )
    elif own := seen.entry(personal):
        same = own.key == seen.key
        click.secho(
            f"    new; {PERSONAL}, line {own.number}, says "
            f"{'the same' if same else f'another one: {own.key}'}",
            fg=None if same else "red",
        )
    else:
        click.echo("    new")
    click.echo(
        f"    {seen.host.name} itself shows it by: "
        f"{how_to_compare(seen.key.kind, openwrt=seen.openwrt)}"
    )


def _refuse_others(wanted: Sequence[_Seen], expected: Mapping[str, str]) -> None:
    """Refuse a host that shows another key than the person says.

    :raises HotshoeError: with all of them
    """
    wrong = [
        f"{seen.host.name}: shows {seen.key}, and not {expected[seen.host.name]}, which "
        "--fingerprint says: nothing was written\n    -> something else may answer in its place: "
        "compare again, on the host itself"
        for seen in wanted
        if seen.key and expected.get(seen.host.name, seen.key.fingerprint) != seen.key.fingerprint
    ]
    if wrong:
        raise HotshoeError("\n".join(wrong))


def _are_compared(
    wanted: Sequence[_Seen], expected: Mapping[str, str], yes: bool, site: str
) -> bool:
    """Whether a person has compared these keys with those that the hosts themselves show.

    :raises HotshoeError: if nobody can be asked
    """
    from hotshoe.remote.trust import trust_command

    left = [seen.host.name for seen in wanted if seen.host.name not in expected]
    if not left:
        return True
    if yes or not sys.stdin.isatty():
        options = " ".join(f"--fingerprint={name}=SHA256:…" for name in left)
        why = "--yes takes" if yes else "nobody can be asked here, which leaves"
        raise HotshoeError(
            f"{', '.join(left)}: not compared yet, and {why} only what you say yourself: nothing "
            f"was written\n    -> {trust_command(site)} --yes {options}, with what each host "
            "itself shows"
        )
    return click.confirm("Have you compared them, and are they the same?", default=False)


def _write(path: Path, known: str, wanted: Sequence[_Seen]) -> None:
    from hotshoe import files
    from hotshoe.remote import known_hosts

    for seen in wanted:
        assert seen.key
        known = known_hosts.with_key(known, seen.host.known_as, seen.key)
    kind = files.Kind("file of host keys", "", path.suffix, "")
    files.write([files.File(path, kind, known)])
