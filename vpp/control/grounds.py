"""From the optimizer's problem and prices to what is kept of them with a plan."""

from __future__ import annotations

import numpy as np

import optimizer
from vpp.domain.grounds import EventCalls, Floats, PlanGrounds, Stays

_NONE: Floats = np.zeros(0)


def grounds_of(problem: optimizer.Problem, plan: optimizer.Plan) -> PlanGrounds:
    """Return what `plan` of `problem` rested on."""
    assets, feeders, windows = problem.assets, problem.feeders, problem.windows
    count = len(assets)
    schedule, prices, before = plan.schedule, plan.prices, problem.previous_power_kw
    up, down = schedule.reserve_up_kw, schedule.reserve_down_kw
    return PlanGrounds(
        currency=problem.currency,
        interval_h=problem.interval_h,
        import_limit_kw=problem.import_limit_kw,
        export_limit_kw=problem.export_limit_kw,
        peak_price_per_kw=problem.peak_price_per_kw,
        peak_so_far_kw=problem.peak_so_far_kw,
        import_price_per_kwh=problem.portfolio.import_price_per_kwh,
        export_price_per_kwh=problem.portfolio.export_price_per_kwh,
        balance_per_kwh=_NONE if prices is None else prices.balance_per_kwh,
        feeder_per_kwh=np.zeros((0, 0)) if prices is None else prices.feeder_per_kwh,
        feeder_ids=tuple(str(name) for name in feeders.feeder_id),
        load_kw=feeders.load_kw,
        feeder_import_limit_kw=feeders.import_limit_kw,
        feeder_export_limit_kw=feeders.export_limit_kw,
        feeder=assets.feeder,
        energy_initial_kwh=assets.energy_initial_kwh,
        energy_min_kwh=assets.energy_min_kwh,
        energy_max_kwh=assets.energy_max_kwh,
        max_charge_kw=assets.max_charge_kw,
        max_discharge_kw=assets.max_discharge_kw,
        min_charge_kw=assets.min_charge_kw,
        min_discharge_kw=assets.min_discharge_kw,
        charge_efficiency=assets.charge_efficiency,
        discharge_efficiency=assets.discharge_efficiency,
        wear_cost_per_kwh=assets.wear_cost_per_kwh,
        final_value_per_kwh=assets.energy_final_value_per_kwh,
        previous_kw=np.full(count, np.nan) if before is None else before[:, 0],
        reserve_up_kw=np.zeros(count) if up is None else up[:, 0],
        reserve_down_kw=np.zeros(count) if down is None else down[:, 0],
        stays=Stays(
            asset=windows.asset,
            from_interval=windows.from_interval,
            to_interval=windows.to_interval,
            departure_energy_kwh=windows.departure_energy_kwh,
            trip_energy_kwh=windows.trip_energy_kwh,
        ),
        events=_calls(problem.events),
    )


def _calls(events: optimizer.Events | None) -> EventCalls:
    if events is None:
        empty = np.zeros(0, dtype=np.int64)
        return EventCalls(
            event_ids=(),
            from_interval=empty,
            to_interval=empty,
            target_kw=_NONE,
            up=np.zeros(0, dtype=np.bool_),
            penalty_per_kwh=_NONE,
        )
    return EventCalls(
        event_ids=tuple(str(name) for name in events.event_id),
        from_interval=events.from_interval,
        to_interval=events.to_interval,
        target_kw=events.target_kw,
        up=events.up,
        penalty_per_kwh=events.penalty_per_kwh,
    )
