"""Orders of one run as columns, and as rows of the table `setpoint`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import driver_of, insert_columns, require_finite, storable_text
from vpp.adapters.storage.copy_rows import copy_rows
from vpp.adapters.storage.database import SQLITE
from vpp.domain.readings import to_microseconds
from vpp.domain.setpoints import SetpointColumns
from vpp.ports import StoreError

EACH: Final = ("slot", "sequence", "power_kw", "min_kw", "max_kw")
OF_ALL: Final = ("epoch", "valid_from_us", "valid_until_us", "origin", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRows:
    """What is stored of the orders of one run: columns with a value for each, and what is alike in all."""

    each: Mapping[str, NDArray[Any]]
    of_all: Mapping[str, int | str]

    def __len__(self) -> int:
        return len(self.each["slot"])

    @property
    def columns(self) -> Mapping[str, Sequence[Any] | NDArray[Any]]:
        """Return the columns; those alike in all rows have one value."""
        return {**self.each, **{name: [value] for name, value in self.of_all.items()}}


def order_rows(setpoints: SetpointColumns) -> OrderRows:
    """Return orders as they are stored; raises InvalidValueError for a number that is not finite."""
    for name in ("power_kw", "min_kw", "max_kw"):
        require_finite(name, getattr(setpoints, name))
    return OrderRows(
        each={name: getattr(setpoints, name) for name in EACH},
        of_all={
            "epoch": setpoints.epoch,
            "valid_from_us": to_microseconds(setpoints.valid_from),
            "valid_until_us": to_microseconds(setpoints.valid_until),
            "origin": setpoints.origin.value,
            "reason": storable_text(setpoints.reason),
        },
    )


async def require_assets(connection: AsyncConnection, rows: OrderRows) -> None:
    """Raise StoreError for an order to an asset that is not in the register; stands for a foreign key."""
    highest = await connection.scalar(select(func.max(tables.asset.c.slot)))
    known, slot = -1 if highest is None else int(highest), rows.each["slot"]
    if len(slot) and not 0 <= int(slot.min()) <= int(slot.max()) <= known:
        wrong = slot[(slot < 0) | (slot > known)]
        raise StoreError(f"The database refused an order: slot {wrong[0]} is no asset of the register.")


async def insert_rows(connection: AsyncConnection, run_number: int, rows: OrderRows) -> None:
    """Insert one row for each order; the database refuses a number that an asset had in this epoch."""
    if not (count := len(rows)):
        return
    of_all = {"run_number": run_number, **rows.of_all}
    if connection.dialect.name == SQLITE:
        columns = {name: column.tolist() for name, column in rows.each.items()}
        same = {name: [value] * count for name, value in of_all.items()}
        await insert_columns(connection, tables.setpoint, columns | same)
        return
    await copy_rows(
        await driver_of(connection), tables.setpoint, {**rows.each, **of_all}, into=tables.setpoint.name
    )
