"""What a backtest promises: no look into the future, honest days, better models in their order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pytest

from tests.unit.forecasting.made_series import made_series, spoilt_after
from vpp.domain.errors import InvalidValueError
from vpp.forecasting.backtest.chain import run_chain
from vpp.forecasting.backtest.rolling import issue_origins, roll
from vpp.forecasting.models.catalogue import BASELINE, MODELS, models_named
from vpp.forecasting.scores import daily_mape_percent

ALL = tuple(MODELS.values())


def rolled(series, days=20, models=ALL, at=time(12)):
    return roll(series, models, issue_time=at, days=days, cpu_clock=lambda: 0.0)


@pytest.mark.parametrize("weather", [True, False])
def test_no_forecast_changes_when_everything_after_its_issue_is_garbage(weather):
    series = made_series(105, weather=weather)
    honest = rolled(series, days=4)
    origin, _ = issue_origins(series, time(12))
    last = len(honest)
    for issue in (last - 4, last - 2):  # in the middle and near the end of the days that count
        spoilt = rolled(spoilt_after(series, int(origin[len(origin) - last + issue])), days=4)
        for name, median in honest.medians.items():
            np.testing.assert_array_equal(
                median[: issue + 1], spoilt.medians[name][: issue + 1], err_msg=name
            )
        before = run_chain(honest, {}).quantiles[:, : issue + 1]
        np.testing.assert_array_equal(before, run_chain(spoilt, {}).quantiles[:, : issue + 1])


def test_a_forecast_does_change_when_the_hour_before_its_issue_is_garbage():
    series = made_series(100)
    honest = rolled(series, days=1)
    origin, _ = issue_origins(series, time(12))
    values = series.values.copy()
    values[int(origin[-1]) - 1] *= 3.0

    touched = rolled(replace(series, values=values), days=1)

    assert not np.allclose(honest.medians["ridge"][-1], touched.medians["ridge"][-1])


def test_models_stand_in_their_order_and_context_of_the_weather_pays():
    with_weather = rolled(made_series(130), days=25)
    without = rolled(made_series(130, weather=False), days=25)

    def mape(rolling, name):
        counted = slice(rolling.first, None)
        return daily_mape_percent(rolling.medians[name][counted], rolling.actual[counted]).mean()

    assert mape(with_weather, "ridge") < 0.9 * mape(with_weather, "similar-day")
    assert mape(with_weather, "similar-day") < mape(with_weather, "naive")
    assert mape(with_weather, BASELINE) < mape(with_weather, "similar-day")
    assert mape(with_weather, BASELINE) < mape(without, BASELINE)


def test_with_little_history_the_best_there_is_stands_for_the_baseline():
    rolling = rolled(made_series(30), days=5)

    assert np.isnan(rolling.medians["ridge"]).all()
    np.testing.assert_array_equal(rolling.medians[BASELINE][-3:], rolling.medians["similar-day"][-3:])


def test_days_are_whole_days_of_standard_time_also_when_the_clock_is_moved():
    rolling = rolled(made_series(150), days=40, models=models_named(["naive"]))

    assert {start.hour for start in rolling.starts} == {23}
    assert {start - issued for start, issued in zip(rolling.starts, rolling.issued, strict=True)} == {
        timedelta(hours=12)
    }
    assert rolling.starts[0].tzinfo is UTC


def test_gaps_in_the_series_are_neither_learned_nor_scored():
    series = made_series(120)
    values = series.values.copy()
    values[1000:1100] = np.nan
    values[-50:-30] = np.nan

    rolling = rolled(replace(series, values=values), days=3)

    assert np.isfinite(rolling.medians[BASELINE]).all()
    assert np.isnan(rolling.actual).any()


def test_what_cannot_be_run_is_refused():
    with pytest.raises(InvalidValueError, match="issue_time"):
        rolled(made_series(30), at=time(12, 30))
    with pytest.raises(InvalidValueError, match="series"):
        rolled(made_series(12))
    with pytest.raises(InvalidValueError, match=r"models.*'oracle'"):
        models_named(["oracle"])


def test_the_same_series_gives_the_same_bytes():
    first, second = (rolled(made_series(100), days=1) for _ in range(2))
    assert first.medians["lightgbm"].tobytes() == second.medians["lightgbm"].tobytes()
    assert first.starts[-1] < datetime(2019, 6, 1, tzinfo=UTC)
