"""What a replay leaves behind: one line of decision log per cycle, tables, and the digest of the log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vpp.domain.assets import Fleet
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns

ROWS_PER_GROUP = 200_000
CYCLES = pa.schema(
    [
        ("run_id", pa.string()),
        ("cycle_start", pa.timestamp("us", "UTC")),
        ("rung", pa.string()),
        ("reason", pa.string()),
        ("forecast_id", pa.string()),
        ("objective", pa.float64()),
        ("lower_bound", pa.float64()),
        ("gap", pa.float64()),
        ("setpoints", pa.int64()),
    ]
)
SETPOINTS = pa.schema(
    [
        ("cycle_start", pa.timestamp("us", "UTC")),
        ("asset_id", pa.dictionary(pa.int32(), pa.string())),
        ("sequence", pa.int64()),
        ("power_kw", pa.float64()),
    ]
)


def decision_line(run: RunSummary, setpoints: SetpointColumns | None) -> str:
    """Return one cycle's decision as canonical JSON, without anything that differs from run to run."""
    line: dict[str, Any] = {
        "run_id": run.run_id,
        "cycle_start": run.cycle_start.isoformat(),
        "input_sha256": run.input_sha256,
        "rung": str(run.rung),
        "reason": run.reason,
        "forecast_id": run.forecast_id,
        "objective": run.objective,
        "lower_bound": run.lower_bound,
        "orders": None if setpoints is None else orders_sha256(setpoints),
    }
    return json.dumps(line, sort_keys=True, separators=(",", ":"))


def orders_sha256(setpoints: SetpointColumns) -> str:
    """Return a hash over every order: slots, sequences, powers, envelopes and times."""
    digest = hashlib.sha256()
    digest.update(f"{setpoints.valid_from.isoformat()} {setpoints.valid_until.isoformat()}".encode())
    for column in (
        setpoints.slot,
        setpoints.sequence,
        setpoints.power_kw,
        setpoints.min_kw,
        setpoints.max_kw,
    ):
        # SQLite keeps no sign of zero: 0.0 and -0.0 are one order.
        digest.update(np.ascontiguousarray(column + 0).tobytes())
    return digest.hexdigest()


@dataclass(slots=True)
class ReplayOutputs:
    """Writes the tables and the decision log of one replay into a folder, while it runs."""

    folder: Path
    fleet: Fleet
    runs: list[RunSummary] = field(default_factory=list)
    _log: TextIO = field(init=False)
    _setpoints: pq.ParquetWriter = field(init=False)
    _names: pa.Array = field(init=False)
    _digest: Any = field(default_factory=hashlib.sha256)
    _waiting: list[pa.RecordBatch] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = (self.folder / "decision_log.jsonl").open("w", encoding="utf-8", newline="\n")
        self._setpoints = pq.ParquetWriter(self.folder / "setpoints.parquet", SETPOINTS, compression="zstd")
        self._names = pa.array([asset.asset_id for asset in self.fleet.assets], pa.string())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()
        self._flush()
        self._setpoints.close()
        if error is None:
            (self.folder / "decision_log.sha256").write_text(self._digest.hexdigest() + "\n")
            pq.write_table(self._cycles(), self.folder / "cycles.parquet", compression="zstd")

    def record(self, run: RunSummary, plan: DispatchPlan | None, setpoints: SetpointColumns | None) -> None:
        """Write one run."""
        self.runs.append(run)
        line = decision_line(run, setpoints) + "\n"
        self._log.write(line)
        self._digest.update(line.encode())
        if setpoints is None:
            return
        count = len(setpoints)
        start = pa.array(np.full(count, np.datetime64(run.cycle_start.replace(tzinfo=None), "us")))
        self._waiting.append(
            pa.RecordBatch.from_arrays(
                [
                    start.cast(SETPOINTS.field("cycle_start").type),
                    pa.DictionaryArray.from_arrays(pa.array(setpoints.slot.astype(np.int32)), self._names),
                    pa.array(setpoints.sequence),
                    pa.array(setpoints.power_kw),
                ],
                schema=SETPOINTS,
            )
        )
        if sum(batch.num_rows for batch in self._waiting) >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._setpoints.write_table(pa.Table.from_batches(self._waiting))
            self._waiting = []

    def _cycles(self) -> pa.Table:
        def column(name: str) -> Sequence[object]:
            return [getattr(run, name) for run in self.runs]

        values = {name: column(name) for name in CYCLES.names if name != "rung"}
        values["rung"] = [str(run.rung) for run in self.runs]
        return pa.table({name: pa.array(values[name], CYCLES.field(name).type) for name in CYCLES.names})
