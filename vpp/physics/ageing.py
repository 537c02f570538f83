"""Temperature and ageing of batteries, as columns, step by step: what a fleet's use cost in life.

Ageing is the semi-empirical model of Xu, Oudalov, Ulbig, Andersson and Kirschen (2018), "Modeling of
Lithium-Ion Battery Degradation for Cell Life Assessment", IEEE Transactions on Smart Grid 9(2), with its
parameters of an LMO cell: stress from time and stress from cycles, each weighed by state of charge and
temperature, add up; the share of life that was used is what they are of the sum at which a new cell has come
down to 80 % of its capacity. Cycles are counted by the four-point rainflow method while time passes, so that
nothing needs to be kept of a year. Temperature is of first order: a cell settles at the ambient plus what its
losses heat it by.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIME_STRESS_PER_S: Final = 4.14e-10
SOC_STRESS, SOC_REFERENCE = 1.04, 0.5
TEMPERATURE_STRESS, REFERENCE_C, ZERO_C_IN_K = 0.0693, 25.0, 273.15
DEPTH_STRESS: Final = (1.40e5, -0.501, -1.23e5)
FILM_SHARE, FILM_RATE = 0.0575, 121.0  # of capacity, lost early to the film on the anode
# Left is FILM_SHARE * exp(-FILM_RATE * f) + (1 - FILM_SHARE) * exp(-f); at 0.8 the first term is gone.
STRESS_AT_END: Final = float(np.log((1.0 - FILM_SHARE) / 0.8))
SECONDS_PER_YEAR: Final = 365.25 * 86_400.0
YEARS_AT_REST: Final = STRESS_AT_END / TIME_STRESS_PER_S / SECONDS_PER_YEAR  # half full at 25 °C: 12.5
SETTLES_WITHIN_H: Final = 3.0
RISE_C_PER_LOSS: Final = 300.0  # times losses over capacity, 1/h: 7.5 °C at half an hour's rate and 5 % loss
OPEN_POINTS: Final = 64  # turning points that may wait for their cycle to close
SHALLOWEST: Final = 1e-6


class BatteryLife:
    """N batteries; `pass_time` moves them on. temperature_c (N,), time_stress and cycle_stress (N,)."""

    def __init__(self, soc: Floats, capacity_kwh: Floats, ambient_c: float) -> None:
        count = len(soc)
        self.temperature_c = np.full(count, ambient_c)
        self.hottest_c = self.temperature_c.copy()
        self.time_stress, self.cycle_stress = np.zeros(count), np.zeros(count)
        self._capacity_kwh = capacity_kwh
        self._points = np.zeros((count, OPEN_POINTS))
        self._points[:, 0] = soc
        self._open = np.ones(count, dtype=np.int64)

    def pass_time(self, soc: Floats, lost_kwh: Floats, ambient_c: float, hours: float) -> None:
        """Let `hours` pass, at whose end the state of charge is `soc`; `lost_kwh` heated the cells."""
        rise_c = RISE_C_PER_LOSS * lost_kwh / hours / self._capacity_kwh
        share = -np.expm1(-hours / SETTLES_WITHIN_H)
        self.temperature_c += share * (ambient_c + rise_c - self.temperature_c)
        np.maximum(self.hottest_c, self.temperature_c, out=self.hottest_c)
        self.time_stress += 3600.0 * hours * TIME_STRESS_PER_S * self._weight(soc, self.temperature_c)
        self._turn(soc)

    def used_share(self) -> Floats:
        """Return the share of each battery's life that was used, (N,); what is still open counts half."""
        return self._stress() / STRESS_AT_END

    def capacity_share(self) -> Floats:
        """Return the share of the capacity of a new battery that is left, (N,)."""
        stress = self._stress()
        left: Floats = FILM_SHARE * np.exp(-FILM_RATE * stress) + (1.0 - FILM_SHARE) * np.exp(-stress)
        return left

    def used_years(self) -> Floats:
        """Return the same as years at rest, half full at 25 °C."""
        return self.used_share() * YEARS_AT_REST

    def _stress(self) -> Floats:
        return self.time_stress + self.cycle_stress + self._open_stress()

    def _turn(self, soc: Floats) -> None:
        """Take the next state of charge: the last turning point moves on, or a new one begins."""
        self._make_room()
        rows, points = np.arange(len(soc)), self._points
        last = points[rows, self._open - 1]
        before = points[rows, np.maximum(self._open - 2, 0)]
        goes_on = (self._open >= 2) & ((last - before) * (soc - last) >= 0.0)
        place = np.where(goes_on, self._open - 1, self._open)
        points[rows, place] = soc
        self._open = place + 1
        while len(closed := self._closed()):
            end = self._open[closed]
            low, high = points[closed, end - 3], points[closed, end - 2]
            self.cycle_stress[closed] += self._cycle(low, high, self.temperature_c[closed])
            points[closed, end - 3] = points[closed, end - 1]
            self._open[closed] = end - 2

    def _closed(self) -> NDArray[np.int64]:
        """Return the batteries whose inner range of the last four points lies within both outer ones."""
        four = np.flatnonzero(self._open >= 4)
        end = self._open[four]
        a, b, c, d = (self._points[four, end - back] for back in (4, 3, 2, 1))
        inner = np.abs(c - b)
        return four[(inner <= np.abs(b - a)) & (inner <= np.abs(d - c))]

    def _make_room(self) -> None:
        """Count the oldest open range of a full stack as half a cycle, and forget its first point."""
        full = np.flatnonzero(self._open == OPEN_POINTS)
        if len(full):
            first, second = self._points[full, 0], self._points[full, 1]
            self.cycle_stress[full] += 0.5 * self._cycle(first, second, self.temperature_c[full])
            self._points[full, :-1] = self._points[full, 1:]
            self._open[full] -= 1

    def _open_stress(self) -> Floats:
        """Return the stress of ranges that never closed: each is half a cycle."""
        ranges = np.arange(OPEN_POINTS - 1) < (self._open - 1)[:, None]
        stress = self._cycle(self._points[:, :-1], self._points[:, 1:], self.temperature_c[:, None])
        total: Floats = 0.5 * np.where(ranges, stress, 0.0).sum(axis=1)
        return total

    def _cycle(self, one: Floats, other: Floats, temperature_c: Floats) -> Floats:
        """Return the stress of a full cycle between two states of charge."""
        factor, exponent, offset = DEPTH_STRESS
        depth = np.clip(np.abs(other - one), SHALLOWEST, 1.0)
        stress: Floats = self._weight(0.5 * (one + other), temperature_c) / (
            factor * depth**exponent + offset
        )
        return np.where(np.abs(other - one) > SHALLOWEST, stress, 0.0)

    @staticmethod
    def _weight(soc: Floats, temperature_c: Floats) -> Floats:
        """Return how much faster than half full at 25 °C a cell ages."""
        kelvin = temperature_c + ZERO_C_IN_K
        reference = REFERENCE_C + ZERO_C_IN_K
        heat = np.exp(TEMPERATURE_STRESS * (temperature_c - REFERENCE_C) * reference / kelvin)
        weight: Floats = np.exp(SOC_STRESS * (soc - SOC_REFERENCE)) * heat
        return weight
