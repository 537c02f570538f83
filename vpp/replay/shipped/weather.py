"""A made weather, from a seed: temperature and irradiance of a place in central Europe, and their forecasts.

The clear sky is that of Haurwitz (1945), "Insolation in relation to cloudiness and cloud density"; the sun's
declination that of Cooper (1969), "The absorption of radiation in solar stills". Clouds and temperature are
first-order autoregressive. None of it is a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpp.replay.shipped.tables import Columns, Floats, Times

LATITUDE, LONGITUDE = np.radians(50.0), 10.0
DAY = np.timedelta64(1, "D")
ISSUED_BEFORE = np.timedelta64(18, "h")  # of the day that is forecast: at 06:00 UTC of the day before
PANEL_RISE_C_PER_W_M2 = 0.03
PANEL_LOSS_PER_C = 0.004
SYSTEM_YIELD = 0.88


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the weather was, and what was said of it the day before; all of shape (T,)."""

    times: Times
    temperature_c: Floats
    irradiance_w_m2: Floats
    expected_temperature_c: Floats
    expected_irradiance_w_m2: Floats

    def table(self) -> Columns:
        """Return the weather table: each interval as expected the day before, and as measured at its end."""
        step = self.times[1] - self.times[0]
        issued = self.times.astype("datetime64[D]").astype("datetime64[us]") - ISSUED_BEFORE
        return {
            "start": np.concatenate([self.times, self.times]),
            "issued_at": np.concatenate([issued, self.times + step]),
            "temperature_c": np.round(np.concatenate([self.expected_temperature_c, self.temperature_c]), 1),
            "irradiance_w_m2": np.round(
                np.concatenate([self.expected_irradiance_w_m2, self.irradiance_w_m2])
            ),
        }

    def pv_kw(self, peak_kw: float) -> Floats:
        """Return the power of a PV system, kW; hot panels give less."""
        panel_c = self.temperature_c + PANEL_RISE_C_PER_W_M2 * self.irradiance_w_m2
        loss = 1.0 - PANEL_LOSS_PER_C * (panel_c - 25.0)
        return np.maximum(0.0, peak_kw * SYSTEM_YIELD * self.irradiance_w_m2 / 1000.0 * loss)


def make_weather(
    times: Times, random: np.random.Generator, *, sunny: float = 0.6, mean_c: float = 10.0
) -> Weather:
    """Return the weather over `times`; `sunny` is the mean share of the clear sky's irradiance."""
    count = len(times)
    day = (times - times.astype("datetime64[Y]")) / DAY
    hour = (times - times.astype("datetime64[D]")) / np.timedelta64(1, "h")
    clear = clear_sky_w_m2(day, hour + 0.5 * float((times[1] - times[0]) / np.timedelta64(1, "h")))
    step_h = float((times[1] - times[0]) / np.timedelta64(1, "h"))
    slow, fast = _wander(random, count, 36.0 / step_h), _wander(random, count, 3.0 / step_h)
    cover = np.clip(sunny + 0.3 * slow + 0.12 * fast, 0.05, 1.0)
    season = mean_c + 9.5 * np.sin(2 * np.pi * (day - 110) / 365)
    swing = (2.0 + 4.0 * cover) * np.sin(2 * np.pi * (hour - 9) / 24)
    temperature = season + swing + 3.0 * _wander(random, count, 60.0 / step_h)
    error_c = 1.2 * _wander(random, count, 12.0 / step_h)
    expected_cover = np.clip(cover + 0.12 * _wander(random, count, 8.0 / step_h), 0.05, 1.0)
    return Weather(
        times=times,
        temperature_c=temperature,
        irradiance_w_m2=clear * cover,
        expected_temperature_c=temperature + error_c,
        expected_irradiance_w_m2=clear * expected_cover,
    )


def clear_sky_w_m2(day: Floats, hour: Floats) -> Floats:
    """Return the irradiance on a flat plane under a clear sky; `day` of the year, `hour` UTC."""
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    angle = np.radians(15.0 * (hour + LONGITUDE / 15.0 - 12.0))
    height = np.sin(LATITUDE) * np.sin(declination) + np.cos(LATITUDE) * np.cos(declination) * np.cos(angle)
    up = np.maximum(height, 1e-3)
    irradiance: Floats = np.where(height > 0.0, 1098.0 * up * np.exp(-0.057 / up), 0.0)
    return irradiance


def _wander(random: np.random.Generator, count: int, memory: float) -> Floats:
    """Return an autoregressive series of mean 0 and deviation 1 that forgets within `memory` steps."""
    keep = float(np.exp(-1.0 / max(memory, 1e-6)))
    shocks = random.standard_normal(count)
    series = np.empty(count)
    value = shocks[0]
    for step in range(count):
        value = keep * value + np.sqrt(1.0 - keep**2) * shocks[step]
        series[step] = value
    return series
