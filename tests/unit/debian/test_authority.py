"""The certificate authority and the server's certificate, as OpenSSL sees them."""

from __future__ import annotations

import contextlib
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hotshoe.debian import authority_files, pair
from hotshoe.debian.authority import (
    CA_DAYS,
    LONGEST_PASSPHRASE,
    SERVER_DAYS,
    Authority,
    Roots,
    can_be_succeeded,
    is_passphrase,
    issue,
    make_authority,
    succeed,
)
from hotshoe.debian.authority_files import EXPORTS, AuthorityFiles, utc_now
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
        # Mbed TLS 2.28 refuses a root in which they are.
        assert not constraints.critical
        assert x509.DNSName(HOST) in constraints.value.permitted_subtrees
        assert constraints.value.excluded_subtrees == [
            x509.IPAddress(IPv4Network("0.0.0.0/0")),
            x509.IPAddress(IPv6Network("::/0")),
        ]

    def test_may_sign_certificates_and_the_authority_after_it(self, authority):
        basic = extension(authority.certificate, x509.BasicConstraints)
        assert basic.critical
        assert basic.value == x509.BasicConstraints(ca=True, path_length=1)
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


class TestAuthorityFiles:
    @pytest.fixture
    def files(self, tmp_path):
        return AuthorityFiles(tmp_path / "pki" / HOST)

    @pytest.fixture
    def made(self, files):
        return files.load_or_create(HOST, PASSPHRASE, NOW)

    def test_there_is_nothing_before_the_first_deploy(self, files):
        assert files.load(PASSPHRASE) is None
        assert files.load_roots() is None
        assert not files.folder.exists()

    def test_the_second_time_gives_the_same(self, files, made):
        again = files.load_or_create("ignored.example.net", PASSPHRASE, NOW + timedelta(days=9))
        assert again.certificate == made.certificate
        assert again.key.private_numbers() == made.key.private_numbers()
        assert files.load_roots() == made.roots

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
        assert sorted(path.name for path in files.folder.iterdir()) == [*sorted(EXPORTS), "ca.key"]

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
        assert files.load_roots() == made.roots
        assert files.load_or_create(HOST, PASSPHRASE, NOW).certificate == made.certificate
        assert x509.load_pem_x509_certificate(files.certificate.read_bytes()) == made.certificate

    def test_every_name_that_cameras_look_for_is_there_in_its_encoding(self, files, made):
        """RFC 2585 says that .cer is DER; OpenSSL is the judge."""
        found = {}
        for name, form in (("ROOT.CRT", "PEM"), ("ROOT.PEM", "PEM"), ("ROOT.CER", "DER")):
            command = ["openssl", "x509", "-in", files.folder / name, "-inform", form]
            command += ["-outform", "DER"]
            found[name] = subprocess.run(command, capture_output=True, check=True).stdout
        assert set(found.values()) == {made.certificate.public_bytes(serialization.Encoding.DER)}
        assert set(found) == set(EXPORTS)

    @pytest.mark.parametrize("name", EXPORTS)
    def test_each_of_them_is_written_again_when_it_is_missing(self, files, made, name):
        held = (files.folder / name).read_bytes()
        (files.folder / name).unlink()
        assert files.lacking(made.roots) == [name]
        files.export(made.roots)
        assert (files.folder / name).read_bytes() == held
        assert files.lacking(made.roots) == []

    @pytest.mark.parametrize("name", EXPORTS)
    def test_each_of_them_is_that_of_the_key_or_refused(self, files, made, name):
        stranger = make_authority(HOST, NOW).certificate
        (files.folder / name).write_bytes(stranger.public_bytes(EXPORTS[name]))
        with pytest.raises(HotshoeError, match=f"ca.key: does not belong to .*{name}"):
            files.load_roots()

    def test_what_an_earlier_version_made_goes_on_working(self, files, made):
        """Its certificate was critical, of path length 0, and perhaps in ROOT.CRT alone."""
        old = authority_of_an_earlier_version()
        (files.folder / "ROOT.PEM").unlink()
        (files.folder / "ROOT.CER").unlink()
        files.certificate.write_bytes(old.certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            old.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(PASSPHRASE.encode()),
            )
        )
        again = files.load_or_create(HOST, PASSPHRASE, NOW)
        assert again.certificate == old.certificate
        assert files.lacking(again.roots) == []
        held = files.key.read_bytes()
        with pytest.raises(HotshoeError, match="cannot vouch for another \\(path length 0\\)"):
            files.rotate(HOST, PASSPHRASE, NOW)
        assert files.key.read_bytes() == held

    def test_a_half_written_file_of_a_killed_run_is_replaced(self, files):
        files.folder.mkdir(parents=True)
        for path in (files.key, files.certificate):
            path.with_name(f"{path.name}.new").write_text("half of")
        made = files.load_or_create(HOST, PASSPHRASE, NOW)
        assert files.load(PASSPHRASE).certificate == made.certificate
        assert sorted(path.name for path in files.folder.iterdir()) == [*sorted(EXPORTS), "ca.key"]

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


