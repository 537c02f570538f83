"""From shadows and their reports to what people read."""

from __future__ import annotations

from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.control.promotion_report import PromotionReport
from vpp.domain.promotions import Promotion
from vpp.domain.shadows import ComparedCycle, Outcome, PlannedSide, Shadow
from vpp.ports.shadows import ShadowProgress
from vpp.rpcgen import shadows_pb2 as pb


def shadow_message(shadow: Shadow, progress: ShadowProgress) -> pb.Shadow:
    """Return a shadow and how far it is."""
    change = shadow.change
    return pb.Shadow(
        shadow_id=shadow.shadow_id,
        change=change.words,
        policy=change.policy,
        weights=change.weights,
        model=str(change.model.get("name", "")),
        every_cycles=shadow.every_cycles,
        days=shadow.days,
        cycles=progress.cycles,
        settled=progress.settled,
        first=None if progress.first is None else timestamp(progress.first),
        newest=None if progress.newest is None else timestamp(progress.newest),
    )


def cycle_message(found: ComparedCycle) -> pb.ShadowCycle:
    """Return one compared cycle."""
    cycle, outcomes = found.cycle, found.outcomes or (None, None)
    return pb.ShadowCycle(
        run_id=cycle.run_id,
        cycle_start=timestamp(cycle.cycle_start),
        in_force=_side(cycle.in_force, outcomes[0]),
        shadow=_side(cycle.shadow, outcomes[1]),
    )


def _side(side: PlannedSide, outcome: Outcome | None) -> pb.PlannedSide:
    return pb.PlannedSide(
        rung=side.rung.value,
        cost=side.cost,
        horizon_intervals=side.horizon_intervals,
        refused=side.refused,
        overload_kwh=side.overload_kwh,
        change_kw=side.change_kw,
        seconds=side.seconds,
        forecast_id=side.forecast_id or "",
        metered_cost=None if outcome is None else outcome.cost,
    )


def report_message(report: PromotionReport) -> pb.ShadowReport:
    """Return a comparison, as data and in sentences."""
    money = report.money
    return pb.ShadowReport(
        shadow_id=report.shadow_id,
        change=report.change,
        start=timestamp(report.start),
        end=timestamp(report.end),
        cycles=report.cycles,
        settled=money.intervals,
        days=money.days,
        saved_per_day=money.saved_per_day,
        saved_low_per_day=money.saved_low_per_day,
        saved_high_per_day=money.saved_high_per_day,
        figures=[
            pb.ReportFigure(name=one.name, unit=one.unit, in_force=one.in_force, shadow=one.shadow)
            for one in report.figures
        ],
        forecasts=[
            pb.ForecastQuality(
                source=one.source,
                values=one.values,
                mae_kw=one.mae_kw,
                wape=one.wape,
                pinball_kw=one.pinball_kw,
            )
            for one in report.forecasts
        ],
        against=report.against,
        sentences=report.sentences,
    )


def promotion_message(promotion: Promotion) -> pb.Promotion:
    """Return one change of what is in force."""
    return pb.Promotion(
        promotion_id=promotion.promotion_id,
        kind=promotion.kind.value,
        shadow_id=promotion.shadow_id,
        in_force=promotion.overlay.words,
        at=timestamp(promotion.at),
        people=promotion.people,
        reason=promotion.reason,
        approval_id=promotion.approval_id,
    )
