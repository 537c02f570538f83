"""An unreachable asset counts until its lease ends: its share of a feeder is not handed to others.

frequenz-sdk-python #1354: a power manager took the bounds of batteries it had lost contact with as
free, gave them to others, and the lost ones went on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from optimizer import solve
from tests.simulation.seeds import sampled
from tests.unit.control.fleets import NOON, fleet, forecast, inputs, readings
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.leases import TRANSIT_ALLOWANCE
from vpp.control.order_book import OrderBook
from vpp.domain.assets import AssetKind, Feeder, Fleet
from vpp.domain.policy import DispatchPolicy
from vpp.domain.setpoints import Origin, SetpointColumns

COUNT = 8


def crowded(import_limit_kw, export_limit_kw):
    """Return eight batteries of 10 kW on one feeder that cannot carry them all."""
    one = fleet().assets[0]
    batteries = tuple(
        replace(
            one, asset_id=f"b{slot}", node_id=f"n{slot}", max_charge_kw=10.0, max_discharge_kw=10.0,
            kind=AssetKind.HOME_BATTERY, capacity_kwh=100.0, energy_max_kwh=100.0,
        )
        for slot in range(COUNT)
    )  # fmt: skip
    feeder = Feeder(feeder_id="a", import_limit_kw=import_limit_kw, export_limit_kw=export_limit_kw)
    other = Feeder(feeder_id="b", import_limit_kw=1_000.0, export_limit_kw=1_000.0)
    return Fleet(assets=batteries, feeders=(feeder, other))


def given_orders(power_kw, lifetime):
    return SetpointColumns(
        run_id="run-0",
        epoch=7,
        valid_from=NOON - timedelta(minutes=15),
        valid_until=NOON + lifetime,
        origin=Origin.OPTIMIZER,
        reason="",
        slot=np.arange(COUNT),
        sequence=np.ones(COUNT, dtype=np.int64),
        power_kw=power_kw,
        min_kw=power_kw,
        max_kw=power_kw,
    )


@sampled(12, 400)
def test_whatever_the_lost_ones_do_no_feeder_is_overloaded_because_of_them(seeds):
    overloads_without_the_rule = 0
    for seed in seeds:
        generator = np.random.default_rng(seed)
        register = crowded(generator.uniform(40, 60), generator.uniform(30, 50))
        ordered_kw = generator.uniform(-4.0, 4.0, COUNT)
        lost = generator.random(COUNT) < 0.4
        book = OrderBook(COUNT)
        book.give(given_orders(ordered_kw, timedelta(minutes=10)), NOON - timedelta(minutes=15))
        load_kw = generator.uniform(5.0, 25.0)
        cycle = inputs(
            fleet=register,
            readings=readings(NOON - timedelta(minutes=4), soc=(0.5,) * COUNT),
            reachable=~lost,
            quarantined=np.zeros(COUNT, dtype=np.bool_),
            orders=book.table,
            sessions=[],
            forecast=forecast(load_kw),
            policy=DispatchPolicy(horizon_intervals=4, peak_price_per_kw=0.0),
        )
        prepared = prepare(cycle)
        decision = decide(cycle, prepared, SolveOutcome(plan=solve(prepared.problem, method="exact")))
        if decision.setpoints is None:
            assert lost.all(), f"seed {seed}: {decision.refusals}"
            continue
        new_kw = np.zeros(COUNT)
        new_kw[decision.setpoints.slot] = decision.setpoints.power_kw
        assert not new_kw[lost].any()
        limits = register.feeders[0]
        # Each lost one may hold its order or have fallen back to zero: the worst of both, either way.
        most_kw = load_kw - new_kw.sum() + np.maximum(-ordered_kw[lost], 0.0).sum()
        least_kw = load_kw - new_kw.sum() - np.maximum(ordered_kw[lost], 0.0).sum()
        assert most_kw <= max(limits.import_limit_kw, load_kw) + 1e-5, f"seed {seed}"
        assert least_kw >= -limits.export_limit_kw - 1e-5, f"seed {seed}"
        free = ~lost
        overloads_without_the_rule += bool(
            load_kw + 10.0 * free.sum() + np.maximum(-ordered_kw[lost], 0.0).sum() > limits.import_limit_kw
        )
    assert overloads_without_the_rule, "the feeder must be narrow, or the rule is not needed"


@pytest.mark.parametrize(("seconds", "counts"), [(0, True), (599, True), (604, True), (605, False)])
def test_it_counts_for_its_lease_and_what_an_order_may_spend_under_way(seconds, counts):
    book = OrderBook(COUNT)
    book.give(given_orders(np.full(COUNT, -3.0), timedelta(minutes=10)), NOON - timedelta(minutes=15))
    assert timedelta(seconds=5) == TRANSIT_ALLOWANCE
    assert book.table.power_at(NOON + timedelta(seconds=seconds))[0].all() == counts
