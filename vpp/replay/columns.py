"""Tables of a scenario folder: .csv or .parquet, with times that carry an offset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.files.tables import Table, find_table, read_table


def table_of(folder: Path, stem: str, columns: tuple[str, ...]) -> Table:
    """Return a table of a folder that has to be there; raise ProblemError."""
    path = find_table(folder, stem, needed=True)
    assert path is not None
    return read_table(path, columns)


def withdrawn_rows(table: Table) -> list[bool]:
    """Return which announcements end what they announce: 1 in the optional column `withdrawn`, else 0."""
    if "withdrawn" not in table:
        return [False] * table.rows
    return [bool(gone) for gone in table.whole("withdrawn", low=0, high=1)]


def times_us(table: Table, column: str) -> NDArray[np.int64]:
    """Return a column of times with offsets as microseconds, UTC."""
    values = table.columns[column].to_pandas()
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        text = values.astype(str)
        offset = text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True).to_numpy(dtype=np.bool_)
        table.require(column, offset, "a time with an offset, such as 2020-05-20T10:00:00Z")
        values = pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce")
        table.require(column, values.notna().to_numpy(), "a time such as 2020-05-20T10:00:00Z")
    microseconds: NDArray[np.int64] = values.dt.as_unit("us").astype("int64").to_numpy()
    return microseconds
