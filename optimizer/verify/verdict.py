"""What the verifier says: violations one by one, and its own recomputation of the bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from optimizer.plan import ObjectiveParts, Unmet

ViolationKind = Literal[
    "shape",
    "not_a_number",
    "negative_power",
    "charge_limit",
    "discharge_limit",
    "min_charge",
    "min_discharge",
    "both_at_once",
    "disconnected",
    "energy_low",
    "energy_high",
    "energy_path",
    "discharge_below_minimum",
    "discharge_budget",
    "reserve_power",
    "reserve_energy",
    "reserve_disconnected",
    "undeclared",
    "declared_amount",
    "objective",
    "bound",
    "gap",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule: where, when (-1: at no interval in particular), by how much, in a sentence."""

    kind: ViolationKind
    id: str
    interval: int
    amount: float
    unit: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verifier's finding. `count` also counts the violations left out of the list.

    recomputed_bound: the lower bound that the plan's prices prove; None and a remark where there is none.
    """

    violations: tuple[Violation, ...]
    count: int
    objective_parts: ObjectiveParts
    unmet: tuple[Unmet, ...]
    recomputed_bound: float | None = None
    bound_remark: str = ""

    @property
    def ok(self) -> bool:
        return self.count == 0

    @property
    def objective(self) -> float:
        return self.objective_parts.total
