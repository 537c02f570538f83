"""Settlements as files for other programs: Parquet, and the same columns as CSV."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from vpp.domain.settlement import EventSettlement

_TIME: Final = pa.timestamp("us", tz="UTC")
_TEXT, _NUMBER, _COUNT = pa.string(), pa.float64(), pa.int64()
_NUMBERS: Final = {
    "events": "target_kw requested_kwh settled_kwh missing_kwh payment penalty income wear shares portfolio",
    "intervals": "requested_kw delivered_kw settled_kw missing_kw",
    "assets": ("requested_kwh ordered_kwh delivered_kwh missing_kwh throughput_kwh wear share compensation"),
    "asset_intervals": "power_kw coverage baseline_kw ordered_kw",
}
_OTHERS: Final = {
    "events": {
        "event_id": _TEXT,
        "direction": _TEXT,
        "baseline": _TEXT,
        "start": _TIME,
        "end": _TIME,
        "settled_at": _TIME,
        "assets": _COUNT,
    },
    "intervals": {"event_id": _TEXT, "start": _TIME, "end": _TIME},
    "assets": {
        "event_id": _TEXT,
        "asset_id": _TEXT,
        "feeder_id": _TEXT,
        "reason": _TEXT,
        "baseline_days": _COUNT,
    },
    "asset_intervals": {"event_id": _TEXT, "asset_id": _TEXT, "start": _TIME, "end": _TIME},
}
TABLES: Final = tuple(_NUMBERS)


class SettlementFiles:
    """Files of a folder that settlements are added to: each of `TABLES` as .parquet and .csv."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._stack = folder, ExitStack()
        self._writers: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        for name in TABLES:
            schema = _schema(name)
            self._writers[name] = [
                self._stack.enter_context(kind(self._folder / f"{name}{ending}", schema))
                for kind, ending in ((pq.ParquetWriter, ".parquet"), (pyarrow.csv.CSVWriter, ".csv"))
            ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, settlement: EventSettlement) -> None:
        """Add one event; numbers that are not known are null."""
        for name, columns in _columns(settlement).items():
            schema = _schema(name)
            arrays = [pa.array(columns[field.name], type=field.type, from_pandas=True) for field in schema]
            for writer in self._writers[name]:
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _schema(name: str) -> Any:
    numbers = dict.fromkeys(_NUMBERS[name].split(), _NUMBER)
    return pa.schema([pa.field(column, kind) for column, kind in (_OTHERS[name] | numbers).items()])


def _columns(settlement: EventSettlement) -> dict[str, dict[str, Any]]:
    made = {
        "events": event_row(settlement),
        "intervals": _intervals(settlement),
        "assets": _assets(settlement),
        "asset_intervals": _asset_intervals(settlement),
    }
    made["events"] = {name: [value] for name, value in made["events"].items()}
    for name, columns in made.items():
        rows = len(next(iter(columns.values())))
        made[name] = columns | {"event_id": [settlement.delivery.event.event_id] * rows}
    return made


def event_row(settlement: EventSettlement) -> dict[str, Any]:
    """Return an event and its money as one row."""
    delivery, paid = settlement.delivery, settlement.compensation
    event = delivery.event
    return {
        "event_id": event.event_id,
        "direction": event.direction.value,
        "baseline": event.baseline.value,
        "start": event.start,
        "end": event.end,
        "settled_at": settlement.settled_at,
        "assets": len(delivery.asset_ids),
        "target_kw": event.target_kw,
        "requested_kwh": event.target_kw * float(delivery.spans.hours.sum()),
        "settled_kwh": paid.settled_kwh,
        "missing_kwh": paid.missing_kwh,
        "payment": paid.payment,
        "penalty": paid.penalty,
        "income": paid.income,
        "wear": float(paid.wear.sum()),
        "shares": float(paid.share.sum()),
        "portfolio": paid.portfolio,
    }


def _intervals(settlement: EventSettlement) -> dict[str, Any]:
    delivery = settlement.delivery
    target = delivery.event.target_kw
    settled = np.clip(delivery.delivered_kw, 0.0, target)
    return {
        "start": delivery.spans.start_us,
        "end": delivery.spans.end_us,
        "requested_kw": np.full(len(settled), target),
        "delivered_kw": delivery.delivered_kw,
        "settled_kw": settled,
        "missing_kw": target - settled,
    }


def _assets(settlement: EventSettlement) -> dict[str, Any]:
    delivery, paid = settlement.delivery, settlement.compensation
    names = ("requested_kwh", "ordered_kwh", "delivered_kwh", "missing_kwh", "throughput_kwh")
    return {
        "asset_id": delivery.asset_ids,
        "feeder_id": delivery.feeder_ids,
        "reason": [why.value for why in delivery.shortfall],
        "baseline_days": delivery.baseline_days,
        **{name: getattr(delivery, name) for name in names},
        "wear": paid.wear,
        "share": paid.share,
        "compensation": paid.total,
    }


def _asset_intervals(settlement: EventSettlement) -> dict[str, Any]:
    delivery = settlement.delivery
    assets, intervals = delivery.power_kw.shape
    return {
        "asset_id": np.repeat(np.array(delivery.asset_ids, dtype=object), intervals),
        "start": np.tile(delivery.spans.start_us, assets),
        "end": np.tile(delivery.spans.end_us, assets),
        **{
            name: getattr(delivery, name).ravel()
            for name in ("power_kw", "coverage", "baseline_kw", "ordered_kw")
        },
    }
