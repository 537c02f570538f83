"""Outcomes on disk as they come, one JSON line each, so that a sweep goes on where it was stopped."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from vpp.replay.sweep.work import Outcome
from vpp.service.files import FileError


@dataclass(slots=True)
class Journal:
    """Outcomes by the key of their combination. `scenario_sha256` and `version` say of what."""

    path: Path
    scenario_sha256: str
    version: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _file: TextIO = field(init=False)

    def __enter__(self) -> Self:
        known = self.path.exists() and self.path.stat().st_size > 0
        if known:
            self._read()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a", encoding="utf-8", newline="\n")
        if not known:
            self._write({"scenario_sha256": self.scenario_sha256, "version": self.version})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, outcome: Outcome) -> None:
        """Write an outcome, on the disk when this returns."""
        self.outcomes[outcome.key] = outcome
        self._write(asdict(outcome))

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(line, sort_keys=True) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        if len(whole) < len(lines):  # cut off when it was stopped
            self.path.write_bytes(b"".join(whole))
        try:
            of, *rest = [json.loads(line) for line in whole]
            mine = {"scenario_sha256": self.scenario_sha256, "version": self.version}
            found = {name: of[name] for name in mine}
            self.outcomes = {line["key"]: Outcome(**line) for line in rest}
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(f"{self.path}: cannot be read: {error}; use --overwrite to begin anew") from error
        if found != mine:
            remedy = "give another --out, or --overwrite to begin anew"
            raise FileError(f"{self.path}: holds outcomes of another scenario or version; {remedy}")
