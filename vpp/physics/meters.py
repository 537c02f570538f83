"""Noise of what is measured."""

from __future__ import annotations

import numpy as np

from vpp.physics.storage import Floats


def meter_noise(random: np.random.Generator, deviation: float, count: int) -> Floats:
    """Return `count` errors of a standard deviation; without one nothing is drawn."""
    return random.normal(0.0, deviation, count) if deviation > 0.0 else np.zeros(count)
