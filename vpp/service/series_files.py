"""A metered series, the weather forecasts issued for it, and its holidays, from CSV files.

```
SERIES.csv   start, value_kw (or value) [, temperature_c] [, holiday]
WEATHER.csv  start, available_at, temperature_c          forecasts as they were issued
```

`start` is ISO 8601 with an offset. `temperature_c` of the series is measured: it counts from the end of its
interval on, never as a forecast.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import IntervalGrid, require_utc
from vpp.forecasting.local_days import DAY
from vpp.forecasting.models.series import Series, Weather
from vpp.forecasting.public_holidays import public_holidays
from vpp.service.files import FileError

MAXIMUM_ROWS = 2_000_000
MAXIMUM_INTERVALS = 2_000_000
LARGEST = 1e12
Progress = Callable[[str, int, int], None]


def read_series(path: Path, *, timezone: str, country: str = "", weather: Path | None = None) -> Series:
    """Return the series of a file with its weather and holidays; gaps are NaN.

    Raises FileError, naming file, row and column, for the first value that cannot be used.
    """
    starts, values, temperatures, free = _columns(path, timezone)
    grid = _grid(path, starts)
    index = np.array([grid.index_of(start) for start in starts])
    load = np.full(grid.count, np.nan)
    load[index] = values
    observed_c = np.full(grid.count, np.nan)
    observed_c[index] = temperatures
    years = range(grid.start.year - 1, grid.end.year + 2)
    return Series(
        grid=grid,
        values=load,
        timezone=timezone,
        holidays=frozenset(free) | public_holidays(country, years),
        weather=_weather(weather, grid, observed_c),
    )


def _columns(path: Path, timezone: str) -> tuple[list[datetime], list[float], list[float], set[date]]:
    zone = ZoneInfo(timezone)
    starts: list[datetime] = []
    values: list[float] = []
    temperatures: list[float] = []
    free: set[date] = set()
    for number, row in _rows(path):
        column = "value_kw" if "value_kw" in row else "value"
        start = _time(path, number, row, "start")
        if starts and start <= starts[-1]:
            raise _wrong(path, number, "start", row["start"], f"a time after {starts[-1].isoformat()}")
        starts.append(start)
        values.append(_number(path, number, row, column, optional=True))
        temperatures.append(_number(path, number, row, "temperature_c", optional=True))
        if _flag(path, number, row):
            free.add(start.astimezone(zone).date())
    return starts, values, temperatures, free


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                if number > MAXIMUM_ROWS + 1:
                    raise FileError(f"{path}: more than {MAXIMUM_ROWS:,} rows; split the file")
                if None in row or None in row.values():
                    raise FileError(f"{path}, row {number}: the number of columns differs from the header's")
                yield number, row
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: not a CSV file in UTF-8: {error}") from error


def _wrong(path: Path, number: int, column: str, found: object, expected: str) -> FileError:
    return FileError(f"{path}, row {number}, column {column}: got {found!r:.80}, expected {expected}")


def _cell(path: Path, number: int, row: dict[str, str], column: str) -> str:
    if column not in row:
        raise FileError(f"{path}: column {column} is missing; found {', '.join(row)}")
    return row[column].strip()


def _time(path: Path, number: int, row: dict[str, str], column: str) -> datetime:
    text = _cell(path, number, row, column)
    try:
        return require_utc(column, datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise _wrong(
            path, number, column, text, "a time with an offset, such as 2014-01-01T00:00+10:00"
        ) from None


def _number(path: Path, number: int, row: dict[str, str], column: str, *, optional: bool = False) -> float:
    """Return a finite number; NaN for an empty cell, or a column that is not there but for the value's."""
    if optional and column not in row and column != "value":
        return math.nan
    text = _cell(path, number, row, column)
    if optional and not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        raise _wrong(
            path, number, column, text, f"a number up to {LARGEST:g}, or nothing where it is not known"
        )
    return value


def _flag(path: Path, number: int, row: dict[str, str]) -> bool:
    text = row.get("holiday", "").strip().lower()
    if text not in ("", "0", "1", "true", "false"):
        raise _wrong(path, number, "holiday", text, "1 or 0")
    return text in ("1", "true")


def _grid(path: Path, starts: list[datetime]) -> IntervalGrid:
    if len(starts) < 2:
        raise FileError(f"{path}: got {len(starts)} rows, expected at least two")
    steps = Counter(after - before for before, after in pairwise(starts))
    length = steps.most_common(1)[0][0]
    if DAY % length:
        raise FileError(f"{path}: rows are {length} apart, expected a length that divides a day")
    for number, start in enumerate(starts, start=2):
        if (start - starts[0]) % length:
            expected = f"a multiple of {length} after the first row"
            raise _wrong(path, number, "start", start.isoformat(), expected)
    count = (starts[-1] - starts[0]) // length + 1
    if count > MAXIMUM_INTERVALS:
        raise FileError(f"{path}: {count:,} intervals, expected at most {MAXIMUM_INTERVALS:,}")
    return IntervalGrid(start=starts[0], length=length, count=count)


def _weather(path: Path | None, grid: IntervalGrid, observed_c: NDArray[np.float64]) -> Weather | None:
    """Return the measured and the issued temperatures; None without issued ones: none may stand for them."""
    if path is None:
        return None
    rows = []
    for number, row in _rows(path):
        start, known = (_time(path, number, row, column) for column in ("start", "available_at"))
        rows.append((start, known, _number(path, number, row, "temperature_c")))
    if not rows:
        raise FileError(f"{path}: no rows, expected start, available_at, temperature_c")
    rows.sort()
    times = sorted({start for start, _, _ in rows})
    step = min((after - before for before, after in pairwise(times)), default=grid.length)
    repeat = max(1, step // grid.length)
    index = np.array([grid.index_of(start) for start, _, _ in rows])
    known_at = np.array([grid.first_at_or_after(known) for _, known, _ in rows])
    issued_c = np.array([value for _, _, value in rows])
    # A forecast for an hour holds for each quarter of it.
    spread = index[:, None] + np.arange(repeat)
    order = np.lexsort((np.repeat(known_at, repeat), spread.ravel()))
    return Weather(
        observed_c=observed_c,
        issued_start=spread.ravel()[order],
        issued_known=np.repeat(known_at, repeat)[order],
        issued_c=np.repeat(issued_c, repeat)[order],
    )


def require_time_zone(name: str) -> str:
    """Return the name of a time zone; raise InvalidValueError when there is none of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidValueError("timezone", name, "a time zone such as Europe/Berlin") from None
    return name
