"""Off, charge or discharge per interval for an asset with minimum powers: a dynamic program over an energy grid."""

from __future__ import annotations

from numba import njit


@njit
def search_modes(c, asset, stays, settings, w, modes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Placeholder: keep the rounded modes."""
    return False
