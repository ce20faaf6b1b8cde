"""The certificate authority and the server's certificate, as OpenSSL sees them."""

from __future__ import annotations

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hotshoe.debian.certificates import (
    CA_DAYS,
    LONGEST_PASSPHRASE,
    RENEW_DAYS,
    SERVER_DAYS,
    AuthorityFiles,
    is_passphrase,
    issue,
    make_authority,
    utc_now,
    why_renew,
)
from hotshoe.errors import HotshoeError

HOST = "photos.example.net"
NOW = utc_now().replace(microsecond=0)
PASSPHRASE = "a passphrase of one's own"


@pytest.fixture(scope="module")
def authority():
    return make_authority(HOST, NOW)


@pytest.fixture(scope="module")
def pem(authority):
    """What vsftpd reads: the server's key and its certificate."""
    return issue(authority, HOST, NOW)


@pytest.fixture(scope="module")
def server(pem):
    return x509.load_pem_x509_certificate(pem)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


class TestTheRoot:
    def test_is_of_a_kind_that_cameras_know(self, authority):
        certificate = authority.certificate
        assert isinstance(certificate.public_key(), rsa.RSAPublicKey)
        assert certificate.public_key().key_size == 2048
        assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)

    def test_can_sign_for_one_host_name_and_for_nothing_else(self, authority):
        constraints = extension(authority.certificate, x509.NameConstraints)
        assert constraints.critical
        assert x509.DNSName(HOST) in constraints.value.permitted_subtrees
        assert constraints.value.excluded_subtrees == [
            x509.IPAddress(IPv4Network("0.0.0.0/0")),
            x509.IPAddress(IPv6Network("::/0")),
        ]

    def test_may_sign_certificates_but_no_further_authority(self, authority):
        basic = extension(authority.certificate, x509.BasicConstraints)
        assert basic.critical
        assert basic.value == x509.BasicConstraints(ca=True, path_length=0)
        usage = extension(authority.certificate, x509.KeyUsage)
        assert usage.critical
        assert usage.value.key_cert_sign
        assert not usage.value.digital_signature

    def test_outlives_cameras(self, authority):
        assert authority.certificate.not_valid_after_utc == NOW + timedelta(days=CA_DAYS)


