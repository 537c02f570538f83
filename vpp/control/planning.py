"""From the picture of the fleet to the optimizer's problem, and from its plan to ours.

The only room that knows the optimizer's solving side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import optimizer
from vpp.control.asked_products import events_of, reserve_of
from vpp.control.compliance import Judgement
from vpp.control.estimate import stays_connected
from vpp.control.leases import OrdersInForce
from vpp.control.limited_assets import bounds_of
from vpp.control.overriding import FixedPowers
from vpp.control.signals_on_grid import LEAST_LIMIT_KW, SignalsOnGrid, signals_on
from vpp.control.standing import export_limit_kw, resting
from vpp.control.stay_windows import windows_of
from vpp.domain.assets import Fleet
from vpp.domain.grounds import PlanGrounds
from vpp.domain.intervals import IntervalGrid
from vpp.domain.overrides import OverrideColumns
from vpp.domain.policy import DispatchPolicy
from vpp.domain.prices import PriceCurve
from vpp.domain.readings import ChargingSession
from vpp.domain.runs import DispatchPlan, PlanLimits
from vpp.domain.state import FleetState

DEVIATION_INTERVALS: Final = 4  # for which what a flagged asset does now is expected to go on


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningInputs:
    """Everything a problem is made of; all series lie on `grid`."""

    fleet: Fleet
    state: FleetState
    grid: IntervalGrid
    net_load_kw: NDArray[np.float64]  # (F, T)
    prices: PriceCurve
    sessions: Sequence[ChargingSession]
    orders: OrdersInForce
    reachable: NDArray[np.bool_]  # (N,) assets whose node is connected
    previous: DispatchPlan | None
    peak_so_far_kw: float
    policy: DispatchPolicy
    scenario_load_kw: NDArray[np.float64] | None = None  # (S, F, T), equally likely
    judgement: Judgement | None = None
    overrides: OverrideColumns | None = None
    fixed: FixedPowers | None = None  # what overridden assets do, beside the problem of the others
    outside: NDArray[np.bool_] | None = None  # (N,) of these, the assets that the run is not for
    signals: SignalsOnGrid | None = None  # None: the register's limits alone


def build_problem(inputs: PlanningInputs) -> optimizer.Problem:
    """Return the dispatch problem of one cycle."""
    policy, grid = inputs.policy, inputs.grid
    feeders = inputs.fleet.feeders
    signals = inputs.signals or signals_on((), inputs.fleet, grid)
    stays = windows_of(
        fleet=inputs.fleet, grid=grid, sessions=inputs.sessions, state=inputs.state, signals=signals
    )
    windows = stays if inputs.fixed is None else inputs.fixed.restrict(stays)
    uncontrolled_kw, lost_export_kw = _uncontrolled_kw(inputs)
    if inputs.fixed is not None:
        fixed_kw, fixed_lost_kw = inputs.fixed.load_kw(inputs.fleet)
        uncontrolled_kw, lost_export_kw = uncontrolled_kw + fixed_kw, lost_export_kw + fixed_lost_kw
    return optimizer.Problem(
        start=grid.start,
        interval_h=grid.hours,
        intervals=grid.count,
        assets=_assets(inputs, windows, stays, signals),
        feeders=optimizer.Feeders(
            feeder_id=np.array([feeder.feeder_id for feeder in feeders], dtype=object),
            load_kw=inputs.net_load_kw + uncontrolled_kw,
            import_limit_kw=signals.import_limit_kw.copy(),
            export_limit_kw=np.maximum(signals.export_limit_kw - lost_export_kw, LEAST_LIMIT_KW),
        ),
        portfolio=optimizer.Portfolio(
            import_price_per_kwh=inputs.prices.import_price_per_kwh.copy(),
            export_price_per_kwh=inputs.prices.export_price_per_kwh.copy(),
            carbon_kg_per_kwh=np.zeros(grid.count),
        ),
        windows=windows,
        events=events_of(signals, policy, inputs.fixed),
        reserve=reserve_of(signals),
        scenarios=_scenarios(inputs.scenario_load_kw, uncontrolled_kw),
        import_limit_kw=policy.import_limit_kw,
        export_limit_kw=export_limit_kw(policy.export_limit_kw, inputs.fixed, inputs.outside),
        peak_price_per_kw=policy.peak_price_per_kw,
        peak_so_far_kw=max(0.0, inputs.peak_so_far_kw),
        feeder_penalty_per_kwh=policy.feeder_penalty_per_kwh,
        unmet_energy_penalty_per_kwh=policy.unmet_energy_penalty_per_kwh,
        currency=policy.currency,
        stability_cost_per_kw=policy.stability_cost_per_kw if inputs.previous is not None else 0.0,
        previous_power_kw=None
        if inputs.previous is None
        else resting(shifted_power(inputs.previous, grid, inputs.fleet), inputs.outside),
    )


def _scenarios(
    load_kw: NDArray[np.float64] | None, uncontrolled_kw: NDArray[np.float64]
) -> optimizer.Scenarios | None:
    if load_kw is None:
        return None
    return optimizer.Scenarios(
        probability=np.full(len(load_kw), 1.0 / len(load_kw)), load_kw=load_kw + uncontrolled_kw
    )


def controllable(inputs: PlanningInputs) -> NDArray[np.bool_]:
    """Return which assets may be given orders, shape (N,)."""
    return may_be_ordered(inputs.fleet, inputs.state, inputs.reachable)


def may_be_ordered(fleet: Fleet, state: FleetState, reachable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which assets may be given orders, shape (N,): a known state and a connected node.

    A battery that says it is not there takes no part; a car may come at any time. An asset whose
    readings are not trusted is ordered to rest (`_assets`): the one power that is right whatever its
    true state of charge, and that its default control does not promise.
    """
    known = state.usable & (state.connected | ~stays_connected(fleet))
    return (known | state.quarantined) & reachable


