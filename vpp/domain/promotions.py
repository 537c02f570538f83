"""What people put in force instead of the configuration, and how it is taken back.

```
    configuration ──► overlay of the promotions in force ──► what the next cycle goes by
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vpp.domain.shadows import ShadowChange, change_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Values in force instead of those of the configuration; what is empty is as configured."""

    policy: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)

    def with_change(self, change: ShadowChange) -> Overlay:
        """Return this with a shadow's change over it.

        Another model takes fixed weights away: as every model it has the weight that it earns.
        """
        weights = {} if change.model else change.weights or self.weights
        return Overlay(
            policy={**self.policy, **change.policy}, weights=weights, model=change.model or self.model
        )

    def plain(self) -> dict[str, Any]:
        """Return the overlay as plain values for JSON."""
        return {"policy": dict(self.policy), "weights": dict(self.weights), "model": dict(self.model)}

    @property
    def words(self) -> str:
        """Return the overlay in words."""
        return change_words(self.policy, self.weights, self.model) or "as configured"


AS_CONFIGURED = Overlay()


class PromotionKind(StrEnum):
    """What a person did to what is in force."""

    PROMOTED = "promoted"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One change of what is in force, and who made it; `overlay` holds from then on."""

    promotion_id: str
    kind: PromotionKind
    shadow_id: str
    overlay: Overlay
    at: datetime
    people: tuple[str, ...]  # who approved it, or who took it back
    reason: str = ""
    approval_id: str = ""  # of a promotion
    request_id: str = ""  # of taking back
    number: int = 0  # order of writing; 0 when new


def in_force(history: Sequence[Promotion]) -> list[Promotion]:
    """Return the promotions that hold now, oldest first, of all that happened, oldest first."""
    held: list[Promotion] = []
    for one in history:
        if one.kind is PromotionKind.PROMOTED:
            held.append(one)
        elif held:
            held.pop()
    return held


def overlay_of(history: Sequence[Promotion]) -> Overlay:
    """Return what holds instead of the configuration."""
    held = in_force(history)
    return held[-1].overlay if held else AS_CONFIGURED
