"""What a replay leaves behind: one line of decision log per cycle, tables, and the digest of the log."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vpp.domain.assets import Fleet
from vpp.domain.readings import to_microseconds
from vpp.domain.runs import DispatchPlan, RunSummary
from vpp.domain.setpoints import SetpointColumns

ROWS_PER_GROUP = 200_000
ORDERS = "setpoints.partial"  # rows of `_ORDER`, until all are there
_ORDER = np.dtype(
    [("cycle_start_us", np.int64), ("slot", np.int32), ("sequence", np.int64), ("power_kw", np.float64)]
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsState:
    """How far the files of a replay are."""

    runs: tuple[RunSummary, ...]
    log_bytes: int
    order_bytes: int


@dataclass(slots=True)
class ReplayOutputs:
    """Writes the tables and the decision log of one replay into a folder, while it runs.

    resumed: goes on after what was written by then; what came later is written again.
    """

    folder: Path
    fleet: Fleet
    resumed: OutputsState | None = None
    runs: list[RunSummary] = field(default_factory=list)
    _log: BinaryIO = field(init=False)
    _orders: BinaryIO = field(init=False)
    _digest: Any = field(default_factory=hashlib.sha256)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self.resumed or OutputsState(runs=(), log_bytes=0, order_bytes=0)
        self.runs = list(state.runs)
        self._log = _opened(self.folder / "decision_log.jsonl", state.log_bytes)
        self._log.seek(0)
        self._digest = hashlib.sha256(self._log.read())
        self._orders = _opened(self.folder / ORDERS, state.order_bytes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()
        self._orders.close()
        if error is None:
            (self.folder / "decision_log.sha256").write_text(self._digest.hexdigest() + "\n")
            pq.write_table(self._cycles(), self.folder / "cycles.parquet", compression="zstd")
            self._write_setpoints()
            (self.folder / ORDERS).unlink()

    def state(self) -> OutputsState:
        """Return how far the files are, with everything on disk."""
        for file in (self._log, self._orders):
            file.flush()
            os.fsync(file.fileno())
        return OutputsState(
            runs=tuple(self.runs), log_bytes=self._log.tell(), order_bytes=self._orders.tell()
        )

    def record(self, run: RunSummary, plan: DispatchPlan | None, setpoints: SetpointColumns | None) -> None:
        """Write one run."""
        self.runs.append(run)
        line = (decision_line(run, setpoints) + "\n").encode()
        self._log.write(line)
        self._digest.update(line)
        if setpoints is None:
            return
        rows = np.empty(len(setpoints), dtype=_ORDER)
        rows["cycle_start_us"] = to_microseconds(run.cycle_start)
        rows["slot"], rows["sequence"], rows["power_kw"] = (
            setpoints.slot,
            setpoints.sequence,
            setpoints.power_kw,
        )
        self._orders.write(rows.tobytes())

    def _write_setpoints(self) -> None:
        """Write the orders as Parquet, a group at a time: a year of them need not fit into memory."""
        names = pa.array([asset.asset_id for asset in self.fleet.assets], pa.string())
        with (
            (self.folder / ORDERS).open("rb") as file,
            pq.ParquetWriter(self.folder / "setpoints.parquet", SETPOINTS, compression="zstd") as writer,
        ):
            while content := file.read(ROWS_PER_GROUP * _ORDER.itemsize):
                rows = np.frombuffer(content, dtype=_ORDER)
                start = pa.array(np.ascontiguousarray(rows["cycle_start_us"]))
                columns = [
                    start.cast(SETPOINTS.field("cycle_start").type),
                    pa.DictionaryArray.from_arrays(pa.array(np.ascontiguousarray(rows["slot"])), names),
                    pa.array(np.ascontiguousarray(rows["sequence"])),
                    pa.array(np.ascontiguousarray(rows["power_kw"])),
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=SETPOINTS))

    def _cycles(self) -> pa.Table:
        def column(name: str) -> Sequence[object]:
            return [getattr(run, name) for run in self.runs]

        values = {name: column(name) for name in CYCLES.names if name != "rung"}
        values["rung"] = [str(run.rung) for run in self.runs]
        return pa.table({name: pa.array(values[name], CYCLES.field(name).type) for name in CYCLES.names})


def _opened(path: Path, length: int) -> BinaryIO:
    """Return a file to go on writing after `length` bytes; 0 begins it anew."""
    file = path.open("r+b" if length else "w+b")
    file.truncate(length)
    file.seek(length)
    return file
