"""Readings of those who agreed, for training, without names and without dates.

Two locks: an asset without consent is never read, and the record of the export, in whose transaction
consent is looked at once more, comes before the files are at their place.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.storage.training_file import TrainingFolder
from vpp.domain.anonymity import (
    MAX_ROWS,
    NO_WEEK,
    DayMeans,
    Groups,
    TrainingRows,
    group_names,
    in_company,
    nameless,
    require_company,
)
from vpp.domain.audit import AuditEntry, AuditKind
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid
from vpp.domain.readings import MICROSECOND, ReadingColumns, to_microseconds
from vpp.forecasting.local_days import day_type, local_times
from vpp.ports import ConsentRegister, Store

MAX_DAYS: Final = 366
_PAGE: Final = 100_000
_DAY: Final = timedelta(days=1)
_CLOCKS_APART: Final = timedelta(seconds=33)  # more than a node's clock is ever corrected by
_OFFSETS_STEP_S: Final = 900  # zones change their offset at quarters of an hour

Progress = Callable[[int, int], None]  # days done, days in all


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingExport:
    """What is asked for: local days from `start` until before `end`."""

    start: date
    end: date
    interval: timedelta
    zone: ZoneInfo
    holidays: frozenset[date]
    least_households: int = 5
    keep_weeks: bool = True

    def __post_init__(self) -> None:
        require_company(self.least_households)
        if not 1 <= (self.end - self.start).days <= MAX_DAYS:
            raise InvalidValueError("to", self.end.isoformat(), f"1 to {MAX_DAYS} days after {self.start}")
        seconds = self.interval.total_seconds()
        if seconds < 60 or seconds % 1 or 86_400 % seconds:
            raise InvalidValueError("interval_s", seconds, "whole seconds from 60 that divide a day")


async def export_training(
    store: Store,
    consents: ConsentRegister,
    asked: TrainingExport,
    out: Path,
    *,
    key: bytes,
    now: datetime,
    actor: str,
    progress: Progress,
) -> dict[str, Any]:
    """Write `out` and return its manifest; `key` is random and must not be kept.

    Raises InvalidValueError, and leaves no file, where `out` holds something, fewer than k households
    agreed in every group, or a consent ended meanwhile.
    """
    if await asyncio.to_thread(lambda: out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise InvalidValueError("out", str(out), "a folder that is new or empty")
    fleet = await store.load_fleet()
    groups, agreed = Groups.of(fleet), await consents.granted_slots()
    slots = agreed[groups.group[agreed] >= 0] if len(agreed) else agreed
    rows, unusable = await _means(store, asked, slots, groups, progress)
    kept = in_company(rows, groups, least_households=asked.least_households)
    left_out = {
        "assets_without_consent": len(fleet) - len(agreed),
        "assets_without_rating": len(agreed) - len(slots),
        "assets_without_readings": len(slots) - len(np.unique(rows.slot)),
        "readings_not_fit_to_steer": unusable,
        **_too_few(rows, groups, kept),
    }
    if not kept.any():
        raise InvalidValueError(
            "k", asked.least_households, f"a group with as many households; left out were {left_out}"
        )
    chosen = rows.take(kept)
    hidden = nameless(chosen, tuple(asset.asset_id for asset in fleet.assets), key=key)
    with TrainingFolder(out) as folder:
        file_sha256 = await asyncio.to_thread(
            folder.write_readings, hidden, groups, keep_weeks=asked.keep_weeks
        )
        manifest = _manifest(asked, chosen, groups, left_out, file_sha256)
        manifest_sha256 = await asyncio.to_thread(folder.write_manifest, manifest)
        entry = AuditEntry(
            kind=AuditKind.TRAINING_EXPORT,
            subject=file_sha256,
            actor=actor,
            at=now,
            payload={
                "from": asked.start.isoformat(),
                "to": asked.end.isoformat(),
                "manifest_sha256": manifest_sha256,
                **{name: manifest[name] for name in ("k", "weeks", "rows", "assets", "left_out")},
            },
        )
        await consents.record_export(entry, np.unique(chosen.slot).astype(np.int64))
        await asyncio.to_thread(folder.keep)
    return manifest


async def _means(
    store: Store, asked: TrainingExport, slots: NDArray[np.int64], groups: Groups, progress: Progress
) -> tuple[TrainingRows, int]:
    """Return the rows of all days, and how many readings were not fit."""
    parts, unusable, count, days = [], 0, 0, (asked.end - asked.start).days
    for done in range(days):
        means = await _day(store, asked, asked.start + done * _DAY, slots)
        parts.append(means.rows(groups.rating_kw))
        unusable += means.unusable
        count += len(parts[-1])
        if count > MAX_ROWS:
            raise InvalidValueError(
                "to", asked.end.isoformat(), f"at most {MAX_ROWS:,} rows", f"stop after {done} days"
            )
        progress(done + 1, days)
    return TrainingRows.concatenate(parts), unusable


async def _day(store: Store, asked: TrainingExport, day: date, slots: NDArray[np.int64]) -> DayMeans:
    """Return the means of one local day, which has 23 to 25 hours; a repeated hour counts as one."""
    start, end = (datetime.combine(at, time(0), asked.zone).astimezone(UTC) for at in (day, day + _DAY))
    step = timedelta(seconds=math.gcd(_OFFSETS_STEP_S, int(asked.interval.total_seconds())))
    grid = IntervalGrid(start=start, length=step, count=math.ceil((end - start) / step))
    intervals = local_times(grid, asked.zone, asked.interval).slot
    means = DayMeans(
        slots,
        day=day.toordinal(),
        day_type=day_type(day, asked.holidays),
        week=day.isocalendar().week if asked.keep_weeks else NO_WEEK,
        count=int(_DAY / asked.interval),
    )
    token = ""
    while len(slots):
        page = await store.readings_between(
            start=start - _CLOCKS_APART,
            end=end + _CLOCKS_APART,
            slots=slots,
            page_size=_PAGE,
            page_token=token,
        )
        means.add(page.readings, _intervals_of(page.readings, grid, intervals))
        token = page.next_token
        if not token:
            break
    return means


def _intervals_of(
    readings: ReadingColumns, grid: IntervalGrid, intervals: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the interval of the day of each reading, -1 outside the day."""
    place = (readings.at_us() - to_microseconds(grid.start)) // (grid.length // MICROSECOND)
    inside = (place >= 0) & (place < grid.count)
    return np.where(inside, intervals[np.clip(place, 0, grid.count - 1)], -1)


