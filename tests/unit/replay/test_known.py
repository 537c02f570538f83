"""What a replay knows of coming limits and of the weather, and what perfect foresight knows of everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.scenarios import HOUR, START, write_scenario
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import to_microseconds
from vpp.replay.foresight import foreseen
from vpp.replay.known_limits import Announcements
from vpp.replay.outputs import decision_line
from vpp.replay.run import Replay, ReplayOptions
from vpp.replay.scenario import FeederLimits, Scenario
from vpp.replay.scenario_files import read_scenario
from vpp.replay.weather import Weather

EARLY = START - timedelta(days=30)


def limit(feeder: int, at, kw: float, known) -> FeederLimits:
    return FeederLimits(
        feeder=feeder,
        valid_from_us=to_microseconds(at),
        import_limit_kw=kw,
        export_limit_kw=kw,
        available_at_us=to_microseconds(known),
    )


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return read_scenario(write_scenario(tmp_path / "scenario"))


def with_outage(scenario: Scenario, *, known, kw: float = 12.0) -> Scenario:
    """The west feeder carries less from 12:00 to 18:00, known since `known`."""
    more = [limit(0, START + 12 * HOUR, kw, known), limit(0, START + 18 * HOUR, 40.0, known)]
    rows = sorted([*scenario.limits, *more], key=lambda row: (row.valid_from_us, row.available_at_us))
    return replace(scenario, limits=tuple(rows))


async def test_coming_limits_are_signals_from_when_they_are_known(scenario: Scenario):
    outage = with_outage(scenario, known=START + 9 * HOUR)
    source = Announcements((), outage.limits, outage.fleet.feeders)
    ahead = {"start": START + 9 * HOUR, "end": START + 24 * HOUR}
    assert await source.signals_between(**ahead, known_at=START + 8 * HOUR) == []
    known = await source.signals_between(**ahead, known_at=START + 9 * HOUR)
    spans = [(one.valid_from, one.valid_until, one.content.import_limit_kw) for one in known]
    assert spans == [
        (START + 12 * HOUR, START + 18 * HOUR, 12.0),
        (START + 18 * HOUR, START + 24 * HOUR, 40.0),
    ]
    # What holds already is in the register.
    within = await source.signals_between(
        start=START + 12 * HOUR, end=START + 24 * HOUR, known_at=START + 12 * HOUR
    )
    assert [one.valid_from for one in within] == [START + 18 * HOUR]


async def decided(scenario: Scenario, hours: int, forecaster: str = "baseline") -> tuple[list[str], Replay]:
    lines: list[str] = []
    days = hours / 24
    short = replace(scenario, header=scenario.header.model_copy(update={"days": days}))
    replay = Replay(
        scenario=short,
        options=ReplayOptions(forecaster=forecaster),  # type: ignore[arg-type]
        on_run=lambda run, _plan, setpoints: lines.append(decision_line(run, setpoints)),
    )
    await replay.run()
    return lines, replay


async def test_a_known_outage_is_planned_for_and_an_unknown_one_is_not(scenario: Scenario):
    plain, _ = await decided(scenario, 4)
    known, replay = await decided(with_outage(scenario, known=START + 2 * HOUR), 4)
    assert plain[:2] == known[:2]
    assert plain[2] != known[2]
    limits = replay.loop.followed.plan.limits
    assert limits is not None
    assert limits.import_limit_kw[0, :9] == pytest.approx(40.0)
    assert limits.import_limit_kw[0, 9:15] == pytest.approx(12.0)
    poisoned, _ = await decided(with_outage(scenario, known=START + 2 * HOUR, kw=5.0), 4)
    assert poisoned[:2] == plain[:2]  # nothing of it is seen before it is announced


def bright(at: datetime) -> float:
    return (1.0, 0.3, 0.7)[at.toordinal() % 3]


def weather_of(scenario: Scenario, *, turn, after_w_m2: float) -> Weather:
    """A forecast for every hour, made the day before, and what was measured, known at its end."""
    grid = scenario.load.grid
    starts = np.array([to_microseconds(at) for at in grid.starts()])
    hour_us, turn_us = 3_600_000_000, to_microseconds(turn)
    sun = np.array(
        [max(0.0, 700.0 * np.sin(np.pi * (at.hour - 6) / 12)) * bright(at) for at in grid.starts()]
    )
    start_us, issued_us = np.repeat(starts, 2), np.stack([starts - 24 * hour_us, starts + hour_us]).T.ravel()
    values = np.where(issued_us > turn_us, after_w_m2, np.repeat(sun, 2))
    return Weather(
        start_us=start_us,
        issued_us=issued_us,
        temperature_c=np.full(len(values), 10.0),
        irradiance_w_m2=values,
    )


async def test_poisoning_the_weather_to_come_changes_no_decision_before_it(tmp_path: Path):
    def by_the_sun(row: list) -> list:
        return [*row[:3], row[3] * bright(datetime.fromisoformat(row[1]))]

    scenario = read_scenario(write_scenario(tmp_path, load=by_the_sun))
    turn = START + 3 * HOUR
    sunny = replace(scenario, weather=weather_of(scenario, turn=START + 999 * HOUR, after_w_m2=0.0))
    poisoned = replace(scenario, weather=weather_of(scenario, turn=turn, after_w_m2=1400.0))
    before, _ = await decided(sunny, 10)
    after, _ = await decided(poisoned, 10)
    assert before[:4] == after[:4]  # cycles at 0:00 to 3:00
    assert before[4:] != after[4:]


def test_irradiance_is_that_issued_last(scenario: Scenario):
    weather = weather_of(scenario, turn=START + 999 * HOUR, after_w_m2=0.0)
    changed = replace(weather, irradiance_w_m2=np.arange(len(weather.start_us), dtype=np.float64))
    grid = IntervalGrid(start=START, length=HOUR, count=30)
    row = int(np.searchsorted(weather.start_us, to_microseconds(START)))
    seen = changed.irradiance_over(grid, START + 2 * HOUR)
    assert seen[:3].tolist() == [row + 1, row + 3, row + 4]  # measured, measured, forecast
    assert np.isnan(seen[27:]).all()  # forecast a day ahead, no further


def test_foresight_knows_the_last_word_on_everything_from_the_start(scenario: Scenario):
    outage = with_outage(scenario, known=START + 9 * HOUR)
    later = replace(outage.prices[-1], import_price_per_kwh=9.0, available_at=outage.prices[-1].start)
    known = foreseen(replace(outage, prices=(*outage.prices, later)))
    begin = to_microseconds(START)
    assert all(to_microseconds(price.available_at) < begin for price in known.prices)
    assert known.prices[-1].import_price_per_kwh == 9.0
    assert len({price.start for price in known.prices}) == len(known.prices)
    assert all(to_microseconds(stay.announced_at) < begin for stay in known.sessions)
    assert all(row.available_at_us < begin for row in known.limits)
    assert len(known.limits) == len(outage.limits)


async def test_foresight_plans_for_an_outage_that_nobody_announces(scenario: Scenario):
    outage = with_outage(scenario, known=START + 23 * HOUR)
    plain, _ = await decided(scenario, 2, "perfect")
    foresighted, _ = await decided(outage, 2, "perfect")
    assert plain[0] != foresighted[0]
