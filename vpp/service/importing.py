"""Writes a portfolio from files into the database."""

from __future__ import annotations

from collections.abc import Callable

from vpp.ports import Store
from vpp.service.files import PortfolioFiles

BATCH_ROWS = 5000


async def import_portfolio(
    store: Store, portfolio: PortfolioFiles, advance: Callable[[int], None] = lambda rows: None
) -> None:
    """Store fleet, prices, context and load; `advance` is told how many load values were written."""
    await store.save_fleet(portfolio.fleet)
    await store.save_prices(portfolio.prices)
    await store.save_context(portfolio.context)
    for first in range(0, len(portfolio.load), BATCH_ROWS):
        batch = portfolio.load[first : first + BATCH_ROWS]
        await store.append_feeder_readings(batch)
        advance(len(batch))
