"""Secrets stay where they belong."""

from __future__ import annotations

from pathlib import Path

from tests.stage.home import Home


def secrets_of(home: Home) -> list[str]:
    key = home.authority.key.read_text()
    hashes = home.sh(home.server, "cut -d: -f2 /etc/hotshoe/cameras.pwd").split()
    private = home.sh(home.server, "sed -n 2,4p /etc/hotshoe/server.pem").split()
    return [
        *home.secrets.camera_passwords.values(),
        home.secrets.ca_passphrase,
        *(h.rsplit("$", 1)[1] for h in hashes),
        *private,
        key.splitlines()[1],
    ]


def test_no_output_shows_a_secret(home: Home) -> None:
    home.sh(home.server, "rm /etc/hotshoe/cameras.pwd /etc/hotshoe/server.pem")
    done = [
        home.pyinfra("--dry", "--diff", "-vvv", "--debug-operations"),
        home.pyinfra("--dry", "--json"),
        home.pyinfra("-y", "--diff", "-vvv", "--debug"),
        home.pyinfra("-y", "--json", "-vvv"),
    ]
    said = "".join(run.stdout + run.stderr for run in done)
    assert "cameras.pwd" in said
    assert [secret for secret in secrets_of(home) if secret in said] == []


def test_no_log_and_no_world_readable_file_holds_a_secret(home: Home) -> None:
    home.sh(home.server, "journalctl --sync; journalctl --no-pager >/tmp/journal")
    journal = home.sh(home.server, "cat /tmp/journal; rm /tmp/journal")
    assert "vsftpd" in journal
    assert [secret for secret in secrets_of(home) if secret in journal] == []
    readable = home.sh(
        home.server, "find /etc/hotshoe /tmp /run/hotshoe /var/tmp -type f -perm /077 -print"
    ).split()
    assert "/etc/hotshoe/vsftpd.conf" in readable
    text = home.sh(home.server, "cat " + " ".join(readable))
    assert [secret for secret in secrets_of(home) if secret in text] == []


def test_the_authority_s_key_is_encrypted_and_never_on_the_server(home: Home) -> None:
    key = home.authority.key
    assert key.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert key.stat().st_mode & 0o077 == 0
    marker = key.read_text().splitlines()[1]
    assert not home.succeeds(
        home.server, f"grep -rqF '{marker}' /etc /root /srv /tmp /var/tmp /run"
    )


def test_the_repository_holds_no_plain_secret(home: Home) -> None:
    root = Path(__file__).parents[2]
    vault = root / "group_vars" / "all.vault.yml"
    assert vault.read_text().startswith("$ANSIBLE_VAULT;")
    for path in (p for part in ("group_vars", "inventories") for p in (root / part).iterdir()):
        if path.is_file():
            text = path.read_text()
            assert not any(p in text for p in home.secrets.camera_passwords.values()), path
