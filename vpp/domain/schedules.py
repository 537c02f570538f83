"""What is said of schedules, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vpp.domain.errors import InvalidValueError

MAX_REASON: Final = 256  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleWord:
    """Somebody paused or resumed a schedule; the newest word counts."""

    schedule_id: str
    paused: bool
    request_id: str
    author: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not 0 < len(self.reason.strip()) <= MAX_REASON:
            raise InvalidValueError("reason", self.reason[:MAX_REASON], f"why, 1 to {MAX_REASON} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time at which a schedule fired; `run_id` is empty and `failure` says why where no run was made."""

    schedule_id: str
    fired_at: datetime
    run_id: str = ""
    failure: str = ""
