"""A run for one portfolio leaves the leases of all others as they are, whatever comes of it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.security.test_renewals import make_loop, renew_for
from vpp.domain.errors import InvalidValueError
from vpp.domain.portfolios import Portfolios
from vpp.domain.runs import Rung


async def loop_with_portfolios():
    loop, clock, link, store = await make_loop()
    loop.portfolios = Portfolios({"north": ("a",), "south": ("b",)})
    return loop, clock, link, store


async def test_the_others_keep_their_orders_and_are_renewed():
    loop, clock, link, _store = await loop_with_portfolios()
    await loop.run_cycle("schedule")
    await renew_for(loop, clock, 5 * 60)
    before = loop.orders.highest_sequence()
    run = await loop.run_cycle("operator:r-1", portfolio="north")
    assert (run.portfolio, run.rung is not Rung.NOTHING) == ("north", True)
    assert link.sent[-1].slot.tolist() == [0, 1]
    after = loop.book.table.highest_sequence()
    assert after[2] == before[2]
    link.renewed = []
    await renew_for(loop, clock, 60)
    assert all(2 in slots for slots in link.renewed)
    assert np.isfinite(loop.followed.plan.power_kw).all()
    # In the interval that the run planned, its assets and the others alike are renewed.
    link.renewed = []
    await renew_for(loop, clock, 10 * 60)
    assert link.renewed[-1] == [0, 1, 2]


async def test_a_run_that_comes_to_nothing_takes_no_lease_from_anybody():
    loop, clock, link, _store = await loop_with_portfolios()
    await loop.run_cycle("schedule")
    await renew_for(loop, clock, 5 * 60)
    link.connected = [0, 1]
    run = await loop.run_cycle("operator:r-2", portfolio="south")
    assert run.rung is Rung.NOTHING
    link.connected, link.renewed = [0, 1, 2], []
    await renew_for(loop, clock, 60)
    assert link.renewed
    assert all(slots == [0, 1, 2] for slots in link.renewed)


async def test_an_unknown_portfolio_runs_nothing():
    loop, _clock, link, store = await loop_with_portfolios()
    with pytest.raises(InvalidValueError, match="north, south"):
        await loop.run_cycle("operator:r-3", portfolio="east")
    assert (store.runs, link.sent) == ([], [])
