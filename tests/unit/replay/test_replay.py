"""A replay decides as live operation does, the same twice, and knows nothing too early."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.scenarios import HOUR, START, write_scenario
from vpp.replay.kpis import kpis_of
from vpp.replay.outputs import ReplayOutputs, decision_line
from vpp.replay.run import Replay, ReplayOptions, without_control
from vpp.replay.scenario import Scenario
from vpp.replay.scenario_files import read_scenario


async def decisions(scenario: Scenario, **options: object) -> tuple[list[str], Replay]:
    lines: list[str] = []
    replay = Replay(
        scenario=scenario,
        options=ReplayOptions(**options),
        on_run=lambda run, _plan, setpoints: lines.append(decision_line(run, setpoints)),
    )
    await replay.run()
    return lines, replay


async def test_a_day_is_replayed_and_its_energy_adds_up(tmp_path: Path):
    scenario = read_scenario(write_scenario(tmp_path / "scenario"))
    with ReplayOutputs(tmp_path / "out", scenario.fleet) as outputs:
        replay = Replay(scenario=scenario, options=ReplayOptions(), on_run=outputs.record)
        await replay.run()
    figures = kpis_of(scenario, replay.way, without_control(scenario, 0), outputs.runs)

    assert figures["rungs"] == {"optimal": 24}
    assert figures["energy_balance_error_kwh"] < 1e-6
    assert figures["ev_energy_unmet_kwh"] == pytest.approx(0.0, abs=1e-6)
    assert figures["cost"] < figures["cost_without_control"]
    assert figures["peak_kw"] < figures["peak_without_control_kw"]
    assert (tmp_path / "out" / "decision_log.sha256").read_text().strip()


def test_two_processes_with_other_hash_seeds_decide_the_same(tmp_path: Path):
    folder = write_scenario(tmp_path / "scenario")
    digests = []
    for hash_seed in ("1", "2"):
        out = tmp_path / f"out-{hash_seed}"
        command = [sys.executable, "-m", "vpp.cli", "replay", str(folder), "--out", str(out), "--no-regret"]
        subprocess.run(
            command,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            timeout=120,
        )
        digests.append((out / "decision_log.sha256").read_text())
    assert digests[0] == digests[1]


@pytest.mark.parametrize("forecaster", ["none", "baseline", "aggregated"])
async def test_poisoning_the_future_changes_no_decision_before_it(tmp_path: Path, forecaster: str):
    turn = START + 10 * HOUR

    def poisoned_load(row: list) -> list:
        # Known at the end of its hour plus the meter delay of an hour.
        late = datetime.fromisoformat(row[1]) + 2 * HOUR > turn
        return [row[0], row[1], 777.0, 0.0] if late else row

    def poisoned_prices(row: list) -> list:
        late = datetime.fromisoformat(row[3]) > turn
        return [row[0], -9.0, -9.5, row[3]] if late else row

    honest = read_scenario(write_scenario(tmp_path / "honest"))
    poisoned = read_scenario(
        write_scenario(tmp_path / "poisoned", load=poisoned_load, prices=poisoned_prices)
    )
    before, _ = await decisions(honest, forecaster=forecaster)
    after, _ = await decisions(poisoned, forecaster=forecaster)

    assert before[:11] == after[:11]  # cycles at 0:00 to 10:00
    assert before[11:] != after[11:]


async def test_perfect_foresight_may_look_ahead_and_pays_no_more(tmp_path: Path):
    scenario = read_scenario(write_scenario(tmp_path))
    figures = {}
    for forecaster in ("none", "perfect"):
        _, replay = await decisions(scenario, forecaster=forecaster)
        figures[forecaster] = kpis_of(scenario, replay.way, replay.way, [])["cost"]
    assert figures["perfect"] <= figures["none"] + 1e-6


async def test_what_devices_do_wrong_is_drawn_from_the_seed(tmp_path: Path):
    scenario = read_scenario(write_scenario(tmp_path, header="power_noise_kw = 0.2\nsilent_share = 0.5\n"))
    first, _ = await decisions(scenario, forecaster="none", seed=3)
    again, _ = await decisions(scenario, forecaster="none", seed=3)
    other, _ = await decisions(scenario, forecaster="none", seed=4)
    assert first == again
    assert first != other


async def test_the_decision_log_holds_no_time_of_the_wall(tmp_path: Path):
    lines, _ = await decisions(read_scenario(write_scenario(tmp_path)), forecaster="none")
    assert set(json.loads(lines[0])) == {
        "run_id", "cycle_start", "input_sha256", "rung", "reason", "forecast_id", "objective", "lower_bound",
        "orders",
    }  # fmt: skip
    assert json.loads(lines[-1])["cycle_start"] == (START + timedelta(hours=23)).isoformat()
