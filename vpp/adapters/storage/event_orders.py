"""Orders by time, as a settlement needs them: columns, and which nodes answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import Select, and_, select

from vpp.adapters.storage import tables
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.folded_orders import write_missing_rows
from vpp.domain.readings import to_microseconds
from vpp.domain.setpoints import AcknowledgementState
from vpp.ports.settlement import OrderArchive, OrderHistory

_AT_ONCE: Final = 50_000


def open_order_archive(url: str) -> OrderArchive:
    """Return the orders in the database at `url`; opens no connection yet."""
    return DatabaseOrderArchive(Database(url))


class DatabaseOrderArchive:
    """An OrderArchive on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def orders_between(self, *, start: datetime, end: datetime) -> OrderHistory:
        order, word = tables.setpoint, tables.acknowledgement
        columns = (order.c.slot, order.c.valid_from_us, order.c.valid_until_us, order.c.power_kw)
        query = _of_runs(select(*columns), start, end).order_by(order.c.run_number, order.c.slot)
        same = and_(
            word.c.slot == order.c.slot, word.c.epoch == order.c.epoch, word.c.sequence == order.c.sequence
        )
        words = _of_runs(select(word.c.slot).distinct().join(order, same), start, end)
        declined = words.where(word.c.state == AcknowledgementState.OPTED_OUT.value)
        await write_missing_rows(self._database)
        async with self._database.reading() as connection:
            rows = await connection.stream(query.execution_options(yield_per=_AT_ONCE))
            parts = [
                tuple(np.array(column) for column in zip(*page, strict=True))
                async for page in rows.partitions()
            ]
            answered, opted_out = [list(await connection.scalars(asked)) for asked in (words, declined)]
        slot, from_us, until_us, power_kw = (
            np.concatenate([part[place] for part in parts]) if parts else np.zeros(0) for place in range(4)
        )
        return OrderHistory(
            slot=slot.astype(np.int64),
            valid_from_us=from_us.astype(np.int64),
            valid_until_us=until_us.astype(np.int64),
            power_kw=power_kw.astype(np.float64),
            answered=np.array(answered, dtype=np.int64),
            opted_out=np.array(opted_out, dtype=np.int64),
        )

    async def close(self) -> None:
        await self._database.close()


def _of_runs(query: Select[Any], start: datetime, end: datetime) -> Select[Any]:
    """Return the query narrowed to runs whose first interval began in [start, end)."""
    run, order = tables.run, tables.setpoint
    return query.join(run, run.c.run_number == order.c.run_number).where(
        run.c.cycle_start_us >= to_microseconds(start), run.c.cycle_start_us < to_microseconds(end)
    )
