"""Labels are round and hold what is drawn; fewer points hide neither peaks nor gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vpp.pages.axes import Scale, bins, reduced, time_ticks

HOUR = timedelta(hours=1)
# A busy machine is no fault of what is tested.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
number = st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.floats(-1e-3, 1e-3))
values = st.lists(number, min_size=1, max_size=40).map(np.array)


@unhurried
@given(values, st.booleans())
@example(np.array([2.2e-313]), False)
def test_a_scale_holds_every_value_between_round_ends(drawn, zero):
    scale = Scale.over(drawn, zero=zero)
    known = drawn[np.isfinite(drawn)]
    room = 1e-6 * (scale.high - scale.low)
    assert scale.low < scale.high
    assert (known >= scale.low - room).all()
    assert (known <= scale.high + room).all()
    assert 2 <= len(scale.labels()) <= 9
    if zero:
        assert scale.low <= 0.0 <= scale.high


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 97.0, ["0", "20", "40", "60", "80", "100"]),
        (0.021, 0.032, ["0.0200", "0.0225", "0.0250", "0.0275", "0.0300", "0.0325"]),
        (-3.0, 8.0, ["-5.0", "-2.5", "0.0", "2.5", "5.0", "7.5", "10.0"]),
        (5.0, 5.0, ["0", "1", "2", "3", "4", "5"]),
    ],
)
def test_labels_are_round_and_carry_no_needless_digits(low, high, labels):
    assert [text for _, text in Scale.over(np.array([low, high])).labels()] == labels


@unhurried
@given(values, st.integers(1, 9))
def test_what_is_drawn_of_several_values_spans_all_of_them(drawn, size):
    least, mean, greatest = reduced(drawn, size)
    assert len(mean) == -(-len(drawn) // size)
    for k in range(len(mean)):
        group = drawn[k * size : (k + 1) * size]
        group = group[np.isfinite(group)]
        if len(group) == 0:
            assert np.isnan(mean[k])
            continue
        assert (least[k], greatest[k]) == (group.min(), group.max())
        assert mean[k] == pytest.approx(group.mean(), abs=1e-9 * np.abs(group).max())


def test_few_values_are_drawn_as_they_are():
    assert bins(360, 360) == 1
    assert bins(361, 360) == 2


def test_days_begin_at_midnight_where_the_people_are_also_when_the_clocks_change():
    start = datetime(2024, 3, 29, 23, tzinfo=UTC)  # midnight in Berlin, the clocks change on the 31st
    ticks = time_ticks(start, HOUR, 24 * 7 - 1, "Europe/Berlin")
    assert ticks[:4] == [(0.0, "Sat 30 Mar"), (24.0, "Sun 31 Mar"), (47.0, "Mon 1 Apr"), (71.0, "Tue 2 Apr")]


@pytest.mark.parametrize("days", [0.25, 1, 2.5, 3, 5, 30, 99, 101, 365, 3660])
def test_there_is_room_for_every_label(days):
    count = round(days * 24)
    ticks = time_ticks(datetime(2024, 1, 1, tzinfo=UTC), HOUR, count, "Australia/Melbourne")
    assert 1 <= len(ticks) <= 14
    assert all(0 <= place <= count for place, _ in ticks)
    assert len({place for place, _ in ticks}) == len(ticks)
