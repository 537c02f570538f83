"""The bound, held against experts that know everything and mean no good."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.domain.errors import InvalidValueError
from vpp.forecasting.aggregation import (
    BAND_SHARE,
    STRETCHED,
    Aggregation,
    excess_bound,
    scale_of,
    stretched,
    within_band,
)

K = 6
PEAK = 100.0


def played(delay, days, expert, *, baseline_error, forget=(), paused=frozenset()):
    """Play `days` rounds: `expert(day, baseline, actual)` speaks; outcomes come `delay` rounds late."""
    generator = np.random.default_rng(3)
    state = Aggregation.fresh(["baseline", "model", "model" + STRETCHED], delay=delay)
    waiting, excess, shares = [], [], []
    for day in range(days):
        while waiting and waiting[0][0].round_number <= day - delay:
            mixed, outcome = waiting.pop(0)
            if mixed.round_number not in forget:
                state, result = state.learn(mixed, outcome)
                excess.append(result.excess)
        baseline = generator.uniform(2.0, 100.0, K)
        actual = baseline * (1.0 + baseline_error * generator.uniform(-1.0, 1.0, K))
        said = expert(day, baseline, actual)
        members = {"baseline": baseline, "model": said, "model" + STRETCHED: stretched(said, baseline)}
        mixed = state.mix(day, baseline, members, typical_peak=PEAK, paused=paused)
        scale = scale_of(baseline, PEAK)
        assert (np.abs(mixed.forecast - baseline) <= BAND_SHARE * scale * (1 + 1e-12)).all()
        waiting.append((mixed, actual))
        shares.append(mixed.share)
    return state, np.array(excess), np.array(shares)


def worst_stretch(excess):
    total = np.concatenate([[0.0], np.cumsum(excess)])
    return (total - np.minimum.accumulate(total)).max()


@settings(max_examples=40, deadline=None)
@given(
    delay=st.integers(1, 3),
    error=st.sampled_from([0.0, 0.02, 0.3]),
    moves=st.lists(st.sampled_from([-9.0, -1.0, 0.0, 0.3, 1.0, 9.0, np.nan]), min_size=1, max_size=12),
    lure=st.integers(0, 40),
)
def test_no_expert_costs_more_than_the_bound(delay, error, moves, lure):
    """Experts that help for a while to be believed, then push to either side of the truth, or say nothing."""

    def expert(day, baseline, actual):
        if day < lure:
            return actual
        side = np.where(actual > baseline, -1.0, 1.0)
        return baseline + moves[day % len(moves)] * side * BAND_SHARE * scale_of(baseline, PEAK)

    state, excess, _ = played(delay, 60 + lure, expert, baseline_error=error)

    assert excess.sum() <= excess_bound(delay) + 1e-9
    assert worst_stretch(excess) <= excess_bound(delay, window=True) + 1e-9
    assert state.excess == pytest.approx(excess.sum())
    assert state.worst_excess == pytest.approx(worst_stretch(excess))


@settings(max_examples=25, deadline=None)
@given(delay=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_random_experts_stay_within_the_bound(delay, seed):
    generator = np.random.default_rng(seed)

    def expert(day, baseline, actual):
        return baseline * np.exp(generator.normal(0.0, generator.choice([0.01, 0.2, 2.0]), K))

    _, excess, _ = played(delay, 80, expert, baseline_error=0.05)

    assert excess.sum() <= excess_bound(delay) + 1e-9


def test_an_adversary_comes_close_to_the_bound_so_the_bound_is_sharp():
    """Only the outer step is tried here: the adversary is the whole inner forecast."""
    for delay in (1, 2, 3):
        state = Aggregation.fresh(["model"], delay=delay)
        waiting, total = [], 0.0
        for day in range(40 * delay):
            while waiting and waiting[0].round_number <= day - delay:
                state, outcome = state.learn(waiting.pop(0), np.full(K, 50.0))
                total += outcome.excess
            baseline = np.full(K, 50.0)
            members = {"model": baseline * (1.0 + 0.2 * BAND_SHARE)}
            waiting.append(state.mix(day, baseline, members, typical_peak=PEAK))
        assert 0.9 * excess_bound(delay) < total <= excess_bound(delay)


def test_a_good_expert_is_believed_and_one_that_turns_bad_is_demoted_by_itself():
    def expert(day, baseline, actual):
        return actual if day < 60 else baseline + np.where(actual > baseline, -1, 1) * 0.1 * baseline

    state, excess, shares = played(2, 120, expert, baseline_error=0.1)

    assert shares[50:60].min() == pytest.approx(0.8)  # c / (1 + c)
    assert state.boa.weights(np.ones(3, dtype=bool))[1] < 0.05
    assert excess[80:].sum() < 0.1


def test_without_the_outcome_of_its_last_round_a_copy_leaves_the_word_to_the_baseline():
    _, _, shares = played(2, 12, lambda day, baseline, actual: actual, baseline_error=0.1, forget={4})

    assert shares[6] == 0.0
    assert (shares[[5, 7, 8, 9, 10, 11]] > 0.5).all()  # round 6 was the baseline's, and its outcome is known


def test_outcomes_that_never_come_leave_every_later_round_to_the_baseline():
    forever = frozenset(range(100))
    _, _, shares = played(3, 12, lambda day, baseline, actual: actual, baseline_error=0.1, forget=forever)

    assert (shares[:3] == 0.5).all()
    assert (shares[3:] == 0.0).all()


def test_a_paused_expert_takes_no_part():
    _, excess, _ = played(
        1,
        20,
        lambda day, baseline, actual: actual,
        baseline_error=0.1,
        paused=frozenset({"model", "model" + STRETCHED}),
    )
    np.testing.assert_allclose(excess, 0.0, atol=1e-12)


def test_an_expert_without_an_answer_stands_for_the_baseline():
    baseline = np.full(K, 10.0)
    said = within_band(
        np.array([np.nan, np.inf, -np.inf, 9.0, 99.0, 0.0]), baseline, scale_of(baseline, 10.0)
    )
    np.testing.assert_allclose(said, [10.0, 10.0, 10.0, 9.0, 11.5, 8.5])


def test_wrong_numbers_are_refused():
    with pytest.raises(InvalidValueError, match="delay"):
        Aggregation.fresh(["a"], delay=0)
    with pytest.raises(InvalidValueError, match="experts"):
        Aggregation.fresh([], delay=1)
    state = Aggregation.fresh(["a"], delay=1)
    mixed = state.mix(0, np.ones(2), {}, typical_peak=1.0)
    with pytest.raises(InvalidValueError, match="actual"):
        state.learn(mixed, np.full(2, np.nan))
