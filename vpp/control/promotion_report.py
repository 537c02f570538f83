"""What people read before they promote a shadow: money, limits, calm, forecasts, and how sure. Pure.

Money is billed for the first interval of each cycle by its metering, for both sides alike, and paired by UTC
day; a bootstrap over days from a seed says how sure it is. Plans are compared as each side's model saw them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vpp.control.shadow_planning import IN_FORCE, SHADOW, total_scores
from vpp.control.shadow_report import CALM_SHARE, ShadowReport, compare
from vpp.domain.runs import Rung
from vpp.domain.shadows import ComparedCycle, ForecastScore, PlannedSide, Shadow

WORSE_SHARE: Final = 1.02  # so many times the pinball loss of the forecast in force is said to be worse


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of both sides."""

    name: str
    unit: str
    in_force: float
    shadow: float

    @property
    def words(self) -> str:
        """Return the figure as a sentence."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}: {self.shadow:.3f}{unit}, in force {self.in_force:.3f}{unit}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastQuality:
    """How good one source's forecasts were; WAPE is the error over the sum of what was metered."""

    source: str
    values: int
    mae_kw: float
    wape: float
    pinball_kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionReport:
    """The comparison over [start, end). `against` is empty where nothing that was measured is against it."""

    shadow_id: str
    change: str
    start: datetime
    end: datetime
    cycles: int
    money: ShadowReport
    figures: tuple[Figure, ...]
    forecasts: tuple[ForecastQuality, ...]
    against: tuple[str, ...]
    seed: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the report in words, what speaks against it last."""
        money, low, high = self.money, self.money.saved_low_per_day, self.money.saved_high_per_day
        seen = f"{money.intervals} of them are metered, on {money.days} days."
        said = [f"{self.shadow_id} ({self.change}) planned beside {self.cycles} cycles; {seen}"]
        if money.days:
            sure = f"90 % of the bootstrap over days lies between {low:.2f} and {high:.2f}."
            said.append(f"Saved per day by metering: {money.saved_per_day:.2f}; {sure}")
        else:
            said.append("Nothing is metered yet, so that money says nothing.")
        said += [one.words for one in self.figures]
        for one in self.forecasts:
            loss = "" if one.pinball_kw is None else f", pinball loss {one.pinball_kw:.3f} kW"
            said.append(
                f"Forecast {one.source}: error {one.mae_kw:.3f} kW, {one.wape:.1%} of the load{loss}."
            )
        said += [f"Against promotion: {one}." for one in self.against]
        return tuple(said) if self.against else (*said, "Nothing that was measured speaks against promotion.")

    def plain(self) -> dict[str, Any]:
        """Return what is kept with a proposal, for JSON."""
        return {
            "shadow_id": self.shadow_id,
            "change": self.change,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "cycles": self.cycles,
            "days": self.money.days,
            "saved_per_day": self.money.saved_per_day,
            "saved_low_per_day": self.money.saved_low_per_day,
            "saved_high_per_day": self.money.saved_high_per_day,
            "seed": self.seed,
            "sentences": list(self.sentences),
        }


def report_of(
    shadow: Shadow, cycles: Sequence[ComparedCycle], *, start: datetime, end: datetime, seed: int
) -> PromotionReport:
    """Return the comparison of a shadow with what was in force; the same seed gives the same report."""
    settled = [one.outcomes for one in cycles if one.outcomes is not None]
    money = compare([was for was, _ in settled], [would for _, would in settled], seed=seed)
    figures = _figures(cycles, money)
    forecasts = tuple(
        _quality(source, score) for source, score in total_scores([one.scores for one in cycles]).items()
    )
    return PromotionReport(
        shadow_id=shadow.shadow_id,
        change=shadow.change.words,
        start=start,
        end=end,
        cycles=len(cycles),
        money=money,
        figures=figures,
        forecasts=forecasts,
        against=(*money.against, *_against(figures, forecasts)),
        seed=seed,
    )


def _figures(cycles: Sequence[ComparedCycle], money: ShadowReport) -> tuple[Figure, ...]:
    units = {"cost": "", "moved, kW": "kW", "highest import, kW": "kW", "overload, kWh": "kWh"}
    billed = [
        Figure(
            name=f"Metered {name.partition(',')[0]}",
            unit=units.get(name, ""),
            in_force=value,
            shadow=money.shadow[name],
        )
        for name, value in money.in_force.items()
    ]
    return (*billed, *_planned([one.cycle.in_force for one in cycles], [one.cycle.shadow for one in cycles]))


def _planned(was: Sequence[PlannedSide], would: Sequence[PlannedSide]) -> list[Figure]:
    """Return how both sides planned; means are over the cycles in which both have the value."""

    def mean(
        name: str, unit: str, value: Callable[[PlannedSide], float | None], *, alike: bool = False
    ) -> Figure:
        pairs = [
            (before, after)
            for one, other in zip(was, would, strict=True)
            if (before := value(one)) is not None and (after := value(other)) is not None
            if not alike or one.horizon_intervals == other.horizon_intervals
        ]
        count = max(1, len(pairs))
        sums = [sum(pair[side] for pair in pairs) / count for side in (0, 1)]
        return Figure(name=name, unit=unit, in_force=sums[0], shadow=sums[1])

    def total(name: str, unit: str, value: Callable[[PlannedSide], float]) -> Figure:
        return Figure(name=name, unit=unit, in_force=sum(map(value, was)), shadow=sum(map(value, would)))

    return [
        mean("Planned cost, as its own model counts", "", lambda side: side.cost, alike=True),
        total("Plans refused by the verifier", "", lambda side: float(side.refused)),
        total("Overload foreseen in plans", "kWh", lambda side: side.overload_kwh),
        mean("Change against the plan before", "kW", lambda side: side.change_kw),
        total("Cycles below the first rung", "", lambda side: float(side.rung is not Rung.OPTIMAL)),
        mean("Time to solve", "s", lambda side: side.seconds),
    ]


def _quality(source: str, score: ForecastScore) -> ForecastQuality:
    values = max(1, score.values)
    return ForecastQuality(
        source=source,
        values=score.values,
        mae_kw=score.error_kw / values,
        wape=score.error_kw / score.actual_kw if score.actual_kw else 0.0,
        pinball_kw=None if score.pinball_kw is None else score.pinball_kw / values,
    )


def _against(figures: Sequence[Figure], forecasts: Sequence[ForecastQuality]) -> list[str]:
    by_name, by_source = {one.name: one for one in figures}, {one.source: one for one in forecasts}
    found = []
    refused = by_name["Plans refused by the verifier"]
    if refused.shadow > refused.in_force:
        found.append(
            f"the verifier refused {refused.shadow:.0f} of its plans, {refused.in_force:.0f} in force"
        )
    change = by_name["Change against the plan before"]
    if change.shadow > CALM_SHARE * change.in_force + 1e-6:
        found.append(
            f"its plans change by {change.shadow:.1f} kW from cycle to cycle, now {change.in_force:.1f} kW"
        )
    was, would = by_source.get(IN_FORCE), by_source.get(SHADOW)
    if was is None or would is None or was.pinball_kw is None or would.pinball_kw is None:
        return found
    if would.pinball_kw > WORSE_SHARE * was.pinball_kw:
        losses = f"pinball loss {would.pinball_kw:.3f} kW, now {was.pinball_kw:.3f} kW"
        found.append(f"its forecasts are worse: {losses}")
    return found