class TestRotation:
    """The authority is replaced, and for a while cameras may trust either."""

    @pytest.fixture
    def files(self, tmp_path):
        return AuthorityFiles(tmp_path / "pki" / HOST)

    @pytest.fixture
    def old(self, files):
        return files.load_or_create(HOST, PASSPHRASE, NOW)

    def test_makes_a_new_authority_that_the_old_one_vouches_for(self, files, old):
        made = files.rotate(HOST, PASSPHRASE, NOW)
        assert made.certificate != old.certificate
        assert made.certificate.subject != old.certificate.subject
        assert made.roots.previous == old.certificate
        assert made.roots.cross.public_key() == made.certificate.public_key()
        made.roots.cross.verify_directly_issued_by(old.certificate)
        assert files.load_roots() == made.roots
        assert files.load(PASSPHRASE).key.private_numbers() == made.key.private_numbers()

    def test_gives_cameras_the_new_root(self, files, old):
        made = files.rotate(HOST, PASSPHRASE, NOW)
        assert files.lacking(made.roots) == []
        assert x509.load_pem_x509_certificate(files.certificate.read_bytes()) == made.certificate

    def test_loses_nothing(self, files, old):
        held = files.key.read_bytes()
        made = files.rotate(HOST, PASSPHRASE, NOW)
        (kept,) = files.folder.glob("ca-*.key")
        assert kept.read_bytes() == held
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
        files.finish()
        assert files.load(PASSPHRASE).key.private_numbers() == made.key.private_numbers()
        assert kept.read_bytes() == held

    def test_ends_with_the_new_authority_alone(self, files, old):
        made = files.rotate(HOST, PASSPHRASE, NOW)
        assert files.finish() == Roots(made.certificate)
        assert files.load_roots() == Roots(made.certificate)
        again = files.rotate(HOST, PASSPHRASE, NOW)
        assert again.roots.previous == made.certificate
        assert len(list(files.folder.glob("ca-*.key"))) == 2

    def test_is_never_done_twice_at_once(self, files, old):
        made = files.rotate(HOST, PASSPHRASE, NOW)
        with pytest.raises(HotshoeError, match="is already replacing the authority before it"):
            files.rotate(HOST, PASSPHRASE, NOW)
        assert files.load_roots() == made.roots
        with files._alone(), pytest.raises(HotshoeError, match="another process is changing it"):
            AuthorityFiles(files.folder).finish()
        assert files.load_roots() == made.roots

    def test_needs_an_authority_and_its_passphrase(self, files):
        with pytest.raises(HotshoeError, match="there is no certificate authority yet"):
            files.rotate(HOST, PASSPHRASE, NOW)
        files.load_or_create(HOST, PASSPHRASE, NOW)
        with pytest.raises(HotshoeError, match="no certificate authority is being replaced"):
            files.finish()
        with pytest.raises(HotshoeError, match="ca_passphrase from the vault does not open it"):
            files.rotate(HOST, "another passphrase", NOW)
        assert files.load_roots().previous is None

    def test_is_refused_when_the_old_root_vouches_for_nothing_any_more(self, files, old):
        late = NOW + timedelta(days=30 * 365)
        with pytest.raises(HotshoeError, match=r"ca\.key: expired on"):
            files.rotate(HOST, PASSPHRASE, late)
        assert files.load_roots() == old.roots

    @pytest.mark.parametrize("writes", range(5))
    def test_that_is_killed_anywhere_is_healed(self, files, old, monkeypatch, writes):
        """Before each of its writes, and after the last."""
        replace, done = authority_files.files.replace, []

        def dying(path, data, mode):
            if len(done) == writes:
                raise KeyboardInterrupt
            done.append(path)
            replace(path, data, mode)

        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(authority_files.files, "replace", dying)
            files.rotate(HOST, PASSPHRASE, NOW)
        # A deploy goes on with what is there.
        found = files.load_or_create(HOST, PASSPHRASE, NOW)
        assert files.lacking(found.roots) == []
        if found.certificate == old.certificate:
            found = files.rotate(HOST, PASSPHRASE, NOW)
        assert found.roots.previous == old.certificate
        files.finish()
        assert files.load(PASSPHRASE).certificate == found.certificate
        assert not list(files.folder.glob("*.new"))

    @pytest.mark.parametrize("writes", range(2))
    def test_whose_end_is_killed_is_ended_by_the_next(self, files, old, monkeypatch, writes):
        made = files.rotate(HOST, PASSPHRASE, NOW)

        def dying(path, data, mode):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(authority_files.files, "replace", dying)
            files.finish()
        assert files.load_roots() == made.roots
        assert files.finish() == Roots(made.certificate)


