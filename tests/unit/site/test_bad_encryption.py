"""What a Site says of TLS and must not."""

from __future__ import annotations

import pytest

from tests.unit.refusals import one_problem, refusal, with_lines


@pytest.mark.parametrize("key", ["tls_1_3", "legacy_tls", "rsa_key_exchange"])
def test_how_tls_is_spoken_where_it_is_not_is_refused(write_site, key):
    files = write_site(with_lines(f"ftp: {{tls: none, only_on: eth1, {key}: true}}"))
    expected = one_problem(f"ftp.{key}", "is not used: tls: none has no TLS", "remove it")
    assert refusal(files) == expected