class TestTheServersCertificate:
    def test_is_of_a_kind_that_cameras_know(self, server):
        assert server.public_key().key_size == 2048
        assert isinstance(server.signature_hash_algorithm, hashes.SHA256)

    def test_names_the_host_where_old_and_new_clients_look(self, server):
        (common_name,) = server.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert common_name.value == HOST
        names = extension(server, x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [HOST]

    def test_is_for_a_server_only(self, server):
        usage = extension(server, x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
        assert extension(server, x509.BasicConstraints).value.ca is False

    def test_is_valid_already_for_a_camera_whose_clock_is_a_day_behind(self, server):
        assert server.not_valid_before_utc <= NOW - timedelta(days=1)
        assert server.not_valid_after_utc == NOW + timedelta(days=SERVER_DAYS)

    def test_does_not_outlive_the_root(self, authority):
        late = NOW + timedelta(days=CA_DAYS - 100)
        certificate = x509.load_pem_x509_certificate(issue(authority, HOST, late))
        assert certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc

    def test_comes_with_its_own_key(self, pem, server):
        key = serialization.load_pem_private_key(pem, None)
        assert key.public_key() == server.public_key()
        assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")

    def test_never_has_the_key_of_another(self, authority, server):
        again = x509.load_pem_x509_certificate(issue(authority, HOST, NOW))
        assert again.public_key() != server.public_key()
        assert again.serial_number != server.serial_number


class TestOpenSSL:
    """The judge that cameras, curl and lftp ask."""

    @pytest.fixture
    def verify(self, tmp_path, authority):
        root = tmp_path / "ROOT.CRT"
        root.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))

        def run(pem: bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
            certificate = tmp_path / "server.pem"
            certificate.write_bytes(pem)
            return subprocess.run(
                ["openssl", "verify", "-x509_strict", *arguments, "-CAfile", root, certificate],
                capture_output=True,
                text=True,
                check=False,
            )

        return run

    def test_accepts_the_certificate_for_its_host_name(self, verify, pem):
        done = verify(pem, "-purpose", "sslserver", "-verify_hostname", HOST)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("server.pem: OK\n")

    def test_rejects_the_certificate_for_another_host_name(self, verify, pem):
        done = verify(pem, "-verify_hostname", "other.example.net")
        assert done.returncode != 0
        assert "hostname mismatch" in done.stderr.lower()

    @pytest.mark.parametrize("other", ["bank.example.com", "example.net", "notphotos.example.net"])
    def test_rejects_what_the_same_authority_signed_for_another_name(
        self, verify, authority, other
    ):
        """So a stolen authority can impersonate nobody else."""
        done = verify(issue(authority, other, NOW), "-verify_hostname", other)
        assert done.returncode != 0
        assert "permitted subtree violation" in done.stderr

    def test_rejects_what_another_authority_signed(self, verify):
        stranger = make_authority(HOST, NOW)
        assert verify(issue(stranger, HOST, NOW)).returncode != 0


class TestRenewal:
    def test_is_not_needed_for_a_good_certificate(self, authority, pem):
        assert why_renew(pem.decode(), authority.certificate, HOST, NOW) is None

    def test_is_needed_without_one(self, authority):
        reason = "the server has no certificate"
        assert why_renew(None, authority.certificate, HOST, NOW) == reason
        assert why_renew("", authority.certificate, HOST, NOW) == reason

    def test_is_needed_before_there_is_an_authority(self, pem):
        reason = "there is no certificate authority here yet"
        assert why_renew(pem.decode(), None, HOST, NOW) == reason

    def test_is_needed_when_the_authority_is_another(self, pem):
        other = make_authority(HOST, NOW).certificate
        reason = "the server's certificate is not from this certificate authority"
        assert why_renew(pem.decode(), other, HOST, NOW) == reason

    @pytest.mark.parametrize("broken", ["no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_is_needed_when_the_file_is_broken(self, authority, broken):
        reason = "the server's certificate is not from this certificate authority"
        assert why_renew(broken, authority.certificate, HOST, NOW) == reason

    def test_is_needed_when_the_host_has_another_name_now(self, authority, pem):
        reason = "the server's certificate is not for new.example.net"
        assert why_renew(pem.decode(), authority.certificate, "new.example.net", NOW) == reason

    @pytest.mark.parametrize(
        ("days_left", "reason"),
        [
            (RENEW_DAYS, None),
            (RENEW_DAYS - 1, "the server's certificate has 399 days left"),
            (0, "the server's certificate has 0 days left"),
            (-3, "the server's certificate has -3 days left"),
        ],
    )
    def test_is_needed_long_before_the_end(self, authority, pem, days_left, reason):
        then = NOW + timedelta(days=SERVER_DAYS - days_left)
        assert why_renew(pem.decode(), authority.certificate, HOST, then) == reason

    def test_is_not_needed_where_it_would_win_no_time(self, authority):
        """In the root's own last year a new certificate would end on the same day."""
        late = NOW + timedelta(days=CA_DAYS - 100)
        pem = issue(authority, HOST, late).decode()
        assert why_renew(pem, authority.certificate, HOST, late) is None

    def test_of_a_home_that_is_deployed_once_a_year_comes_in_time(self):
        assert RENEW_DAYS > 366
        assert SERVER_DAYS - RENEW_DAYS > 0


class TestAuthorityFiles:
    @pytest.fixture
    def files(self, tmp_path):
        return AuthorityFiles(tmp_path / "pki" / HOST)

    @pytest.fixture
    def made(self, files):
        return files.load_or_create(HOST, PASSPHRASE, NOW)

    def test_there_is_nothing_before_the_first_deploy(self, files):
        assert files.load(PASSPHRASE) is None
        assert files.load_certificate() is None
        assert not files.folder.exists()

    def test_the_second_time_gives_the_same(self, files, made):
        again = files.load_or_create("ignored.example.net", PASSPHRASE, NOW + timedelta(days=9))
        assert again.certificate == made.certificate
        assert again.key.private_numbers() == made.key.private_numbers()
        assert files.load_certificate() == made.certificate

    def test_the_key_is_encrypted_and_nobody_elses_to_read(self, files, made):
        text = files.key.read_bytes()
        assert text.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
        assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
        with pytest.raises(TypeError):
            serialization.load_pem_private_key(text, None)

    def test_the_root_certificate_has_a_name_that_cameras_look_for(self, files, made):
        assert files.certificate.name == "ROOT.CRT"
        assert x509.load_pem_x509_certificate(files.certificate.read_bytes()) == made.certificate

    def test_nothing_else_is_left_behind(self, files, made):
        assert sorted(path.name for path in files.folder.iterdir()) == ["ROOT.CRT", "ca.key"]

    def test_a_wrong_passphrase_is_refused(self, files, made):
        with pytest.raises(HotshoeError) as refused:
            files.load("another passphrase")
        assert str(refused.value) == (
            f"{files.key}: ca_passphrase from the vault does not open it\n"
            "    -> put back the passphrase that it was made with"
        )

    def test_a_key_without_a_passphrase_is_refused(self, files, made):
        bare = made.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        files.key.write_bytes(bare)
        with pytest.raises(HotshoeError, match="ca_passphrase from the vault does not open it"):
            files.load(PASSPHRASE)

    def test_a_lost_key_is_refused_and_nothing_is_made_anew(self, files, made):
        files.key.unlink()
        with pytest.raises(HotshoeError) as refused:
            files.load_or_create(HOST, PASSPHRASE, NOW)
        assert str(refused.value) == (
            f"{files.key}: is missing, so no certificate can be renewed\n"
            f"    -> restore it from a backup; or remove {files.folder} for a new authority, "
            "whose ROOT.CRT every camera must then be given"
        )
        assert not files.key.exists()

    def test_a_lost_root_certificate_is_written_again(self, files, made):
        """People move it to a card; and a run may be killed before it is written."""
        files.certificate.unlink()
        assert files.load_certificate() == made.certificate
        assert files.load_or_create(HOST, PASSPHRASE, NOW).certificate == made.certificate
        assert x509.load_pem_x509_certificate(files.certificate.read_bytes()) == made.certificate

    def test_a_half_written_file_of_a_killed_run_is_replaced(self, files):
        files.folder.mkdir(parents=True)
        for path in (files.key, files.certificate):
            path.with_name(f"{path.name}.new").write_text("half of")
        made = files.load_or_create(HOST, PASSPHRASE, NOW)
        assert files.load(PASSPHRASE).certificate == made.certificate
        assert sorted(path.name for path in files.folder.iterdir()) == ["ROOT.CRT", "ca.key"]

    def test_a_root_certificate_that_is_none_is_refused(self, files, made):
        files.certificate.write_text("scribble")
        with pytest.raises(HotshoeError) as refused:
            files.load(PASSPHRASE)
        assert str(refused.value) == (
            f"{files.certificate}: holds no PEM certificate\n"
            "    -> restore ca.key and ROOT.CRT from the same backup"
        )

    def test_halves_of_two_authorities_are_refused(self, files, made, tmp_path):
        other = AuthorityFiles(tmp_path / "other")
        other.load_or_create(HOST, PASSPHRASE, NOW)
        files.certificate.write_bytes(other.certificate.read_bytes())
        with pytest.raises(HotshoeError) as refused:
            files.load(PASSPHRASE)
        assert str(refused.value) == (
            f"{files.key}: does not belong to {files.certificate}\n"
            "    -> restore both from the same backup"
        )

    def test_every_passphrase_that_the_vault_may_hold_works(self, files):
        longest = "x" * LONGEST_PASSPHRASE
        assert is_passphrase(longest)
        assert files.load_or_create(HOST, longest, NOW) is not None
        assert files.load(longest) is not None

    @pytest.mark.parametrize("text", ["x" * (LONGEST_PASSPHRASE + 1), "ü" * 512, "\ud800" * 12])
    def test_a_passphrase_that_openssl_cannot_take_is_known_beforehand(self, text):
        assert not is_passphrase(text)


def test_the_clock_knows_its_time_zone():
    assert utc_now().tzinfo is UTC
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=5)
