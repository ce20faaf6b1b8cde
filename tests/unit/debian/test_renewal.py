"""When the server needs another certificate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hotshoe.debian.authority import CA_DAYS, SERVER_DAYS, Roots, issue, make_authority, succeed
from hotshoe.debian.authority_files import utc_now
from hotshoe.debian.renewal import RENEW_DAYS, is_lost, why_renew
from tests.unit.debian.pairs import GOOD, leaf

HOST = "photos.example.net"
NOW = utc_now().replace(microsecond=0)


@pytest.fixture(scope="module")
def authority():
    return make_authority(HOST, NOW)


@pytest.fixture(scope="module")
def pem(authority):
    return issue(authority, HOST, NOW)


class TestRenewal:
    def test_is_not_needed_for_a_good_certificate(self, authority, pem):
        assert why_renew(pem.decode(), authority.roots, HOST, NOW) is None

    def test_is_needed_without_one(self, authority):
        reason = "the server has no certificate"
        assert why_renew(None, authority.roots, HOST, NOW) == reason
        assert why_renew("", authority.roots, HOST, NOW) == reason

    def test_is_needed_before_there_is_an_authority(self, pem):
        reason = "there is no certificate authority here yet"
        assert why_renew(pem.decode(), None, HOST, NOW) == reason

    def test_is_needed_when_the_authority_is_another(self, pem):
        other = make_authority(HOST, NOW).roots
        reason = "the server's certificate is not from this certificate authority"
        assert why_renew(pem.decode(), other, HOST, NOW) == reason

    @pytest.mark.parametrize("broken", ["no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_is_needed_when_the_file_is_broken(self, authority, broken):
        reason = "the server's certificate is not from this certificate authority"
        assert why_renew(broken, authority.roots, HOST, NOW) == reason

    def test_is_needed_when_the_host_has_another_name_now(self, authority, pem):
        reason = "the server's certificate is not for new.example.net"
        assert why_renew(pem.decode(), authority.roots, "new.example.net", NOW) == reason

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
        assert why_renew(pem.decode(), authority.roots, HOST, then) == reason

    def test_is_needed_where_a_clock_was_ahead(self, authority):
        pem = issue(authority, HOST, NOW + timedelta(days=30)).decode()
        reason = "the server's certificate is not valid yet: a clock was wrong when it was issued"
        assert why_renew(pem, authority.roots, HOST, NOW) == reason
        assert why_renew(pem, authority.roots, HOST, NOW + timedelta(days=28)) is None

    def test_is_not_needed_where_it_would_win_no_time(self, authority):
        """In the root's own last year a new certificate would end on the same day."""
        late = NOW + timedelta(days=CA_DAYS - 100)
        pem = issue(authority, HOST, late).decode()
        assert why_renew(pem, authority.roots, HOST, late) is None

    def test_of_a_home_that_is_deployed_once_a_year_comes_in_time(self):
        assert RENEW_DAYS > 366
        assert SERVER_DAYS - RENEW_DAYS > 0

    @pytest.mark.parametrize("theirs", [GOOD.decode(), leaf(None).pem.decode()])
    def test_is_needed_when_another_issuer_was_there_before(self, authority, theirs):
        reason = "the server's certificate is not from this certificate authority"
        assert why_renew(theirs, authority.roots, HOST, NOW) == reason

    def test_is_needed_when_the_authority_is_replaced_and_when_that_is_over(self, authority, pem):
        both = succeed(authority, HOST, NOW)
        reason = "the server's certificate is not from this certificate authority"
        assert why_renew(pem.decode(), both.roots, HOST, NOW) == reason
        sent = issue(both, HOST, NOW).decode()
        assert why_renew(sent, both.roots, HOST, NOW) is None
        reason = "no camera trusts the previous certificate authority any more"
        assert why_renew(sent, Roots(both.certificate), HOST, NOW) == reason
        alone = sent[: sent.rindex("-----BEGIN")]
        reason = "cameras may still trust the previous certificate authority"
        assert why_renew(alone, both.roots, HOST, NOW) == reason


class TestALostAuthority:
    def test_is_noticed_by_the_certificate_that_it_issued(self, authority, pem):
        assert is_lost(pem.decode(), None, HOST)
        assert not is_lost(pem.decode(), authority.roots, HOST)

    def test_of_another_host_name_is_not_missed(self, pem):
        assert not is_lost(pem.decode(), None, "other.example.net")

    @pytest.mark.parametrize("pem", [None, "", "scribble", GOOD.decode(), leaf(None).pem.decode()])
    def test_is_not_missed_where_the_certificate_is_no_authority_of_ours(self, pem):
        """Let's Encrypt's, the person's own, or one that signed itself."""
        assert not is_lost(pem, None, HOST)
