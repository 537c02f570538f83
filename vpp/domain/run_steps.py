"""How far a run is, step by step, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vpp.domain.runs import Rung, RunSummary


class Stage(StrEnum):
    """What a run came to, in this order; the last two end it."""

    BEGUN = "begun"
    PREPARED = "prepared"  # the fleet's picture is taken, the problem stated
    SOLVING = "solving"  # with cost and bound, each time the solver found something better
    DECIDED = "decided"  # on a rung
    WAITING = "waiting"  # a higher rung waits for approval; the run itself goes on
    STORED = "stored"
    SENT = "sent"  # to the nodes that are connected
    ACKNOWLEDGED = "acknowledged"  # so many orders so far
    DONE = "done"  # every order acknowledged, or none left that could be
    FAILED = "failed"  # it ended in an error; unless a step says so, nothing was stored or sent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """One step. Money for cost and bound; counts are of orders. What a step does not know is None."""

    run_id: str
    position: int  # counts from 1 within a run
    stage: Stage
    at: datetime
    cost: float | None = None
    lower_bound: float | None = None
    gap: float | None = None
    rung: Rung | None = None
    detail: str = ""  # in words: why it is not a higher rung, why it failed
    approval_id: str = ""
    orders: int | None = None
    sent: int | None = None
    acknowledged: int | None = None
    run: RunSummary | None = None  # once it is stored

    @property
    def last(self) -> bool:
        """Return whether no step follows."""
        return self.stage in {Stage.DONE, Stage.FAILED}
