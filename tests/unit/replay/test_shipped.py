"""Every scenario that ships can be replayed, is what its script makes, and its money comes out in order."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.scenarios import write_scenario
from vpp.cli.main import app
from vpp.replay.check import check_folder
from vpp.replay.kpis import kpis_of, settlement_of
from vpp.replay.run import Replay, ReplayOptions, without_control
from vpp.replay.scenario import Scenario
from vpp.replay.scenario_files import read_scenario
from vpp.replay.shipped.catalogue import FOLDER, RECIPES, build_scenario
from vpp.service.files import FileError

NAMES = sorted(RECIPES)
SIMBENCH = importlib.util.find_spec("simbench") is not None
STRETCH = 3  # cycles of each scenario in every run of the tests


def cut(scenario: Scenario, cycles: int) -> Scenario:
    days = cycles * scenario.header.interval / timedelta(days=1)
    return replace(scenario, header=scenario.header.model_copy(update={"days": days}))


async def replayed(scenario: Scenario, forecaster: str) -> tuple[Replay, list]:
    runs: list = []
    replay = Replay(
        scenario=scenario,
        options=ReplayOptions(forecaster=forecaster),
        on_run=lambda run, _plan, _setpoints: runs.append(run),
    )
    await replay.run()
    return replay, runs


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_passes_its_own_check(name: str):
    scenario, findings = check_folder(FOLDER / name)
    assert [str(finding) for finding in findings] == []
    assert (FOLDER / name / "SOURCES.md").read_text().startswith("# ")
    assert scenario.header.title


@pytest.mark.parametrize("name", [name for name in NAMES if name != "lv-feeders" or SIMBENCH])
def test_what_ships_is_what_its_script_makes(name: str, tmp_path: Path):
    build_scenario(name, tmp_path)
    made, shipped = read_scenario(tmp_path), read_scenario(FOLDER / name)
    assert made.header == shipped.header
    assert made.fleet == shipped.fleet
    assert made.sessions == shipped.sessions
    assert made.context == shipped.context
    assert made.limits == shipped.limits
    # A library's sine may differ in the last digit from one machine to the next, and the watt with it.
    np.testing.assert_allclose(made.load.consumption_kw, shipped.load.consumption_kw, atol=0.0011)
    np.testing.assert_allclose(made.load.pv_kw, shipped.load.pv_kw, atol=0.0011)
    for one, other in zip(made.prices, shipped.prices, strict=True):
        assert one.available_at == other.available_at
        assert one.import_price_per_kwh == pytest.approx(other.import_price_per_kwh, abs=1.1e-5)


def test_another_seed_makes_other_figures_and_more_days_keep_the_first(tmp_path: Path):
    build_scenario("storm-week", tmp_path / "other", seed=2)
    build_scenario("storm-week", tmp_path / "long", days=15)
    other, long = read_scenario(tmp_path / "other"), read_scenario(tmp_path / "long")
    shipped = read_scenario(FOLDER / "storm-week")
    assert not np.allclose(other.load.consumption_kw, shipped.load.consumption_kw)
    assert long.header.grid().count == 15 * 24
    assert len(long.context) == 2  # a storm in every week


def test_a_name_or_a_length_that_cannot_be_built_is_named(tmp_path: Path):
    with pytest.raises(FileError, match=r"scenario: got 'moon', expected one of balancing-reserve, "):
        build_scenario("moon", tmp_path)
    with pytest.raises(FileError, match=r"days: got 400, expected 1 to 366"):
        build_scenario("storm-week", tmp_path, days=400)


@pytest.mark.parametrize("name", NAMES)
async def test_a_stretch_of_each_is_planned_to_the_end_and_its_energy_adds_up(name: str):
    scenario = cut(read_scenario(FOLDER / name), STRETCH)
    replay, runs = await replayed(scenario, "baseline")
    figures = kpis_of(scenario, replay.way, without_control(scenario, 0), runs)
    assert figures["rungs"] == {"optimal": STRETCH}
    assert figures["energy_balance_error_kwh"] < 1e-6
    assert figures["commands"] > 0


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"header": "days = 9\n"}, "load, west: found "),
        ({"prices": lambda row: [row[0], row[1] * 1000, row[2], row[3]]}, "is it per MWh?"),
        ({"prices": lambda row: [row[0], row[1], row[2], "2023-01-01T00:00:00Z"]}, "a replay looks ahead"),
        ({"prices": lambda row: [row[0], row[1], row[2], "2025-01-01T00:00:00Z"]}, "never planned with"),
        ({"load": lambda row: [row[0], row[1], row[2] * 1000, row[3]]}, "kW: is it W?"),
    ],
)
def test_the_check_says_what_would_mislead_a_replay(tmp_path: Path, change: dict, finding: str):
    folder = write_scenario(tmp_path, **{key: value for key, value in change.items() if key != "header"})
    if "header" in change:
        text = (folder / "scenario.toml").read_text().replace("days = 1\n", change["header"])
        (folder / "scenario.toml").write_text(text)
    _, findings = check_folder(folder)
    assert any(finding in str(one) for one in findings), [str(one) for one in findings]


def test_the_check_finds_two_stays_at_once_and_a_table_that_nobody_reads(tmp_path: Path):
    folder = write_scenario(tmp_path)
    with (folder / "trips.csv").open("a") as file:
        file.write("car,2024-03-05T12:00:00Z,2024-03-05T20:00:00Z,99,5,2024-03-04T00:00:00Z\n")
    (folder / "price.csv").write_text("start\n")
    places = [str(finding) for finding in check_folder(folder)[1]]
    assert any("price.csv: found a table that nobody reads" in place for place in places)
    assert any("stays of one car one after the other" in place for place in places)
    assert any("at most the 50 kWh that fit into it" in place for place in places)


def test_the_commands_list_and_check(tmp_path: Path):
    runner = CliRunner()
    listed = runner.invoke(app, ["scenario", "list", "--json"])
    assert listed.exit_code == 0
    assert all(name in listed.stdout for name in NAMES)
    assert runner.invoke(app, ["scenario", "check", str(FOLDER / "storm-week")]).exit_code == 0
    folder = write_scenario(tmp_path / "s")
    (folder / "scenario.toml").write_text(
        (folder / "scenario.toml").read_text().replace("days = 1", "days = 9")
    )
    refused = runner.invoke(app, ["scenario", "check", str(folder)])
    assert refused.exit_code == 1
    assert "expected a row for every interval of the time to replay" in refused.stdout
    assert "Example: vpp scenario build" in runner.invoke(app, ["scenario", "build", "--help"]).stdout


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
async def test_foresight_is_no_dearer_than_a_forecast_and_a_forecast_no_dearer_than_no_control(name: str):
    scenario = read_scenario(FOLDER / name)
    costs = {}
    for forecaster in ("perfect", "aggregated"):
        replay, runs = await replayed(scenario, forecaster)
        figures = kpis_of(scenario, replay.way, without_control(scenario, 0), runs)
        assert figures["energy_balance_error_kwh"] < 1e-6
        costs[forecaster] = figures["cost"]
    no_control = settlement_of(scenario, without_control(scenario, 0)).total_cost
    assert costs["perfect"] <= costs["aggregated"] + 1e-6
    assert costs["aggregated"] <= no_control + 1e-6
