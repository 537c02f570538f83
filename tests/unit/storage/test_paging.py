from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.adapters.storage.paging import MAX_PAGE_SIZE, bounded_page_size, decode_token, encode_token
from vpp.domain.errors import InvalidValueError

POSITIONS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3).map(tuple)


@settings(deadline=None)  # the machine may be busy
@given(listing=st.text(), position=POSITIONS)
def test_a_token_holds_its_position(listing: str, position: tuple[int, ...]) -> None:
    token = encode_token(listing, position)

    assert decode_token(listing, token, len(position)) == position
    assert token.isascii()


@settings(deadline=None)  # the machine may be busy
@given(token=st.text(min_size=1))
def test_any_other_text_is_refused_by_name(token: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        decode_token("runs", token, 1)

    assert refused.value.field == "page_token"


@pytest.mark.parametrize(("listing", "length"), [("forecasts", 1), ("runs", 2)])
def test_a_token_of_another_listing_is_refused(listing: str, length: int) -> None:
    with pytest.raises(InvalidValueError):
        decode_token(listing, encode_token("runs", (7,)), length)


def test_no_token_means_the_first_page() -> None:
    assert decode_token("runs", "", 1) is None


@pytest.mark.parametrize(("asked", "given_"), [(0, 100), (1, 1), (1000, 1000), (10**9, MAX_PAGE_SIZE)])
def test_a_page_has_a_maximum(asked: int, given_: int) -> None:
    assert bounded_page_size(asked) == given_
