"""One table of a problem: found, read as CSV or Parquet, its columns checked, errors named by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from optimizer.problem import Floats, Ints, Names, ProblemError

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose columns have been checked; `name` is its file name, rows count from 1 in errors."""

    name: str
    columns: dict[str, pa.ChunkedArray]
    rows: int
    first_row: int = 0  # of a table read in pieces

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def error(self, column: str, row: int | None, found: object, expected: str) -> ProblemError:
        return ProblemError(
            self.name, column, None if row is None else self.first_row + row + 1, found, expected
        )

    def text(self, column: str) -> Names:
        """Return a column of free text."""
        return np.asarray(_as_text(self, column), dtype=object)

    def ids(self, column: str) -> Names:
        """Return a column of ids: 1 to 64 letters, digits and `. _ : -`."""
        values = _as_text(self, column)
        fine = pc.match_substring_regex(pa.array(values, pa.large_string()), ID_PATTERN)
        self._require(
            column,
            fine.to_numpy(zero_copy_only=False),
            self.columns[column],
            "an id of 1 to 64 letters, digits, '.', '_', ':' or '-'",
        )
        return np.asarray(values, dtype=object)

    def numbers(
        self,
        column: str,
        *,
        low: float = -np.inf,
        high: float = np.inf,
        low_open: bool = False,
        infinite: bool = False,
    ) -> Floats:
        """Return numbers within [low, high] ((low, high] with `low_open`), finite unless `infinite`."""
        values = _as_numbers(self, column)
        if not infinite:
            self._require(column, np.isfinite(values), values, "a finite number")
        self._require(column, ~np.isnan(values), values, "a number")
        above = values > low if low_open else values >= low
        bound = f"a number {'above' if low_open else 'of at least'} {low:g}"
        self._require(column, above, values, bound if np.isinf(high) else f"{bound} and at most {high:g}")
        self._require(column, values <= high, values, f"a number of at most {high:g}")
        return values

    def whole(self, column: str, *, low: int, high: int) -> Ints:
        """Return a column of whole numbers within [low, high]."""
        values = _as_numbers(self, column)
        fine = (values == np.floor(values)) & (values >= low) & (values <= high)
        self._require(column, fine, values, f"a whole number from {low} to {high}")
        return values.astype(np.int64)

    def require(self, column: str, fine: np.ndarray[Any, Any], expected: str) -> None:
        """Refuse the first row that is not fine."""
        self._require(column, fine, self.columns[column], expected)

    def _require(self, column: str, fine: np.ndarray[Any, Any], values: Any, expected: str) -> None:
        if not fine.all():
            row = int(np.argmin(fine))
            found = values[row]
            raise self.error(
                column, row, found.as_py() if hasattr(found, "as_py") else float(found), expected
            )


def find_table(folder: Path, stem: str, *, needed: bool) -> Path | None:
    """Find `stem.csv` or `stem.parquet`; both at once are refused."""
    found = [path for path in (folder / f"{stem}.csv", folder / f"{stem}.parquet") if path.is_file()]
    if len(found) > 1:
        raise ProblemError(stem, "(file)", None, f"{stem}.csv and {stem}.parquet", "only one of the two")
    if not found and needed:
        raise ProblemError(stem, "(file)", None, "no file", f"{stem}.csv or {stem}.parquet in {folder}")
    return found[0] if found else None


def read_table(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> Table:
    """Read a table and refuse missing, unknown and repeated columns, and empty cells."""
    return checked_table(path.name, _read(path), columns, optional)


def checked_table(
    file: str, data: pa.Table, columns: tuple[str, ...], optional: tuple[str, ...] = (), *, first_row: int = 0
) -> Table:
    """Refuse missing, unknown and repeated columns, and empty cells, of a table or a piece of one."""
    names = data.column_names
    for name in names:
        if names.count(name) > 1:
            raise ProblemError(file, name, None, "the column twice", "each column once")
        if name not in columns and name not in optional:
            raise ProblemError(file, name, None, "an unknown column", f"only {', '.join(columns + optional)}")
    for name in columns:
        if name not in names:
            raise ProblemError(file, name, None, "no such column", "the column")
    taken = {name: data.column(name) for name in names}
    table = Table(name=file, columns=taken, rows=data.num_rows, first_row=first_row)
    for name, column in table.columns.items():
        if column.null_count:
            row = int(np.argmax(np.asarray(pc.is_null(column))))
            raise table.error(name, row, "nothing", "a value")
    return table


def _read(path: Path) -> pa.Table:
    """Read a CSV as text, for the words of an error, or a Parquet with its types."""
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path, use_threads=False, partitioning=None)
        header = _header(path)
        options = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        return pa_csv.read_csv(path, pa_csv.ReadOptions(use_threads=False), convert_options=options)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise ProblemError(path.name, "(file)", None, reason, "a readable table") from error


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig") as lines:
        return [name.strip().strip('"') for name in lines.readline().rstrip("\r\n").split(",")]


def _as_text(table: Table, column: str) -> Any:
    values = table.columns[column]
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or _coded(values.type)):
        raise table.error(column, None, f"a column of {values.type}", "text")
    return values.to_numpy() if not _coded(values.type) else values.cast(pa.string()).to_numpy()


def _coded(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind))


def _as_numbers(table: Table, column: str) -> Floats:
    values = table.columns[column]
    kind = values.type
    if (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and table.name.endswith(".csv"):
        numbers = pd.to_numeric(pd.Series(values.to_numpy()), errors="coerce").to_numpy(dtype=float)
        for row in np.flatnonzero(np.isnan(numbers))[:1]:
            if str(values[row]).strip().lower() != "nan":
                raise table.error(column, int(row), values[row].as_py(), "a number")
        return numbers
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise table.error(column, None, f"a column of {kind}", "numbers")
    return np.array(values.cast(pa.float64()).to_numpy(), dtype=float)
