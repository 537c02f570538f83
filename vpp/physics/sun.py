"""PV systems as columns: they give what the sun allows, or less when told so, and never charge."""

from __future__ import annotations

import numpy as np

from vpp.physics.storage import Floats


class PvSystems:
    """N PV systems; columns of shape (N,): generated_kwh, curtailed_kwh, most_kw.

    Until something is ordered, all that the sun allows is given.
    """

    def __init__(self, count: int) -> None:
        self.most_kw = np.full(count, np.inf)
        self.generated_kwh, self.curtailed_kwh = np.zeros(count), np.zeros(count)

    def tell(self, power_kw: Floats) -> None:
        """Have the systems give at most `power_kw`; a charging power gives nothing."""
        self.most_kw = np.maximum(power_kw, 0.0)

    def power_kw(self, available_kw: Floats) -> Floats:
        """Return what is given while the sun allows `available_kw`."""
        given: Floats = np.minimum(np.maximum(available_kw, 0.0), self.most_kw)
        return given

    def move(self, available_kw: Floats, hours: float) -> Floats:
        """Let `hours` pass with the sun of `available_kw`; return the energy given, kWh."""
        given = self.power_kw(available_kw) * hours
        self.generated_kwh += given
        self.curtailed_kwh += np.maximum(available_kw, 0.0) * hours - given
        return given
