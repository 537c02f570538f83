"""Fits for live operation: better than similar days, adding up, and replaced only by something."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from tests.fakes import ManualClock
from tests.unit.forecasting.made_series import HOLIDAYS, made_series
from vpp.adapters.storage.forecast_memory import open_forecast_memory
from vpp.adapters.storage.migrate import upgrade
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.models.live import FEWEST_DAYS, FittedVersion, known_days
from vpp.forecasting.reconciliation import reconciled
from vpp.ports import FeederHistory
from vpp.service.training import Training

HOUR = timedelta(hours=1)
DAYS = 75
MADE = [made_series(DAYS + 2, seed=seed, weather=False) for seed in (1, 2)]


class History:
    """The one thing that training asks of the store."""

    async def feeder_history(self, *, grid, known_at):
        first = MADE[0].grid.index_of(grid.start)
        index = first + np.arange(grid.count)
        inside = (index >= 0) & (grid.start + index.size * HOUR <= known_at)
        values = np.stack([np.where(inside, one.values[np.clip(index, 0, None)], np.nan) for one in MADE])
        return FeederHistory(
            feeder_ids=("a", "b"), grid=grid, consumption_kw=values, pv_kw=np.zeros_like(values)
        )


def training(days):
    return Training(
        store=History(),
        clock=ManualClock(MADE[0].grid.start + DAYS * 24 * HOUR),
        interval=HOUR,
        history=timedelta(days=days),
        horizon_intervals=30,
        timezone="Europe/Berlin",
        holidays=HOLIDAYS,
    )


async def test_a_fit_in_its_own_process_forecasts_the_day_ahead_and_leaves_the_rest_to_the_fallback():
    job = training(DAYS)
    try:
        version = await job.fit()
    finally:
        job.close()
    ahead = IntervalGrid(start=version.grid.start + 6 * HOUR, length=HOUR, count=48)
    fallback = np.full((2, 48), -1.0)

    members = job.members(("a", "b"), ahead, fallback)

    first = DAYS * 24 + 6
    actual = np.stack([one.values[first : first + 24] for one in MADE])
    for name in ("ridge", "lightgbm"):
        assert (members[name][:, 24:] == -1.0).all()
        error = np.abs(members[name][:, :24] - actual) / actual
        assert error.mean() < 0.12, name
    assert job.members(("a", "other"), ahead, fallback)["ridge"] is fallback


async def test_a_version_survives_a_restart_and_a_broken_one_is_left_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'vpp.sqlite'}"
    await upgrade(url)
    memory = open_forecast_memory(url)
    grid = IntervalGrid(start=MADE[0].grid.start, length=HOUR, count=4)
    version = FittedVersion(
        feeder_ids=("a", "b"), grid=grid, p50_kw=np.arange(16.0).reshape(2, 2, 4), error_share=(0.1, 0.2)
    )
    try:
        number = await memory.save_version(
            trained_at=grid.start, summary={"days": 3}, content=version.to_bytes()
        )
        job = training(DAYS)
        job.memory = memory
        await job.restore()
        assert job.version.feeder_ids == ("a", "b")
        assert job.version.grid == grid
        np.testing.assert_array_equal(job.version.p50_kw, version.p50_kw)
        assert (await memory.newest_version()).version == number

        await memory.save_version(trained_at=grid.start, summary={}, content=b"not a version")
        other = training(DAYS)
        other.memory = memory
        await other.restore()
        assert other.version is None
    finally:
        await memory.close()


async def test_too_little_history_fits_nothing_and_keeps_the_version_there_is():
    job = training(FEWEST_DAYS - 1)
    kept = job.version = object()
    assert await job.fit() is None
    assert job.version is kept


def test_feeders_add_up_and_the_uncertain_one_gives_way():
    feeders = np.array([[10.0, 10.0], [20.0, 20.0]])
    portfolio = np.array([36.0, 24.0])

    moved = reconciled(feeders, portfolio, np.array([1.0, 9.0]), 0.0)

    np.testing.assert_allclose(moved.sum(axis=0), portfolio)
    np.testing.assert_allclose(moved[0], [10.6, 9.4])
    np.testing.assert_allclose(reconciled(feeders, portfolio, np.zeros(2), 0.0), feeders)


def test_days_are_counted_by_the_feeder_that_is_known_least():
    values = np.ones((2, 72))
    values[1, :30] = np.nan
    grid = IntervalGrid(start=MADE[0].grid.start, length=HOUR, count=72)
    history = FeederHistory(feeder_ids=("a", "b"), grid=grid, consumption_kw=values, pv_kw=values)
    assert known_days(history) == 1
