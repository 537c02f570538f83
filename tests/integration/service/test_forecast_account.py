"""The forecasters' account over days, in a real database: weights, bound, restart, pause."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.fakes import ManualClock
from tests.integration.storage.samples import fleet as make_fleet
from vpp.adapters.storage import open_store
from vpp.adapters.storage.forecast_memory import open_forecast_memory
from vpp.adapters.storage.migrate import upgrade
from vpp.cli.main import app
from vpp.domain.forecasts import ForecastParts, ForecastSource, LoadForecast, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import FeederReading
from vpp.forecasting.forecaster import Forecaster
from vpp.service.forecast_job import ForecastJob
from vpp.service.forecast_learning import ForecastLearning

HOUR = timedelta(hours=1)
START = datetime(2024, 3, 4, tzinfo=UTC)
HORIZON = 48 * HOUR
FEEDERS = len(make_fleet().feeders)


def truth(start, feeder):
    return 50.0 + 10.0 * np.sin(start.hour / 4) + 3.0 * np.cos(start.toordinal() * 1.7) + feeder


def baseline_kw(grid):
    return np.array([[truth(start, feeder) for start in grid.starts()] for feeder in range(FEEDERS)]) * 1.08


def advised(now, number, helpful):
    """Return the baseline, which is 8 % too high, as a model adjusts it: to the truth, or further away."""
    grid = IntervalGrid(start=now, length=HOUR, count=48)
    baseline = baseline_kw(grid)
    median = baseline / 1.08 if helpful else baseline * 1.1
    forecast = LoadForecast(
        forecast_id=f"forecast-{number}",
        feeder_ids=tuple(feeder.feeder_id for feeder in make_fleet().feeders),
        grid=grid,
        available_at=now,
        consumption_p10_kw=median - 4.0,
        consumption_p50_kw=median,
        consumption_p90_kw=median + 4.0,
        pv_kw=np.zeros_like(median),
        source=ForecastSource.ADJUSTED,
        verdict=ReplyVerdict.ACCEPTED,
    )
    parts = ForecastParts(names=("baseline",), p50_kw=baseline[None], typical_peak_kw=np.full(FEEDERS, 80.0))
    return forecast, parts


class Plant:
    """A few days of metering and forecasts, six hours apart."""

    def __init__(self, url):
        self.store = open_store(url, clock_now=lambda: START)
        self.memory = open_forecast_memory(url)
        self.learning = self.restarted()
        self.number = 0

    def restarted(self):
        return ForecastLearning(memory=self.memory, store=self.store, interval=HOUR, horizon=HORIZON)

    async def live(self, first_day, last_day, helpful):
        """Live through days [first, last), and return the forecasts."""
        issued = []
        for step in range(4 * first_day, 4 * last_day):
            now = START + step * 6 * HOUR
            forecast, parts = advised(now, self.number, helpful)
            self.number += 1
            forecast = await self.learning.guard(forecast, parts, now)
            await self.store.save_forecast(forecast, None)
            issued.append(forecast)
            await self.meter(now)
        return issued

    async def meter(self, now):
        await self.store.append_feeder_readings(
            [
                FeederReading(
                    feeder_id=feeder.feeder_id,
                    start=now + hour * HOUR,
                    consumption_kw=truth(now + hour * HOUR, number),
                    pv_kw=0.0,
                    available_at=now + (hour + 1) * HOUR,
                )
                for number, feeder in enumerate(make_fleet().feeders)
                for hour in range(6)
            ]
        )

    async def close(self):
        await self.store.close()
        await self.memory.close()


@pytest.fixture
async def plant(tmp_path):
    url = f"sqlite:///{tmp_path / 'vpp.sqlite'}"
    await upgrade(url)
    plant = Plant(url)
    await plant.store.save_fleet(make_fleet())
    yield plant
    await plant.close()


def off(forecast):
    """Return how far a forecast is off the truth at its start, as a share."""
    actual = baseline_kw(forecast.grid) / 1.08
    return float(np.mean(np.abs(forecast.consumption_p50_kw - actual)[:, :6] / actual[:, :6]))


async def test_a_good_model_is_believed_more_and_more_and_a_restart_forgets_nothing(plant):
    issued = await plant.live(0, 8, helpful=True)
    plant.learning = plant.restarted()
    issued += await plant.live(8, 14, helpful=True)

    assert off(issued[0]) > 0.02
    assert off(issued[-1]) < 0.7 * off(issued[0])
    rounds = await plant.memory.rounds(newest=100)
    settled = [one for one in rounds if one.settled]
    assert len(settled) >= 12
    assert settled[-1].excess < 0.0
    assert settled[-1].weights["model"] + settled[-1].weights["model stretched"] > 0.6
    assert [one.number for one in rounds] == list(range(rounds[0].number, rounds[-1].number + 1))


async def test_a_bad_model_costs_no_more_than_the_bound_and_the_account_says_so(plant):
    issued = await plant.live(0, 14, helpful=False)

    settled = [one for one in await plant.memory.rounds(newest=100) if one.settled]
    total = sum(one.loss - one.baseline_loss for one in settled)
    assert settled[-1].excess == pytest.approx(total)
    assert total <= settled[-1].bound
    assert off(issued[-1]) == pytest.approx(0.08, abs=0.005)
    for forecast in issued:
        assert (forecast.consumption_p10_kw <= forecast.consumption_p50_kw).all()
        assert (forecast.consumption_p50_kw <= forecast.consumption_p90_kw).all()
    stored = await plant.store.get_forecast(issued[-1].forecast_id)
    assert stored.parts.names == ("baseline", "model")
    np.testing.assert_array_equal(stored.parts.p50_kw, issued[-1].parts.p50_kw)


async def test_a_paused_model_has_no_say_from_the_next_forecast_on(plant):
    await plant.live(0, 3, helpful=True)
    await plant.memory.pause("model", paused=True, at=START + 72 * HOUR, reason="speaks of last year")

    issued = await plant.live(3, 5, helpful=True)

    for forecast in issued:
        np.testing.assert_allclose(forecast.consumption_p50_kw, baseline_kw(forecast.grid))
    await plant.memory.pause("model", paused=False, at=START + 120 * HOUR, reason="")
    later = await plant.live(5, 12, helpful=True)
    assert off(later[-1]) < 0.05


async def test_without_metering_the_baseline_speaks_after_the_first_days(plant, monkeypatch):
    async def silent(now):
        return None

    monkeypatch.setattr(plant, "meter", silent)
    issued = await plant.live(0, 9, helpful=False)

    first, last = issued[0], issued[-1]
    assert off(first) > 0.09
    np.testing.assert_allclose(last.consumption_p50_kw, baseline_kw(last.grid))


async def test_the_account_is_shown_and_a_wrong_name_refused(plant, tmp_path):
    await plant.live(0, 4, helpful=True)
    config = tmp_path / "vpp.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path / "vpp.sqlite"}"\n')

    def call(*arguments):
        return CliRunner().invoke(app, ["forecast", *arguments, "--config", str(config)])

    shown = await asyncio.to_thread(call, "status", "--json")
    assert shown.exit_code == 0, shown.output
    days = json.loads(shown.stdout)["days"]
    assert days[0]["settled"]
    assert days[0]["excess"] <= days[0]["bound"]
    paused = await asyncio.to_thread(call, "pause", "model", "--reason", "on holiday")
    assert paused.exit_code == 0, paused.output
    text = await asyncio.to_thread(call, "status")
    assert "model is paused since" in text.output
    assert "on holiday" in text.output
    wrong = await asyncio.to_thread(call, "pause", "oracle", "--reason", "x")
    assert "one of model, ridge, lightgbm" in str(wrong.exception)


async def test_the_job_issues_a_guarded_forecast_with_scenarios_that_a_repeat_draws_again(plant):
    await plant.live(0, 3, helpful=True)
    now = START + 72 * HOUR
    issued = []
    for number in range(2):
        clock = ManualClock(now)
        job = ForecastJob(
            forecaster=Forecaster(
                None,
                clock=clock,
                new_forecast_id=lambda at, number=number: f"job-{number}",
                new_call_id=lambda at: "call",
            ),
            store=plant.store,
            clock=clock,
            interval=HOUR,
            history=timedelta(days=3),
            horizon_intervals=48,
            issue_period=3 * HOUR,
            learning=plant.restarted(),
            scenarios=6,
        )
        issued.append(await job.issue())

    first, again = issued
    assert first.parts.names == ("baseline", "model")
    assert first.scenario_consumption_kw.shape == (6, FEEDERS, 48)
    assert first.scenario_consumption_kw.tobytes() == again.scenario_consumption_kw.tobytes()
    stored = await plant.store.get_forecast("job-0")
    np.testing.assert_array_equal(stored.scenario_consumption_kw, first.scenario_consumption_kw)