class TestClientsDuringTheOverlap:
    """OpenSSL and GnuTLS, as they meet it on a camera."""

    @pytest.fixture
    def both(self, authority):
        return succeed(authority, HOST, NOW)

    @pytest.fixture(params=["openssl", "gnutls"])
    def accepts(self, request, tmp_path):
        """Whether a client that trusts one root accepts what a server sends."""
        if request.param == "gnutls" and not shutil.which("certtool"):
            pytest.skip("gnutls-bin is not installed; the stage tests have it")

        def run(root, sent: bytes, hostname=HOST, at=NOW):
            (tmp_path / "root").write_bytes(root.public_bytes(serialization.Encoding.PEM))
            chain = sent[sent.index(b"-----BEGIN CERT") :]
            (tmp_path / "chain").write_bytes(chain)
            if request.param == "gnutls":
                command = ["certtool", "--verify", "--load-ca-certificate", "root"]
                command += ["--infile", "chain", "--verify-hostname", hostname]
                assert at == NOW
            else:
                command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
                command += ["-CAfile", "root", "-untrusted", "chain", "-attime"]
                command += [str(int(at.timestamp())), "-verify_hostname", hostname, "chain"]
            done = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, check=False
            )
            return done.returncode == 0

        return run

    def test_accept_what_either_root_vouches_for(self, accepts, authority, both):
        sent = issue(both, HOST, NOW)
        assert accepts(authority.certificate, sent)
        assert accepts(both.certificate, sent)

    @pytest.mark.parametrize("trusted", ["old", "new"])
    def test_get_what_may_go_live(self, authority, both, trusted):
        """By the judge of every other pair."""
        pem = issue(both, HOST, NOW)
        root = authority.certificate if trusted == "old" else both.certificate
        issuers = root.public_bytes(serialization.Encoding.PEM)
        alone = pem if trusted == "old" else pem[: pem.rindex(b"-----BEGIN")]
        verdict = pair.check(alone, alone, HOST, NOW, root=issuers)
        assert (verdict.findings, verdict.notes) == ((), ())
        assert verdict.pem == alone

    def test_with_the_old_root_alone_refuse_it_afterwards(self, accepts, authority, both):
        sent = issue(Authority(Roots(both.certificate), both.key), HOST, NOW)
        assert not accepts(authority.certificate, sent)
        assert accepts(both.certificate, sent)

    def test_refuse_what_is_for_another_name_whichever_root_they_trust(
        self, accepts, authority, both
    ):
        """Name constraints count though they are not critical."""
        other = "bank.example.com"
        for each, root in (
            (authority, authority.certificate),
            (both, both.certificate),
            (both, authority.certificate),
        ):
            assert accepts(root, issue(each, HOST, NOW))
            assert not accepts(root, issue(each, other, NOW), other)

    @pytest.mark.parametrize("accepts", ["openssl"], indirect=True)
    @pytest.mark.parametrize("days", [-1, 0, 1])
    def test_accept_a_new_certificate_though_their_clock_is_a_day_off(
        self, accepts, authority, both, days
    ):
        at = NOW + timedelta(days=days)
        assert accepts(authority.certificate, issue(authority, HOST, NOW), at=at)
        assert accepts(authority.certificate, issue(both, HOST, NOW), at=at)
        assert accepts(both.certificate, issue(both, HOST, NOW), at=at)

    @pytest.mark.parametrize("accepts", ["openssl"], indirect=True)
    def test_whose_clock_is_years_off_refuse_it(self, accepts, authority):
        at = NOW + timedelta(days=SERVER_DAYS + 1)
        assert not accepts(authority.certificate, issue(authority, HOST, NOW), at=at)


def authority_of_an_earlier_version() -> Authority:
    """As hotshoe made it before there were rotations."""
    made = make_authority(HOST, NOW)
    old = made.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotshoe root")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hotshoe root")]))
        .public_key(made.key.public_key())
        .serial_number(old.serial_number)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(extension(old, x509.NameConstraints).value, critical=True)
    )
    return Authority(Roots(builder.sign(made.key, hashes.SHA256())), made.key)


def test_an_authority_of_an_earlier_version_goes_on_issuing():
    old = authority_of_an_earlier_version()
    assert not can_be_succeeded(old.certificate)
    server = x509.load_pem_x509_certificate(issue(old, HOST, NOW))
    server.verify_directly_issued_by(old.certificate)


def test_the_clock_knows_its_time_zone():
    assert utc_now().tzinfo is UTC
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=5)
