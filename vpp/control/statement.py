"""From what a cycle knows to the problem that is solved: prices, load, fixed assets, then the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Problem
from vpp.control import planning
from vpp.control.cycle_values import CycleInputs
from vpp.control.forecast_on_grid import net_load_on, scenarios_on
from vpp.control.overriding import FixedPowers, fixed_powers
from vpp.control.signals_on_grid import SignalsOnGrid, priced
from vpp.control.standing import both, standing_powers
from vpp.domain.prices import PriceCurve
from vpp.domain.state import FleetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Prices and net load to plan for, (F, T), kW; without them the reason why nothing can be planned."""

    prices: PriceCurve | None = None
    net_kw: NDArray[np.float64] | None = None
    scenarios: NDArray[np.float64] | None = None  # (S, F, T), equally likely
    reason: str = ""


def load_of(inputs: CycleInputs) -> Load:
    prices = priced(inputs.prices, inputs.signals, inputs.grid)
    if prices is None:
        return Load(reason="no usable price is published for this time or the days before")
    if inputs.forecast is None:
        return Load(reason="there is no load forecast yet")
    feeder_ids = [feeder.feeder_id for feeder in inputs.fleet.feeders]
    try:
        return Load(
            prices=prices,
            net_kw=net_load_on(inputs.forecast, inputs.grid, feeder_ids),
            scenarios=scenarios_on(inputs.forecast, inputs.grid, feeder_ids),
        )
    except ValueError as error:
        return Load(reason=str(error))


def stated(
    inputs: CycleInputs, state: FleetState, signals: SignalsOnGrid, load: Load
) -> tuple[FixedPowers | None, Problem]:
    """Return what overridden assets do, and the problem of the others."""
    assert load.net_kw is not None
    assert load.prices is not None
    fixed = fixed_powers(
        overrides=inputs.overrides,
        takes_part=inputs.reachable,
        known=state.usable & ~state.quarantined,
        energy_kwh=state.energy_kwh,
        fleet=inputs.fleet,
        grid=inputs.grid,
        load_kw=load.net_kw,
        policy=inputs.policy,
        limits_kw=(signals.import_limit_kw, signals.export_limit_kw),
    )
    outside = None if inputs.inside is None else ~inputs.inside & inputs.reachable
    if outside is not None:
        outside &= True if fixed is None else fixed.until == 0
        fixed = both(fixed, _standing(inputs, state, outside))
    problem = planning.build_problem(
        planning.PlanningInputs(
            fleet=inputs.fleet,
            state=state,
            grid=inputs.grid,
            net_load_kw=load.net_kw,
            scenario_load_kw=load.scenarios,
            prices=load.prices,
            sessions=inputs.sessions,
            orders=inputs.orders,
            reachable=inputs.reachable,
            previous=inputs.previous,
            peak_so_far_kw=inputs.peak_so_far_kw,
            policy=inputs.policy,
            judgement=inputs.judgement,
            overrides=inputs.overrides,
            fixed=fixed,
            outside=outside,
            signals=signals,
        )
    )
    return fixed, problem


def _standing(inputs: CycleInputs, state: FleetState, outside: NDArray[np.bool_]) -> FixedPowers | None:
    previous = inputs.previous
    planned_kw = None if previous is None else planning.shifted_power(previous, inputs.grid, inputs.fleet)
    return standing_powers(
        outside,
        fleet=inputs.fleet,
        state=state,
        orders=inputs.orders,
        planned_kw=planned_kw,
        grid=inputs.grid,
        now=inputs.now,
    )
