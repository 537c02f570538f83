"""A replay looks at its fleet as live operation does: limits of feeders hold also where devices do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scenarios import write_scenario
from vpp.replay.kpis import kpis_of
from vpp.replay.run import Replay, ReplayOptions, without_control
from vpp.replay.scenario_files import read_scenario

DEVICES = 8


def crowded(folder: Path, header: str, *, days: int = 1) -> Path:
    """Write a scenario whose west feeder has eight batteries, and little room at the cheap hours."""
    write_scenario(folder, header=header, days=days)
    assets = (folder / "assets.csv").read_text().splitlines()
    west = [
        f"{name},{rest}" for name, rest in [(f"b{k}", assets[1].partition(",")[2]) for k in range(DEVICES)]
    ]
    (folder / "assets.csv").write_text("\n".join([assets[0], *west]) + "\n")
    (folder / "trips.csv").unlink()
    return folder


async def replayed(folder: Path, *, watched: bool = True, seed: int = 1) -> tuple[Replay, dict[str, object]]:
    runs = []
    replay = Replay(
        scenario=read_scenario(folder),
        options=ReplayOptions(forecaster="perfect", seed=seed),
        on_run=lambda run, plan, orders: runs.append(run),
    )
    if not watched:
        replay.loop.watch = None
    await replay.run()
    return replay, kpis_of(replay.scenario, replay.way, without_control(replay.scenario, seed), runs)


@pytest.mark.parametrize("fault", ["stuck_share = 0.5", "half_share = 0.6", "broken_share = 0.6"])
async def test_limits_of_feeders_hold_with_devices_that_do_not_what_they_are_told(tmp_path: Path, fault: str):
    folder = crowded(tmp_path / "scenario", fault + "\nlost_share = 0.1\n")
    replay, figures = await replayed(folder)
    assert figures["feeder_overload_kwh"] == pytest.approx(0.0, abs=1e-6)
    assert figures["energy_balance_error_kwh"] <= 1e-6
    assert replay.loop.watch is not None
    assert replay.loop.watch.availability.min() < 0.9  # and it was noticed


async def test_a_device_that_lies_about_its_charge_is_ordered_to_rest(tmp_path: Path):
    rested = []
    replay = Replay(
        scenario=read_scenario(crowded(tmp_path / "scenario", "frozen_share = 0.4\n")),
        options=ReplayOptions(forecaster="perfect", seed=1),
        on_run=lambda run, plan, orders: rested.append(orders.power_kw[replay.fleet.quarantined()]),
    )
    await replay.run()
    assert 0 < replay.fleet._parts.frozen.sum() < DEVICES
    said = np.concatenate(rested)
    assert len(said) > 0
    assert (said == 0.0).all()


async def test_the_same_faults_from_the_same_seed(tmp_path: Path):
    faults = (
        "stuck_share = 0.3\nsilent_share = 0.5\nlost_share = 0.2\nbroken_share = 0.2\npower_noise_kw = 0.1\n"
    )
    folder = crowded(tmp_path / "scenario", faults)
    (one, first), (two, second), (_, third) = [await replayed(folder, seed=seed) for seed in (1, 1, 2)]
    assert first == second != third
    np.testing.assert_array_equal(one.fleet.fed_kwh, two.fleet.fed_kwh)


async def test_cold_limits_power_and_the_plan_learns_it_from_metering_alone(tmp_path: Path):
    folder = crowded(tmp_path / "scenario", "temperature_limits = true\ncapacity_fades = true\n")
    rows = [f"2024-03-05T{hour:02}:00:00Z,2024-03-04T12:00:00Z,3.0,0" for hour in range(24)]
    (folder / "weather.csv").write_text(
        "\n".join(["start,issued_at,temperature_c,irradiance_w_m2", *rows]) + "\n"
    )
    replay, figures = await replayed(folder)
    assert (replay.fleet.life.temperature_c < 10.0).all()
    assert replay.loop.watch is not None
    assert replay.loop.watch.availability.max() < 0.9
    planned = replay.scenario.fleet.column("max_charge_kw")
    assert (planned == 5.0).all()  # nobody told the plan
    assert figures["energy_balance_error_kwh"] <= 1e-6
    assert (replay.fleet.devices.ratings.capacity_kwh < 10.0).all()


async def test_a_fleet_that_does_what_its_ratings_say_is_not_looked_at(tmp_path: Path):
    replay, _ = await replayed(crowded(tmp_path / "scenario", ""))
    assert replay.loop.watch is None