def _assets(
    inputs: PlanningInputs, windows: optimizer.Windows, stays: optimizer.Windows, signals: SignalsOnGrid
) -> optimizer.Assets:
    fleet, state = inputs.fleet, inputs.state
    # An EV that is nowhere within the horizon has no window, which would mean always connected.
    here = stays_connected(fleet)
    here[stays.asset] = False
    energy_kwh = state.energy_kwh
    if inputs.fixed is not None:
        here &= inputs.fixed.until == 0
        energy_kwh = np.where(inputs.fixed.until > 0, inputs.fixed.energy_free_kwh(stays), energy_kwh)
    here[windows.asset] = True
    take_part = controllable(inputs) & here & ~state.quarantined
    highest = fleet.column("energy_max_kwh")
    # A battery found above its limit by a measurement error may stay there, not go higher.
    energy = np.minimum(energy_kwh, highest)
    lasting = stays_connected(fleet)
    # Energy left at the end is worth what it saves later: the median price, after losses and wear.
    worth = np.median(inputs.prices.import_price_per_kwh) * fleet.column("discharge_efficiency")
    worth = np.where(lasting, np.maximum(worth - fleet.column("wear_cost_per_kwh"), 0.0), 0.0)
    # An asset that delivered less than it was ordered is counted on for no more than that.
    counted = take_part.astype(np.float64)
    if inputs.judgement is not None:
        counted *= inputs.judgement.availability
    most = np.full((2, len(fleet)), np.inf)
    if inputs.overrides is not None:
        most[:] = -inputs.overrides.min_kw, inputs.overrides.max_kw
    most[:, signals.slots] = np.minimum(most[:, signals.slots], bounds_of(signals))
    charge_kw, min_charge_kw = _bounds(fleet, "charge_kw", counted, most[0])
    discharge_kw, min_discharge_kw = _bounds(fleet, "discharge_kw", counted, most[1])
    return optimizer.Assets(
        asset_id=np.array([asset.asset_id for asset in fleet.assets], dtype=object),
        feeder=fleet.feeder_index(),
        kind=np.array([str(asset.kind) for asset in fleet.assets], dtype=object),
        capacity_kwh=fleet.column("capacity_kwh"),
        energy_min_kwh=fleet.column("energy_min_kwh"),
        energy_max_kwh=highest,
        energy_initial_kwh=energy,
        max_charge_kw=charge_kw,
        max_discharge_kw=discharge_kw,
        min_charge_kw=min_charge_kw,
        min_discharge_kw=min_discharge_kw,
        charge_efficiency=fleet.column("charge_efficiency"),
        discharge_efficiency=fleet.column("discharge_efficiency"),
        wear_cost_per_kwh=fleet.column("wear_cost_per_kwh"),
        energy_final_min_kwh=np.zeros(len(fleet)),
        energy_final_value_per_kwh=worth,
        discharge_budget_kwh=np.full(len(fleet), np.inf),
    )


