"""Decisions that people have the last word on: rules, what waits for approval, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.domain.runs import DispatchPlan, Rung

MOST_PERSONS: Final = 2
SHORTEST_TIMEOUT: Final = timedelta(seconds=10)
LONGEST_TIMEOUT: Final = timedelta(days=31)


class Component(StrEnum):
    """What a plan rests on and people may want to watch while it is new."""

    MODEL = "model"
    FORECASTER = "forecaster"
    POLICY = "policy"


class Subject(StrEnum):
    """What is to be approved."""

    PLAN = "plan"
    PROMOTION = "promotion"


class EventKind(StrEnum):
    """What happened to an approval, in the order of writing."""

    REQUESTED = "requested"
    ALARM = "alarm"  # nothing may be sent without a person; leases run out
    APPROVED_BY = "approved_by"
    REJECTED_BY = "rejected_by"
    APPROVED = "approved"  # and carried out
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    SUPERSEDED = "superseded"  # a newer decision has taken its place
    STALE = "stale"  # approved, but what was approved does not hold any more


WORDS: Final = frozenset({EventKind.APPROVED_BY, EventKind.REJECTED_BY})
ENDS: Final = frozenset(
    {
        EventKind.APPROVED,
        EventKind.REJECTED,
        EventKind.TIMED_OUT,
        EventKind.SUPERSEDED,
        EventKind.STALE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """A reason to ask people: it holds when any of its conditions does.

    Powers in kW, shares as ratios (0.2 is 20 %). `below_rung` asks for every plan that stands lower
    than that rung. `promotions` is about what is put in force, not about plans. Feeders narrow changes
    and powers to their assets; none means the portfolio.
    """

    rule_id: str
    persons: int = 1
    timeout: timedelta = timedelta(minutes=10)
    always: bool = False
    promotions: bool = False
    total_change_kw: float | None = None  # sum of |ordered - in force| over the assets
    asset_power_kw: float | None = None  # |power| of any one asset
    forecast_adjusted_share: float | None = None  # of the baseline, in any interval of any feeder
    first_days: float | None = None  # of what is named in `components`
    components: tuple[Component, ...] = tuple(Component)
    below_rung: Rung | None = None
    feeder_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.persons <= MOST_PERSONS:
            raise InvalidValueError(f"approvals.{self.rule_id}.persons", self.persons, "1 or 2")
        if not SHORTEST_TIMEOUT <= self.timeout <= LONGEST_TIMEOUT:
            raise InvalidValueError(
                f"approvals.{self.rule_id}.timeout_s", self.timeout.total_seconds(), "10 s to 31 days"
            )
        numbers = ("total_change_kw", "asset_power_kw", "forecast_adjusted_share", "first_days")
        for name in numbers:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0.0):
                raise InvalidValueError(f"approvals.{self.rule_id}.{name}", value, "zero or more")
        named = [name for name in (*numbers, "below_rung") if getattr(self, name) is not None]
        if not (self.always or self.promotions or named):
            raise InvalidValueError(
                f"approvals.{self.rule_id}",
                "no condition",
                f"always, promotions, or one of {', '.join(numbers)}, below_rung",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalTerms:
    """The rules that hold for a cycle, and since when what it rests on is in force."""

    rules: tuple[ApprovalRule, ...] = ()
    model_since: datetime | None = None  # None: not used
    forecaster_since: datetime | None = None
    policy_since: datetime | None = None

    def since(self, component: Component) -> datetime | None:
        """Return since when a component is in force."""
        found: datetime | None = getattr(self, f"{component.value}_since")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalNeed:
    """What a decision needs: how many distinct persons within which time, and why, in words."""

    rule_ids: tuple[str, ...]
    reasons: tuple[str, ...]
    persons: int
    timeout: timedelta

    @property
    def words(self) -> str:
        """Return the need as one sentence."""
        who = "one person" if self.persons == 1 else f"{self.persons} persons"
        return f"waits for approval by {who}: {'; '.join(self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPlan:
    """A verified plan that waits for people; nothing of it was sent."""

    rung: Rung
    plan: DispatchPlan
    need: ApprovalNeed


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedPlan:
    """A plan that people approved, to be looked at once more and then sent."""

    approval_id: str
    rung: Rung
    plan: DispatchPlan
    approvers: tuple[str, ...]
    portfolio: str = ""  # whose assets it is for; empty: everybody's

    @property
    def words(self) -> str:
        """Return who approved what, for the orders' reason."""
        return f"{self.approval_id} of {self.plan.run_id}, approved by {' and '.join(self.approvers)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Something that waits, or waited, for people, as it was asked.

    Of a plan: `in_force_kw` and `standing_kw`, shape (N,), are each asset's power in force when it was
    asked and by the rung that stands meanwhile (NaN where none does); `lower` are the verified plans of
    the next rungs that need approval as well. Costs are objectives of the plan and of what stands.
    """

    approval_id: str
    subject: Subject
    run_id: str  # of the cycle that asked; empty for a promotion
    requested_at: datetime
    expires_at: datetime
    requester: str  # may not approve
    need: ApprovalNeed
    verdict: str
    epoch: int
    plan: PendingPlan | None = None
    lower: tuple[PendingPlan, ...] = ()
    standing_rung: Rung | None = None
    in_force_kw: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    standing_kw: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    cost_with: float | None = None
    cost_without: float | None = None
    portfolio: str = ""  # whose assets the plan is for; empty: everybody's
    follows: str = ""  # approval whose rejection or time-out led here
    detail: dict[str, Any] = field(default_factory=dict)  # of a promotion: what is to be promoted

    @property
    def nothing_stands(self) -> bool:
        """Return whether leases run out unless this is approved."""
        return self.subject is Subject.PLAN and self.standing_rung is None

    @property
    def change_kw(self) -> float:
        """Return the sum over the assets of what would change now, kW."""
        if self.plan is None:
            return 0.0
        return float(np.abs(self.plan.plan.power_kw[:, 0] - self.in_force_kw).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEvent:
    """One thing that happened to an approval; `number` counts up in the order of writing, 0 when new."""

    approval_id: str
    kind: EventKind
    at: datetime
    number: int = 0
    person: str = ""
    request_id: str = ""
    run_id: str = ""  # the run that carried it out
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRecord:
    """An approval with all that happened to it, oldest first."""

    approval: Approval
    events: tuple[ApprovalEvent, ...]

    @property
    def end(self) -> ApprovalEvent | None:
        """Return how it ended, None while it waits."""
        return next((event for event in self.events if event.kind in ENDS), None)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Return who said yes, in order."""
        return tuple(event.person for event in self.events if event.kind is EventKind.APPROVED_BY)

    @property
    def granted(self) -> bool:
        """Return whether enough distinct persons said yes and nobody said no."""
        refused = any(event.kind is EventKind.REJECTED_BY for event in self.events)
        return not refused and len(set(self.approvers)) >= self.approval.need.persons


class ApprovalRefusedError(Exception):
    """A word on an approval that does not count; `reason` is a word for programs. Nothing was changed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StaleApprovalError(Exception):
    """What was approved does not hold any more; nothing of it was sent. The message says what changed."""
