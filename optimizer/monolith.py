"""The whole problem as one linear or mixed-integer program, straight from arrays into HiGHS.

What most people would write first, without a modelling language in the way. It is measured beside the
methods of this package and plans nothing itself. Columns: charge, discharge and energy per asset and
interval, then two on/off variables each (in the mixed-integer form), then what the grid needs:

    x = [ charge | discharge | energy | (charging | discharging) | import | export | over | peak | missing ]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from optimizer.problem import Floats, Ints, Problem, ProblemError

SIMPLEST_ONLY = ("events", "reserve", "scenarios", "wear")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonolithAnswer:
    """What HiGHS reached within its limit: an objective where it found a point, a bound where it has one."""

    finished: bool
    objective: float
    bound: float


class _Program:
    """Collects columns and rows as arrays."""

    def __init__(self) -> None:
        self.cost: list[Floats] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.integer: list[Floats] = []
        self.entries: list[tuple[Ints, Ints, Floats]] = []
        self.sides: list[tuple[Floats, Floats]] = []
        self.columns = self.rows = 0

    def add_columns(self, cost: Floats, low: Any, high: Any, *, integer: bool = False) -> Ints:
        """Add columns of the shape of `cost`; return their numbers in that shape."""
        at = self.columns + np.arange(cost.size).reshape(cost.shape)
        self.columns += cost.size
        for kept, values in ((self.cost, cost), (self.low, low), (self.high, high)):
            kept.append(np.broadcast_to(values, cost.shape).ravel())
        self.integer.append(np.full(cost.size, float(integer)))
        return at

    def add_rows(self, low: Any, high: Any, *terms: tuple[Ints, Any]) -> None:
        """Add one row for each cell of the first term's columns: low <= sum of coefficient * x <= high."""
        shape = terms[0][0].shape
        row = self.rows + np.arange(terms[0][0].size)
        self.rows += len(row)
        for at, coefficient in terms:
            self.entries.append((row, at.ravel(), np.broadcast_to(coefficient, shape).ravel()))
        self.sides.append((np.broadcast_to(low, shape).ravel(), np.broadcast_to(high, shape).ravel()))

    def add_sums(self, low: Any, high: Any, own: Ints, group: Ints, at: Ints, coefficient: Any) -> None:
        """Add rows own[k] + sum of coefficient * x[at] over the cells of group k, within [low, high]."""
        self.entries.append(
            (self.rows + group.ravel(), at.ravel(), np.broadcast_to(coefficient, at.shape).ravel())
        )
        self.add_rows(low, high, (own, 1.0))

    def run(self, time_limit_s: float, threads: int) -> MonolithAnswer:
        """Hand the program to HiGHS with its defaults, and read what came of it."""
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.silent()
        for option, value in {"time_limit": time_limit_s, "mip_rel_gap": 1e-4, "threads": threads}.items():
            solver.setOptionValue(option, value)
        solver.passModel(self._model())
        solver.run()
        info, status = solver.getInfo(), solver.getModelStatus()
        finished = status == highspy.HighsModelStatus.kOptimal
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        searched = bool(np.concatenate(self.integer).any())
        bound = info.mip_dual_bound if searched else (info.objective_function_value if finished else -np.inf)
        objective = float(info.objective_function_value) if found else float("inf")
        return MonolithAnswer(finished=finished, objective=objective, bound=float(bound))

    def _model(self) -> Any:
        row, column, value = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = sparse.coo_array((value, (row, column)), shape=(self.rows, self.columns)).tocsr()
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = matrix.shape
        model.col_cost_, model.col_lower_ = np.concatenate(self.cost), np.concatenate(self.low)
        model.col_upper_ = np.concatenate(self.high)
        model.row_lower_ = np.concatenate([low for low, _ in self.sides])
        model.row_upper_ = np.concatenate([high for _, high in self.sides])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        kinds = np.concatenate(self.integer)
        if kinds.any():
            model.integrality_ = [
                highspy.HighsVarType.kInteger if kind else highspy.HighsVarType.kContinuous for kind in kinds
            ]
        return model


def solve_monolith(
    problem: Problem, *, integer: bool, time_limit_s: float, threads: int = 1
) -> MonolithAnswer:
    """Solve the problem as one LP, or as one MILP with on/off variables for everybody.

    Raises ProblemError for tables beside assets, windows, feeders and portfolio, and for trips within
    the horizon and export prices above import prices: a yardstick for the plain problem only.
    """
    _refuse_more(problem)
    program = _Program()
    charge, discharge = _add_powers(program, problem, integer=integer)
    _add_energy(program, problem, charge, discharge)
    _add_grid(program, problem, charge, discharge)
    return program.run(time_limit_s, threads)


def _refuse_more(problem: Problem) -> None:
    for name in SIMPLEST_ONLY:
        if getattr(problem, name) is not None:
            raise ProblemError(name, "*", None, "rows", "the plain problem for the monolith")
    crossed = problem.portfolio.export_price_per_kwh > problem.portfolio.import_price_per_kwh
    inside = problem.windows.to_interval < problem.intervals
    if crossed.any() or problem.windows.trip_energy_kwh[inside].any():
        raise ProblemError("portfolio", "*", None, "crossed prices or trips", "the plain problem")


