"""A made load with calendar, weather and noise: small, and hard enough to tell models apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.models.series import Series, Weather

START = datetime(2019, 1, 6, 23, tzinfo=UTC)  # a Monday in Berlin
HOLIDAYS = frozenset({date(2019, 4, 19), date(2019, 4, 22), date(2019, 5, 1), date(2019, 5, 30)})


def made_series(days: int, *, seed: int = 0, weather: bool = True) -> Series:
    """Return hourly values: day shape, quiet weekends and holidays, heating below 15 degrees, slow noise."""
    count = 24 * days
    grid = IntervalGrid(start=START, length=timedelta(hours=1), count=count)
    generator = np.random.default_rng(seed)
    hour = np.arange(count) % 24
    ordinal = (START + timedelta(hours=1)).toordinal() + np.arange(count) // 24
    free = np.array([date.fromordinal(int(day)) in HOLIDAYS for day in ordinal])
    quiet = ((ordinal + 6) % 7 >= 5) | free
    warmth = 8.0 + 10.0 * np.sin((np.arange(count) / 24 - 90) * 2 * np.pi / 365)
    temperature = warmth + 4.0 * np.sin((hour - 9) * np.pi / 12) + _slow(count, generator, 3.0)
    shape = 40.0 + 25.0 * np.exp(-(((hour - 19) / 3.0) ** 2)) + 15.0 * np.exp(-(((hour - 8) / 2.0) ** 2))
    load = shape * np.where(quiet, 0.8, 1.0) + 1.5 * np.maximum(15.0 - temperature, 0.0)
    load *= np.exp(_slow(count, generator, 0.02) + generator.normal(0.0, 0.01, count))
    index = np.arange(count)
    issued = Weather(
        observed_c=temperature,
        issued_start=index,
        issued_known=(index // 24 - 1) * 24 + 12,
        issued_c=temperature + _slow(count, generator, 1.0),
    )
    return Series(
        grid=grid,
        values=load,
        timezone="Europe/Berlin",
        holidays=HOLIDAYS,
        weather=issued if weather else None,
    )


def spoilt_after(series: Series, origin: int) -> Series:
    """Return the series with garbage for everything that was not known at interval `origin`."""
    values = series.values.copy()
    values[origin:] = 1e6
    weather = series.weather
    if weather is not None:
        observed = weather.observed_c.copy()
        observed[origin:] = -500.0
        issued = np.where(weather.issued_known > origin, 900.0, weather.issued_c)
        weather = replace(weather, observed_c=observed, issued_c=issued)
    return replace(series, values=values, weather=weather)


def _slow(count: int, generator: np.random.Generator, spread: float) -> np.ndarray:
    wander = np.zeros(count)
    steps = generator.normal(0.0, spread * np.sqrt(1.0 - 0.95**2), count)
    for at in range(1, count):
        wander[at] = 0.95 * wander[at - 1] + steps[at]
    return wander
