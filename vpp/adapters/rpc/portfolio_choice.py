"""Which portfolio a caller names, and whether it is one of the caller's own."""

from __future__ import annotations

import grpc

from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.errors import CallRefusedError
from vpp.adapters.rpc.paging import filter_of
from vpp.domain.portfolios import Portfolios


def chosen_portfolio(named: str, portfolios: Portfolios) -> str:
    """Return the portfolio that a request is for; empty means all of them.

    Raises:
        InvalidValueError: it is not configured.
        CallRefusedError: the caller is limited to others, or named none.
    """
    portfolio, held = filter_of("portfolio", named), scope()
    mine = held.holds_all(portfolios.feeders_of.get(portfolio, ()))
    if not held.everything and not mine:
        asked = f"portfolio {portfolio}" if portfolio else "the whole fleet"
        raise CallRefusedError(
            grpc.StatusCode.PERMISSION_DENIED,
            "PORTFOLIO_NOT_ALLOWED",
            f"{caller().name} is limited to some portfolios, and this is about {asked}; name one of them",
        )
    if portfolio:
        portfolios.require(portfolio)
    return portfolio
