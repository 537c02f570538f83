"""Shadow against what was in force: money by day with its uncertainty, limits, calm, failures, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from vpp.domain.shadows import Outcome

DRAWS: Final = 2_000
FEWEST_DAYS: Final = 14  # of comparison, before money says anything
CALM_SHARE: Final = 1.25  # so many times the moves are said to be restless


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    """The comparison. Money is shadow less in force: negative saves. `against` is empty where nothing is."""

    intervals: int
    days: int
    saved_per_day: float
    saved_low_per_day: float  # 5 % of the bootstrap over days
    saved_high_per_day: float  # 95 %
    in_force: dict[str, float]
    shadow: dict[str, float]
    against: tuple[str, ...]

    def figures(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)

    def markdown(self, title: str) -> str:
        """Return the report for people."""
        rows = [
            f"| {name} | {self.in_force[name]:.3f} | {value:.3f} |" for name, value in self.shadow.items()
        ]
        low, high = self.saved_low_per_day, self.saved_high_per_day
        saved = f"Saved per day: {self.saved_per_day:.3f}; bootstrap, 90 %: {low:.3f} to {high:.3f}."
        verdict = "\n".join(f"- {one}" for one in self.against) or "- nothing that was measured here"
        return "\n".join(
            [
                f"# {title}",
                "",
                f"{self.intervals} intervals on {self.days} days, the same inputs for both.",
                "",
                saved,
                "",
                "| | in force | shadow |",
                "|---|---|---|",
                *rows,
                "",
                "What speaks against promotion:",
                "",
                verdict,
                "",
            ]
        )


def compare(in_force: Sequence[Outcome], shadow: Sequence[Outcome], *, seed: int = 0) -> ShadowReport:
    """Return the comparison of two sides over the same intervals; paired by UTC day."""
    saved: dict[date, float] = defaultdict(float)
    for was, would in zip(in_force, shadow, strict=True):
        saved[was.start.date()] += was.cost - would.cost
    by_day = np.array(list(saved.values()))
    low, high = _range(by_day, seed)
    sides = _sums(in_force), _sums(shadow)
    return ShadowReport(
        intervals=len(in_force),
        days=len(by_day),
        saved_per_day=float(by_day.mean()) if len(by_day) else 0.0,
        saved_low_per_day=low,
        saved_high_per_day=high,
        in_force=sides[0],
        shadow=sides[1],
        against=tuple(_against(len(by_day), low, *sides)),
    )


def _range(by_day: np.ndarray[Any, Any], seed: int) -> tuple[float, float]:
    if not len(by_day):
        return 0.0, 0.0
    drawn = np.random.default_rng(seed).integers(0, len(by_day), (DRAWS, len(by_day)))
    low, high = np.quantile(by_day[drawn].mean(axis=1), (0.05, 0.95))
    return float(low), float(high)


def _sums(outcomes: Sequence[Outcome]) -> dict[str, float]:
    return {
        "cost": sum(one.cost for one in outcomes),
        "highest import, kW": max((one.import_kw for one in outcomes), default=0.0),
        "overload, kWh": sum(one.overload_kwh for one in outcomes),
        "moved, kW": sum(one.moved_kw for one in outcomes),
        "changed commands": float(sum(one.commands for one in outcomes)),
        "without a plan": float(sum(one.failed for one in outcomes)),
    }


def _against(days: int, low: float, was: dict[str, float], would: dict[str, float]) -> list[str]:
    found = []
    if days < FEWEST_DAYS:
        found.append(f"only {days} days were compared, fewer than {FEWEST_DAYS}")
    if low <= 0.0:
        found.append("it is not shown to save money: zero lies within, or above, the range")
    over, before = would["overload, kWh"], was["overload, kWh"]
    if over > before + 1e-6:
        found.append(f"limits would be exceeded by {over:.3f} kWh, now {before:.3f} kWh")
    if would["moved, kW"] > CALM_SHARE * was["moved, kW"] + 1e-6:
        moved = would["moved, kW"], was["moved, kW"]
        found.append(f"it is restless: {moved[0]:.1f} kW moved, now {moved[1]:.1f} kW")
    if would["highest import, kW"] > was["highest import, kW"] + 1e-6:
        found.append(
            f"the highest import would be {would['highest import, kW']:.1f} kW, "
            f"now {was['highest import, kW']:.1f} kW"
        )
    if would["without a plan"] > was["without a plan"]:
        found.append(
            f"{would['without a plan']:.0f} intervals without a plan, now {was['without a plan']:.0f}"
        )
    return found
