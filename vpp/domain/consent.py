"""Consent to give the readings of an asset away for training, and its withdrawal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vpp.domain.errors import InvalidValueError

MAX_REASON = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChange:
    """What is said of some assets at once; for each asset the newest word counts."""

    granted: bool
    at: datetime
    by: str  # who entered it
    reason: str  # where the word of the household is kept, such as `signed form 12`

    def __post_init__(self) -> None:
        if not self.reason.strip() or len(self.reason) > MAX_REASON:
            raise InvalidValueError(
                "reason",
                self.reason,
                f"1 to {MAX_REASON} characters",
                "say where the consent or its withdrawal is kept",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What holds for one asset."""

    asset_id: str
    change: ConsentChange
