"""Batteries age by time, heat, fullness and cycles as the published model says; rainflow counts them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.physics.ageing import DEPTH_STRESS, YEARS_AT_REST, BatteryLife


def life(soc: float = 0.5, count: int = 1, ambient_c: float = 25.0) -> BatteryLife:
    return BatteryLife(np.full(count, soc), np.full(count, 10.0), ambient_c)


def through(socs: list[float], ambient_c: float = 25.0) -> BatteryLife:
    battery = life(socs[0], ambient_c=ambient_c)
    for soc in socs[1:]:
        battery.pass_time(np.array([soc]), np.zeros(1), ambient_c, 1.0)
    return battery


def rainflow_of_astm(points: list[float]) -> dict[float, float]:
    """Count ranges by the three-point method of ASTM E1049-85, 5.4.4, written for this test alone."""
    turns = [points[0]]
    for value in points[1:]:
        if len(turns) >= 2 and (turns[-1] - turns[-2]) * (value - turns[-1]) >= 0.0:
            turns[-1] = value
        elif value != turns[-1]:
            turns.append(value)
    counted: dict[float, float] = {}

    def count(size: float, times: float) -> None:
        counted[round(size, 6)] = counted.get(round(size, 6), 0.0) + times

    stack: list[float] = []
    for value in turns:
        stack.append(value)
        while len(stack) >= 3 and abs(stack[-1] - stack[-2]) >= abs(stack[-2] - stack[-3]):
            inner = abs(stack[-2] - stack[-3])
            if len(stack) == 3:
                count(inner, 0.5)
                stack.pop(0)
            else:
                count(inner, 1.0)
                del stack[-3:-1]
    for one, other in pairwise(stack):
        count(abs(other - one), 0.5)
    return counted


def test_at_rest_half_full_at_25_degrees_a_battery_lasts_as_long_as_the_model_says():
    battery = life()
    battery.pass_time(np.array([0.5]), np.zeros(1), 25.0, 365.25 * 24)
    assert battery.used_years()[0] == pytest.approx(1.0)
    assert pytest.approx(12.5, abs=0.1) == YEARS_AT_REST


def test_heat_and_a_full_battery_age_faster():
    hot, full, mild = through([0.5] * 48, 40.0), through([1.0] * 48), through([0.5] * 48)
    assert hot.used_share()[0] == pytest.approx(2.7 * mild.used_share()[0], rel=0.03)
    assert full.used_share()[0] == pytest.approx(np.exp(0.52) * mild.used_share()[0])


def test_a_deep_cycle_costs_more_than_shallow_ones_of_the_same_throughput():
    deep = through([0.9, 0.1] * 4 + [0.9])
    shallow = through([0.6, 0.4] * 16 + [0.6])
    assert deep.cycle_stress[0] + deep._open_stress()[0] > 1.3 * (
        shallow.cycle_stress[0] + shallow._open_stress()[0]
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20).map(lambda twentieth: twentieth / 20), min_size=2, max_size=60))
def test_cycles_are_those_of_the_standard_method(socs: list[float]):
    factor, exponent, offset = DEPTH_STRESS
    battery = _unweighted(socs)  # depth alone decides
    expected = sum(
        times / (factor * size**exponent + offset)
        for size, times in rainflow_of_astm(socs).items()
        if size > 1e-6
    )
    assert battery.cycle_stress[0] + battery._open_stress()[0] == pytest.approx(expected, rel=1e-9)


def _unweighted(socs: list[float]) -> BatteryLife:
    class Unweighted(BatteryLife):
        @staticmethod
        def _weight(soc, temperature_c):
            return np.ones_like(soc)

    battery = Unweighted(np.array([socs[0]]), np.array([10.0]), 25.0)
    for soc in socs[1:]:
        battery.pass_time(np.array([soc]), np.zeros(1), 25.0, 1.0)
    return battery


def test_losses_heat_a_battery_and_it_cools_down_again():
    battery = life(count=2)
    for _ in range(12):
        battery.pass_time(np.full(2, 0.5), np.array([0.25, 0.0]), 20.0, 1.0)
    assert battery.temperature_c[0] == pytest.approx(27.5, abs=0.3)
    assert battery.temperature_c[1] == pytest.approx(20.0, abs=0.3)
    for _ in range(24):
        battery.pass_time(np.full(2, 0.5), np.zeros(2), 20.0, 1.0)
    assert battery.temperature_c[0] == pytest.approx(20.0, abs=0.1)
    assert battery.hottest_c[0] > 27.0


def test_a_year_of_ever_wider_swings_needs_no_more_room_than_its_limit():
    battery = life()
    for step in range(200):  # each swing wider than the last: none closes
        battery.pass_time(np.array([0.5 + (-1) ** step * 0.002 * step]), np.zeros(1), 25.0, 1.0)
    assert battery._open.max() <= 64
    assert battery.used_share()[0] > 0.0
