"""An exported archive as a scenario: the same fleet, load and announcements, to be replayed with changes.

```
    vpp export ──► archive ──┬─ vpp replay ARCHIVE: its cycles decided again, to the bit
                             └─ scenario folder ─► vpp replay: other forecasts and settings
```
"""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vpp.adapters.storage import forecasts, tables
from vpp.adapters.storage.archived_operation import ArchivedOperation
from vpp.adapters.storage.signal_content import decode_content
from vpp.adapters.storage.table_files import read_columns, read_rows
from vpp.control.cycle import prepare
from vpp.control.cycle_values import CycleInputs
from vpp.domain.model_calls import MODEL_CALLS
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.signals import Direction, DispatchEvent, ReserveRequest, SignalKind
from vpp.ports import StoreError
from vpp.replay.recorded_forecasts import forecast_frame
from vpp.replay.shipped.tables import Columns, ScenarioTables, asset_columns

LONGEST: Final = timedelta(days=400)
HISTORY_DAYS: Final = 28
KEPT: Final = frozenset({SignalKind.EVENT, SignalKind.RESERVE})  # signals that a scenario can hold
Content = TypeVar("Content", DispatchEvent, ReserveRequest)
METERED_WITHIN: Final = 0.9  # share of the metering that had come after the scenario's meter delay


async def write_exported(archive: Path, folder: Path, *, timezone: str) -> list[str]:
    """Write the scenario of an archive; return in words what a scenario cannot hold.

    The fleet starts as the first cycle saw it. Raises StoreError for an archive that cannot be read.
    """
    operation = ArchivedOperation(archive)
    first: CycleInputs | None = None
    ends: list[datetime] = []
    begin, never = from_microseconds(0), from_microseconds(0) + timedelta(days=36_500)
    async for cycle in operation.cycles(start=begin, end=never):
        first = first or cycle.record.inputs
        ends.append(cycle.record.inputs.grid.start + cycle.record.inputs.grid.length)
    if first is None:
        raise StoreError(f"{archive} holds no cycle.")
    slots = {row.slot: row.asset_id for row in read_rows(archive, tables.asset)}
    feeders = {row.feeder_slot: row.feeder_id for row in read_rows(archive, tables.feeder)}
    load = _load(archive, first, feeders)
    made = ScenarioTables(
        header=_header(first, max(ends), load, timezone),
        assets=_assets(first),
        feeders=_feeders(first),
        load={name: load[name].to_numpy() for name in ("feeder_id", "start", "consumption_kw", "pv_kw")},
        prices=_prices(archive),
        trips=_trips(archive, slots),
        events=_events(archive),
        reserve=_reserve(archive),
        context=_context(archive),
    )
    made.write(folder)
    _write_forecasts(archive, folder)
    if (archive / MODEL_CALLS).exists():
        shutil.copyfile(archive / MODEL_CALLS, folder / MODEL_CALLS)
    return _left_out(archive)


def _header(first: CycleInputs, end: datetime, load: pd.DataFrame, timezone: str) -> Columns:
    policy, start = first.policy, first.grid.start
    history = (start - load["start"].min().to_pydatetime().replace(tzinfo=start.tzinfo)) / timedelta(days=1)
    late = load["available_us"] - (
        load["start"].astype("int64") + policy.interval // timedelta(microseconds=1)
    )
    delay_us = max(0.0, float(late.quantile(METERED_WITHIN)))
    named = ("peak_price_per_kw", "feeder_penalty_per_kwh", "unmet_energy_penalty_per_kwh")
    limits = ("import_limit_kw", "export_limit_kw", "stability_cost_per_kw", "currency")
    return {
        "title": f"recorded operation of {len(first.fleet)} assets",
        "start": start,
        "days": float((min(end, start + LONGEST) - start) / timedelta(days=1)),
        "interval_minutes": policy.interval / timedelta(minutes=1),
        "horizon_intervals": policy.horizon_intervals,
        "timezone": timezone,
        "history_days": max(1, min(HISTORY_DAYS, int(history))),
        "meter_delay_minutes": float(np.ceil(delay_us / 60e6)),
        **{name: getattr(policy, name) for name in (*named, *limits)},
        "policy.accepted_gap": policy.accepted_gap,
    }


def _assets(first: CycleInputs) -> Columns:
    """Return the assets with the energy that the first cycle counted on, half full where it knew nothing."""
    known_kwh = prepare(first).state.energy_kwh
    rows = []
    for asset, energy_kwh in zip(first.fleet.assets, known_kwh.tolist(), strict=True):
        kwh = energy_kwh if np.isfinite(energy_kwh) else asset.capacity_kwh / 2
        names = [name for name in asset.__dataclass_fields__ if name not in {"node_id", "default_control"}]
        row: dict[str, Any] = {name: getattr(asset, name) for name in names}
        row |= {"kind": str(asset.kind), "energy_initial_kwh": min(max(kwh, 0.0), asset.energy_max_kwh)}
        rows.append(row)
    return asset_columns(rows)


def _feeders(first: CycleInputs) -> Columns:
    count = len(first.fleet.feeders)
    since = np.full(count, _times([to_microseconds(first.grid.start - timedelta(days=HISTORY_DAYS))])[0])
    return {
        "feeder_id": np.array([feeder.feeder_id for feeder in first.fleet.feeders], dtype=object),
        "valid_from": since,
        "import_limit_kw": np.array([feeder.import_limit_kw for feeder in first.fleet.feeders]),
        "export_limit_kw": np.array([feeder.export_limit_kw for feeder in first.fleet.feeders]),
        "available_at": since,
    }


