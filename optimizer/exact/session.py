"""One HiGHS session over compiled arrays: run, read, move bounds and costs, run again from the same basis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from optimizer.exact.compiled import Compiled
from optimizer.problem import Floats, Ints

PERTURBATION = 5.0
"""Times HiGHS' own perturbation of costs: a tenth to a quarter less time; the optimum is cleaned up after."""
NOTHING: Floats = np.zeros(0)

ITERATION_LIMIT = 2_000_000
"""Simplex iterations of one run; the problems this method is for need a few thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run left: a point, its row prices (LP only), and whether the point may be used."""

    usable: bool
    optimal: bool
    values: Floats
    row_prices: Floats
    objective: float
    bound: float
    iterations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """When a search with binaries stops. `kill_s` is a kill, not a stop: its outcome is not repeatable."""

    nodes: int
    gap: float
    kill_s: float = 1e30


class Session:
    """Holds one model in HiGHS, single-threaded and free of clocks: the same calls give the same bytes."""

    def __init__(self, compiled: Compiled, *, seed: int = 0) -> None:
        self.compiled = compiled
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self.solver = solver
        self.solver.silent()
        for option, value in {"threads": 1, "random_seed": seed, "solver": "simplex"}.items():
            self.solver.setOptionValue(option, value)
        # The slack basis is a good start here (idle fleet), and without presolve the optimal basis
        # stays at hand for the runs that follow.
        self.solver.setOptionValue("presolve", "off")
        self.solver.setOptionValue("simplex_iteration_limit", ITERATION_LIMIT)
        self.solver.setOptionValue("dual_simplex_cost_perturbation_multiplier", PERTURBATION)
        self.solver.passModel(_model_of(compiled))

    def run(self, *, below: float = np.inf) -> Answer:
        """Solve from the basis at hand; not to the end where the objective is seen to pass `below`."""
        self.solver.setOptionValue("objective_bound", below)
        self.solver.run()
        return self._answer()

    def reduced_costs(self) -> Floats:
        """Return the reduced cost of every column at the last optimum of a linear program."""
        solution: Any = self.solver.getSolution()
        return np.array(solution.col_dual, dtype=float)

    def set_bounds(self, columns: Ints, low: Floats, high: Floats) -> None:
        """Replace the bounds of some columns."""
        self.solver.changeColsBounds(len(columns), columns.astype(np.int32), low, high)

    def set_costs(self, columns: Ints, cost: Floats) -> None:
        """Replace the costs of some columns."""
        self.solver.changeColsCost(len(columns), columns.astype(np.int32), cost)

    def add_rows(self, rows: sparse.csr_array, high: Floats) -> None:
        """Add rows @ x <= high below the model's own; the basis stays at hand."""
        low = np.full(len(high), -np.inf)
        first, column = rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32)
        self.solver.addRows(len(high), low, high, rows.nnz, first, column, rows.data)

    def search(self, *, start: dict[int, float], limits: SearchLimits) -> Answer:
        """Solve with the binary columns integral, from values of some columns."""
        integer = np.flatnonzero(self.compiled.integer).astype(np.int32)
        kinds = np.full(len(integer), highspy.HighsVarType.kInteger.value, dtype=np.uint8)
        self.solver.changeColsIntegrality(len(integer), integer, kinds)
        for option, value in {
            "presolve": "on",
            "solver": "choose",
            "mip_max_nodes": limits.nodes,
            "mip_rel_gap": limits.gap,
            "mip_abs_gap": 1e-7,
            "mip_feasibility_tolerance": 1e-8,
            "time_limit": limits.kill_s,
        }.items():
            self.solver.setOptionValue(option, value)
        columns = np.fromiter(start, dtype=np.int32, count=len(start))
        values = np.fromiter(start.values(), dtype=float, count=len(start))
        self.solver.setSolution(len(columns), columns, values)
        self.solver.run()
        return self._answer()

    def _answer(self) -> Answer:
        """Read status before values: a run cut short may hold an objective of zero."""
        status, info = self.solver.getModelStatus(), self.solver.getInfo()
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        solution: Any = self.solver.getSolution()
        passed = status == highspy.HighsModelStatus.kObjectiveBound  # its point is of no use and slow to read
        return Answer(
            usable=bool(found) and not passed,
            optimal=status == highspy.HighsModelStatus.kOptimal,
            values=NOTHING if passed else np.array(solution.col_value, dtype=float),
            row_prices=NOTHING if passed else np.array(solution.row_dual, dtype=float),
            objective=float(info.objective_function_value),
            bound=float(info.mip_dual_bound),
            iterations=int(info.simplex_iteration_count),
        )


def _model_of(compiled: Compiled) -> Any:
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = compiled.rows.shape
    model.offset_ = compiled.offset
    model.col_cost_, model.col_lower_, model.col_upper_ = compiled.cost, compiled.low, compiled.high
    model.row_lower_, model.row_upper_ = compiled.row_low, compiled.row_high
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = compiled.rows.indptr
    model.a_matrix_.index_ = compiled.rows.indices
    model.a_matrix_.value_ = compiled.rows.data
    return model


def proven_bound(compiled: Compiled, row_prices: Floats) -> float:
    """Return a lower bound that holds whatever the solver's tolerances (Neumaier and Shcherbina 2004).

    For any prices y: cost @ x >= sum y * side + sum_j min over [low, high] of (cost - rows' y)_j x_j.
    Every column is bounded, so this is finite; a rounding allowance is taken off.
    """
    prices = np.where((row_prices > 0.0) & np.isinf(compiled.row_low), 0.0, row_prices)
    prices = np.where((prices < 0.0) & np.isinf(compiled.row_high), 0.0, prices)
    side = np.where(prices > 0.0, compiled.row_low, compiled.row_high)
    by_row = np.where(prices == 0.0, 0.0, prices * np.where(prices == 0.0, 0.0, side))
    reduced = compiled.cost - compiled.rows.T @ prices
    edge = np.where(reduced > 0.0, compiled.low, compiled.high)
    by_column = np.where(reduced == 0.0, 0.0, reduced * np.where(reduced == 0.0, 0.0, edge))
    size = np.abs(by_row).sum() + np.abs(by_column).sum() + abs(compiled.offset)
    return float(compiled.offset + by_row.sum() + by_column.sum() - 1e-12 * size)
