"""Who is paid what: the shares add up, and a kWh is worth the same whoever delivered it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vpp.control.settlement.compensation import split

AMOUNTS = st.floats(0.0, 1e4).map(lambda number: round(number, 6))


@st.composite
def outcomes(draw):
    """Income, wear, energy delivered, energy failed; wear only of those who delivered."""
    count = draw(st.integers(1, 12))
    columns = [draw(arrays(np.float64, count, elements=AMOUNTS)) for _ in range(3)]
    worn, delivered, failed = columns
    return draw(st.floats(-1e4, 1e4)), worn * (delivered > 0.0), delivered, failed


@settings(max_examples=200, deadline=None)
@given(outcomes())
def test_shares_add_up_to_the_income(outcome):
    income, worn, delivered, failed = outcome
    wear, share = split(income, worn, delivered, failed)
    somebody = delivered.sum() > 0.0 if income > 0.0 else failed.sum() > 0.0
    expected = income if somebody else 0.0
    assert wear.sum() + share.sum() == pytest.approx(expected, abs=1e-9 * max(1.0, abs(income)))


@settings(max_examples=200, deadline=None)
@given(outcomes())
def test_who_delivered_more_gets_no_less_for_a_kwh(outcome):
    income, worn, delivered, failed = outcome
    wear, share = split(abs(income), worn, delivered, failed)
    paid = np.flatnonzero(delivered > 0.0)
    order = paid[np.argsort(delivered[paid])]
    per_kwh = share[order] / delivered[order]
    assert (np.diff(per_kwh) >= -1e-9 * (1.0 + np.abs(per_kwh[:-1]))).all()
    assert (wear <= worn * (1.0 + 1e-12)).all()


@settings(max_examples=200, deadline=None)
@given(outcomes())
def test_a_loss_is_borne_by_those_who_failed(outcome):
    income, worn, delivered, failed = outcome
    wear, share = split(-abs(income) - 1.0, worn, delivered, failed)
    assert not wear.any()
    assert (share[failed == 0.0] == 0.0).all()
    order = np.argsort(failed)
    assert (np.diff(share[order]) <= 1e-9).all()


def test_wear_comes_first():
    wear, share = split(10.0, np.array([4.0, 0.0]), np.array([1.0, 3.0]), np.zeros(2))
    assert wear.tolist() == [4.0, 0.0]
    assert share.tolist() == [1.5, 4.5]


def test_wear_that_exceeds_the_income_is_repaid_in_part():
    wear, share = split(3.0, np.array([4.0, 2.0]), np.array([1.0, 3.0]), np.zeros(2))
    assert wear.tolist() == [2.0, 1.0]
    assert not share.any()