def _add_powers(program: _Program, problem: Problem, *, integer: bool) -> tuple[Ints, Ints]:
    """Add charge and discharge (N, T), zero outside the windows; min * on <= power <= max * on, one way."""
    assets, windows = problem.assets, problem.windows
    connected = np.ones(problem.shape)
    connected[windows.asset] = 0.0
    for asset, first, end in zip(windows.asset, windows.from_interval, windows.to_interval, strict=True):
        connected[asset, first:end] = 1.0
    wear = np.broadcast_to(problem.interval_h * assets.wear_cost_per_kwh[:, None], problem.shape)
    columns, switches = [], []
    for way in ("charge", "discharge"):
        least, most = getattr(assets, f"min_{way}_kw")[:, None], getattr(assets, f"max_{way}_kw")[:, None]
        power = program.add_columns(wear, 0.0, connected * most)
        columns.append(power)
        if integer:
            on = program.add_columns(np.zeros(problem.shape), 0.0, connected, integer=True)
            program.add_rows(-np.inf, 0.0, (power, 1.0), (on, -most))
            program.add_rows(0.0, np.inf, (power, 1.0), (on, -least))
            switches.append(on)
    if integer:
        program.add_rows(-np.inf, 1.0, (switches[0], 1.0), (switches[1], 1.0))
    return columns[0], columns[1]


def _add_energy(program: _Program, problem: Problem, charge: Ints, discharge: Ints) -> None:
    """Add s[t] = s[t-1] + dt (eta_c charge - discharge / eta_d), departures, final energy, budgets."""
    assets, windows, penalty = problem.assets, problem.windows, problem.unmet_energy_penalty_per_kwh
    low = np.minimum(assets.energy_min_kwh, assets.energy_initial_kwh)[:, None]
    value = np.zeros(problem.shape)
    value[:, -1] = -assets.energy_final_value_per_kwh
    energy = program.add_columns(value, low, assets.energy_max_kwh[:, None])
    into = -problem.interval_h * assets.charge_efficiency[:, None]
    out = problem.interval_h / assets.discharge_efficiency[:, None]
    initial = assets.energy_initial_kwh[:, None]
    first = (energy[:, :1], 1.0), (charge[:, :1], into), (discharge[:, :1], out)
    program.add_rows(initial, initial, *first)
    later = (energy[:, 1:], 1.0), (energy[:, :-1], -1.0), (charge[:, 1:], into), (discharge[:, 1:], out)
    program.add_rows(0.0, 0.0, *later)
    asked = windows.departure_energy_kwh
    missing = program.add_columns(np.full(len(windows), penalty), 0.0, asked)
    program.add_rows(asked, np.inf, (energy[windows.asset, windows.to_interval - 1], 1.0), (missing, 1.0))
    missing = program.add_columns(np.full(len(assets), penalty), 0.0, assets.energy_final_min_kwh)
    program.add_rows(assets.energy_final_min_kwh, np.inf, (energy[:, -1], 1.0), (missing, 1.0))


def _add_grid(program: _Program, problem: Problem, charge: Ints, discharge: Ints) -> None:
    """Add fleet power per feeder, soft limits, exchange, and the peak."""
    hours, portfolio, feeders = problem.interval_h, problem.portfolio, problem.feeders
    flat, load = np.zeros(feeders.load_kw.shape), feeders.load_kw
    penalty = np.full(load.shape, hours * problem.feeder_penalty_per_kwh)
    fleet = program.add_columns(flat, -np.inf, np.inf)
    place = np.arange(fleet.size).reshape(fleet.shape)[problem.assets.feeder]
    cells, group = np.stack([charge, discharge]), np.stack([place, place])
    sign = np.array([-1.0, 1.0])[:, None, None]
    program.add_sums(0.0, 0.0, fleet, group, cells, sign)
    for way, limit in ((1.0, feeders.import_limit_kw), (-1.0, feeders.export_limit_kw)):
        over = program.add_columns(penalty, 0.0, np.inf)
        program.add_rows(-np.inf, limit - way * load, (fleet, way), (over, -1.0))
    buy = portfolio.import_price_per_kwh + problem.carbon_price_per_kg * portfolio.carbon_kg_per_kwh
    bought = program.add_columns(hours * buy, 0.0, np.inf)
    sold = program.add_columns(-hours * portfolio.export_price_per_kwh, 0.0, np.inf)
    total = load.sum(axis=0)
    each = [(fleet[f], -1.0) for f in range(len(feeders))]
    program.add_rows(total, total, (bought, 1.0), (sold, -1.0), *each)
    for power, limit_kw in ((bought, problem.import_limit_kw), (sold, problem.export_limit_kw)):
        over = program.add_columns(penalty[0], 0.0, np.inf)
        program.add_rows(-np.inf, limit_kw, (power, 1.0), (over, -1.0))
    base = max(problem.peak_so_far_kw, 0.0)
    above = program.add_columns(np.full(1, problem.peak_price_per_kw), 0.0, np.inf)
    program.add_rows(-np.inf, base, (bought, 1.0), (np.repeat(above, len(bought)), -1.0))
