"""Where the files of pull mode are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

UNIT = "hotshoe-pull"


@dataclass(frozen=True)
class Places:
    """Where things are on the box.

    :param root: the root of its file system
    """

    root: Path = Path("/")

    @property
    def configuration(self) -> Path:
        """What it is told, and its keys; root's alone."""
        return self.root / "etc" / "hotshoe-pull"

    @property
    def settings(self) -> Path:
        return self.configuration / "settings.json"

    @property
    def signers(self) -> Path:
        """Who may sign: allowed_signers, as ssh-keygen(1) has it.

        It is not in the repository, so that no commit says who may sign it.
        """
        return self.configuration / "allowed_signers"

    @property
    def key(self) -> Path:
        """The SSH key with which the box fetches and deploys."""
        return self.configuration / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Host keys of the repository's server, besides those that root knows."""
        return self.configuration / "known_hosts"

    @property
    def vault_password(self) -> Path:
        return self.configuration / "vault-password"

    @property
    def data(self) -> Path:
        """What it keeps, and what can be had again except for pki/."""
        return self.root / "var" / "lib" / "hotshoe-pull"

    @property
    def mirror(self) -> Path:
        """The repository, as it was fetched."""
        return self.data / "repository.git"

    @property
    def home(self) -> Path:
        """The files of the commit that was used last."""
        return self.data / "home"

    @property
    def pki(self) -> Path:
        """The home's certificate authority, which is in no commit."""
        return self.data / "pki"

    @property
    def record(self) -> Path:
        """The record of deploys."""
        return self.data / "record"

    @property
    def state(self) -> Path:
        return self.data / "state.json"

    @property
    def metrics(self) -> Path:
        """How it is, for Prometheus; the only file here that everybody may read."""
        return self.data / "metrics.prom"

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    def unit(self, kind: str) -> Path:
        """A unit of its own: ``service`` or ``timer``."""
        return self.root / "etc" / "systemd" / "system" / f"{UNIT}.{kind}"
