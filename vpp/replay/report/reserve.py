"""Reserve over time: what was asked, what plans held back, and what was there."""

from __future__ import annotations

import numpy as np

from vpp.pages.charts import curves
from vpp.pages.html import heading
from vpp.replay.report.folder import ReplayFolder
from vpp.replay.report.power import curve, figures, reduction
from vpp.replay.reserve import WAYS

WORDS = {"up": "Reserve upwards", "down": "Reserve downwards"}
UNITS = {"up": "kW, discharging more or charging less", "down": "kW, charging more or discharging less"}


def reserve(replay: ReplayFolder) -> list[str]:
    """Return a drawing for each direction that a product asked for, nothing where there is no product."""
    size, parts = replay.step(), []
    for way in map(str, WAYS):
        names = [f"reserve_{way}_{what}_kw" for what in ("asked", "held", "backed")]
        if names[0] not in replay.intervals or not replay.intervals[names[0]].any():
            continue
        asked, held, backed = (np.asarray(replay.intervals[name], dtype=np.float64) for name in names)
        drawn = [
            curve("asked by products", asked, size, colour=7, dashed=True),
            curve("held by the plans", held, size, colour=4),
            curve("backed by devices", backed, size, colour=0, thick=True),
        ]
        shown = {"asked, kW": asked, "held, kW": held, "backed, kW": backed}
        parts.append(
            curves(
                WORDS[way],
                drawn,
                ticks=replay.ticks(size),
                unit=UNITS[way],
                zero=True,
                height_px=140,
                said=_said(replay, held, backed, reduction(replay, size)),
                table=figures(replay, shown),
            )
        )
    return [heading("Reserve"), *parts] if parts else []


def _said(replay: ReplayFolder, held: np.ndarray, backed: np.ndarray, reduced: str) -> str:
    """Return how much of what was held was there."""
    short_kw_h = float((held - backed).sum() * replay.grid.hours)
    said = "Everything held was backed." if short_kw_h < 0.05 else (
        f"{short_kw_h:,.1f} kW·h were held and not backed: devices did other than planned, or lacked energy."
    )  # fmt: skip
    return f"{said} {reduced}".strip()
