"""Ids that sort by time and never repeat: kind, plant time, epoch, number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True, kw_only=True)
class IdFactory:
    """Makes ids such as `run-20200520T101200Z-3-17`; the epoch keeps restarts apart."""

    kind: str
    epoch: int
    _number: int = 0

    def __call__(self, at: datetime) -> str:
        self._number += 1
        return f"{self.kind}-{at:%Y%m%dT%H%M%SZ}-{self.epoch}-{self._number}"
