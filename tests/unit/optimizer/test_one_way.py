"""Rows for one direction at a time: they raise the bound, no schedule breaks them."""

import numpy as np

from optimizer import solve, verify
from optimizer.exact.cells import wrong_cells
from optimizer.exact.one_way import share_directions
from optimizer.exact.relaxation import relax
from optimizer.instances import generate
from optimizer.verify import recompute_bound


def test_rows_raise_the_bound_and_stay_below_every_plan() -> None:
    problem = generate("homes", 24, 2, seed=0, intervals=48, negative=True)
    loose = relax(problem)
    before = int(wrong_cells(loose.cells, loose.answer.values).both.sum())
    tight = share_directions(loose)
    plan = solve(problem)
    assert tight.bound > loose.bound + 1e-4 * abs(loose.bound)
    assert tight.bound <= plan.certificate.objective
    assert int(wrong_cells(tight.cells, tight.answer.values).both.sum()) < before
    assert verify(problem, plan.schedule, certificate=plan.certificate).ok
    assert plan.certificate.lower_bound <= recompute_bound(problem, plan.prices).value + 1e-9


def test_nothing_is_added_where_no_battery_does_both() -> None:
    problem = generate("homes", 12, 2, seed=0, intervals=24)
    loose = relax(problem)
    tight = share_directions(loose)
    assert tight.compiled.rows.shape == loose.compiled.rows.shape
    assert np.array_equal(tight.answer.values, loose.answer.values)
