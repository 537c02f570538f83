"""An export for training as files: `readings.parquet` and `manifest.json`, at their place all at once."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vpp.domain.anonymity import Groups, NamelessRows, group_names

READINGS: Final = "readings.parquet"
MANIFEST: Final = "manifest.json"
DAY_TYPES: Final = ("workday", "saturday", "sunday_or_holiday")


class TrainingFolder:
    """A folder that appears when `keep` is called, and never in part."""

    def __init__(self, out: Path) -> None:
        self._out = out
        out.parent.mkdir(parents=True, exist_ok=True)
        self._draft = Path(tempfile.mkdtemp(prefix=f"{out.name}.", dir=out.parent))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._draft, ignore_errors=True)

    def write_readings(self, nameless: NamelessRows, groups: Groups, *, keep_weeks: bool) -> str:
        """Write the rows and return the file's SHA-256."""
        rows = nameless.rows
        found, group = np.unique(groups.group[rows.slot], return_inverse=True)
        names = [group_names(int(number)) for number in found]
        columns: dict[str, Any] = {
            "asset": _words(nameless.name, nameless.names),
            "kind": _words(group, tuple(kind for kind, _ in names)),
            "rating_class": _words(group, tuple(rating for _, rating in names)),
            "day": pa.array(nameless.day.astype(np.int32)),
            "day_type": _words(rows.day_type, DAY_TYPES),
            "interval": pa.array(rows.interval),
            "power": pa.array(rows.power),
            "soc": pa.array(rows.soc),
        }
        if keep_weeks:
            columns["week"] = pa.array(rows.week)
        pq.write_table(pa.table(columns), self._draft / READINGS, compression="zstd")
        return _sha256(self._draft / READINGS)

    def write_manifest(self, manifest: Mapping[str, Any]) -> str:
        """Write what was done and return the file's SHA-256."""
        (self._draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        return _sha256(self._draft / MANIFEST)

    def keep(self) -> None:
        """Put the folder to its place, which is free or an empty folder."""
        self._draft.chmod(0o755)
        self._draft.rename(self._out)


def _words(positions: Any, words: tuple[str, ...]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(positions.astype(np.int32)), pa.array(words))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
