"""The tables of a replay add up to its figures."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest


@pytest.mark.parametrize(
    ("column", "total", "parts"),
    [
        ("cost_control", "cost", "cost_parts"),
        ("cost_no_control", "cost_without_control", "cost_parts_without_control"),
    ],
)
def test_the_intervals_add_up_to_the_cost_but_for_the_peak(out, column, total, parts):
    figures = json.loads((out / "kpis.json").read_text())
    costs = pq.read_table(out / "intervals.parquet")[column].to_numpy()
    assert costs.sum() == pytest.approx(figures[total] - figures[parts]["peak"], abs=1e-9)


def test_perfect_foresight_adds_up_too(out):
    figures = json.loads((out / "kpis.json").read_text())
    table = pq.read_table(out / "feeders.parquet").to_pandas()
    net = (table.load_kw - table.fleet_foresight_kw).groupby(table.start).sum()
    peak = 0.5 * net.clip(lower=0).max()
    costs = pq.read_table(out / "intervals.parquet")["cost_foresight"].to_numpy()
    assert costs.sum() + peak == pytest.approx(figures["cost_perfect_foresight"], abs=1e-9)


def test_the_overload_and_the_peak_can_be_read_off_the_feeders(out):
    figures = json.loads((out / "kpis.json").read_text())
    table = pq.read_table(out / "feeders.parquet").to_pandas()
    net = table.load_kw - table.fleet_control_kw
    over = (net - table.import_limit_kw).clip(lower=0) + (-net - table.export_limit_kw).clip(lower=0)
    assert over.sum() == pytest.approx(figures["feeder_overload_kwh"], abs=1e-9)  # hours of one
    assert net.groupby(table.start).sum().max() == pytest.approx(figures["peak_kw"])


def test_state_of_charge_is_in_order_and_only_of_vehicles_that_are_there(out):
    table = pq.read_table(out / "intervals.parquet").to_pandas()
    batteries = table.filter(like="battery_soc").to_numpy()
    assert (np.diff(batteries, axis=1) >= 0).all()
    assert ((batteries >= 0) & (batteries <= 1)).all()
    here = table.vehicle_soc_p50.notna().to_numpy()
    assert here[6:17].all()  # connected from 6 to 18 o'clock, noted at the end of each hour
    assert not here[:5].any()
    assert not here[17:].any()


def test_the_first_forecast_of_the_day_is_kept_for_the_sum_and_for_each_feeder(out):
    table = pq.read_table(out / "forecasts.parquet").to_pandas()
    assert len(table) == 24 * 3
    whole = table[table.feeder_id == ""].p50_kw.to_numpy()
    parts = table[table.feeder_id != ""].groupby("start").p50_kw.sum().to_numpy()
    assert whole == pytest.approx(parts)
    assert (table.p10_kw <= table.p50_kw).all()


def test_the_facts_say_which_replay_it_was(out):
    facts = json.loads((out / "replay.json").read_text())
    assert facts["scenario"] == "three-assets"
    assert facts["options"] == {"forecaster": "baseline", "seed": 0}
    assert facts["settings"]["standby_kw"] == 0.02
    assert len(facts["scenario_sha256"]) == 64
    assert facts["timing"]["cycle_s_median"] > 0