def _too_few(rows: TrainingRows, groups: Groups, kept: NDArray[np.bool_]) -> dict[str, int]:
    """Count what has too little company: whole groups, and times of the others."""
    group = groups.group[rows.slot]
    small = ~np.isin(group, group[kept])
    thin = ~kept & ~small
    alone = np.setdiff1d(rows.slot[thin], rows.slot[kept])
    return {
        "groups_too_small": len(np.unique(group[small])),
        "assets_of_groups_too_small": len(np.unique(rows.slot[small])),
        "rows_of_groups_too_small": int(small.sum()),
        "rows_at_times_with_too_few_households": int(thin.sum()),
        "assets_only_at_such_times": len(alone),
    }


def _manifest(
    asked: TrainingExport, rows: TrainingRows, groups: Groups, left_out: dict[str, int], sha256: str
) -> dict[str, Any]:
    group = groups.group[rows.slot]
    return {
        "format": 1,
        "readings_sha256": sha256,
        "done": [
            "only assets whose consent held when the export was made",
            "pseudonyms by HMAC-SHA256 with a random key that was not kept",
            "means by interval of the local day; no dates; days of an asset in random order",
            "power divided by the larger rating, positive discharges; both values in steps of 0.01",
            "rows only where k households of one kind and rating class share type of day, interval and week",
        ],
        "k": asked.least_households,
        "weeks": asked.keep_weeks,
        "interval_s": int(asked.interval.total_seconds()),
        "days": (asked.end - asked.start).days,
        "rows": len(rows),
        "assets": len(np.unique(rows.slot)),
        "groups": [_group(int(number), rows.take(group == number), groups) for number in np.unique(group)],
        "left_out": left_out,
    }


def _group(number: int, rows: TrainingRows, groups: Groups) -> dict[str, Any]:
    kind, rating_class = group_names(number)
    slots = np.unique(rows.slot)
    households = len(np.unique(groups.household[slots]))
    return {
        "kind": kind,
        "rating_class": rating_class,
        "assets": len(slots),
        "households": households,
        "rows": len(rows),
    }
