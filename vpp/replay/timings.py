"""`timings.json`: how long things took on the wall. `kpis.json` is the same on every machine, this is not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

TIMINGS: Final = "timings.json"


def timings_of(solve_s: ArrayLike, cycle_s: ArrayLike, seconds: float) -> dict[str, Any]:
    """Return median, 99th percentile and worst of solves and of whole intervals, seconds."""
    return {
        "solve_s": _spread(solve_s),
        "cycle_s": _spread(cycle_s),
        "replay_s": seconds,
        "cores": os.cpu_count(),
    }


def write_timings(folder: Path, timings: dict[str, Any]) -> None:
    """Write `timings.json`."""
    text = json.dumps(timings, indent=2, sort_keys=True) + "\n"
    (folder / TIMINGS).write_text(text, encoding="utf-8")


def _spread(seconds: ArrayLike) -> dict[str, float | None]:
    values = np.asarray(seconds, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return {"median": None, "p99": None, "worst": None}
    median, p99 = np.quantile(values, [0.5, 0.99])
    return {"median": float(median), "p99": float(p99), "worst": float(values.max())}
