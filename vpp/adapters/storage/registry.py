"""Assets, feeders, and the epochs of their writer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.domain.assets import Asset, AssetKind, DefaultControl, Feeder, Fleet
from vpp.domain.errors import InvalidValueError
from vpp.ports import WriterLockError

_REFERENCES = {"feeder_id", "kind", "default_control"}
_PLAIN_COLUMNS = [item.name for item in fields(Asset) if item.name not in _REFERENCES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Names and slots of assets and feeders, both ways; a slot never changes its meaning."""

    asset_ids: tuple[str, ...]
    feeder_ids: tuple[str, ...]
    asset_slots: dict[str, int]
    feeder_slots: dict[str, int]


async def load_directory(connection: AsyncConnection) -> Directory:
    assets = await connection.scalars(select(tables.asset.c.asset_id).order_by(tables.asset.c.slot))
    feeders = await connection.scalars(
        select(tables.feeder.c.feeder_id).order_by(tables.feeder.c.feeder_slot)
    )
    asset_ids, feeder_ids = tuple(assets), tuple(feeders)
    return Directory(
        asset_ids=asset_ids,
        feeder_ids=feeder_ids,
        asset_slots={name: slot for slot, name in enumerate(asset_ids)},
        feeder_slots={name: slot for slot, name in enumerate(feeder_ids)},
    )


def slots_of(field: str, names: Iterable[str], slots: dict[str, int]) -> list[int]:
    """Return the slots of names; raises InvalidValueError for a name that is not in the fleet."""
    found = []
    for name in names:
        slot = slots.get(name)
        if slot is None:
            raise InvalidValueError(field, name, "a name in the stored fleet", "save the fleet first")
        found.append(slot)
    return found


async def save_fleet(connection: AsyncConnection, fleet: Fleet) -> None:
    """Insert what is new at the end, replace what is known, keep what is no longer named."""
    known = await load_directory(connection)
    feeder_slots = dict(known.feeder_slots)
    feeder_rows = []
    for feeder in fleet.feeders:
        slot = feeder_slots.setdefault(feeder.feeder_id, len(feeder_slots))
        feeder_rows.append(
            {
                "feeder_slot": slot,
                "feeder_id": feeder.feeder_id,
                "import_limit_kw": feeder.import_limit_kw,
                "export_limit_kw": feeder.export_limit_kw,
            }
        )
    await _insert_or_replace(connection, tables.feeder, feeder_rows, len(known.feeder_ids))
    asset_slots = dict(known.asset_slots)
    asset_rows = []
    for asset in fleet.assets:
        row = {name: getattr(asset, name) for name in _PLAIN_COLUMNS}
        row["slot"] = asset_slots.setdefault(asset.asset_id, len(asset_slots))
        row["feeder_slot"] = feeder_slots[asset.feeder_id]
        row["kind"], row["default_control"] = asset.kind.value, asset.default_control.value
        asset_rows.append(row)
    await _insert_or_replace(connection, tables.asset, asset_rows, len(known.asset_ids))


async def _insert_or_replace(
    connection: AsyncConnection, table: Any, rows: list[dict[str, Any]], known_count: int
) -> None:
    """Write rows whose first `known_count` slots exist already."""
    key = next(iter(table.primary_key.columns))
    new = [row for row in rows if row[key.name] >= known_count]
    if new:
        await connection.execute(insert(table), new)
    known = [{**row, "known_slot": row[key.name]} for row in rows if row[key.name] < known_count]
    if known:
        columns: dict[str, Any] = {name: bindparam(name) for name in rows[0]}
        await connection.execute(update(table).where(key == bindparam("known_slot")).values(columns), known)


async def load_fleet(connection: AsyncConnection) -> Fleet:
    feeders = (await connection.execute(select(tables.feeder).order_by(tables.feeder.c.feeder_slot))).all()
    rows = await connection.execute(select(tables.asset).order_by(tables.asset.c.slot))
    return Fleet(
        assets=tuple(
            Asset(
                feeder_id=feeders[row["feeder_slot"]].feeder_id,
                kind=AssetKind(row["kind"]),
                default_control=DefaultControl(row["default_control"]),
                **{name: row[name] for name in _PLAIN_COLUMNS},
            )
            for row in rows.mappings()
        ),
        feeders=tuple(
            Feeder(
                feeder_id=row.feeder_id,
                import_limit_kw=row.import_limit_kw,
                export_limit_kw=row.export_limit_kw,
            )
            for row in feeders
        ),
    )


async def newest_epoch(connection: AsyncConnection) -> int:
    """Return the epoch of the last writer, 0 before the first."""
    return await connection.scalar(select(func.coalesce(func.max(tables.writer_epoch.c.epoch), 0))) or 0


async def insert_epoch(connection: AsyncConnection, *, taken_at_us: int, holder: str) -> int:
    epoch = await newest_epoch(connection) + 1
    await connection.execute(
        insert(tables.writer_epoch).values(epoch=epoch, taken_at_us=taken_at_us, holder=holder)
    )
    return epoch


async def require_newest_epoch(connection: AsyncConnection, epoch: int) -> None:
    """Raise WriterLockError when a later writer has taken over: what this one decides no longer counts."""
    newest = await newest_epoch(connection)
    if newest > epoch:
        raise WriterLockError(
            f"Another service took over with epoch {newest}; this one holds epoch {epoch} and must stop."
        )