def _bounds(
    fleet: Fleet, name: str, counted: NDArray[np.float64], most_kw: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return highest and least power of a direction, kW; both 0 where too little is left of the highest."""
    least_kw, highest_kw = fleet.column(f"min_{name}"), fleet.column(f"max_{name}") * counted
    highest_kw = np.minimum(highest_kw, most_kw)
    enough = (highest_kw >= least_kw) & (counted > 0.0)
    return np.where(enough, highest_kw, 0.0), np.where(enough, least_kw, 0.0)


def _uncontrolled_kw(inputs: PlanningInputs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return load and lost room for export, (F, T) each, by assets that take no part.

    An order counts until its lease ends, and only where it does harm: its node may have it, or have
    lost it. One that charges is load, and room for export only without it; one that discharges lowers
    no load, and takes room for export.
    """
    fleet, grid = inputs.fleet, inputs.grid
    load, lost_export = np.zeros((2, len(fleet.feeders), grid.count))
    feeder = fleet.feeder_index()
    for interval, start in enumerate(grid.starts()):
        held, power_kw = inputs.orders.power_at(start)
        counted = held & ~controllable(inputs)
        if inputs.fixed is not None:
            counted &= inputs.fixed.until == 0  # what is fixed is counted there
        if not counted.any():
            break  # leases only end: there is nothing further on
        np.add.at(load[:, interval], feeder[counted], np.maximum(-power_kw[counted], 0.0))
        np.add.at(lost_export[:, interval], feeder[counted], np.abs(power_kw[counted]))
    if inputs.judgement is not None:
        # What an asset does against its orders is load that is there, whatever it is ordered next.
        deviation_kw = np.zeros(len(fleet.feeders))
        np.add.at(deviation_kw, feeder, -inputs.judgement.deviation_kw)
        load[:, :DEVIATION_INTERVALS] += deviation_kw[:, None]
    return load, lost_export


def shifted_power(previous: DispatchPlan, grid: IntervalGrid, fleet: Fleet) -> NDArray[np.float64]:
    """Return the previous plan's power on `grid`, shape (N, T), zero where it says nothing."""
    power = np.zeros((len(fleet), grid.count))
    if previous.grid.length != grid.length:
        return power
    first = previous.grid.index_of(grid.start)
    usable = range(max(0, first), min(previous.grid.count, first + grid.count))
    if not usable:
        return power
    position = {asset_id: row for row, asset_id in enumerate(previous.asset_ids)}
    for slot, asset in enumerate(fleet.assets):
        row = position.get(asset.asset_id)
        if row is not None:
            power[slot, usable.start - first : usable.stop - first] = previous.power_kw[
                row, usable.start : usable.stop
            ]
    return power


def to_dispatch_plan(
    *,
    run_id: str,
    plan: optimizer.Plan,
    grid: IntervalGrid,
    fleet: Fleet,
    net_load_kw: NDArray[np.float64],
    grounds: PlanGrounds | None = None,
    signals: SignalsOnGrid | None = None,
) -> DispatchPlan:
    """Return the optimizer's plan in the words of the domain."""
    certificate: dict[str, Any] = {name: _known(value) for name, value in asdict(plan.certificate).items()}
    certificate["objective_parts"]["total"] = plan.certificate.objective_parts.total
    return DispatchPlan(
        run_id=run_id,
        grid=grid,
        asset_ids=tuple(asset.asset_id for asset in fleet.assets),
        power_kw=plan.schedule.power_kw,
        energy_end_kwh=plan.schedule.energy_end_kwh,
        net_load_kw=net_load_kw,
        certificate=certificate,
        grounds=grounds,
        limits=None
        if signals is None
        else PlanLimits(
            import_limit_kw=signals.import_limit_kw,
            export_limit_kw=signals.export_limit_kw,
            limited=signals.slots,
            signal_ids=signals.signal_ids,
        ),
    )


def _known(value: object) -> object:
    """Return None for a number that is not known, such as the bound of a plan made by rule."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
