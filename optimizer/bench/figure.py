"""What one run measured, as one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from optimizer.bench.cases import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run's figures; None where a run has no such figure. Energy in kWh, memory in MB, times in s.

    seconds: plan, bound and verification, wall. seconds_bound: recomputing the bound afterwards.
    overload_kwh: overload of feeders and portfolio that a better schedule would not have, see `overload`.
    detail: other times, by name; overload_worst_kwh: what the fleet adds, in the worst scenario of each
    interval.
    """

    case: Case
    outcome: str = "ok"  # or why there are no figures
    load_average: float = 0.0  # when the run began
    seconds: float | None = None
    cpu_seconds: float | None = None
    seconds_verify: float | None = None
    seconds_bound: float | None = None
    gap: float | None = None
    gap_of_savings: float | None = None
    objective: float | None = None
    lower_bound: float | None = None
    recomputed_bound: float | None = None
    overload_kwh: float | None = None
    unmet_kwh: float | None = None
    violations: int | None = None
    peak_rss_mb: float | None = None
    checksum: str = ""
    detail: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """Return the figure as one line of JSON, the case's fields first."""
        document = asdict(self)
        return json.dumps(document.pop("case") | document)

    @classmethod
    def from_line(cls, line: str) -> Figure:
        """Read a figure back. Raises ValueError or KeyError for a line that is none."""
        document: dict[str, Any] = json.loads(line)
        names = {item.name for item in fields(Case)}
        inside = {name: document.pop(name) for name in names if name in document}
        inside["extras"] = tuple(inside.get("extras", ()))
        return cls(case=Case(**inside), **document)
