"""Forecasts are scored against what came, life is counted, and the weather is the newest row of its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scenarios import write_scenario
from vpp.replay.kpis import kpis_of, life_used
from vpp.replay.run import Replay, ReplayOptions, without_control
from vpp.replay.scenario_files import read_scenario
from vpp.replay.scores import forecast_figures


async def run(folder: Path, forecaster: str) -> Replay:
    replay = Replay(
        scenario=read_scenario(folder),
        options=ReplayOptions(forecaster=forecaster),
        on_run=lambda _run, _plan, _setpoints: None,
    )
    await replay.run()
    return replay


async def test_perfect_foresight_scores_no_error_and_a_last_value_some(tmp_path: Path):
    folder = write_scenario(tmp_path)
    scores = {}
    for forecaster in ("perfect", "none"):
        replay = await run(folder, forecaster)
        figures = forecast_figures(replay.scenario, replay.course, replay.store.calls)
        scores[forecaster] = figures["forecast_scores"]["baseline"]
        assert figures["model"] == {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.0}
    assert scores["perfect"]["mae_kw"] == pytest.approx(0.0, abs=1e-9)
    assert scores["perfect"]["within_p10_p90"] == 1.0
    assert scores["none"]["mae_kw"] > 1.0
    assert scores["none"]["pinball_kw"] == pytest.approx(scores["none"]["mae_kw"] / 2)  # a single value


async def test_use_costs_more_life_than_rest_and_heat_more_than_cold(tmp_path: Path):
    mild = write_scenario(tmp_path / "mild")
    hot = write_scenario(tmp_path / "hot")
    (hot / "weather.csv").write_text(
        "start,issued_at,temperature_c,irradiance_w_m2\n"
        "2024-03-05T00:00:00Z,2024-03-04T06:00:00Z,0,0\n"  # what was said the day before
        "2024-03-05T00:00:00Z,2024-03-05T01:00:00Z,38,0\n"  # what was measured
    )
    used = {}
    for folder in (mild, hot):
        replay = await run(folder, "perfect")
        idle = without_control(replay.scenario, 0)
        used[folder] = kpis_of(replay.scenario, replay.way, idle, [])
    assert used[mild]["life_used_years"] > used[mild]["life_used_years_without_control"]
    assert used[mild]["life_used_years_without_control"] == pytest.approx(1 / 365.25, rel=0.5)
    assert used[hot]["life_used_value"] > 2 * used[mild]["life_used_value"]
    assert used[hot]["battery_hottest_c"] >= 38.0
    weather = read_scenario(hot).weather
    assert weather is not None
    np.testing.assert_array_equal(weather.temperature_over(read_scenario(hot).header.grid()), 38.0)


def test_a_fleet_of_cars_alone_has_no_life_of_batteries(tmp_path: Path):
    folder = write_scenario(tmp_path)
    lines = (folder / "assets.csv").read_text().splitlines()
    (folder / "assets.csv").write_text("\n".join([lines[0], lines[2]]) + "\n")
    scenario = read_scenario(folder)
    assert set(life_used(scenario, without_control(scenario, 0).fleet, "").values()) == {None}
