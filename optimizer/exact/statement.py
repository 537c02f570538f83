"""The whole dispatch problem as one Pyomo model; docs/problem.md states it in words and formulas."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pyomo.core.base.constraint as pyomo_constraint
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC

from optimizer.exact import assets, costs, grid, products
from optimizer.exact.assets import Model
from optimizer.exact.modes import ModeCells, add_recovery
from optimizer.exact.stays import needs_mode, stays_of
from optimizer.problem import Problem

_LOG = logging.getLogger("pyomo")


@contextmanager
def building() -> Iterator[None]:
    """Build and compile without garbage collection, and without Pyomo's log lines about its own parts."""
    level = _LOG.level
    _LOG.setLevel(logging.ERROR)
    try:
        with PauseGC():
            yield
    finally:
        _LOG.setLevel(level)


@contextmanager
def rules_read_once() -> Iterator[None]:
    """Let Pyomo read a rule once, as a template, instead of once per index: several times faster."""
    before = pyomo_constraint.TEMPLATIZE_CONSTRAINTS
    pyomo_constraint.TEMPLATIZE_CONSTRAINTS = True
    try:
        yield
    finally:
        pyomo_constraint.TEMPLATIZE_CONSTRAINTS = before


def relaxed_statement(problem: Problem) -> Model:
    """State the problem without its on/off variables: a linear program and a valid relaxation."""
    stays = stays_of(problem)
    model = pyo.ConcreteModel()
    assets.declare_assets(model, problem, stays)
    assets.declare_stays(model, problem, stays)
    grid.declare_fleet(model, problem)
    with rules_read_once():
        assets.add_energy(model)
    add_recovery(model, problem, stays)
    assets.add_budgets(model, problem, stays)
    grid.add_exchange(model, problem)
    grid.add_feeder_limits(model, problem)
    grid.add_portfolio_limits(model, problem)
    grid.add_direction(model, problem)
    grid.add_events(model, problem)
    products.add_reserve(model, problem, stays)
    products.add_depth_wear(model, problem, stays)
    products.add_calm(model, problem)
    costs.add_objective(model, problem)
    return model


def all_mode_cells(model: Model, problem: Problem) -> ModeCells:
    """Return every cell that the full problem switches by a binary."""
    charging, discharging = needs_mode(problem)
    return ModeCells(
        charging=[cell for cell in model.cells if charging[cell[0]]],
        discharging=[cell for cell in model.cells if discharging[cell[0]]],
    )
