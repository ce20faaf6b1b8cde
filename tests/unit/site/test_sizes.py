"""Amounts of bytes as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ByteSize, TypeAdapter

from hotshoe.site.sizes import written


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1500, "1500 bytes"),
        (1_500_000, "1500 kB"),
        (500_000_000_000, "500 GB"),
        (2_000_000_000_000_000, "2000 TB"),
    ],
)
def test_an_amount_has_the_largest_unit_that_leaves_it_whole(size, text):
    assert written(size) == text


@given(st.integers(0, 10**16))
def test_what_is_shown_may_be_written_in_a_site(size):
    assert TypeAdapter(ByteSize).validate_python(written(size).removesuffix(" bytes")) == size
