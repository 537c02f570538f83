"""The rules keep every limit by construction: the independent verifier agrees on random problems."""

import math
from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.certificate import certify
from tests.unit.control.fleets import INTERVALS, NOON, forecast, inputs, readings, session
from vpp.control import fallback
from vpp.control.cycle import prepare
from vpp.control.verification import approve, caused_overload_kw


def problem(load_kw: float, soc: tuple[float, float, float], departure_kwh: float, hours: float):
    prepared = prepare(
        inputs(
            forecast=forecast(load_kw=load_kw),
            readings=readings(NOON - timedelta(minutes=4), soc=soc),
            sessions=[session(departure_kwh, hours)],
        )
    )
    assert prepared.problem is not None
    return prepared.problem


PROBLEMS = st.builds(
    problem,
    st.floats(-45.0, 45.0),
    st.tuples(*[st.floats(0.0, 1.0)] * 3),
    st.floats(0.0, 50.0),
    st.floats(0.5, 6.0),
)


@settings(max_examples=60, deadline=None)
@given(PROBLEMS, st.integers(0, 2**32 - 1))
def test_any_wish_becomes_a_schedule_that_keeps_every_asset_limit(stated, seed):
    wish = np.random.default_rng(seed).uniform(-80.0, 80.0, stated.shape)
    schedule = fallback.follow(stated, wish)
    approval = approve(stated, schedule, certify(stated, schedule, -math.inf, method="wish"))
    assert approval.passed or "overload" in approval.reason


@settings(max_examples=60, deadline=None)
@given(PROBLEMS)
def test_the_rule_never_overloads_and_is_always_approved(stated):
    schedule = fallback.follow(stated, fallback.greedy_power(stated))
    assert caused_overload_kw(stated, schedule) <= 1e-9
    assert approve(stated, schedule, certify(stated, schedule, -math.inf, method="greedy")).passed


def test_the_rule_charges_a_car_as_soon_as_there_is_room():
    stated = problem(20.0, (0.5, 0.2, 0.5), 20.0, 3.0)
    power = fallback.greedy_power(stated)
    assert power[1, 0] == -11.0
    assert power.shape == (3, INTERVALS)
    schedule = fallback.follow(stated, power)
    assert schedule.energy_end_kwh[1, 11] >= 20.0 - 1e-9


def test_the_rule_gives_a_full_feeder_nothing():
    stated = problem(40.0, (0.5, 0.2, 0.5), 20.0, 3.0)
    assert not fallback.greedy_power(stated).any()
