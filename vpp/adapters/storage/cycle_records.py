"""What a cycle knew and what its solve came to, as one compressed object per run.

What lies in the database already is named, not stored twice: the fleet by its hash, the forecast and the
earlier plan by their ids, and a schedule that became the plan of the run by that plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from sqlalchemy import delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from optimizer.plan import Certificate, Plan, Prices, Schedule
from vpp.adapters.storage import tables
from vpp.adapters.storage.codec import CodecError, Decoded, decode, encode
from vpp.adapters.storage.values import Parts, field_types, put_together
from vpp.control.cycle_values import CycleInputs, SolveOutcome
from vpp.control.record import CycleRecord
from vpp.domain.assets import Fleet
from vpp.domain.forecasts import LoadForecast
from vpp.domain.runs import DispatchPlan

RECORD, FLEET = "cycle_record", "fleet_register"
DROPPED_AT_ONCE: Final = 500  # records in one transaction: the writer waits behind it
_NAMED: Final = ("fleet", "forecast", "previous")  # stored elsewhere
_OF_THE_RUN: Final = "of the run"  # the schedule is the one of the stored plan


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a record names."""

    fleet_sha256: str
    forecast_id: str | None
    previous_run_id: str | None


def encode_fleet(fleet: Fleet) -> tuple[str, bytes]:
    """Return the hash of a fleet, the same on every machine, and the fleet as bytes."""
    parts = Parts()
    parts.add("fleet", fleet)
    digest = hashlib.sha256(json.dumps(parts.header, sort_keys=True).encode())
    for name in sorted(parts.arrays):
        digest.update(f"{name} {parts.arrays[name].dtype.str}".encode() + parts.arrays[name].tobytes())
    for name in sorted(parts.texts):
        digest.update("\0".join([name, *parts.texts[name]]).encode())
    return digest.hexdigest(), encode(FLEET, header=parts.header, arrays=parts.arrays, texts=parts.texts)


def decode_fleet(content: bytes) -> Fleet:
    found = decode(FLEET, content)
    fleet: Fleet = put_together(Fleet, "fleet", found.header, found.arrays, found.texts)
    return fleet


def encode_record(record: CycleRecord, fleet_sha256: str, plan: DispatchPlan | None) -> bytes:
    """Return a record as bytes; `plan` is the one that is stored with the run."""
    inputs, outcome = record.inputs, record.outcome
    parts = Parts()
    parts.add(
        "names",
        References(
            fleet_sha256=fleet_sha256,
            forecast_id=None if inputs.forecast is None else inputs.forecast.forecast_id,
            previous_run_id=None if inputs.previous is None else inputs.previous.run_id,
        ),
    )
    for item in fields(CycleInputs):
        if item.name not in _NAMED:
            parts.add(item.name, getattr(inputs, item.name))
    parts.add("outcome", None if outcome is None else replace(outcome, plan=None))
    solved = None if outcome is None else outcome.plan
    parts.add("certificate", None if solved is None else solved.certificate)
    parts.add("marginal_prices", None if solved is None else solved.prices)
    if solved is not None and plan is not None and _same(schedule_of(plan), solved.schedule):
        parts.add("schedule", _OF_THE_RUN)
    else:
        parts.add("schedule", None if solved is None else solved.schedule)
    return encode(RECORD, header=parts.header, arrays=parts.arrays, texts=parts.texts)


class StoredRecord:
    """A record that was read, with the names of what belongs to it."""

    def __init__(self, content: bytes) -> None:
        """Raise CodecError for anything but a record."""
        self._found: Decoded = decode(RECORD, content)
        self.names: References = self._part(References, "names")

    def record(
        self,
        *,
        fleet: Fleet,
        forecast: LoadForecast | None,
        previous: DispatchPlan | None,
        plan: DispatchPlan | None,
    ) -> CycleRecord:
        """Return the record, given what it names and the plan that is stored with the run."""
        named: dict[str, Any] = {"fleet": fleet, "forecast": forecast, "previous": previous}
        kept = {
            name: self._part(kind, name)
            for name, kind in field_types(CycleInputs).items()
            if name not in _NAMED and name in self._found.header
        }
        return CycleRecord(inputs=CycleInputs(**named, **kept), outcome=self._outcome(plan))

    def _outcome(self, plan: DispatchPlan | None) -> SolveOutcome | None:
        outcome: SolveOutcome | None = self._part(SolveOutcome | None, "outcome")
        certificate: Certificate | None = self._part(Certificate | None, "certificate")
        if outcome is None or certificate is None:
            return outcome
        if self._found.header["schedule"] != _OF_THE_RUN:
            schedule: Schedule = self._part(Schedule, "schedule")
        elif plan is None:
            raise CodecError("stored cycle_record rests on the plan of its run, which is not there")
        else:
            schedule = schedule_of(plan)
        prices: Prices | None = (
            self._part(Prices | None, "marginal_prices") if "marginal_prices" in self._found.header else None
        )
        return replace(outcome, plan=Plan(schedule=schedule, certificate=certificate, prices=prices))

    def _part(self, kind: Any, name: str) -> Any:
        header: Mapping[str, Any] = self._found.header
        return put_together(kind, name, header, self._found.arrays, self._found.texts)


def schedule_of(plan: DispatchPlan) -> Schedule:
    """Return the schedule that a plan was made of: no asset charges and discharges at once."""
    power_kw = plan.power_kw
    return Schedule(
        charge_kw=np.where(power_kw < 0.0, -power_kw, 0.0),
        discharge_kw=np.where(power_kw > 0.0, power_kw, 0.0),
        energy_end_kwh=plan.energy_end_kwh,
    )


def _same(one: Schedule, other: Schedule) -> bool:
    """Return whether two schedules are the same to the bit, but for the sign of zero, which moves nothing."""
    pairs = [(getattr(one, item.name), getattr(other, item.name)) for item in fields(Schedule)]
    return all(a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)


async def insert_record(
    connection: AsyncConnection, run_number: int, *, fleet_sha256: str, content: bytes
) -> None:
    await connection.execute(
        insert(tables.cycle_record).values(run_number=run_number, fleet_sha256=fleet_sha256, content=content)
    )


async def keep_fleet(connection: AsyncConnection, fleet_sha256: str, content: bytes) -> None:
    """Store a fleet that is not there yet."""
    table = tables.fleet_register
    if not await connection.scalar(select(exists().where(table.c.fleet_sha256 == fleet_sha256))):
        await connection.execute(insert(table).values(fleet_sha256=fleet_sha256, content=content))


async def drop_records(connection: AsyncConnection, *, before_us: int) -> int:
    """Drop the oldest records of runs that began before a time, a bounded number; return how many."""
    record, run = tables.cycle_record, tables.run
    old = (
        select(record.c.run_number)
        .join(run, run.c.run_number == record.c.run_number)
        .where(run.c.started_at_us < before_us)
        .order_by(record.c.run_number)
        .limit(DROPPED_AT_ONCE)
    )
    numbers = list(await connection.scalars(old))
    if numbers:
        await connection.execute(delete(record).where(record.c.run_number.in_(numbers)))
    return len(numbers)
