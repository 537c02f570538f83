"""The bound with reserve as a plan carries it: prices of reserve, and the weights of each asset's shares."""

from __future__ import annotations

import numpy as np

from optimizer.decomposed.bound import prices_of
from optimizer.decomposed.reserve import held_prices
from optimizer.decomposed.solver import Incumbent, Solver
from optimizer.decomposed.values import private_values

ROUNDS = 4
"""Each evaluates every asset once and moves its weights; the best of each asset counts."""


def settle_shares(solver: Solver, best: Incumbent, *, rounds: int = ROUNDS) -> None:
    """Evaluate the best multipliers once more and keep, per asset, the weights that prove its part.

    Replaces bound, values, weights and budget prices of `best`; the solver's own weights stay as they are.
    """
    private, held, coupling = solver.private, best.held, best.coupling
    if private is None or held is None or coupling is None or not private.asked.shape[1]:
        return
    assert best.values is not None
    assert best.budget_price is not None
    assert best.potential is not None
    private = private._replace(
        weight=private.weight.copy(), budget_price=private.budget_price.copy(), potential=best.potential
    )
    private.budget_price[:, 1] = best.budget_price
    values = np.full(len(solver.fleet), -np.inf)
    weight, price = np.zeros_like(private.weight), best.budget_price.copy()
    for _ in range(rounds):
        before = private.weight.copy()
        found = private_values(solver.fleet, private, prices_of(coupling), held_prices(held), rounds=1)
        better = found > values
        values[better], weight[better] = found[better], before[better]
        price[better] = private.budget_price[better, 1]
    best.bound += float((values - best.values).sum())
    best.values, best.share_weight, best.budget_price = values, weight, price
