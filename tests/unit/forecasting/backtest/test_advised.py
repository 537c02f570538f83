"""What the reasoning model is given in a backtest: nothing that was not known at the issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import numpy as np

from tests.fakes_reasoning import ScriptedModel, answer, item
from tests.unit.forecasting.made_series import made_series, spoilt_after
from vpp.domain.forecasts import ContextItem
from vpp.forecasting.backtest.advised import advised_expert, recent_error
from vpp.forecasting.backtest.rolling import roll
from vpp.forecasting.forecaster import ForecasterSettings
from vpp.forecasting.models.catalogue import models_named

NOON = time(12)


def rolled(series, days=6):
    return roll(
        series, models_named(["naive", "similar-day"]), issue_time=NOON, days=days, cpu_clock=lambda: 0.0
    )


async def said_and_asked(rolling):
    model = ScriptedModel([answer(item())])
    context = [
        ContextItem(
            item_id=f"r{start.date()}",
            text=f"Festival on {start.date()}.",
            valid_from=start,
            valid_until=start + timedelta(days=1),
            available_at=issued,
        )
        for start, issued in zip(rolling.starts, rolling.issued, strict=True)
    ]
    settings = ForecasterSettings(samples=1)
    expert = await advised_expert(rolling, model, settings, context, name="endpoint")
    return expert, model.users


async def test_the_future_changes_neither_the_question_nor_the_answer():
    series = made_series(40)
    rolling = rolled(series)
    origin = series.grid.index_of(rolling.issued[-1])
    spoilt = rolled(spoilt_after(series, origin))

    (expert, asked), (other, asked_there) = await said_and_asked(rolling), await said_and_asked(spoilt)

    assert len(asked) == 6
    assert asked == asked_there
    np.testing.assert_array_equal(expert.median, other.median)
    assert np.isfinite(expert.median).sum() == 6 * 24
    assert np.isnan(expert.median[: rolling.first]).all()


def test_recent_errors_end_where_the_issue_is():
    rolling = rolled(made_series(40))
    day = len(rolling) - 1
    doubled = rolling.medians["baseline"].copy()
    doubled[day - 2] = rolling.actual[day - 2] / 1.25
    rolling = replace(rolling, medians=rolling.medians | {"baseline": doubled})

    error = recent_error(rolling, day)

    assert error.shape == (7, 24)
    assert np.isfinite(error[0]).tolist() == [True] * 12 + [False] * 12
    np.testing.assert_allclose(error[1], 0.25)
