"""What forecasting remembers: rounds, outcomes, pauses, fitted versions. Rows are only added."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select

from vpp.adapters.storage import tables
from vpp.adapters.storage.bulk import storable_text
from vpp.adapters.storage.database import Database
from vpp.adapters.storage.forecasts import forecasts_available
from vpp.domain.forecasts import LoadForecast
from vpp.domain.readings import from_microseconds, to_microseconds
from vpp.ports import ForecasterPause, ForecastMemory, ForecastRound, ForecastVersion

MAXIMUM_ROUNDS = 400
MAXIMUM_PAUSES = 10_000


def open_forecast_memory(url: str) -> ForecastMemory:
    """Return the memory in the database at `url`; the tables must be there (`migrate.upgrade`)."""
    return DatabaseForecastMemory(Database(url))


class DatabaseForecastMemory:
    """A ForecastMemory on SQLite or PostgreSQL; see `vpp.ports.ForecastMemory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_round(
        self, number: int, *, at: datetime, share: float, weights: Mapping[str, float]
    ) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.forecast_round).values(
                    round_number=number,
                    opened_at_us=to_microseconds(at),
                    share=share,
                    weights=json.dumps(dict(weights)),
                )
            )

    async def settle_round(
        self,
        number: int,
        *,
        at: datetime,
        loss: float,
        baseline_loss: float,
        expert_losses: Mapping[str, float],
        excess: float,
        bound: float,
        state: Mapping[str, Any],
    ) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.forecast_outcome).values(
                    round_number=number,
                    learned_at_us=to_microseconds(at),
                    loss=loss,
                    baseline_loss=baseline_loss,
                    expert_losses=json.dumps(dict(expert_losses)),
                    excess=excess,
                    bound=bound,
                    state=json.dumps(state),
                )
            )

    async def rounds(self, *, newest: int) -> list[ForecastRound]:
        opened, outcome = tables.forecast_round, tables.forecast_outcome
        query = (
            select(opened, outcome)
            .select_from(opened.outerjoin(outcome, opened.c.round_number == outcome.c.round_number))
            .with_only_columns(
                opened,
                *(column for column in outcome.c if column.name not in ("round_number", "state")),
            )
            .order_by(opened.c.round_number.desc())
            .limit(min(newest, MAXIMUM_ROUNDS))
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [_round(row) for row in reversed(rows)]

    async def newest_state(self) -> dict[str, Any] | None:
        table = tables.forecast_outcome
        query = select(table.c.state).order_by(table.c.round_number.desc()).limit(1)
        async with self._database.reading() as connection:
            state = await connection.scalar(query)
        return None if state is None else dict(json.loads(state))

    async def forecasts_in_force(self, *, start: datetime, end: datetime) -> list[LoadForecast]:
        async with self._database.reading() as connection:
            return await forecasts_available(
                connection, start_us=to_microseconds(start), end_us=to_microseconds(end)
            )

    async def pause(self, forecaster: str, *, paused: bool, at: datetime, reason: str) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.forecaster_pause).values(
                    forecaster=storable_text(forecaster),
                    paused=paused,
                    at_us=to_microseconds(at),
                    reason=storable_text(reason),
                )
            )

    async def pauses(self) -> list[ForecasterPause]:
        table = tables.forecaster_pause
        newest = select(func.max(table.c.pause_number)).group_by(table.c.forecaster)
        query = select(table).where(table.c.pause_number.in_(newest)).order_by(table.c.forecaster)
        async with self._database.reading() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query.limit(MAXIMUM_PAUSES))).all()
        return [
            ForecasterPause(
                forecaster=row.forecaster,
                paused=row.paused,
                at=from_microseconds(row.at_us),
                reason=row.reason,
            )
            for row in rows
        ]

    async def save_version(self, *, trained_at: datetime, summary: Mapping[str, Any], content: bytes) -> int:
        async with self._database.writing() as connection:
            result = await connection.execute(
                insert(tables.forecast_model).values(
                    trained_at_us=to_microseconds(trained_at), summary=json.dumps(summary), content=content
                )
            )
            key = result.inserted_primary_key
            assert key is not None
            return int(key[0])

    async def newest_version(self) -> ForecastVersion | None:
        table = tables.forecast_model
        query = select(table).order_by(table.c.version.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return ForecastVersion(
            version=row.version,
            trained_at=from_microseconds(row.trained_at_us),
            summary=json.loads(row.summary),
            content=row.content,
        )

    async def close(self) -> None:
        await self._database.close()


def _round(row: Row[Any]) -> ForecastRound:
    settled = row.learned_at_us is not None
    return ForecastRound(
        number=row.round_number,
        opened_at=from_microseconds(row.opened_at_us),
        share=row.share,
        weights=json.loads(row.weights),
        settled=settled,
        loss=row.loss,
        baseline_loss=row.baseline_loss,
        expert_losses=json.loads(row.expert_losses) if settled else {},
        excess=row.excess,
        bound=row.bound,
    )
