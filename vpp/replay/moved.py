"""What solving recorded cycles anew moves: other orders, other costs, cycle by cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vpp.control.cycle_values import Decision
from vpp.domain.runs import RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.ports.operation import RecordedCycle

Sink = Callable[[RecordedCycle, RunSummary, Decision], None]
SAME_KW: Final = 1e-6  # a smaller change is none


@dataclass(slots=True)
class Moved:
    """A row per cycle: rungs, planned costs, and how far its orders moved, kW."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def beside(self, sink: Sink) -> Sink:
        """Return a sink that notes every cycle and hands it on."""

        def note(cycle: RecordedCycle, run: RunSummary, decision: Decision) -> None:
            self.note(cycle, run, decision)
            sink(cycle, run, decision)

        return note

    def note(self, cycle: RecordedCycle, run: RunSummary, decision: Decision) -> None:
        """Hold one cycle's orders against the recorded ones; who was ordered nothing counts as at rest."""
        count = len(cycle.record.inputs.fleet)
        change_kw = np.abs(_powers(decision.setpoints, count) - _powers(cycle.setpoints, count))
        self.rows.append(
            {
                "cycle_start": run.cycle_start,
                "run_id": run.run_id,
                "rung_was": str(cycle.run.rung),
                "rung": str(run.rung),
                "objective_was": cycle.run.objective,
                "objective": run.objective,
                "assets_moved": int((change_kw > SAME_KW).sum()),
                "moved_kw": float(change_kw.sum()),
                "largest_kw": float(change_kw.max(initial=0.0)),
            }
        )

    def figures(self) -> dict[str, Any]:
        """Return the sums; the cost is that of all plans over their horizons, where both are known."""
        pairs = [(row["objective_was"], row["objective"]) for row in self.rows]
        return {
            "cycles_with_other_orders": sum(row["assets_moved"] > 0 for row in self.rows),
            "cycles_on_another_rung": sum(row["rung"] != row["rung_was"] for row in self.rows),
            "largest_kw": max((row["largest_kw"] for row in self.rows), default=0.0),
            "objective_change": sum(now - was for was, now in pairs if was is not None and now is not None),
        }

    def write(self, folder: Path) -> None:
        """Write `differences.parquet`."""
        pq.write_table(pa.Table.from_pylist(self.rows), folder / "differences.parquet", compression="zstd")


def _powers(setpoints: SetpointColumns | None, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    power_kw = np.zeros(count)
    if setpoints is not None:
        power_kw[setpoints.slot] = setpoints.power_kw
    return power_kw
