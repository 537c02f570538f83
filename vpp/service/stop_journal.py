"""Stops and releases on disk, synced before a word of them leaves: an operator's stop needs no database.

One JSON object a line, only ever appended. What holds after a restart is read from it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from vpp.ports import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEntry:
    """One stop or release: of some assets, of a feeder's, or of the fleet where both are empty."""

    request_id: str
    action: str  # stop or release
    operator: str
    reason: str
    at: datetime
    asset_ids: tuple[str, ...] = ()
    feeder_id: str = ""


class StopJournal:
    """Appends to and reads one file; a line that was cut off by a crash was never acted on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: StopEntry) -> None:
        """Write an entry and wait until it is on the disk; raise StoreError when it cannot be."""
        line = json.dumps(asdict(entry) | {"at": entry.at.isoformat()}, separators=(",", ":")) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                if file.tell() and not self._ends_with_a_line():
                    file.write(b"\n")
                file.write(line.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}") from error

    def size(self) -> int:
        """Return how many bytes it has, 0 where there is no file."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _ends_with_a_line(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def entries(self) -> list[StopEntry]:
        """Return all entries, oldest first; what is no entry is left out."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found: list[StopEntry] = []
        for line in lines:
            try:
                values = json.loads(line)
                values["at"] = datetime.fromisoformat(values["at"])
                values["asset_ids"] = tuple(values["asset_ids"])
                found.append(StopEntry(**values))
            except (ValueError, KeyError, TypeError):
                continue
        return found
