"""PV as columns gives what the sun allows, or less when told so; nothing is lost between the two."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.physics.sun import PvSystems

powers = st.lists(st.floats(-2.0, 9.0), min_size=3, max_size=3).map(np.array)


@settings(deadline=None)
@given(st.lists(st.tuples(powers, powers), max_size=8))
def test_what_the_sun_allows_is_given_or_curtailed(steps):
    systems, allowed = PvSystems(3), np.zeros(3)
    for told, sun in steps:
        systems.tell(told)
        power = systems.power_kw(sun)
        assert (power >= 0.0).all()
        assert (power <= np.maximum(told, 0.0)).all()
        np.testing.assert_allclose(systems.move(sun, 0.25), 0.25 * power)
        allowed += 0.25 * np.maximum(sun, 0.0)
    np.testing.assert_allclose(systems.generated_kwh + systems.curtailed_kwh, allowed, atol=1e-12)


def test_until_something_is_ordered_all_is_given():
    systems = PvSystems(2)
    systems.move(np.array([3.0, 1.0]), 2.0)
    assert systems.generated_kwh.tolist() == [6.0, 2.0]
