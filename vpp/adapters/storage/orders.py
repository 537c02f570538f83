"""Issued orders, what nodes said of them, and the trail from one order back to its readings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import forecasts, runs, tables
from vpp.adapters.storage.bulk import insert_columns, storable_text
from vpp.adapters.storage.paging import decode_token, encode_token
from vpp.adapters.storage.registry import Directory, slots_of
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.domain.setpoints import Acknowledgement, AcknowledgementState
from vpp.ports import Page, SetpointTrail, StoredSetpoint


async def append_acknowledgements(
    connection: AsyncConnection, acknowledgements: Sequence[Acknowledgement], directory: Directory
) -> None:
    """Store what nodes said; the same word at the same time again changes nothing."""
    columns: dict[str, Sequence[Any]] = {
        "slot": slots_of("asset_id", (word.asset_id for word in acknowledgements), directory.asset_slots),
        "epoch": [word.epoch for word in acknowledgements],
        "sequence": [word.sequence for word in acknowledgements],
        "state": [word.state.value for word in acknowledgements],
        "at_us": [to_microseconds(word.at) for word in acknowledgements],
        "detail": [storable_text(word.detail) for word in acknowledgements],
    }
    await insert_columns(connection, tables.acknowledgement, columns, skip_repeated=True)


def stored_setpoints() -> Select[Any]:
    """Return the query for orders with the last word of their node."""
    order, word = tables.setpoint, tables.acknowledgement
    later = word.alias("later")
    last_word = (
        select(later.c.acknowledgement_number)
        .where(
            later.c.slot == order.c.slot,
            later.c.epoch == order.c.epoch,
            later.c.sequence == order.c.sequence,
        )
        .order_by(later.c.at_us.desc(), later.c.acknowledgement_number.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            order,
            tables.run.c.run_id,
            tables.asset.c.asset_id,
            tables.feeder.c.feeder_id,
            word.c.state.label("acknowledged"),
            word.c.at_us.label("acknowledged_at_us"),
        )
        .join(tables.run, tables.run.c.run_number == order.c.run_number)
        .join(tables.asset, tables.asset.c.slot == order.c.slot)
        .join(tables.feeder, tables.feeder.c.feeder_slot == tables.asset.c.feeder_slot)
        .outerjoin(word, word.c.acknowledgement_number == last_word)
    )


_STORED: Final = (
    "asset_id", "feeder_id", "run_id", "epoch", "sequence", "power_kw", "min_kw", "max_kw",
    "valid_from_us", "valid_until_us", "origin", "reason", "acknowledged", "acknowledged_at_us",
)  # fmt: skip


async def list_setpoints(
    connection: AsyncConnection, *, run_id: str, asset_id: str, page_size: int, page_token: str
) -> Page[StoredSetpoint]:
    """Return orders by run, newest first, and slot; empty filters mean any."""
    order = tables.setpoint
    listing = f"setpoints of {run_id!r} and {asset_id!r}"
    query = stored_setpoints().order_by(order.c.run_number.desc(), order.c.slot.asc()).limit(page_size + 1)
    if run_id:
        number = select(tables.run.c.run_number).where(tables.run.c.run_id == run_id)
        query = query.where(order.c.run_number == number.scalar_subquery())
    if asset_id:
        slot = select(tables.asset.c.slot).where(tables.asset.c.asset_id == asset_id)
        query = query.where(order.c.slot == slot.scalar_subquery())
    position = decode_token(listing, page_token, 2)
    if position is not None:
        # The first condition is implied by the second; it lets the index jump to the place.
        query = query.where(
            order.c.run_number <= position[0],
            or_(
                order.c.run_number < position[0],
                and_(order.c.run_number == position[0], order.c.slot > position[1]),
            ),
        )
    rows = (await connection.execute(query)).all()
    shown = rows[:page_size]
    more = len(rows) > page_size
    return Page(
        items=tuple(_stored_setpoints(shown)),
        next_token=encode_token(listing, (shown[-1].run_number, shown[-1].slot)) if more else "",
    )


def stored_setpoint(row: Row[Any]) -> StoredSetpoint:
    """Return a row of `stored_setpoints` as an order."""
    return next(_stored_setpoints([row]))


def _stored_setpoints(rows: Sequence[Row[Any]]) -> Iterator[StoredSetpoint]:
    """Yield rows as orders, column by column: a thousand of them share a handful of times."""
    if not rows:
        return
    column = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    times = {column[name] for name in ("valid_from_us", "valid_until_us", "acknowledged_at_us")}
    at = {us: from_microseconds(us) for us in set().union(*times) - {None}}
    fields = zip(*(column[name] for name in _STORED), strict=True)
    for (
        asset_id, feeder_id, run_id, epoch, sequence, power_kw, min_kw, max_kw,
        valid_from_us, valid_until_us, origin, reason, acknowledged, acknowledged_at_us,
    ) in fields:  # fmt: skip
        yield StoredSetpoint(
            asset_id=asset_id,
            feeder_id=feeder_id,
            run_id=run_id,
            epoch=epoch,
            sequence=sequence,
            power_kw=power_kw,
            min_kw=min_kw,
            max_kw=max_kw,
            valid_from=at[valid_from_us],
            valid_until=at[valid_until_us],
            origin=origin,
            reason=reason,
            acknowledged=acknowledged or "",
            acknowledged_at=None if acknowledged_at_us is None else at[acknowledged_at_us],
        )


async def acknowledgements_of(
    connection: AsyncConnection, *, asset_id: str, slot: int, epoch: int, sequence: int
) -> tuple[Acknowledgement, ...]:
    """Return what was said of one order, oldest first."""
    table = tables.acknowledgement
    query = (
        select(table)
        .where(table.c.slot == slot, table.c.epoch == epoch, table.c.sequence == sequence)
        .order_by(table.c.at_us, table.c.acknowledgement_number)
    )
    return tuple(
        Acknowledgement(
            asset_id=asset_id,
            epoch=row.epoch,
            sequence=row.sequence,
            state=AcknowledgementState(row.state),
            at=from_microseconds(row.at_us),
            detail=row.detail,
        )
        for row in await connection.execute(query)
    )


async def acknowledged_orders(connection: AsyncConnection, run_id: str) -> int:
    """Return how many orders of a run a node has answered."""
    order, word = tables.setpoint.c, tables.acknowledgement.c
    answered = exists().where(
        word.slot == order.slot, word.epoch == order.epoch, word.sequence == order.sequence
    )
    number = select(tables.run.c.run_number).where(tables.run.c.run_id == run_id).scalar_subquery()
    query = select(func.count()).select_from(tables.setpoint).where(order.run_number == number, answered)
    return int((await connection.execute(query)).scalar_one())


async def trail(
    connection: AsyncConnection, *, asset_id: str, epoch: int, sequence: int
) -> SetpointTrail | None:
    """Return an order, its run, forecast, model call, and the reading its asset's state rests on."""
    order = tables.setpoint
    query = stored_setpoints().where(
        tables.asset.c.asset_id == asset_id, order.c.epoch == epoch, order.c.sequence == sequence
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    run = await runs.get_run(connection, row.run_id)
    state = await runs.get_state(connection, row.run_id)
    assert run is not None  # a foreign key holds it
    assert state is not None  # stored in the transaction of its run
    forecast = await forecasts.get_forecast(connection, run.forecast_id) if run.forecast_id else None
    call_id = forecast.model_call_id if forecast else None
    measured_at_us = int(state.measured_at_us[row.slot])
    soc, power_kw = await _reading(connection, row.slot, measured_at_us)
    return SetpointTrail(
        setpoint=stored_setpoint(row),
        run=run,
        forecast=forecast,
        model_call=await forecasts.get_model_call(connection, call_id) if call_id else None,
        state_at=state.at,
        energy_kwh=float(state.energy_kwh[row.slot]),
        reading_measured_at=from_microseconds(measured_at_us) if measured_at_us else None,
        reading_soc=soc,
        reading_power_kw=power_kw,
        acknowledgements=await acknowledgements_of(
            connection, asset_id=asset_id, slot=row.slot, epoch=epoch, sequence=sequence
        ),
    )


async def _reading(
    connection: AsyncConnection, slot: int, measured_at_us: int
) -> tuple[float | None, float | None]:
    """Return state of charge and power of one reading, None where it is not there."""
    table = tables.reading
    query = select(table.c.soc, table.c.power_kw).where(
        table.c.measured_at_us == measured_at_us, table.c.slot == slot
    )
    row = (await connection.execute(query)).one_or_none()
    return (None, None) if row is None else (row.soc, row.power_kw)