def _load(archive: Path, first: CycleInputs, feeders: dict[int, str]) -> pd.DataFrame:
    """Return the metered load, of several values for one interval the last, gaps left out."""
    length_us = first.policy.interval // timedelta(microseconds=1)
    frame = _frame(archive, tables.feeder_reading).dropna(subset=["consumption_kw", "pv_kw"])
    frame = frame[(frame["start_us"] - to_microseconds(first.grid.start)) % length_us == 0]
    if frame.empty:
        raise StoreError(f"{archive} holds no metered load, which a scenario needs.")
    frame = frame.sort_values(["feeder_slot", "start_us", "available_at_us"])
    frame = frame.drop_duplicates(["feeder_slot", "start_us"], keep="last")
    return pd.DataFrame(
        {
            "feeder_id": frame["feeder_slot"].map(feeders).astype(object),
            "start": _times(frame["start_us"]),
            "consumption_kw": frame["consumption_kw"],
            "pv_kw": frame["pv_kw"],
            "available_us": frame["available_at_us"],
        }
    )


def _prices(archive: Path) -> Columns:
    frame = _frame(archive, tables.price)
    return {
        "start": _times(frame["start_us"]),
        "import_price_per_kwh": frame["import_price_per_kwh"].to_numpy(),
        "export_price_per_kwh": frame["export_price_per_kwh"].to_numpy(),
        "available_at": _times(frame["available_at_us"]),
    }


def _trips(archive: Path, slots: dict[int, str]) -> Columns | None:
    """Return every announcement of every stay, each known from when it was made."""
    frame = _frame(archive, tables.charging_session).sort_values(
        ["slot", "connected_from_us", "announced_at_us"]
    )
    if frame.empty:
        return None
    return {
        "asset_id": frame["slot"].map(slots).to_numpy(dtype=object),
        "connected_from": _times(frame["connected_from_us"]),
        "connected_until": _times(frame["connected_until_us"]),
        "required_energy_kwh": frame["departure_energy_kwh"].to_numpy(),
        "trip_energy_kwh": frame["trip_energy_kwh"].to_numpy(),
        "announced_at": _times(frame["announced_at_us"]),
    }


def _events(archive: Path) -> Columns | None:
    """Return every announcement of every event, withdrawals among them."""
    rows = [
        _announced(row, "event_id", row.signal_id, content.direction)
        | {"target_kw": content.target_kw, "penalty_per_kwh": content.value_per_kwh}
        for row, content in _signals(archive, DispatchEvent)
    ]
    return _columns(rows)


def _reserve(archive: Path) -> Columns | None:
    """Return every announcement of reserve, one row for each direction that it asks for."""
    rows = []
    for row, content in _signals(archive, ReserveRequest):
        asked = {Direction.UP: content.up_kw, Direction.DOWN: content.down_kw}
        for direction, most_kw in asked.items():
            if most_kw > 0.0:
                terms = {
                    "price_per_kw_h": content.price_per_kw_h,
                    "max_kw": most_kw,
                    "sustain_minutes": content.sustain / timedelta(minutes=1),
                }
                name = f"{row.signal_id}:{direction}" if min(asked.values()) > 0.0 else row.signal_id
                rows.append(_announced(row, "product_id", name, direction) | terms)
    return _columns(rows)


def _signals(archive: Path, kind: type[Content]) -> list[tuple[Any, Content]]:
    """Return the announcements of one kind of signal in the order in which they became known."""
    every = sorted(read_rows(archive, tables.signal), key=lambda row: (row.available_at_us, row.signal_id))
    decoded = [(row, decode_content(row.kind, row.content)) for row in every]
    return [(row, content) for row, content in decoded if isinstance(content, kind)]


def _announced(row: Any, id_column: str, name: str, direction: Direction) -> dict[str, Any]:
    return {
        id_column: name,
        "direction": str(direction),
        "start": _times([row.valid_from_us])[0],
        "end": _times([row.valid_until_us])[0],
        "available_at": _times([row.available_at_us])[0],
        "withdrawn": int(row.withdrawn),
    }


def _columns(rows: list[dict[str, Any]]) -> Columns | None:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else None


def _context(archive: Path) -> list[dict[str, str]]:
    return [
        {
            "id": row.item_id,
            "text": row.content,
            "valid_from": from_microseconds(row.valid_from_us).isoformat(),
            "valid_until": from_microseconds(row.valid_until_us).isoformat(),
            "available_at": from_microseconds(row.available_at_us).isoformat(),
        }
        for row in read_rows(archive, tables.context_item)
    ]


def _write_forecasts(archive: Path, folder: Path) -> None:
    issued = [forecasts.forecast_of(row) for row in read_rows(archive, tables.forecast)]
    if issued:
        frame = forecast_frame(sorted(issued, key=lambda one: (one.available_at, one.forecast_id)))
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, folder / "forecasts.parquet", compression="zstd")


def _left_out(archive: Path) -> list[str]:
    kinds = Counter(row.kind for row in read_rows(archive, tables.signal) if row.kind not in KEPT)
    return [f"{count} announcements of kind {kind}" for kind, count in sorted(kinds.items())]


def _frame(archive: Path, table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = read_columns(archive, table, [column.name for column in table.columns]).to_pandas()
    return frame


def _times(microseconds: Any) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.asarray(microseconds, dtype=np.int64).astype("datetime64[us]")
